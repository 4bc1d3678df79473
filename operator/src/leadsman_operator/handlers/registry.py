"""What we hear of kopf: a daemon keeps a resource's loop alive, raw events wake it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import kopf

from leadsman_api.labels import API_VERSION, FINALIZER, GROUP, VERSION
from leadsman_api.loading import RESOURCES
from leadsman_operator.facts import ObjectRef
from leadsman_operator.handlers.framework import log_in
from leadsman_operator.loops import LEAVING_SECONDS, Loops

_PATIENCE_SECONDS = LEAVING_SECONDS + 1


def create_registry(loops: Loops) -> kopf.OperatorRegistry:
    """The handlers of both kinds."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(log_in)
    for resource in RESOURCES:
        _listen(registry, loops, resource.names.kind, resource.names.plural)
    return registry


def _listen(registry: kopf.OperatorRegistry, loops: Loops, kind: str, plural: str) -> None:
    @kopf.on.event(GROUP, VERSION, plural, registry=registry, id=f"hear-{plural}")
    async def hear(event: kopf.RawEvent, body: kopf.Body, **_: object) -> None:
        ref = _ref(kind, body)
        if event["type"] == "DELETED":
            return loops.lost(ref)
        loops.exists(ref, str(body.spec.get("model", {}).get("name", "")))
        if FINALIZER in body.metadata.get("finalizers", ()):
            loops.wake(ref)
            # Before kopf looks whether the finalizer may go: only when all is done, also after
            # a restart, when there is no daemon for a resource on its way out.
            if body.metadata.get("deletionTimestamp"):
                await loops.run(ref, within_seconds=0)
        return None

    @kopf.daemon(
        GROUP, VERSION, plural, registry=registry, id=f"keep-{plural}",
        cancellation_backoff=_PATIENCE_SECONDS, cancellation_timeout=1.0,
    )  # fmt: skip
    async def keep(body: kopf.Body, stopped: kopf.DaemonStopped, **_: object) -> None:
        # kopf warns of each one that it cancels: so it is told to stop, and ends by itself.
        running = asyncio.create_task(loops.run(_ref(kind, body)))
        told = asyncio.ensure_future(stopped.wait())
        await asyncio.wait((running, told), return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def _ref(kind: str, body: kopf.Body) -> ObjectRef:
    return ObjectRef(API_VERSION, kind, body.metadata.namespace or "", body.metadata.name or "")
