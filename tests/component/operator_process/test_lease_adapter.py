"""The Lease in a Kubernetes API, over HTTP, keeps what `LeaseStore` promises."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from kubernetes.aio.client import ApiClient, Configuration

from leadsman_operator.adapters.lease import KubernetesLease
from leadsman_operator.errors import Conflict, Unreachable
from leadsman_operator.leadership import Leadership, LeaseRecord
from support.kubernetes_api import KubernetesApi

OURS = LeaseRecord("a", 10)


class Noon:
    """A clock without microseconds, which the API server wants to be told all the same."""

    def now(self) -> datetime:
        """The time in UTC."""
        return datetime(2026, 1, 1, 12, tzinfo=UTC)


def told(story: Callable[[KubernetesLease, KubernetesApi], Awaitable[None]]) -> None:
    """Run a story with a Lease in an API server in memory."""
    server = KubernetesApi()

    async def whole(address: str) -> None:
        async with ApiClient(Configuration(host=address)) as client:
            await story(KubernetesLease(client, "system", "leader", Noon()), server)

    with server.serve() as address:
        asyncio.run(whole(address))


def stored(server: KubernetesApi) -> dict[str, object]:
    """The Lease's spec as the API server has it."""
    spec: dict[str, object] = server.objects["leases", "system", "leader"]["spec"]
    return spec


def test_a_lease_that_is_not_there_is_made() -> None:
    """With all that `kubectl get lease` shows, times with six digits of a second."""

    async def story(lease: KubernetesLease, server: KubernetesApi) -> None:
        assert await lease.read() is None
        made = await lease.write(OURS)

        assert made.version
        assert await lease.read() == made
        assert stored(server) == {
            "holderIdentity": "a", "leaseDurationSeconds": 10, "leaseTransitions": 0,
            "acquireTime": "2026-01-01T12:00:00.000000Z",
            "renewTime": "2026-01-01T12:00:00.000000Z",
        }  # fmt: skip

    told(story)


def test_a_stale_write_is_a_conflict() -> None:
    """Whether another made it, changed it or took it away."""

    async def story(lease: KubernetesLease, server: KubernetesApi) -> None:
        first = await lease.write(OURS)
        second = await lease.write(first)
        for stale in (OURS, first):
            with pytest.raises(Conflict):
                await lease.write(stale)
        server.delete("leases", "leader", "system")
        with pytest.raises(Conflict):
            await lease.write(second)

    told(story)


def test_a_renewal_keeps_when_it_was_taken() -> None:
    """Only the time of the renewal moves."""

    async def story(lease: KubernetesLease, server: KubernetesApi) -> None:
        taken = await lease.write(replace(OURS, acquired_at="2025-12-31T00:00:00.000000Z"))
        await lease.write(taken)

        assert stored(server)["acquireTime"] == "2025-12-31T00:00:00.000000Z"

    told(story)


def test_a_server_that_is_down_is_unreachable() -> None:
    """No client's exception gets further."""

    async def whole() -> None:
        async with ApiClient(Configuration(host="http://127.0.0.1:9")) as client:
            lease = KubernetesLease(client, "system", "leader", Noon())
            with pytest.raises(Unreachable):
                await lease.read()
            with pytest.raises(Unreachable):
                await lease.write(OURS)

    asyncio.run(whole())


def test_leadership_goes_from_one_to_the_other() -> None:
    """Over real HTTP: taken, given back, taken by the next."""

    async def story(lease: KubernetesLease, server: KubernetesApi) -> None:
        replicas = [Leadership(lease, name, 10, lambda _: None) for name in "ab"]
        for replica in replicas:
            await replica.acquire()
            assert stored(server)["holderIdentity"]
            await replica.release()

        assert stored(server)["holderIdentity"] == ""
        assert stored(server)["leaseTransitions"] == 1

    told(story)
