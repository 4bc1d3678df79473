"""The health service of gRPC: what the readiness of the pod says.

https://github.com/grpc/grpc/blob/master/doc/health-checking.md
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc

from leadsman_serving.gate import RequestGate
from leadsman_serving.lifecycle import BEAT_SECONDS
from leadsman_serving.rpc.messages import HEALTH_CLASSES, HEALTH_SERVICE, INFERENCE_SERVICE
from leadsman_serving.rpc.service import Context, is_ready

_SERVING, _NOT_SERVING, _SERVICE_UNKNOWN = 1, 2, 3


class HealthService:
    """The calls of the service."""

    def __init__(self, gate: RequestGate) -> None:
        """`gate` knows the state of the process."""
        self._gate = gate

    def handler(self) -> grpc.GenericRpcHandler:
        """All calls, for the server."""
        read = HEALTH_CLASSES["HealthCheckRequest"].FromString
        write = HEALTH_CLASSES["HealthCheckResponse"].SerializeToString
        handlers = {
            "Check": grpc.unary_unary_rpc_method_handler(self._check, read, write),
            "Watch": grpc.unary_stream_rpc_method_handler(self._watch, read, write),
        }
        return grpc.method_handlers_generic_handler(HEALTH_SERVICE, handlers)

    async def _check(self, request: Any, context: Context) -> Any:  # noqa: ANN401 - messages
        status = self._status_of(request.service)
        if status == _SERVICE_UNKNOWN:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"no service {request.service!r}")
        return HEALTH_CLASSES["HealthCheckResponse"](status=status)

    async def _watch(self, request: Any, _context: Context) -> AsyncIterator[Any]:  # noqa: ANN401
        last = None
        while not self._gate.lifecycle.draining:
            status = self._status_of(request.service)
            if status != last:
                yield HEALTH_CLASSES["HealthCheckResponse"](status=status)
            last = status
            await asyncio.sleep(BEAT_SECONDS)
        # Its end is told, lest whoever watches holds up the end of the process.
        yield HEALTH_CLASSES["HealthCheckResponse"](status=self._status_of(request.service))

    def _status_of(self, service: str) -> int:
        if service not in ("", INFERENCE_SERVICE):
            return _SERVICE_UNKNOWN
        return _SERVING if is_ready(self._gate) else _NOT_SERVING
