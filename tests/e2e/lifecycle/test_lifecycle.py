"""A cluster's whole life on this machine: nothing before, up, killed, up again, nothing after.

The tests tell one story in order. The cluster `leadsman` is taken down by it.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator

import pytest

from devcluster.engine import Engine
from devcluster.places import find_places
from devcluster.status import find_engine
from support.kubectl import Kubectl
from support.machine import devcluster, leftovers, node_ids, private_processes, status


@pytest.fixture(scope="module", autouse=True)
def nothing_afterwards() -> Iterator[None]:
    """Take the cluster down when the story ends, well or badly."""
    yield
    devcluster("down")


@pytest.fixture(scope="module")
def private() -> bool:
    """Whether the engine is ours to start and stop here."""
    assert devcluster("up").returncode == 0
    engine = find_engine(find_places())
    assert engine is not None
    return engine.is_private


def test_down_leaves_nothing_behind(private: bool) -> None:  # noqa: FBT001 - a fixture
    """After `down` no container, process, mount, interface or firewall chain is left."""
    assert node_ids()
    result = devcluster("down")

    assert result.returncode == 0, result.stderr
    assert leftovers(private=private) == {}


def test_down_twice_is_harmless() -> None:
    """There is nothing to take down, and that is no error."""
    assert devcluster("down").returncode == 0
    assert "devcluster up" in devcluster("status").stdout


def test_a_used_port_is_refused_in_one_line(private: bool) -> None:  # noqa: FBT001
    """A port that another program has is named before anything is made; nothing stays."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = devcluster("up", "--api-port", str(port))

    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith(f"devcluster: port {port} is used by another program")
    assert leftovers(private=private) == {}


def test_up_makes_every_add_on_ready() -> None:
    """One command brings a cluster whose DNS, storage and metrics are Ready."""
    result = devcluster("up")

    assert result.returncode == 0, result.stderr
    assert status()["ready"]


def test_up_twice_is_harmless() -> None:
    """The second `up` finds the same nodes and leaves them as they are."""
    before = node_ids()
    result = devcluster("up")

    assert result.returncode == 0, result.stderr
    assert node_ids() == before


def test_another_size_is_refused_with_what_to_do() -> None:
    """`up` with another number of nodes says how to get them, and keeps what is there."""
    before = node_ids()
    result = devcluster("up", "--workers", "1")

    assert result.returncode == 1
    assert "--replace" in result.stderr
    assert node_ids() == before


def test_up_works_again_after_everything_was_killed(kubectl: Kubectl, private: bool) -> None:  # noqa: FBT001
    """SIGKILL to every process, and `up` brings the same cluster back with what it held."""
    kubectl("create", "configmap", "kept", "--from-literal=mark=still-here")
    kill_everything(private=private)
    result = devcluster("up")

    assert result.returncode == 0, result.stderr
    assert status()["ready"]
    assert kubectl.get("configmap", "kept")["data"] == {"mark": "still-here"}


def kill_everything(*, private: bool) -> None:
    """Kill the engine with all that it runs; of a user's engine only the nodes."""
    if private:
        for number in private_processes().values():
            try:
                os.kill(number, signal.SIGKILL)
            except ProcessLookupError:
                continue  # it went along with its parent
    else:
        Engine("docker", None, find_places().programs)("kill", *node_ids())
