"""The two apps: the model port's, for clients, and the side port's, for probes and metrics."""

from __future__ import annotations

import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

from leadsman_serving.endpoints import (
    kserve,
    mlflow,
    open_inference,
    open_inference_routes,
    ours,
)
from leadsman_serving.endpoints.endpoint import Endpoint
from leadsman_serving.endpoints.refusals import refusal_of
from leadsman_serving.endpoints.usual import singles_of
from leadsman_serving.errors import BadRequest
from leadsman_serving.gate import Quick, RequestGate
from leadsman_serving.inference import Inference
from leadsman_serving.later import Later
from leadsman_serving.lifecycle import NO_MODEL_MESSAGE, Lifecycle, Reason
from leadsman_serving.plain_routes import (
    PlainRoute,
    PlainRoutes,
    health_routes,
    metrics_route,
    model_routes,
)
from leadsman_serving.protocols.exchange import Answer, Call
from leadsman_serving.settings import Settings
from leadsman_serving.telemetry import RequestMetrics
from leadsman_serving.watch import Watch

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from starlette.types import ASGIApp

_DIGEST_SHOWN = len("sha256:") + 12


def create_app(
    settings: Settings,
    lifecycle: Lifecycle | None = None,
    inference: Inference | None = None,
    metrics: RequestMetrics | None = None,
    watch: Watch | None = None,
) -> RequestGate:
    """The app of the model port: the gate before the routes; without a model it refuses."""
    lifecycle = lifecycle or Lifecycle(beat_at=time.monotonic())
    routes = _routes(settings, lifecycle, inference)
    if inference is None:
        paths = (
            ours.PATH,
            mlflow.PATH,
            *([kserve.path_of(settings.model_name)] if settings.model_name else []),
            *open_inference.paths(settings.model_name, settings.model_version),
        )
        endpoints = {path: _refusing(settings, path) for path in paths}
        return RequestGate(routes, lifecycle, endpoints, metrics)
    lifecycle.model_loaded = True
    headers = {
        "x-model-name": settings.model_name,
        "x-model-version": settings.model_version,
        "x-model-digest": settings.model_digest[:_DIGEST_SHOWN],
    }
    # Around the whole app and not among its middleware, which faults leave behind.
    quick = Quick(singles_of(inference), inference.admission)
    gate = RequestGate(routes, lifecycle, endpoints_of(inference), metrics, headers, quick)
    gate.watch = watch
    return gate


def create_asked_app(settings: Settings, lifecycle: Lifecycle, inference: Inference) -> RequestGate:
    """The app that answers other revisions, which compare: nothing of it is counted."""
    uncounted = inference.uncounted()
    routes = _routes(settings, lifecycle, uncounted)
    return RequestGate(routes, lifecycle, endpoints_of(uncounted))


def endpoints_of(inference: Inference) -> Mapping[str, Endpoint]:
    """Each route that predicts with what answers it, of all protocols."""
    return {
        **ours.endpoints(inference),
        **mlflow.endpoints(inference),
        **open_inference.endpoints(inference),
        **kserve.endpoints(inference),
    }


def create_side_app(
    settings: Settings, lifecycle: Lifecycle, registry: CollectorRegistry
) -> PlainRoutes:
    """The app of the side port."""
    return PlainRoutes({**health_routes(settings, lifecycle), **metrics_route(registry)})


def plain_routes(
    settings: Settings, lifecycle: Lifecycle, inference: Inference | None
) -> dict[str, PlainRoute]:
    """What tells of the process and its model, and needs no framework."""
    return {
        **health_routes(settings, lifecycle),
        **model_routes(settings, lifecycle),
        **kserve.plain_routes(settings.model_name, lifecycle),
        **open_inference_routes.routes(settings, lifecycle, inference.model if inference else None),
    }


def _routes(settings: Settings, lifecycle: Lifecycle, inference: Inference | None) -> PlainRoutes:
    """What does not predict: plain routes at once, the framework's when they are asked for."""

    def cold() -> ASGIApp:
        from leadsman_serving.cold_routes import create_routes  # noqa: PLC0415 - takes its time

        plain = plain_routes(settings, lifecycle, inference)
        return create_routes(settings, lifecycle, inference, plain)

    return PlainRoutes(plain_routes(settings, lifecycle, inference), behind=Later(cold))


def _refusing(settings: Settings, path: str) -> Endpoint:
    """What answers predictions as long as no model is loaded."""

    async def refuse(call: Call) -> Answer:
        limits = settings.limits
        # Answering before the body is read would break the connection under the client.
        await call.body(limits.max_body_bytes, limits.timeout.total_seconds())
        raise BadRequest(
            HTTPStatus.SERVICE_UNAVAILABLE,
            Reason.NO_MODEL,
            NO_MODEL_MESSAGE,
            headers={"retry-after": "1"},
        )

    return Endpoint(refuse, refusal_of(path))
