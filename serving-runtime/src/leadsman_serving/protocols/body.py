"""The body of a request, read within its limits."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import Request

from leadsman_serving.errors import BadRequest


async def read_body(request: Request, most_bytes: int) -> bytes:
    """The whole body; refused before it is read where its length is told."""
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > most_bytes:
        raise _too_large(int(told), most_bytes)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most_bytes:
            raise _too_large(size, most_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def read_json(body: bytes) -> Any:  # noqa: ANN401 - JSON
    """The body's value; NaN and Infinity are taken, as MLflow's clients write them."""
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        try:
            return json.loads(body)
        except ValueError:
            message = f"the body is no JSON: {error}"
            raise BadRequest(HTTPStatus.BAD_REQUEST, "InvalidJSON", message) from error


def _too_large(size: int, most: int) -> BadRequest:
    return BadRequest(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "BodyTooLarge",
        f"the body has {size} bytes or more, {most} are allowed: send fewer rows at a time",
    )
