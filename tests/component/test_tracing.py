"""Spans of sampled requests, as a collector on a real socket gets them."""

from __future__ import annotations

import contextlib
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from support.event_sink import EventSink, event_sink, hanging_sink
from support.serving_process import ServingProcess
from support.waiting import eventually

BODY = '{"features": {"a": 0.5, "b": 1.0, "c": -1.0}}'
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED = {"content-type": "application/json", "traceparent": f"00-{TRACE}-{SPAN}-01"}
UNSAMPLED = {"content-type": "application/json", "traceparent": f"00-{TRACE}-{SPAN}-00"}
pytestmark = pytest.mark.filterwarnings("ignore")


def server(models: Path, folder: Path, address: str, **variables: str) -> ServingProcess:
    """A server with a model and the address of a collector."""
    with contextlib.suppress(FileExistsError):
        shutil.copytree(models / "skops", folder / "model")
    return ServingProcess(
        LEADSMAN_MODEL_DIR=str(folder),
        LEADSMAN_MODEL_NAME="churn",
        LEADSMAN_MODEL_VERSION="7",
        LEADSMAN_DRAIN_SECONDS="0",
        OTEL_EXPORTER_OTLP_ENDPOINT=address,
        **variables,
    )


def spans(collector: EventSink) -> list[Any]:
    """All spans that were taken."""
    requests = [ExportTraceServiceRequest.FromString(body) for body in collector.bodies]
    return [
        span
        for request in requests
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def plain(attributes: list[KeyValue]) -> dict[str, Any]:
    """Attributes as Python has them."""
    return {one.key: getattr(one.value, str(one.value.WhichOneof("value"))) for one in attributes}


@pytest.mark.parametrize("quick", ["false", "true"])
def test_a_sampled_request_has_a_span_in_its_callers_trace(
    models: Path, tmp_path: Path, quick: str
) -> None:
    """With route, status, model and stages; requests that nobody samples have none."""
    with (
        event_sink() as collector,
        server(models, tmp_path, collector.base, LEADSMAN_QUICK=quick) as process,
    ):
        assert process.post("/predict", BODY, **UNSAMPLED).status == 200
        answer = process.post("/predict", BODY, **SAMPLED)
        wrong = process.post("/invocations", "{", **SAMPLED)
        process.terminate()
        assert process.wait_for_exit() == 0

    first, second = spans(collector)
    assert (first.trace_id.hex(), first.parent_span_id.hex()) == (TRACE, SPAN)
    assert len(first.span_id) == 8
    assert first.span_id != second.span_id
    assert (first.name, first.kind) == ("POST /predict", 2)
    assert plain(first.attributes) == {
        "http.request.method": "POST",
        "http.route": "/predict",
        "http.response.status_code": 200,
        "url.scheme": "http",
        "request.id": answer.headers["x-request-id"],
        "ml.model.name": "churn",
        "ml.model.version": "7",
        "ml.model.backend": plain(first.attributes)["ml.model.backend"],
        "ml.batch.rows": 1,
    }
    assert [event.name for event in first.events] == ["decode", "queue", "predict", "encode"]
    times = [event.time_unix_nano for event in first.events]
    assert times == sorted(times)
    assert first.start_time_unix_nano <= times[0] <= times[-1] <= first.end_time_unix_nano
    assert plain(second.attributes)["http.response.status_code"] == wrong.status == 400
    assert second.status.code == 0, "the client's fault is no error of the server"
    assert wrong.body["trace_id"] == TRACE


def test_a_collector_that_hangs_delays_no_answer(models: Path, tmp_path: Path) -> None:
    """And not the end of the process either."""
    with (
        hanging_sink() as address,
        server(
            models, tmp_path, address,
            OTEL_TRACES_SAMPLER="always_on", LEADSMAN_FLUSH_SECONDS="0.5",
        ) as process,
    ):  # fmt: skip
        times = []
        for _ in range(100):
            began = time.perf_counter()
            assert process.post("/predict", BODY, **UNSAMPLED).status == 200
            times.append(time.perf_counter() - began)
        process.terminate()
        began = time.perf_counter()
        assert process.wait_for_exit() == 0

    assert sorted(times)[90] < 0.5, "an export takes ten seconds"
    assert time.perf_counter() - began < 30


def test_what_a_collector_does_not_take_is_counted(models: Path, tmp_path: Path) -> None:
    """One that answers 400 is not asked again for the same."""
    dropped = 'leadsman_spans_dropped_total{reason="Unreachable"} 1.0'
    with event_sink(400) as collector, server(models, tmp_path, collector.base) as process:
        process.post("/predict", BODY, **SAMPLED)
        eventually(
            lambda: dropped in process.get("/metrics").text, within_seconds=30, what="counted"
        )
        process.post("/predict", BODY, **SAMPLED)
        eventually(
            lambda: "leadsman_spans_sent_total 1.0" in process.get("/metrics").text,
            within_seconds=30,
            what="the next is taken",
        )

    assert len(spans(collector)) == 1
