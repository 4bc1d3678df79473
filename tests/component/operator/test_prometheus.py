"""Answers of Prometheus, as version 3.9 has given them, over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import httpx
import pytest

from leadsman_api.reasons import Reason
from leadsman_operator.adapters.prometheus import PrometheusMetrics
from leadsman_operator.errors import EdgeError, Refused, Unreachable
from leadsman_operator.facts import Sample
from leadsman_operator.ports import Endpoint

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
AT = 1796028463.717
LABELS = {"__name__": "request_seconds", "pod": "a-1"}
NATIVE = {
    "count": "9",
    "sum": "0.086626199",
    "buckets": [
        [3, "-0.000000000001", "0.000000000001", "1"],
        [0, "0.002762135864009951", "0.0030121305183748843", "2"],
        [0, "0.0035820470437682465", "0.00390625", "1"],
        [0, "0.00390625", "0.004259795830723663", "1"],
        [0, "0.005524271728019902", "0.0060242610367497685", "1"],
        [0, "0.006569503244169644", "0.007164094087536493", "1"],
        [0, "0.011048543456039804", "0.012048522073499537", "1"],
        [0, "0.04819408829399815", "0.05255602595335715", "1"],
    ],
}


def query(status: HTTPStatus, body: str) -> Sequence[Sample]:
    """What the adapter makes of an answer."""
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert request.startswith("POST /api/v1/query HTTP/1.1\r\n"), request
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        writer.close()
        await writer.wait_closed()

    async def whole() -> Sequence[Sample]:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            async with httpx.AsyncClient() as client:
                return await PrometheusMetrics(client).query(Endpoint(address), "up", NOW)

    return asyncio.run(whole())


def result(kind: str, found: Any) -> Sequence[Sample]:
    """What the adapter makes of a result."""
    data: Mapping[str, Any] = {"resultType": kind, "result": found}
    return query(HTTPStatus.OK, json.dumps({"status": "success", "data": data}))


def test_numbers_are_read() -> None:
    """Of a vector with their labels, and of a scalar."""
    (of_vector,) = result("vector", [{"metric": LABELS, "value": [AT, "10"]}])
    (of_scalar,) = result("scalar", [AT, "0.5"])

    assert (of_vector.labels, of_vector.value, of_vector.at.timestamp()) == (LABELS, 10, AT)
    assert (of_scalar.labels, of_scalar.value) == ({}, 0.5)


def test_a_native_histogram_is_read_as_buckets() -> None:
    """At fixed bounds, whichever of its buckets are empty; exact where one of them ends."""
    samples = result("vector", [{"metric": LABELS, "histogram": [AT, NATIVE]}])

    assert all({**one.labels, "le": ""} == {**LABELS, "le": ""} for one in samples)
    within = {float(one.labels["le"]): one.value for one in samples}
    assert list(within) == sorted(within)
    assert within[2**-12] == 1
    assert within[2**-8.5] == 1
    assert within[2**-8] == 4
    assert within[2**-7] == 7
    assert within[2**-6.5] == 7
    assert within[2**-6] == 8
    assert within[2**-4] == within[float("inf")] == 9


def test_a_native_histogram_without_values_is_read() -> None:
    """Its counters are there, and 0."""
    samples = result("vector", [{"metric": LABELS, "histogram": [AT, {"count": "0", "sum": "0"}]}])

    assert {one.value for one in samples} == {0}
    assert len(samples) > 50


FAILURES: Mapping[str, tuple[HTTPStatus, str, type[EdgeError], Reason]] = {
    "a query that it can't read": (
        HTTPStatus.BAD_REQUEST, '{"status":"error","error":"parse error"}', Refused,
        Reason.QUERY_FAILED,
    ),
    "more than one number a series": (
        HTTPStatus.OK, '{"data":{"resultType":"matrix","result":[]}}', Refused,
        Reason.QUERY_FAILED,
    ),
    "too busy": (
        HTTPStatus.SERVICE_UNAVAILABLE, "later", Unreachable, Reason.METRICS_UNREACHABLE
    ),
    "another server": (HTTPStatus.OK, "<html>", Unreachable, Reason.METRICS_UNREACHABLE),
}  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind", "reason"), FAILURES.values(), ids=FAILURES)
def test_failures_are_told_apart(
    status: HTTPStatus, body: str, kind: type[EdgeError], reason: Reason
) -> None:
    """What only the user can mend, and what may be over at the next look."""
    with pytest.raises(kind) as caught:
        query(status, body)

    assert caught.value.reason is reason
