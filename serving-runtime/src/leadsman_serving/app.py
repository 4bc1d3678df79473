"""The two apps: the model port's, for clients, and the side port's, for probes and metrics."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.exceptions import HTTPException

from leadsman_api.ports import LIVE_PATH, METRICS_PATH, READY_PATH
from leadsman_serving.documentation import document
from leadsman_serving.endpoints import mlflow, ours
from leadsman_serving.endpoints.endpoint import Endpoint
from leadsman_serving.errors import BadRequest
from leadsman_serving.gate import RequestGate
from leadsman_serving.inference import Inference
from leadsman_serving.lifecycle import (
    NO_MODEL_MESSAGE,
    Health,
    Lifecycle,
    Reason,
    liveness,
    readiness,
)
from leadsman_serving.protocols.exchange import Answer, Call
from leadsman_serving.protocols.problem import problem_of, unexpected
from leadsman_serving.settings import Settings
from leadsman_serving.telemetry import RequestMetrics, installed_version

_DIGEST_SHOWN = len("sha256:") + 12
_logger = logging.getLogger(__name__)


def create_app(
    settings: Settings,
    lifecycle: Lifecycle | None = None,
    inference: Inference | None = None,
    metrics: RequestMetrics | None = None,
) -> RequestGate:
    """The app of the model port: the gate before the routes; without a model it refuses."""
    lifecycle = lifecycle or Lifecycle(beat_at=time.monotonic())
    routes = create_routes(settings, lifecycle, inference)
    if inference is None:
        refusing = _refusing(settings)
        endpoints = dict.fromkeys((ours.PATH, mlflow.PATH), refusing)
        return RequestGate(routes, lifecycle, endpoints, metrics)
    lifecycle.model_loaded = True
    headers = {
        "x-model-name": settings.model_name,
        "x-model-version": settings.model_version,
        "x-model-digest": settings.model_digest[:_DIGEST_SHOWN],
    }
    # Around the whole app and not among its middleware, which faults leave behind.
    return RequestGate(
        routes, lifecycle, endpoints_of(inference), metrics, headers, inference.single
    )


def endpoints_of(inference: Inference) -> Mapping[str, Endpoint]:
    """Each route that predicts with what answers it, of all protocols."""
    return {**ours.endpoints(inference), **mlflow.endpoints(inference)}


def create_routes(
    settings: Settings, lifecycle: Lifecycle, inference: Inference | None = None
) -> FastAPI:
    """The cold routes of the model port, with one shape for everything that refuses."""
    app = FastAPI(title="Leadsman serving runtime", version=installed_version())
    app.add_exception_handler(HTTPException, _answer_refusal)
    app.add_exception_handler(Exception, _answer_failure)
    app.include_router(_health_routes(settings, lifecycle))
    app.include_router(_mlflow_routes(settings, lifecycle))
    document(app, inference.model if inference else None)
    return app


def create_side_app(
    settings: Settings, lifecycle: Lifecycle, registry: CollectorRegistry
) -> FastAPI:
    """The app of the side port."""
    app = FastAPI(title="Leadsman serving runtime: side port", openapi_url=None)
    app.include_router(_health_routes(settings, lifecycle))

    @app.get(METRICS_PATH)
    async def metrics(request: Request) -> Response:
        """Everything Prometheus may know, in the format that it asks for."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"content-type": content_type})

    return app


def _health_routes(settings: Settings, lifecycle: Lifecycle) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get(LIVE_PATH, response_class=JSONResponse)
    async def live() -> Response:
        """Whether the process works at all."""
        return _answer(
            liveness(lifecycle, now=time.monotonic(), stuck_after_seconds=settings.stuck_seconds)
        )

    @router.get(READY_PATH, response_class=JSONResponse)
    async def ready() -> Response:
        """Whether the process may get traffic, and if not, why."""
        return _answer(readiness(lifecycle))

    return router


def _mlflow_routes(settings: Settings, lifecycle: Lifecycle) -> APIRouter:
    router = APIRouter(tags=["model"])

    @router.get("/ping")
    async def ping() -> Response:
        """The probe of MLflow and SageMaker: an empty answer when there is a model."""
        return Response(b"\n", readiness(lifecycle).code, media_type="application/json")

    @router.get("/version", response_class=JSONResponse)
    async def version() -> Response:
        """The model that answers."""
        return JSONResponse(
            {
                "model": settings.model_name,
                "version": settings.model_version,
                "digest": settings.model_digest,
                "revision": settings.revision,
                "runtime": installed_version(),
            }
        )

    return router


def _refusing(settings: Settings) -> Endpoint:
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

    return Endpoint(refuse)


def _answer(health: Health) -> JSONResponse:
    return JSONResponse(health.body, status_code=health.code)


async def _answer_refusal(request: Request, error: Exception) -> Response:
    """Give refusals of the framework, such as an unknown path, the shape of our own."""
    if not isinstance(error, HTTPException):
        raise TypeError(error)
    status = HTTPStatus(error.status_code)
    code = status.phrase.title().replace(" ", "")
    message = f"{request.method} {request.url.path}: {error.detail}"
    refused = BadRequest(status, code, message, headers=error.headers)
    return _response(problem_of(refused, request.scope["state"]["request_id"]))


async def _answer_failure(request: Request, _error: Exception) -> Response:
    """Tell the client an id and nothing more; the server logs the traceback."""
    return _response(problem_of(unexpected(), request.scope["state"]["request_id"]))


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers, answer.media_type)
