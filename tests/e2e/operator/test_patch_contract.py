"""JSON patches of somebody else's object: the simulation's cluster and a real one do the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient

from leadsman_operator.adapters.clock import SystemClock
from leadsman_operator.adapters.kubernetes import KubernetesCluster
from leadsman_operator.errors import Conflict
from leadsman_operator.facts import ObjectRef
from leadsman_operator.ports import Cluster
from support.kubectl import Kubectl
from support.world_clock import FakeClock, Faults
from support.world_cluster import FakeCluster


@asynccontextmanager
async def connected(kind: str, kubectl: Kubectl) -> AsyncIterator[Cluster]:
    """A cluster in memory, or the real one."""
    if kind == "fake":
        yield FakeCluster(FakeClock(), Faults())
        return
    await config.load_kube_config(config_file=str(kubectl.kubeconfig))
    async with ApiClient() as api:
        yield KubernetesCluster(api, SystemClock())


def guarded(value: str, becomes: str) -> list[dict[str, Any]]:
    """A change of one field that holds only while another is what it was."""
    return [
        {"op": "test", "path": "/data/guard", "value": value},
        {"op": "add", "path": "/data/weight", "value": becomes},
    ]


@pytest.mark.parametrize("kind", ["fake", "real"])
def test_a_patch_is_carried_out_whole_or_not_at_all(
    kind: str, kubectl: Kubectl, namespace: str
) -> None:
    """A test that fails, and an object that is gone, are conflicts and change nothing."""
    ref = ObjectRef("v1", "ConfigMap", namespace, "theirs")

    async def story() -> list[str]:
        async with connected(kind, kubectl) as cluster:
            await cluster.apply(
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": ref.name, "namespace": namespace},
                    "data": {"guard": "a", "weight": "1", "other": "b"},
                }
            )
            await cluster.patch(ref, guarded("a", "70"))
            with pytest.raises(Conflict):
                await cluster.patch(ref, guarded("somebody changed it", "30"))
            with pytest.raises(Conflict):
                await cluster.patch(ObjectRef("v1", "ConfigMap", namespace, "gone"), [])
            found = await cluster.read(ref)
            assert found is not None
            return [found["data"][name] for name in ("guard", "weight", "other")]

    assert asyncio.run(story()) == ["a", "70", "b"]
