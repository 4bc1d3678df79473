"""kopf as we run it: within our event loop, alone, and silent towards the cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import kopf

from leadsman_api.labels import FINALIZER
from leadsman_operator.handlers.storage import NoDifferences, NoProgress

_SECOND = 1.0


def settings() -> kopf.OperatorSettings:
    """What differs from kopf's defaults."""
    chosen = kopf.OperatorSettings()
    chosen.persistence.finalizer = FINALIZER
    chosen.persistence.progress_storage = NoProgress()
    chosen.persistence.diffbase_storage = NoDifferences()
    chosen.posting.enabled = False  # our own Events say more
    chosen.peering.standalone = True  # the Lease decides who acts
    chosen.scanning.disabled = True  # neither CRDs nor namespaces need be watched
    chosen.networking.request_timeout = 15 * _SECOND
    chosen.networking.connect_timeout = 5 * _SECOND
    chosen.watching.reconnect_backoff = _SECOND
    # A daemon that has come to its end is given time to leave before its finalizer is judged.
    chosen.background.instant_exit_timeout = 0.5 * _SECOND
    # No limit of workers: one waits for as long as a deletion takes. Loops limit themselves.
    chosen.queueing.worker_limit = None
    chosen.queueing.exit_timeout = _SECOND
    return chosen


def log_in(**context: Any) -> kopf.ConnectionInfo | None:  # noqa: ANN401 - kopf's own
    """As the pod's service account, or as the user of a kubeconfig."""
    return kopf.login_with_service_account(**context) or kopf.login_with_kubeconfig(**context)


async def run_kopf(
    registry: kopf.OperatorRegistry,
    namespaces: Sequence[str],
    stop: asyncio.Event,
    catch_signals: Callable[[], None],
) -> None:
    """Watch and keep the loops until `stop`, then end them; raises what ended kopf otherwise."""
    ours = asyncio.all_tasks()  # not kopf's to end
    tasks = await kopf.spawn_tasks(
        registry=registry,
        settings=settings(),
        clusterwide=not namespaces,
        namespaces=namespaces,
        stop_flag=stop,
        standalone=True,
    )
    catch_signals()  # kopf has just taken them
    await kopf.run_tasks(tasks, ignored=ours)
