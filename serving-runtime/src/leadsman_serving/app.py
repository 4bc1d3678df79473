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
from leadsman_serving.gate import RequestGate
from leadsman_serving.lifecycle import (
    NO_MODEL_MESSAGE,
    Health,
    Lifecycle,
    Reason,
    liveness,
    readiness,
)
from leadsman_serving.settings import Settings
from leadsman_serving.telemetry import installed_version


def create_app(settings: Settings, lifecycle: Lifecycle | None = None) -> ASGIApp:
    """The app of the model port: the gate before the routes."""
    lifecycle = lifecycle or Lifecycle(beat_at=time.monotonic())
    # Around the whole app and not among its middleware, which faults leave behind.
    return RequestGate(create_routes(settings, lifecycle), lifecycle)


def create_routes(settings: Settings, lifecycle: Lifecycle) -> FastAPI:
    """The routes of the model port, with one shape for everything that refuses."""
    app = FastAPI(title="Leadsman serving runtime", version=installed_version())
    app.add_exception_handler(HTTPException, _answer_refusal)
    app.add_exception_handler(Exception, _answer_failure)
    app.include_router(_health_routes(settings, lifecycle))
    app.include_router(_inference_routes())
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


def _inference_routes() -> APIRouter:
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
