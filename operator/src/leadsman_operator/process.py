"""The life of one replica: it stands by, leads, and leaves.

Whoever loses the Lease ends at once. Whoever is told to end finishes what runs, stops kopf and
gives the Lease back, so that the standby need not wait.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from kubernetes.aio.client import ApiClient

from leadsman_api.ports import METRICS_PATH
from leadsman_operator.adapters.clock import SystemClock
from leadsman_operator.adapters.connection import connect, knows_our_resources
from leadsman_operator.adapters.lease import KubernetesLease
from leadsman_operator.errors import EdgeError
from leadsman_operator.fence import Fence, end_now
from leadsman_operator.handlers.framework import run_kopf
from leadsman_operator.handlers.registry import create_registry
from leadsman_operator.health import Health
from leadsman_operator.leadership import Leadership, LeadershipLost
from leadsman_operator.settings import VERSION, Settings
from leadsman_operator.side_ports import serve
from leadsman_operator.work import Work, create_work

_logger = logging.getLogger(__name__)

LEAVING_SECONDS = 9.5
"""How long a replica that was told to end may take; its pod is killed after 15 s."""
_LOOK_SECONDS = 2.0


@dataclass(slots=True)
class _Leaving:
    """The word that the process is to end."""

    told: asyncio.Event = field(default_factory=asyncio.Event)
    fence: Fence = field(default_factory=Fence)

    def catch_signals(self) -> None:
        """Have signals heard here."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.tell)

    def tell(self) -> None:
        """End, soon."""
        if not self.told.is_set():
            # Never lifted: threads that still wait for a server must not hold up the end.
            self.fence.allow(LEAVING_SECONDS, f"it did not end within {LEAVING_SECONDS} s")
            _logger.info("Leaving.")
        self.told.set()


async def live(settings: Settings) -> int:
    """Run one replica until it is told to end; gives the exit code of the process.

    Raises EdgeError when nothing says where the cluster is, PortUnavailable for its own ports.
    """
    leaving = _Leaving()
    leaving.catch_signals()
    # The Lease has a connection of its own: it must not wait behind a thousand reads.
    async with (
        connect() as api,
        connect() as lease_api,
        create_work(settings, api) as work,
        _side_ports(settings, work, leaving.told),
        _leadership(settings, lease_api) as us,
    ):
        if not await _before(leaving.told, us.acquire()):
            return 0
        work.metrics.leading = True
        _logger.info("Leading.")
        try:
            return await _lead(us, work, api, settings.namespaces, leaving)
        finally:
            await us.release()


@asynccontextmanager
async def _side_ports(settings: Settings, work: Work, told: asyncio.Event) -> AsyncIterator[None]:
    """Answer probes and Prometheus."""
    patience = 2 * settings.reconcile_timeout.total_seconds()
    health = Health(lambda: work.loops.stuck_seconds, patience, told.is_set)
    metrics = {METRICS_PATH: work.metrics.page}
    async with (
        serve(settings.port_health, health.pages()) as port_health,
        serve(settings.port_metrics, metrics) as port_metrics,
    ):
        ports = {"port_health": port_health, "port_metrics": port_metrics}
        _logger.info("Standing by.", extra={"version": VERSION, **ports})
        yield


@asynccontextmanager
async def _leadership(settings: Settings, api: ApiClient) -> AsyncIterator[Leadership]:
    """Our part in the election, with a fence around it."""
    fence = Fence()
    lease = KubernetesLease(api, settings.lease_namespace, settings.lease_name, SystemClock())
    yield Leadership(
        lease,
        settings.identity or socket.gethostname(),
        int(settings.lease_duration.total_seconds()),
        lambda seconds: fence.allow(seconds, "the Lease was not renewed in time"),
    )
    fence.lift()


async def _lead(
    us: Leadership, work: Work, api: ApiClient, namespaces: tuple[str, ...], leaving: _Leaving
) -> int:
    """Act until told to end; gives the exit code."""
    keeping = asyncio.create_task(_keep(us))
    beside = [asyncio.create_task(one) for one in work.beside()]
    try:
        if not await _before(leaving.told, _wait_for_resources(api)):
            return 0
        stop = asyncio.Event()
        registry = create_registry(work.loops)
        kopf = asyncio.create_task(run_kopf(registry, namespaces, stop, leaving.catch_signals))
        told = asyncio.create_task(leaving.told.wait())
        await asyncio.wait((told, kopf, *beside), return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        # Before kopf: it waits for every task that was begun after it.
        await _end(beside)
        stop.set()
        await kopf
    finally:
        await _end([*beside, keeping])
    return 0 if leaving.told.is_set() else 1


async def _keep(us: Leadership) -> None:
    try:
        await us.keep()
    except LeadershipLost as error:
        end_now(str(error))


async def _wait_for_resources(api: ApiClient) -> None:
    """Return once the custom resources are installed; say once that they are not."""
    said = ""
    while True:
        try:
            if await knows_our_resources(api):
                return
            missing = "the custom resources are not installed: install the chart leadsman-crds"
        except EdgeError as error:
            missing = error.message
        if missing != said:
            _logger.warning("Waiting: %s", missing)
            said = missing
        await asyncio.sleep(_LOOK_SECONDS)


async def _before(told: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do the work unless told to end before it is done; whether it was done."""
    working = asyncio.create_task(work)
    waiting = asyncio.create_task(told.wait())
    await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
    done = working.done() and not told.is_set()
    await _end([working, waiting])
    return done


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    """Cancel what still runs; raise what failed by itself."""
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task
