"""What a leader works with: the world, a loop for each resource, and who is told of them.

The composition root of `run`: here the adapters are chosen.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
from kubernetes.aio.client import ApiClient

from leadsman_operator.adapters.clock import SystemClock
from leadsman_operator.adapters.kubernetes import KubernetesCluster
from leadsman_operator.adapters.mlflow import MlflowRegistry
from leadsman_operator.adapters.pod_pages import HttpPodPages, pod_client
from leadsman_operator.adapters.prometheus import PrometheusMetrics
from leadsman_operator.adapters.studies import OptunaStudies
from leadsman_operator.adapters.watch import watch_owned
from leadsman_operator.logs import OWN
from leadsman_operator.loops import Loops
from leadsman_operator.metrics import OperatorMetrics
from leadsman_operator.observe.cluster import SCHEDULED_KINDS, SERVING_KINDS, TRAINING_KINDS
from leadsman_operator.observe.routing import ROUTE_KINDS
from leadsman_operator.plan_log import PlanLog
from leadsman_operator.ports import World
from leadsman_operator.reconcile import reconcile
from leadsman_operator.reports import Reports
from leadsman_operator.settings import VERSION, Settings

_logger = logging.getLogger(f"{OWN}.plans")

_POD = ("v1", "Pod")
_JITTER = 0.2
"""Part of the time between two polls that chance may add or take."""


@dataclass(frozen=True, slots=True)
class Work:
    """The loops, and what runs beside them."""

    loops: Loops
    metrics: OperatorMetrics
    _beside: tuple[Callable[[], Coroutine[Any, Any, None]], ...]

    def beside(self) -> list[Coroutine[Any, Any, None]]:
        """What a leader runs beside the loops, for ever: whatever wakes them."""
        return [begin() for begin in self._beside]


@asynccontextmanager
async def create_work(settings: Settings, api: ApiClient) -> AsyncIterator[Work]:
    """Choose the adapters, and close them when the block ends."""
    clock = SystemClock()
    studies = OptunaStudies()
    async with httpx.AsyncClient() as client, pod_client() as pods, _closing(studies):

        def on_change(model: str) -> None:
            loops.wake_model(model)

        registry = MlflowRegistry(clock, settings.registry_poll, on_change)
        world = World(
            clock,
            KubernetesCluster(api, clock),
            registry,
            PrometheusMetrics(client),
            HttpPodPages(pods),
            studies,
        )
        metrics = OperatorMetrics(VERSION, lambda: _in_seconds(registry.ages()))
        loops = Loops(
            partial(reconcile, world=world, configuration=settings.configuration()),
            Reports(world, metrics, PlanLog(_logger)),
            at_once=settings.concurrent_reconciles,
            longest_seconds=settings.reconcile_timeout.total_seconds(),
        )
        owned = (*SERVING_KINDS, *TRAINING_KINDS, *SCHEDULED_KINDS, *ROUTE_KINDS, _POD)
        kinds = (*dict.fromkeys(owned),)
        yield Work(
            loops,
            metrics,
            (
                partial(watch_owned, api, kinds, settings.namespaces, loops.wake),
                partial(_poll, registry.poll, settings.registry_poll),
            ),
        )


@asynccontextmanager
async def _closing(studies: OptunaStudies) -> AsyncIterator[None]:
    """Give the connections to the study databases back when the block ends."""
    try:
        yield
    finally:
        studies.close()


async def _poll(poll: Callable[[], Awaitable[None]], every: timedelta) -> None:
    """Ask again and again, never quite in step with other operators."""
    while True:
        await asyncio.sleep(every.total_seconds() * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311 - no secret
        await poll()


def _in_seconds(ages: Mapping[str, timedelta]) -> dict[str, float]:
    return {address: age.total_seconds() for address, age in ages.items()}
