"""Routes that tell of the process: probes, the model's version, metrics.

Plain ASGI, because every pod answers them all the time: none should load a framework for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from leadsman_api.ports import LIVE_PATH, METRICS_PATH, READY_PATH
from leadsman_serving.lifecycle import Health, Lifecycle, liveness, readiness
from leadsman_serving.protocols.exchange import JSON, Answer, Call
from leadsman_serving.settings import Settings
from leadsman_serving.telemetry import installed_version

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from starlette.types import ASGIApp, Receive, Scope, Send

_TEXT = "text/plain"


@dataclass(frozen=True, slots=True)
class PlainRoute:
    """What answers a GET of one path."""

    tag: str
    """The heading of the documentation that it stands under."""
    meaning: str
    """What it tells, as the documentation says it."""
    answer: Callable[[Call], Answer]
    media_type: str = JSON


class PlainRoutes:
    """Answers its own paths and passes on the rest; without anything behind refuses it."""

    def __init__(self, routes: Mapping[str, PlainRoute], behind: ASGIApp | None = None) -> None:
        """`routes` by their paths."""
        self.routes, self._behind = routes, behind

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or have it answered."""
        route = self.routes.get(scope["path"])
        if route is not None and scope["method"] == "GET":
            await route.answer(Call(scope, receive)).send(send)
        elif self._behind is not None:
            await self._behind(scope, receive, send)
        elif route is None:
            await Answer(b"", HTTPStatus.NOT_FOUND.value).send(send)
        else:
            refused = Answer(b"", HTTPStatus.METHOD_NOT_ALLOWED.value, headers={"allow": "GET"})
            await refused.send(send)


def health_routes(settings: Settings, lifecycle: Lifecycle) -> dict[str, PlainRoute]:
    """Liveness and readiness, the same on both ports."""

    def live(_call: Call) -> Answer:
        now = time.monotonic()
        return _of(liveness(lifecycle, now=now, stuck_after_seconds=settings.stuck_seconds))

    def ready(_call: Call) -> Answer:
        return _of(readiness(lifecycle))

    return {
        LIVE_PATH: PlainRoute("health", "Whether the process works at all.", live),
        READY_PATH: PlainRoute(
            "health", "Whether the process may get traffic, and if not, why.", ready
        ),
    }


def model_routes(settings: Settings, lifecycle: Lifecycle) -> dict[str, PlainRoute]:
    """The routes that tell of the model, as MLflow's own server has them."""

    def ping(_call: Call) -> Answer:
        return Answer(b"\n", readiness(lifecycle).code.value, _TEXT)

    def version(_call: Call) -> Answer:
        known = {
            "model": settings.model_name,
            "version": settings.model_version,
            "digest": settings.model_digest,
            "revision": settings.revision,
            "runtime": installed_version(),
        }
        return Answer(msgspec.json.encode(known))

    probe = "The probe of MLflow and SageMaker: an empty answer when there is a model."
    return {
        "/ping": PlainRoute("model", probe, ping, _TEXT),
        "/health": PlainRoute("model", probe, ping, _TEXT),
        "/version": PlainRoute("model", "The model that answers.", version),
    }


def metrics_route(registry: CollectorRegistry) -> dict[str, PlainRoute]:
    """Everything Prometheus may know, in the format that it asks for."""

    def metrics(call: Call) -> Answer:
        from prometheus_client.exposition import choose_encoder  # noqa: PLC0415 - takes its time

        encode, content_type = choose_encoder(call.header(b"accept"))
        return Answer(encode(registry), media_type=content_type)

    return {METRICS_PATH: PlainRoute("metrics", "What Prometheus reads.", metrics)}


def _of(health: Health) -> Answer:
    return Answer(msgspec.json.encode(health.body), health.code.value)
