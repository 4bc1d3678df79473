"""The counts of serving pods over HTTP: of the real server, and of pods that mean no good."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import pytest

from leadsman_api.metrics import ServingMetric
from leadsman_api.v1alpha1.health import RequestMetrics
from leadsman_operator.adapters.pod_pages import (
    LONGEST_LINE,
    MOST_BYTES,
    MOST_LINES,
    HttpPodPages,
    pod_client,
)
from leadsman_operator.errors import Unreachable
from leadsman_operator.facts import Sample
from leadsman_operator.observe.counters import pod_counts
from support.serving_process import ServingProcess

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
REQUESTS, BUCKETS = ServingMetric.REQUESTS.value, f"{ServingMetric.LATENCY}_bucket"

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def read(port: int, *names: str, ip: str = "127.0.0.1", seconds: float = 20) -> Sequence[Sample]:
    """The samples of the page at a port of this machine."""

    async def whole() -> Sequence[Sample]:
        async with pod_client() as client:
            return await HttpPodPages(client, port, seconds).samples(ip, names, NOW)

    return asyncio.run(whole())


@asynccontextmanager
async def answering(serve: Serve) -> AsyncIterator[int]:
    """A server of one connection on this machine; gives its port."""
    ended = asyncio.Event()

    async def whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await serve(reader, writer)
            writer.close()
            await writer.wait_closed()
        ended.set()

    async with await asyncio.start_server(whole, "127.0.0.1", 0) as server:
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            await ended.wait()


def read_from(serve: Serve, *, seconds: float = 20) -> Sequence[Sample]:
    """The samples that such a server tells."""

    async def whole() -> Sequence[Sample]:
        async with answering(serve) as port, pod_client() as client:
            pages = HttpPodPages(client, port, seconds)
            return await pages.samples("127.0.0.1", (REQUESTS, BUCKETS), NOW)

    return asyncio.run(whole())


def page(content: bytes, *, head: bytes = b"200 OK", headers: bytes = b"") -> Serve:
    """A server of one page."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 " + head + b"\r\nConnection: close\r\n" + headers + b"\r\n")
        writer.write(content)

    return serve


def test_the_counters_of_a_real_server_are_read() -> None:
    """Answers by their class, and times by buckets, under the names that the judge reads."""
    with ServingProcess() as process:
        answers = [process.post("/predict", "{}").status for _ in range(3)]
        samples = read(process.side_port, REQUESTS, BUCKETS)

    assert {status // 100 for status in answers} == {5}, "it has no model"
    labelled = [Sample({**one.labels, "pod": "r-1"}, one.value, one.at) for one in samples]
    (count,) = pod_counts(labelled, RequestMetrics(), ["r"], NOW)
    assert (count.pod, count.revision, count.at) == ("r-1", "r", NOW)
    assert (count.counters["2xx"], count.counters["5xx"], count.counters["le=+Inf"]) == (0, 3, 3)
    assert len([name for name in count.counters if name.startswith("le=")]) > 10


def test_only_what_is_asked_for_is_read() -> None:
    """A page holds much more."""
    with ServingProcess() as process:
        samples = read(process.side_port, REQUESTS)

    assert {one.labels["__name__"] for one in samples} == {REQUESTS}


def test_an_address_of_ipv6_is_understood() -> None:
    """Clusters of IPv6 give such ones to pods; nobody listens here."""
    with pytest.raises(Unreachable, match=r"^http://\[::1\]:1/metrics did not answer: "):
        read(1, REQUESTS, ip="::1")


def test_a_pod_that_hangs_holds_nobody_up() -> None:
    """Also one that says a little, and then nothing."""

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nleadsman_")
        await reader.read()

    with pytest.raises(Unreachable, match="did not answer: TimeoutError"):
        read_from(hang, seconds=0.2)


LINE = REQUESTS.encode() + b'{status="2xx"} 1\n'
HOSTILE = {
    "endless": page(b"# " + b"x" * (MOST_BYTES + 1)),
    "too many lines": page(LINE * (MOST_LINES + 1)),
    "a long line": page(LINE[:-1] + b" " * LONGEST_LINE + b"\n"),
    "no number": page(REQUESTS.encode() + b'{status="2xx"} many\n'),
    "no label": page(REQUESTS.encode() + b'{ "} 1\n'),
    "a number without end": page(LINE[:-1] + b"9" * 400 + b"\n"),
    "elsewhere": page(b"", head=b"302 Found", headers=b"Location: http://127.0.0.1:1/\r\n"),
    "not found": page(LINE, head=b"404 Not Found"),
    "no HTTP": page(b"", head=b"nonsense"),
}


@pytest.mark.parametrize("serve", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_page_of_ours_is_refused(serve: Serve) -> None:
    """It is one pod that tells nothing, and never an error of the operator."""
    with pytest.raises(Unreachable):
        read_from(serve)


def test_other_lines_do_no_harm() -> None:
    """Whatever else stands on the page, however long."""
    samples = read_from(page(b"other{ 1\n" + b"y" * 2 * LONGEST_LINE + b"\n" + LINE + b"\xff\n"))

    assert [one.value for one in samples] == [1.0]
