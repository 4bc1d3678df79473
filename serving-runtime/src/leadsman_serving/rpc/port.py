"""Opens the port of gRPC on the event loop that serves HTTP, and ends it with its calls."""

from __future__ import annotations

import socket

from grpc import aio

from leadsman_serving.gate import RequestGate
from leadsman_serving.inference import Inference
from leadsman_serving.rpc.health import HealthService
from leadsman_serving.rpc.service import InferenceService
from leadsman_serving.settings import Settings
from leadsman_serving.telemetry import RequestMetrics

_MESSAGE_ROOM = 64 * 1024
"""Bytes above the limit of a body that a message may have: ours tells what is wrong, and counts."""


async def open_port(
    settings: Settings, gate: RequestGate, inference: Inference | None, metrics: RequestMetrics
) -> tuple[aio.Server, int]:
    """The server and the number of its port."""
    server = aio.server(options=_options(settings))
    service = InferenceService(settings, gate, inference, metrics)
    server.add_generic_rpc_handlers((service.handler(), HealthService(gate).handler()))
    # Every interface, because the clients are other pods.
    host = "[::]" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104
    port = server.add_insecure_port(f"{host}:{settings.port_grpc}")
    await server.start()
    return server, port


def _options(settings: Settings) -> list[tuple[str, int]]:
    limits = settings.limits
    options = [
        ("grpc.max_receive_message_length", limits.max_body_bytes + _MESSAGE_ROOM),
        ("grpc.max_send_message_length", -1),
        # Two processes on one port would each get a part of the calls.
        ("grpc.so_reuseport", 0),
    ]
    age = limits.max_connection_age.total_seconds()
    if age:  # the library spreads it by a tenth of its own accord
        grace = limits.timeout.total_seconds()
        options += [
            ("grpc.max_connection_age_ms", int(1000 * age)),
            ("grpc.max_connection_age_grace_ms", int(1000 * grace)),
        ]
    return options
