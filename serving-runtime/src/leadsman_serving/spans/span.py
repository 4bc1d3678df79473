"""A span as the request leaves it: plain values, made into OpenTelemetry's own elsewhere."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace

from leadsman_serving.protocols.exchange import Answer, Call
from leadsman_serving.protocols.traceparent import TraceParent
from leadsman_serving.question import Predicted, Question
from leadsman_serving.table import Table

_BYTES = 1024
_LEAST_FAILURE = 500


@dataclass(frozen=True, slots=True)
class Span:
    """What is known of one request when it has ended."""

    trace_id: str
    span_id: str
    parent_id: str
    """The caller's span; empty for a request that begins a trace."""
    name: str
    began: int
    """Nanoseconds since 1970, as all times here."""
    ended: int
    stages: tuple[tuple[str, int], ...]
    """When each stage began, in their order."""
    attributes: Mapping[str, str | int]
    has_failed: bool

    @property
    def size(self) -> int:
        """About what it takes."""
        return _BYTES


@dataclass(slots=True)
class OpenSpan:
    """The span of a request that is being answered."""

    call: Call
    parent: TraceParent | None
    model: Mapping[str, str]
    """Attributes that tell which model answers."""
    began: int = field(default_factory=time.time_ns)
    stages: list[tuple[str, int]] = field(default_factory=list)

    def stage(self, name: str) -> None:
        """A stage begins now; may be called by any thread."""
        self.stages.append((name, time.time_ns()))

    def ended(self, status: int, answer: Answer | None) -> Span:
        """The whole; without an answer the client was gone."""
        attributes: dict[str, str | int] = {
            "http.request.method": self.call.method,
            "http.route": self.call.path,
            "url.scheme": self.call.scheme,
            "request.id": self.call.request_id,
            **self.model,
        }
        if answer is None:
            attributes["error.type"] = "client_gone"
        else:
            attributes["http.response.status_code"] = status
            if answer.rows:
                attributes["ml.batch.rows"] = answer.rows
        has_failed = answer is not None and status >= _LEAST_FAILURE
        if has_failed:
            attributes["error.type"] = str(status)
        return Span(
            trace_id=self.parent.trace_id if self.parent else secrets.token_hex(16),
            span_id=secrets.token_hex(8),
            parent_id=self.parent.span_id if self.parent else "",
            name=f"{self.call.method} {self.call.path}",
            began=self.began,
            ended=time.time_ns(),
            stages=tuple(self.stages),
            attributes=attributes,
            has_failed=has_failed,
        )


CURRENT: ContextVar[OpenSpan | None] = ContextVar("span", default=None)
"""The span of the request that this task answers; None for nearly all."""


def staged(question: Question) -> Question:
    """The question, which notes its stages where its request has a span.

    Tables are made where the model runs, and bodies written there: so a queue ends with the one
    and a prediction with the other, on whatever thread, alone or in a batch.
    """
    span = CURRENT.get()
    if span is None:
        return question
    span.stage("queue")
    return replace(
        question,
        table=_noting(span, "predict", question.table),
        written=_noting_written(span, question.written),
    )


def _noting(span: OpenSpan, name: str, table: Callable[[], Table]) -> Callable[[], Table]:
    def noted() -> Table:
        span.stage(name)
        return table()

    return noted


def _noting_written(
    span: OpenSpan, written: Callable[[Predicted], bytes]
) -> Callable[[Predicted], bytes]:
    def noted(predicted: Predicted) -> bytes:
        span.stage("encode")
        return written(predicted)

    return noted
