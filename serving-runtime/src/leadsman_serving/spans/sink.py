"""The collector, spoken to in OTLP over HTTP by OpenTelemetry's own exporter.

Its libraries are loaded here and nowhere else, on the thread that sends: only pods with a
collector pay for them, and no request does.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from leadsman_serving.outbox.delivery import Outcome
from leadsman_serving.spans.span import Span

if TYPE_CHECKING:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext

_SERVICE = "OTEL_SERVICE_NAME"


class SpanSink:
    """Sends spans; address, headers, time limit and certificates are read by the exporter."""

    _exporter: OTLPSpanExporter
    _resource: Resource

    def __init__(self, service: str, host: str) -> None:
        """The name of the service unless OTEL_SERVICE_NAME has another, and the pod."""
        self._service, self._host = service, host

    def open(self) -> None:
        """Load the libraries."""
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415

        attributes = {"service.instance.id": self._host}
        if not os.environ.get(_SERVICE):
            attributes["service.name"] = self._service
        self._resource = Resource.create(attributes)
        self._exporter = OTLPSpanExporter()

    def take(self, items: list[Span]) -> Outcome:
        """Send a batch; the exporter itself tries again within its time limit."""
        from opentelemetry.sdk.trace.export import SpanExportResult  # noqa: PLC0415

        result = self._exporter.export([self._readable(item) for item in items])
        return Outcome.TAKEN if result is SpanExportResult.SUCCESS else Outcome.FAILED

    def close(self) -> None:
        """Close the exporter's connections."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def _readable(self, span: Span) -> ReadableSpan:
        from opentelemetry.sdk.trace import Event, ReadableSpan  # noqa: PLC0415
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415
        from opentelemetry.trace import SpanKind, Status, StatusCode  # noqa: PLC0415

        return ReadableSpan(
            name=span.name,
            context=_context(span.trace_id, span.span_id),
            parent=_context(span.trace_id, span.parent_id) if span.parent_id else None,
            resource=self._resource,
            attributes=dict(span.attributes),
            events=[Event(name, timestamp=at) for name, at in span.stages],
            kind=SpanKind.SERVER,
            status=Status(StatusCode.ERROR if span.has_failed else StatusCode.UNSET),
            start_time=span.began,
            end_time=span.ended,
            instrumentation_scope=InstrumentationScope("leadsman_serving"),
        )


def _context(trace_id: str, span_id: str) -> SpanContext:
    from opentelemetry.trace import SpanContext, TraceFlags  # noqa: PLC0415

    return SpanContext(
        int(trace_id, 16),
        int(span_id, 16),
        is_remote=False,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
