"""What answers the calls of the Open Inference Protocol over gRPC.

The same admission, limits, worker and counts as over HTTP: a rollout is judged by both.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError
from grpc import StatusCode
from grpc.aio import ServicerContext

from leadsman_serving.endpoints.open_inference import head_of, question
from leadsman_serving.endpoints.open_inference_routes import (
    check_model,
    model_metadata,
    repository_index,
    server_metadata,
)
from leadsman_serving.errors import BadRequest
from leadsman_serving.gate import RequestGate
from leadsman_serving.inference import Inference
from leadsman_serving.lifecycle import NO_MODEL_MESSAGE, Reason, liveness, readiness
from leadsman_serving.protocols.exchange import Answer, Call
from leadsman_serving.protocols.open_inference_values import malformed
from leadsman_serving.protocols.problem import unexpected
from leadsman_serving.rpc.messages import CLASSES, INFERENCE_SERVICE
from leadsman_serving.rpc.tensors import answer_of, asked_of
from leadsman_serving.settings import Settings
from leadsman_serving.telemetry import RequestMetrics

Context: TypeAlias = "ServicerContext[Any, Any]"
_CLIENT_CLOSED = 499
_PATH = f"/{INFERENCE_SERVICE}/ModelInfer"
_MEDIA_TYPE = "application/grpc"
_CODES = {
    HTTPStatus.UNAUTHORIZED: StatusCode.UNAUTHENTICATED,
    HTTPStatus.NOT_FOUND: StatusCode.NOT_FOUND,
    HTTPStatus.REQUEST_TIMEOUT: StatusCode.DEADLINE_EXCEEDED,
    HTTPStatus.TOO_MANY_REQUESTS: StatusCode.RESOURCE_EXHAUSTED,
    HTTPStatus.INTERNAL_SERVER_ERROR: StatusCode.INTERNAL,
    HTTPStatus.SERVICE_UNAVAILABLE: StatusCode.UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT: StatusCode.DEADLINE_EXCEEDED,
}
_logger = logging.getLogger(__name__)


class InferenceService:
    """The calls of the protocol."""

    def __init__(
        self,
        settings: Settings,
        gate: RequestGate,
        inference: Inference | None,
        metrics: RequestMetrics,
    ) -> None:
        """`gate` gives ids, and the headers that tell which model answered."""
        self._settings, self._gate = settings, gate
        self._lifecycle = gate.lifecycle
        self._inference, self._metrics = inference, metrics
        self._model_headers = [(name.decode(), value.decode()) for name, value in gate.headers]

    def handler(self) -> grpc.GenericRpcHandler:
        """All calls, for the server."""
        described = {
            "ServerLive": self._server_live,
            "ServerReady": self._server_ready,
            "ServerMetadata": self._server_metadata,
            "ModelReady": self._model_ready,
            "ModelMetadata": self._model_metadata,
            "RepositoryIndex": self._repository_index,
        }
        handlers = {name: _handler(name, answer) for name, answer in described.items()}
        # Bytes in and bytes out: what can't be read is refused, and counted, by us.
        handlers["ModelInfer"] = grpc.unary_unary_rpc_method_handler(self.infer)
        return grpc.method_handlers_generic_handler(INFERENCE_SERVICE, handlers)

    async def infer(self, request: bytes, context: Context) -> bytes:
        """Predict; the call is counted until its answer is made."""
        call = _call_of(request, context, self._gate)
        told = [("x-request-id", call.request_id), *self._model_headers]
        context.set_trailing_metadata(told)
        began, status = time.perf_counter(), HTTPStatus.INTERNAL_SERVER_ERROR.value
        watched = self._gate.watch.begin(call) if self._gate.watch else None
        answer: Answer | None = None
        self._lifecycle.in_flight += 1
        try:
            answer = await self._predicted(call, context.time_remaining())
        except BadRequest as error:
            status, refused = error.status.value, error
            answer = _refusal(error)
        except asyncio.CancelledError:  # the client went away, or its deadline passed
            status = _CLIENT_CLOSED
            raise
        except Exception:
            _logger.exception("A request failed.", extra={"request_id": call.request_id})
            refused = unexpected()
            answer = _refusal(refused)
        else:
            status = HTTPStatus.OK.value
            return answer.body
        finally:
            self._lifecycle.in_flight -= 1
            self._metrics.answered(status, time.perf_counter() - began)
            if watched:
                watched.end(status, answer)
        await _abort(context, refused, told)
        raise AssertionError("an aborted call has no answer")

    async def _predicted(self, call: Call, seconds: float | None) -> Answer:
        """The answer, in the time that the call or its message gives."""
        if self._inference is None:
            retry = {"retry-after": "1"}
            status = HTTPStatus.SERVICE_UNAVAILABLE
            raise BadRequest(status, Reason.NO_MODEL, NO_MODEL_MESSAGE, headers=retry)
        body = await self._inference.admitted(call)
        try:
            message = CLASSES["ModelInferRequest"].FromString(body)
        except DecodeError as error:
            raise malformed(f"the message is no ModelInferRequest: {error}") from error
        check_model(self._settings, message.model_name, message.model_version)
        asked, head = asked_of(message), head_of(self._inference)
        asking = question(self._inference, asked, lambda found: answer_of(asked, found, head))
        given = [one for one in (seconds, asked.seconds) if one is not None]
        deadline = time.monotonic() + min(given) if given else None
        answer = await self._inference.answer(asking, call, deadline)
        return replace(answer, media_type=_MEDIA_TYPE)

    async def _server_live(self, _request: Any) -> dict[str, Any]:  # noqa: ANN401 - a message
        now, most = time.monotonic(), self._settings.stuck_seconds
        health = liveness(self._lifecycle, now=now, stuck_after_seconds=most)
        return {"live": health.code == HTTPStatus.OK}

    async def _server_ready(self, _request: Any) -> dict[str, Any]:  # noqa: ANN401 - a message
        return {"ready": is_ready(self._gate)}

    async def _server_metadata(self, _request: Any) -> dict[str, Any]:  # noqa: ANN401 - a message
        return server_metadata()

    async def _model_ready(self, request: Any) -> dict[str, Any]:  # noqa: ANN401 - a message
        check_model(self._settings, request.name, request.version)
        return {"ready": is_ready(self._gate)}

    async def _model_metadata(self, request: Any) -> dict[str, Any]:  # noqa: ANN401 - a message
        check_model(self._settings, request.name, request.version)
        model = self._inference.model if self._inference else None
        return model_metadata(self._settings, model)

    async def _repository_index(self, request: Any) -> dict[str, Any]:  # noqa: ANN401 - a message
        models = repository_index(self._settings, self._lifecycle)
        return {"models": [one for one in models if not request.ready or one["state"] == "READY"]}


def _handler(
    name: str, answer: Callable[[Any], Awaitable[dict[str, Any]]]
) -> grpc.RpcMethodHandler[Any, Any]:
    """A call that tells something; its refusals are statuses."""
    response = CLASSES[f"{name}Response"]

    async def handle(request: Any, context: Context) -> Any:  # noqa: ANN401 - messages
        try:
            return response(**await answer(request))
        except BadRequest as error:
            await _abort(context, error, [])

    return grpc.unary_unary_rpc_method_handler(
        handle, CLASSES[f"{name}Request"].FromString, response.SerializeToString
    )


def _call_of(request: bytes, context: Context, gate: RequestGate) -> Call:
    """The call as HTTP would bring it, so that admission and limits are the same."""
    headers = [
        (name.lower().encode(), value if isinstance(value, bytes) else value.encode())
        for name, value in context.invocation_metadata() or ()
    ]
    # Clients tell the type as a header of HTTP/2, which the library keeps to itself.
    headers.append((b"content-type", _MEDIA_TYPE.encode()))
    scope: dict[str, Any] = {"method": "POST", "path": _PATH, "headers": headers}
    scope["query_string"] = b""
    scope["state"] = {"request_id": gate.request_id(scope).decode()}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": request, "more_body": False}

    return Call(scope, receive)


def _refusal(error: BadRequest) -> Answer:
    """What the log of payloads has of a refused call: its words, which go out as a status."""
    return Answer(error.message.encode(), error.status.value, "text/plain")


async def _abort(context: Context, error: BadRequest, told: list[tuple[str, str]]) -> None:
    """End a call with the status of a refusal."""
    code = _CODES.get(error.status, StatusCode.INVALID_ARGUMENT)
    retry = error.headers.get("retry-after")
    await context.abort(code, error.message, (*told, *([("retry-after", retry)] if retry else [])))


def is_ready(gate: RequestGate) -> bool:
    """Whether calls may come."""
    return readiness(gate.lifecycle).code == HTTPStatus.OK
