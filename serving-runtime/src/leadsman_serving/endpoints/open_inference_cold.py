"""The Open Inference Protocol over REST: Triton's index, and what other models' paths get.

FastAPI's, because hardly anybody asks: the routes of the served model stand before these.
"""

from __future__ import annotations

import json
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from leadsman_serving.endpoints.open_inference import ROOT
from leadsman_serving.endpoints.open_inference_routes import (
    TAG,
    check_model,
    not_found,
    repository_index,
)
from leadsman_serving.errors import BadRequest
from leadsman_serving.lifecycle import Lifecycle
from leadsman_serving.protocols.exchange import Call
from leadsman_serving.settings import Settings


def router(settings: Settings, lifecycle: Lifecycle) -> APIRouter:
    """The index, and refusals that name the model that is served."""
    found = APIRouter(prefix=ROOT, tags=[TAG])

    @found.post("/repository/index", response_class=JSONResponse)
    async def index(request: Request) -> Response:
        """The models that are there, by Triton's model repository extension."""
        models = repository_index(settings, lifecycle)
        only_ready = _asks_for_ready(await _body(request, settings))
        wanted = [one for one in models if one["state"] == "READY" or not only_ready]
        return JSONResponse(wanted)

    async def refuse(request: Request, name: str, version: str = "") -> Response:
        # Answering before the body is read would break the connection under the client.
        await _body(request, settings)
        check_model(settings, name, version)
        raise not_found(f"nothing is found at {request.url.path}")

    for path in ("/models/{name}", "/models/{name}/versions/{version}"):
        for end in ("", "/ready", "/infer"):
            methods = ["POST"] if end == "/infer" else ["GET"]
            found.add_api_route(path + end, refuse, methods=methods, include_in_schema=False)
    return found


def _asks_for_ready(body: bytes) -> bool:
    """Whether the body, which may be empty, says `{"ready": true}`."""
    if not body.strip():
        return False
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        message = f"the body is no JSON: {error}"
        raise BadRequest(HTTPStatus.BAD_REQUEST, "InvalidJSON", message) from error
    return isinstance(content, dict) and content.get("ready") is True


async def _body(request: Request, settings: Settings) -> bytes:
    call, limits = Call(request.scope, request.receive), settings.limits
    return await call.body(limits.max_body_bytes, limits.timeout.total_seconds())
