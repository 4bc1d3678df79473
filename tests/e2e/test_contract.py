"""The table of accepted and refused resources, run against the API server."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leadsman_api import TrainingRun, parse_resource
from leadsman_api.v1alpha1.search import Search
from support.contract_cases import Case, Document, cases
from support.kubectl import Kubectl

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "crds" / "manifests"
EXAMPLES = ROOT / "examples"
# Of this run only: one that is still going away would refuse new objects.
NAMESPACE = f"leadsman-contract-{os.getpid()}"
pytestmark = pytest.mark.alone  # it stops the operator
CASES = [case for case in cases() if case.concerns("server")]


@pytest.fixture(scope="module")
def api(kubectl: Kubectl) -> Iterator[Kubectl]:
    """The cluster with our resources, and a namespace for all cases."""
    kubectl("apply", "--server-side", "-f", str(MANIFESTS))
    kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(MANIFESTS))
    # An operator of an earlier run would work on what the cases create and replace.
    operator = ("-n", "leadsman-system", "scale", "deployment/leadsman")
    kubectl.attempt(*operator, "--replicas=0")
    kubectl("create", "namespace", NAMESPACE)
    yield kubectl
    kubectl("delete", "namespace", NAMESPACE, "--wait=false")
    kubectl.attempt(*operator, "--replicas=2")


def create(api: Kubectl, document: Document, *options: str) -> tuple[bool, str]:
    """Send a new resource; return whether it was accepted, and what was said."""
    return _sent(api, "create", document, *options)


def _sent(api: Kubectl, verb: str, document: Document, *options: str) -> tuple[bool, str]:
    result = api.attempt(
        verb, "-n", NAMESPACE, "-f", "-", "-o", "json", *options, stdin=json.dumps(document)
    )
    return result.returncode == 0, result.stdout or result.stderr


def judge(api: Kubectl, case: Case) -> tuple[bool, str]:
    """Create the resource, or replace it by its update, without leaving it behind."""
    if case.update is None:
        return create(api, case.resource, "--dry-run=server")
    name = case.resource["metadata"]["name"]
    api("delete", case.resource["kind"], name, "-n", NAMESPACE, "--ignore-not-found")
    accepted, said = create(api, case.resource)
    assert accepted, said
    return _sent(api, "replace", case.update, "--dry-run=server")


def filled_fields(value: Any, path: str = "") -> Iterator[str]:
    """The path of every field that holds something."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from filled_fields(part, f"{path}.{name}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from filled_fields(part, f"{path}[{index}]")
    else:
        yield path


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.refusal is None], ids=lambda case: case.sentence
)
def test_the_server_accepts_and_fills_in_the_same_defaults(api: Kubectl, case: Case) -> None:
    """What the table accepts is accepted, and then means the same to the models."""
    accepted, said = judge(api, case)

    assert accepted, said
    stored = json.loads(said)
    expected = parse_resource(case.update or case.resource)
    assert parse_resource(stored).spec == expected.spec
    assert set(filled_fields(stored["spec"])) == set(filled_fields(expected.to_wire()["spec"]))


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.refusal], ids=lambda case: case.sentence
)
def test_the_server_refuses_and_says_what_to_write(api: Kubectl, case: Case) -> None:
    """What the table refuses is refused, by the name of the field and with advice."""
    accepted, said = judge(api, case)

    assert not accepted, said
    assert case.refusal is not None
    # The server writes the key of a map in brackets, we as a field.
    plain = re.sub(r"\[([A-Za-z_]\w*)\]", r".\1", said)
    assert case.refusal.path("server") in plain
    assert case.refusal.fragment("server") in plain


def test_scale_sets_the_workers_of_a_run_whose_search_was_left_out(api: Kubectl) -> None:
    """`kubectl scale` works on the smallest TrainingRun, and the rest keeps its defaults."""
    api("apply", "-n", NAMESPACE, "-f", str(EXAMPLES / "trainingrun-minimal.yaml"))

    api("scale", "-n", NAMESPACE, "trainingrun/churn-1", "--replicas=8")

    run = parse_resource(api("get", "-n", NAMESPACE, "tr", "churn-1", "-o", "json"))
    assert isinstance(run, TrainingRun)
    assert run.spec.search == Search(parallelism=8)


def test_scale_can_not_raise_the_floor_above_the_ceiling(api: Kubectl) -> None:
    """`kubectl scale` of a ModelDeployment is checked like any other edit."""
    api("apply", "-n", NAMESPACE, "-f", str(EXAMPLES / "modeldeployment-minimal.yaml"))

    api("scale", "-n", NAMESPACE, "modeldeployment/churn", "--replicas=10")
    result = api.attempt("scale", "-n", NAMESPACE, "modeldeployment/churn", "--replicas=11")

    assert result.returncode != 0
    assert "minReplicas (11) must not be above maxReplicas (10)" in result.stderr


def test_the_columns_tell_the_story(api: Kubectl) -> None:
    """`kubectl get md,tr` shows what serves, what is tried, and how the search goes."""
    api("apply", "-n", NAMESPACE, "-f", str(EXAMPLES / "modeldeployment-minimal.yaml"))
    api("apply", "-n", NAMESPACE, "-f", str(EXAMPLES / "trainingrun-minimal.yaml"))
    for name, status in {
        "md/churn": {"phase": "RollingOut", "weight": 30, "stable": {"name": "a", "version": 3}},
        "tr/churn-1": {"phase": "Searching", "trials": {"progress": "37/100"}},
    }.items():
        patch = json.dumps({"status": status})
        api("patch", "-n", NAMESPACE, name, "--subresource=status", "--type=merge", "-p", patch)

    rows = [line.split() for line in api("get", "-n", NAMESPACE, "md,tr").splitlines()]

    assert ["modeldeployment.leadsman.dev/churn", "churn", "RollingOut", "3", "30"] in [
        row[:5] for row in rows
    ]
    assert ["trainingrun.leadsman.dev/churn-1", "churn", "Searching", "37/100"] in [
        row[:4] for row in rows
    ]
