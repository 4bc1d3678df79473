"""The port of gRPC from the start of the process to its end.

Opened once HTTP is served: its library takes as long to load as all else together.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from typing import TYPE_CHECKING, Any

from leadsman_serving.gate import RequestGate
from leadsman_serving.inference import Inference
from leadsman_serving.settings import Settings
from leadsman_serving.telemetry import RequestMetrics

if TYPE_CHECKING:
    from grpc.aio import Server

_logger = logging.getLogger(__name__)


class RpcPort:
    """Opens in the background; whoever closes it first waits until it is open."""

    def __init__(
        self,
        settings: Settings,
        gate: RequestGate,
        inference: Inference | None,
        metrics: RequestMetrics,
    ) -> None:
        """Keep what calls need."""
        self._settings, self._gate = settings, gate
        self._inference, self._metrics = inference, metrics
        self._opening: asyncio.Task[Server] | None = None

    def open(self, tasks: asyncio.TaskGroup) -> None:
        """Begin to open."""
        if self._settings.grpc:
            self._opening = tasks.create_task(self._opened())

    async def close(self, in_a_hurry: asyncio.Event) -> None:
        """Take no more calls and finish those that are open, unless there is a hurry."""
        if self._opening is None:
            return
        server = await self._opening
        stopping = asyncio.ensure_future(server.stop(self._settings.finish_seconds))
        hurrying = asyncio.ensure_future(in_a_hurry.wait())
        await asyncio.wait((stopping, hurrying), return_when=asyncio.FIRST_COMPLETED)
        if not hurrying.cancel():
            await server.stop(0)
        await stopping

    async def _opened(self) -> Server:
        # Apart from the loop, which answers meanwhile.
        module: Any = await asyncio.to_thread(importlib.import_module, "leadsman_serving.rpc.port")
        server, port = await module.open_port(
            self._settings, self._gate, self._inference, self._metrics
        )
        _logger.info("Answering calls of gRPC.", extra={"port_grpc": port})
        opened: Server = server
        return opened
