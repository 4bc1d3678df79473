"""Answers that refuse, as problem details: https://www.rfc-editor.org/rfc/rfc9457."""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from leadsman_serving.errors import BadRequest
from leadsman_serving.protocols.exchange import Answer

PROBLEM = "application/problem+json"


def problem_of(error: BadRequest, request_id: str) -> Answer:
    """Tell the client what is wrong and what to do; `code` is the word for programs."""
    body = {
        "type": "about:blank",
        "title": error.status.phrase,
        "status": error.status.value,
        "code": error.code,
        "detail": error.message,
        "request_id": request_id,
        **error.more,
    }
    return Answer(msgspec.json.encode(body), error.status.value, PROBLEM, error.headers)


def unexpected() -> BadRequest:
    """What a client is told of a fault of ours: the log has the rest under the request's id."""
    return BadRequest(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "InternalError",
        "The server failed; its log has the details under this request's id.",
    )
