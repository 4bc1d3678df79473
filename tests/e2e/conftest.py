"""The cluster that the end-to-end tests run on: the one `devcluster` made."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.kubectl import Kubectl


@pytest.fixture(scope="session")
def kubectl() -> Kubectl:
    """The cluster's command line, pointed at the cluster that `devcluster up` made."""
    path = subprocess.run(
        ["devcluster", "kubeconfig"], check=True, capture_output=True, text=True
    ).stdout.strip()
    return Kubectl(kubeconfig=Path(path))


@pytest.fixture
def namespace(kubectl: Kubectl, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own, gone with everything in it when the test ends."""
    name = f"t-{os.getpid()}-{abs(hash(request.node.nodeid)) % 10**6}"
    kubectl("create", "namespace", name)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")
