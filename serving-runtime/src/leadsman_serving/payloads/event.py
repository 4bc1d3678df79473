"""Requests and answers as CloudEvents in JSON, a batch at a time.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md; the types are
those of KServe's logger, whose consumers find both halves of an exchange by their common id.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

BATCH_TYPE = "application/cloudevents-batch+json"
REQUEST = "org.kubeflow.serving.inference.request"
RESPONSE = "org.kubeflow.serving.inference.response"
_JSON = ("application/json", "+json")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where events come from."""

    model: str
    version: str
    revision: str
    host: str
    """The pod."""

    @property
    def source(self) -> str:
        """The URI reference that CloudEvents ask for."""
        return f"/models/{self.model}/versions/{self.version}"


@dataclass(frozen=True, slots=True)
class Payload:
    """One body, or its beginning."""

    at: float
    """When it was whole, in seconds since 1970."""
    media_type: str
    body: bytes
    size: int
    """Bytes before it was cut."""

    @classmethod
    def of(cls, body: bytes, media_type: str, at: float, most_bytes: int) -> Payload:
        """Keep the beginning of a body; the whole one isn't copied."""
        return cls(at, media_type, body[:most_bytes], len(body))


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer."""

    request_id: str
    traceparent: str
    """Empty for a request outside of any trace."""
    path: str
    status: int
    request: Payload
    response: Payload

    @property
    def size(self) -> int:
        """Bytes of the bodies that are kept."""
        return len(self.request.body) + len(self.response.body)


def batch(exchanges: Iterable[Exchange], origin: Origin) -> bytes:
    """Two events for each exchange, as one JSON text."""
    return msgspec.json.encode(
        [event for exchange in exchanges for event in _events(exchange, origin)]
    )


def _events(exchange: Exchange, origin: Origin) -> list[dict[str, Any]]:
    both = {
        "specversion": "1.0",
        "id": exchange.request_id,
        "source": origin.source,
        "subject": exchange.path,
        "modelname": origin.model,
        "modelversion": origin.version,
        "modelrevision": origin.revision,
        "host": origin.host,
        "traceparent": exchange.traceparent,
    }
    # An attribute without a value may not be there at all.
    both = {name: value for name, value in both.items() if value}
    return [
        {**both, "type": REQUEST, **_content(exchange.request)},
        {**both, "type": RESPONSE, "httpstatus": exchange.status, **_content(exchange.response)},
    ]


def _content(payload: Payload) -> dict[str, Any]:
    """Time, type and body: JSON as it is, all else in base64, and marked when it was cut."""
    content: dict[str, Any] = {
        "time": datetime.fromtimestamp(payload.at, UTC).isoformat(timespec="microseconds")
    }
    if payload.media_type:
        content["datacontenttype"] = payload.media_type
    if payload.size > len(payload.body):
        content["cut"] = True
        content["size"] = payload.size
    elif _is_json(payload):
        return {**content, "data": msgspec.Raw(payload.body)}
    return {**content, "data_base64": base64.b64encode(payload.body).decode()}


def _is_json(payload: Payload) -> bool:
    """Whether the body may stand in a batch as it is: one that is no JSON would spoil them all."""
    kind = payload.media_type.partition(";")[0].strip().lower()
    if not kind.endswith(_JSON):
        return False
    try:
        msgspec.json.decode(payload.body)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return False
    return True
