"""A client that asks a model for predictions at a steady rate and counts every answer.

It runs in the cluster, as any client would, and asks by the Service's name. Some of its requests
open a connection of their own, the others take turns on connections that stay open. Nothing is
tried again: each request that is not answered as it should be counts as failed.

Environment: URL (of the model's Service), RATE (requests a second), BODIES (a file with one JSON
body a line), KEPT (connections that stay open, 10 when not set), FRESH (share of the requests that
open one of their own, 0.5 when not set). Once a second it prints what it has counted since it
began, as one JSON line.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import ssl
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx

REPORT_SECONDS = 1.0
TIMEOUT_SECONDS = 10.0
KEPT_FAILURES = 20
VERSION_HEADER = "x-model-version"
CONNECTED = "connection.connect_tcp.complete"


@dataclass(frozen=True)
class Task:
    """What is asked, and how."""

    url: str
    rate: float
    """Requests a second."""
    bodies: list[bytes]
    """Sent in turn."""
    kept: int
    """Connections that stay open."""
    fresh: float
    """Share of the requests that open a connection of their own."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Task:
        """What the pod was told."""
        return cls(
            url=environment["URL"],
            rate=float(environment["RATE"]),
            bodies=Path(environment["BODIES"]).read_bytes().splitlines(),
            kept=int(environment.get("KEPT", "10")),
            fresh=float(environment.get("FRESH", "0.5")),
        )

    def is_fresh(self, number: int) -> bool:
        """Whether a request opens a connection of its own: evenly spread by their numbers."""
        return int((number + 1) * self.fresh) > int(number * self.fresh)


class Tally:
    """What was counted since the client began."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.sent = self.answered = 0
        self.failed: Counter[str] = Counter()
        self.versions: Counter[str] = Counter()
        self.failed_by_version: Counter[str] = Counter()
        self.failures: list[dict[str, object]] = []
        self.opened = self.closed = 0
        self.slowest = 0.0

    def good(self, version: str, seconds: float) -> None:
        """Count an answer with a prediction."""
        self.answered += 1
        self.versions[version] += 1
        self.slowest = max(self.slowest, seconds)

    def bad(self, kind: str, version: str, detail: str) -> None:
        """Count a request without one."""
        self.failed[kind] += 1
        self.failed_by_version[version] += 1
        self.failures = [
            *self.failures[1 - KEPT_FAILURES :],
            {"at": time.time(), "kind": kind, "version": version, "detail": detail[:200]},
        ]

    async def happened(self, event: str, _details: Mapping[str, object]) -> None:
        """Count the connections that are to stay open."""
        if event == CONNECTED:
            self.opened += 1

    def line(self) -> str:
        """All of it as one line; `slowest` is that of the time since the last line.

        `opened` are connections that were to stay open, `closed` the answers on them that said
        that it is the last: one that was cut is opened anew without such an answer.
        """
        text = json.dumps(
            {
                "at": time.time(),
                "sent": self.sent,
                "answered": self.answered,
                "failed": dict(self.failed),
                "versions": dict(self.versions),
                "failed_by_version": dict(self.failed_by_version),
                "opened": self.opened,
                "closed": self.closed,
                "slowest_ms": round(1000 * self.slowest, 1),
                "failures": self.failures,
            }
        )
        self.slowest = 0.0
        return text


def cause(error: BaseException) -> str:
    """What the system said: the client's own words only say that there was no connection."""
    deepest = error
    while (below := deepest.__cause__ or deepest.__context__) is not None:
        deepest = below
    return repr(deepest)


async def ask(
    client: httpx.AsyncClient, url: str, body: bytes, tally: Tally, *, keep: bool
) -> None:
    """Send one request and count what became of it."""
    tally.sent += 1
    began = time.monotonic()
    headers = {"content-type": "application/json"}
    try:
        if keep:
            traced = {"trace": tally.happened}
            response = await client.post(url, content=body, headers=headers, extensions=traced)
            tally.closed += response.headers.get("connection") == "close"
        else:
            response = await client.post(
                url, content=body, headers={**headers, "connection": "close"}
            )
    except httpx.HTTPError as error:
        tally.bad(type(error).__name__, "none", cause(error))
        return
    version = response.headers.get(VERSION_HEADER, "unknown")
    if response.status_code == httpx.codes.OK and "prediction" in response.text:
        tally.good(version, time.monotonic() - began)
    else:
        tally.bad(str(response.status_code), version, response.text)


async def clients(stack: AsyncExitStack, connections: int) -> list[httpx.AsyncClient]:
    """So many clients with one connection each: one with many would use few of them."""
    # The certificates are read once: each client would for itself.
    shared = ssl.create_default_context()
    one = httpx.Limits(max_connections=1)
    return [
        await stack.enter_async_context(
            httpx.AsyncClient(timeout=TIMEOUT_SECONDS, limits=one, verify=shared)
        )
        for _ in range(connections)
    ]


async def send(task: Task, tally: Tally, stop: asyncio.Event) -> None:
    """Send at the rate until told to stop, then wait for the answers that are still out."""
    out: set[asyncio.Task[None]] = set()
    async with AsyncExitStack() as stack:
        kept = itertools.cycle(await clients(stack, task.kept))
        none_kept = httpx.Limits(max_connections=200, max_keepalive_connections=0)
        fresh = await stack.enter_async_context(
            httpx.AsyncClient(timeout=TIMEOUT_SECONDS, limits=none_kept)
        )
        async for number in steady(task.rate, stop):
            is_fresh = task.is_fresh(number)
            client = fresh if is_fresh else next(kept)
            body = task.bodies[number % len(task.bodies)]
            asked = asyncio.create_task(ask(client, task.url, body, tally, keep=not is_fresh))
            out.add(asked)
            asked.add_done_callback(out.discard)
        if out:
            await asyncio.wait(out, timeout=TIMEOUT_SECONDS)


async def steady(rate: float, stop: asyncio.Event) -> AsyncIterator[int]:
    """The numbers of the requests, each when it is due."""
    began = time.monotonic()
    for number in itertools.count():
        wait = began + number / rate - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        if stop.is_set():
            return
        yield number


async def report(tally: Tally, stop: asyncio.Event) -> None:
    """Print what was counted, once a second."""
    while not stop.is_set():
        await asyncio.sleep(REPORT_SECONDS)
        sys.stdout.write(tally.line() + "\n")
        sys.stdout.flush()


async def main(task: Task) -> None:
    """Ask until SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tally = Tally()
    reporting = asyncio.create_task(report(tally, stop))
    await send(task, tally, stop)
    await reporting
    sys.stdout.write(tally.line() + "\n")


if __name__ == "__main__":
    asyncio.run(main(Task.from_environment(os.environ)))
