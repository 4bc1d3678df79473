"""The two apps: the model port's, for clients, and the side port's, for probes and metrics."""

from __future__ import annotations

import time
from http import HTTPStatus

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from leadsman_api.ports import LIVE_PATH, METRICS_PATH, READY_PATH
from leadsman_serving.admission import Admission, read_keys
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
from leadsman_serving.model import Model
from leadsman_serving.settings import Settings
from leadsman_serving.telemetry import RequestMetrics, installed_version


def create_app(
    settings: Settings,
    lifecycle: Lifecycle | None = None,
    model: Model | None = None,
    metrics: RequestMetrics | None = None,
) -> ASGIApp:
    """The app of the model port: the gate before the routes; without a model it refuses."""
    lifecycle = lifecycle or Lifecycle(beat_at=time.monotonic())
    metrics = metrics or RequestMetrics(CollectorRegistry())
    if model is None:
        routes = create_routes(settings, lifecycle)
        return RequestGate(routes, lifecycle)
    keys = read_keys(settings.api_keys_dir)
    admission = Admission(settings.limits, keys, model.seconds)
    inference = Inference(model, settings, admission, metrics)
    metrics.serves(model.flavor, settings.model_name, settings.model_version, settings.model_digest)
    lifecycle.model_loaded = True
    # Around the whole app and not among its middleware, which faults leave behind.
    routes = create_routes(settings, lifecycle, inference.routes())
    return RequestGate(routes, lifecycle, metrics, _model_headers(settings))


def _model_headers(settings: Settings) -> dict[str, str]:
    found = {
        "x-model-name": settings.model_name,
        "x-model-version": settings.model_version,
        "x-model-digest": settings.model_digest,
    }
    return {name: value for name, value in found.items() if value}


def create_routes(
    settings: Settings, lifecycle: Lifecycle, inference: APIRouter | None = None
) -> FastAPI:
    """The routes of the model port, with one shape for everything that refuses."""
    app = FastAPI(title="Leadsman serving runtime", version=installed_version())
    app.add_exception_handler(HTTPException, _answer_refusal)
    app.add_exception_handler(Exception, _answer_failure)
    app.include_router(_health_routes(settings, lifecycle))
    app.include_router(inference or _refusing_routes())
    app.add_exception_handler(BadRequest, _answer_bad_request)
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


def _refusing_routes() -> APIRouter:
    router = APIRouter(tags=["inference"])

    @router.post("/predict")
    @router.post("/invocations")
    async def predict(request: Request) -> Response:
        """Predictions: refused, because no model is loaded."""
        # Answering before the body is read would break the connection under the client.
        async for _ in request.stream():
            pass
        return _problem(request, HTTPStatus.SERVICE_UNAVAILABLE, Reason.NO_MODEL, NO_MODEL_MESSAGE)

    return router


def _answer(health: Health) -> JSONResponse:
    return JSONResponse(health.body, status_code=health.code)


async def _answer_refusal(request: Request, error: Exception) -> Response:
    """Give refusals of the framework, such as an unknown path, the shape of our own."""
    if not isinstance(error, HTTPException):
        raise TypeError(error)
    status = HTTPStatus(error.status_code)
    code = status.phrase.title().replace(" ", "")
    response = _problem(
        request, status, code, f"{request.method} {request.url.path}: {error.detail}"
    )
    response.headers.update(error.headers or {})
    return response


async def _answer_bad_request(request: Request, error: Exception) -> Response:
    """Tell the client what is wrong with what it sent."""
    if not isinstance(error, BadRequest):
        raise TypeError(error)
    response = _problem(request, error.status, error.code, error.message)
    if error.status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        response.headers["retry-after"] = "1"
    return response


async def _answer_failure(request: Request, _error: Exception) -> Response:
    """Tell the client an id and nothing more; the server logs the traceback."""
    return _problem(
        request,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "InternalError",
        "The server failed; its log has the details.",
    )


def _problem(request: Request, status: HTTPStatus, code: str, message: str) -> JSONResponse:
    body = {"code": code, "message": message, "request_id": request.scope["state"]["request_id"]}
    return JSONResponse(body, status_code=status)
