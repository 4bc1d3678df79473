"""The routes of the model port that FastAPI answers: its documentation, and what is refused.

Loaded when one of them is first asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException

from leadsman_serving.documentation import document
from leadsman_serving.endpoints import kserve_routes, open_inference_cold
from leadsman_serving.endpoints.refusals import refusal_of
from leadsman_serving.errors import BadRequest
from leadsman_serving.inference import Inference
from leadsman_serving.lifecycle import Lifecycle
from leadsman_serving.plain_routes import PlainRoute
from leadsman_serving.protocols.exchange import JSON, Answer, Call
from leadsman_serving.protocols.problem import unexpected
from leadsman_serving.settings import Settings
from leadsman_serving.telemetry import installed_version


def create_routes(
    settings: Settings,
    lifecycle: Lifecycle,
    inference: Inference | None = None,
    plain: Mapping[str, PlainRoute] | None = None,
) -> FastAPI:
    """The cold routes of the model port, which refuse in the form of the path's protocol."""
    app = FastAPI(
        title="Leadsman serving runtime",
        version=installed_version(),
        # Spans are made in front of it, and only of the requests that are in the sample.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.add_exception_handler(HTTPException, _answer_refusal)
    app.add_exception_handler(BadRequest, _answer_bad_request)
    app.add_exception_handler(Exception, _answer_failure)
    for path, route in (plain or {}).items():
        _add_plain(app, path, route)
    app.include_router(kserve_routes.router(settings.model_name, lifecycle))
    app.include_router(open_inference_cold.router(settings, lifecycle))
    document(app, inference.model if inference else None, settings)
    return app


def _add_plain(app: FastAPI, path: str, route: PlainRoute) -> None:
    """Let the documentation tell of a route that is answered in front of it."""

    async def answer(request: Request) -> Response:
        return _response(route.answer(Call(request.scope, request.receive)))

    app.add_api_route(
        path,
        answer,
        tags=[route.tag],
        description=route.meaning,
        name=path.strip("/").replace("/", " ") or "root",
        response_class=JSONResponse if route.media_type == JSON else PlainTextResponse,
    )


async def _answer_refusal(request: Request, error: Exception) -> Response:
    """Give refusals of the framework, such as an unknown path, the shape of our own."""
    if not isinstance(error, HTTPException):
        raise TypeError(error)
    status = HTTPStatus(error.status_code)
    code = status.phrase.title().replace(" ", "")
    message = f"{request.method} {request.url.path}: {error.detail}"
    refused = BadRequest(status, code, message, headers=error.headers)
    return _refused(request, refused)


async def _answer_bad_request(request: Request, error: Exception) -> Response:
    """What a cold route refuses by itself."""
    if not isinstance(error, BadRequest):
        raise TypeError(error)
    return _refused(request, error)


async def _answer_failure(request: Request, _error: Exception) -> Response:
    """Tell the client an id and nothing more; the server logs the traceback."""
    return _refused(request, unexpected())


def _refused(request: Request, error: BadRequest) -> Response:
    form = refusal_of(request.url.path)
    return _response(form(error, request.scope["state"]["request_id"]))


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers, answer.media_type)
