"""Ports and paths of our pods."""

from __future__ import annotations

from enum import IntEnum


class Port(IntEnum):
    """Ports; each is named once, everywhere else by this name."""

    SERVING_HTTP = 8080
    SERVING_GRPC = 8081
    SERVING_COPIES = 8082
    SERVING_SIDE = 9090
    OPERATOR_METRICS = 9091
    OPERATOR_HEALTH = 8085
    OPERATOR_WEBHOOK = 8443
    SERVICE_HTTP = 80


SERVICE_PORT_NAME = "http"
GRPC_PORT_NAME = "grpc"
COPIES_PORT_NAME = "copies"
SIDE_PORT_NAME = "side"
LIVE_PATH = "/health/live"
READY_PATH = "/health/ready"
METRICS_PATH = "/metrics"
