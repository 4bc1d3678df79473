"""Requests that are looked at more closely than by counting them: those of a sample.

All else costs one question, and nothing where no such sample is asked for.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from leadsman_api.metrics import ServingMetric
from leadsman_serving.outbox.delivery import Delivery, Told
from leadsman_serving.payloads.event import Exchange, Origin, Payload
from leadsman_serving.payloads.sink import HttpSink
from leadsman_serving.protocols.exchange import Answer, Call
from leadsman_serving.protocols.traceparent import TraceParent, parent_of
from leadsman_serving.sampling import Sample
from leadsman_serving.settings import Settings
from leadsman_serving.spans.sampler import Sampler, sampler_of
from leadsman_serving.spans.sink import SpanSink
from leadsman_serving.spans.span import CURRENT, OpenSpan, Span

PAYLOADS = Told(ServingMetric.PAYLOADS_SENT, ServingMetric.PAYLOADS_DROPPED, each=2)
SPANS = Told(ServingMetric.SPANS_SENT, ServingMetric.SPANS_DROPPED)


@dataclass(frozen=True, slots=True)
class Payloads:
    """The log of payloads."""

    delivery: Delivery[Exchange]
    sample: Sample
    most_bytes: int

    def has(self, request_id: bytes, parent: TraceParent | None) -> bool:
        """By its trace, where it has one: all servers of a trace decide alike."""
        return self.sample.has(parent.trace_id.encode() if parent else request_id)


@dataclass(frozen=True, slots=True)
class Spans:
    """The spans."""

    delivery: Delivery[Span]
    sampler: Sampler
    model: Mapping[str, str]
    """Attributes that tell which model answers."""


class Watch:
    """Decides which requests are in a sample, and takes down what they ask and get."""

    def __init__(self, payloads: Payloads | None, spans: Spans | None) -> None:
        """At least one of them."""
        self._payloads, self._spans = payloads, spans
        self._deliveries = [one.delivery for one in (payloads, spans) if one is not None]

    def wants(self, request_id: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """Whether this request is looked at more closely."""
        parent = parent_of(headers)
        payloads, spans = self._payloads, self._spans
        return bool(payloads and payloads.has(request_id, parent)) or bool(
            spans and spans.sampler.has(request_id, parent)
        )

    def begin(self, call: Call) -> Watched | None:
        """What to tell of the request later on; None for one that is in no sample."""
        request_id, parent = call.request_id.encode(), call.parent
        payloads, spans = self._payloads, self._spans
        if payloads and not payloads.has(request_id, parent):
            payloads = None
        if spans and not spans.sampler.has(request_id, parent):
            spans = None
        return Watched(call, parent, payloads, spans) if payloads or spans else None

    def close(self) -> None:
        """Send what waits."""
        for delivery in self._deliveries:
            delivery.close()

    @property
    def is_done(self) -> bool:
        """Whether, after `close`, nothing is left to be sent."""
        return all(delivery.is_done for delivery in self._deliveries)

    @property
    def waiting(self) -> int:
        """What is left."""
        return sum(delivery.waiting for delivery in self._deliveries)


class Watched:
    """One request of a sample, in the task that answers it."""

    def __init__(
        self, call: Call, parent: TraceParent | None, payloads: Payloads | None, spans: Spans | None
    ) -> None:
        """Note when it began; its stages are noted from here on."""
        self._call, self._parent, self._payloads, self._spans = call, parent, payloads, spans
        self._began_at = time.time()
        self._span = OpenSpan(call, parent, spans.model) if spans else None
        CURRENT.set(self._span)

    def end(self, status: int, answer: Answer | None) -> None:
        """Take down the request with its answer; None when the client was gone."""
        CURRENT.set(None)
        if self._spans and self._span:
            self._spans.delivery.offer(self._span.ended(status, answer))
        sent = self._call.sent
        if self._payloads and answer is not None and sent is not None:
            self._payloads.delivery.offer(self._exchange(sent, answer, self._payloads.most_bytes))

    def _exchange(self, sent: bytes, answer: Answer, most_bytes: int) -> Exchange:
        """Without any header, for some hold keys."""
        kind = self._call.header(b"content-type")
        return Exchange(
            request_id=self._call.request_id,
            traceparent=self._parent.text if self._parent else "",
            path=self._call.path,
            status=answer.status,
            request=Payload.of(sent, kind, self._began_at, most_bytes),
            response=Payload.of(answer.body, answer.media_type, time.time(), most_bytes),
        )


def watch_of(
    settings: Settings, registry: CollectorRegistry, backend: str, environment: Mapping[str, str]
) -> Watch | None:
    """What settings and the standard variables of tracing ask for; None when that is nothing."""
    payloads, spans = _payloads(settings), _spans(settings, backend, environment)
    for one in (payloads, spans):
        if one is not None:
            registry.register(one.delivery)
    return Watch(payloads, spans) if payloads or spans else None


def _payloads(settings: Settings) -> Payloads | None:
    wanted = settings.payload_log
    if wanted is None:
        return None
    origin = Origin(
        settings.model_name, settings.model_version, settings.revision, socket.gethostname()
    )
    delivery = Delivery(HttpSink(wanted.sink, origin), PAYLOADS)
    return Payloads(delivery, Sample(wanted.sample), wanted.max_bytes)


def _spans(settings: Settings, backend: str, environment: Mapping[str, str]) -> Spans | None:
    sampler = sampler_of(environment)
    if sampler is None:
        return None
    sink = SpanSink(settings.model_name or "leadsman-serving", socket.gethostname())
    model = {
        "ml.model.name": settings.model_name,
        "ml.model.version": settings.model_version,
        "ml.model.backend": backend,
    }
    return Spans(Delivery(sink, SPANS, pauses=()), sampler, model)
