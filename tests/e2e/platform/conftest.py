"""The nodes of the cluster, for tests that are about nodes."""

from __future__ import annotations

import pytest

from devcluster.engine import Engine
from devcluster.places import find_places
from devcluster.status import find_engine
from support.kubectl import Kubectl


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
