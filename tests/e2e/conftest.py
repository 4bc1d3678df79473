"""The cluster that the end-to-end tests run on: the one `devcluster` made."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devcluster.engine import Engine
from devcluster.places import find_places
from devcluster.status import find_engine
from support.installation import Installation, ensure_leadsman
from support.kubectl import Kubectl

RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"


@pytest.fixture(scope="session")
def kubectl() -> Kubectl:
    """The cluster's command line, pointed at the cluster that `devcluster up` made."""
    programs, kubeconfig = (
        subprocess.run(
            ["devcluster", *command], check=True, capture_output=True, text=True
        ).stdout.strip()
        for command in (["tools", "kubectl"], ["kubeconfig"])
    )
    return Kubectl(kubeconfig=Path(kubeconfig), program=Path(programs) / "kubectl")


@pytest.fixture(scope="session")
def leadsman(kubectl: Kubectl) -> Installation:
    """The stack, the custom resources and the operator, from their charts."""
    return ensure_leadsman(kubectl)


@pytest.fixture
def namespace(kubectl: Kubectl, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own, gone with everything in it when the test ends."""
    name = f"t-{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:10]}"
    kubectl("delete", "namespace", name, "--ignore-not-found", timeout=120)  # of a run cut short
    kubectl("create", "namespace", name)
    kubectl("label", "namespace", name, RESTRICTED)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="session")
def workers(kubectl: Kubectl) -> tuple[str, str]:
    """The two workers of the cluster that `make e2e` brings up."""
    selector = "!node-role.kubernetes.io/control-plane"
    names = sorted(
        item["metadata"]["name"] for item in kubectl.get("nodes", "-l", selector)["items"]
    )
    assert len(names) == 2, f"two workers expected, found {names}: run `make e2e`"
    return names[0], names[1]


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The container engine that runs the nodes."""
    found = find_engine(find_places())
    assert found is not None
    return found


FIRST = "test_contract.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The API server alone is asked first: later an operator works on what tests replace."""
    items.sort(key=lambda item: item.path.name != FIRST)


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Takes a sentence with the figures of a test: they are told at the end of the run."""
    return lambda told: record_property(MEASURED, told)


MEASURED = "measured"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tell what was measured, whether it was good enough or not."""
    reports = [one for kind in ("passed", "failed") for one in terminalreporter.getreports(kind)]
    told = [
        f"{report.location[2]}: {value}"
        for report in reports
        for name, value in report.user_properties
        if name == MEASURED and report.when == "call"
    ]
    if told:
        terminalreporter.section(MEASURED)
        terminalreporter.write_line("\n".join(told))
