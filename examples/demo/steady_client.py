"""A client that asks a model for predictions at a steady rate and counts every answer.

It runs in the cluster, as any client would, and asks by the Service's name. Some of its requests
open a connection of their own, the others take turns on connections that stay open, each of which
waits for its answer before it asks again. Nothing is tried again: each request that is not answered
as it should be counts as failed.

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
from collections.abc import Mapping
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

    @property
    def fresh_rate(self) -> float:
        """Requests a second that open a connection of their own."""
        return self.rate * self.fresh

    @property
    def kept_rate(self) -> float:
        """Requests a second on one connection that stays open."""
        return self.rate * (1 - self.fresh) / self.kept if self.kept else 0.0

    def body(self, number: int) -> bytes:
        """What the request of a number asks."""
        return self.bodies[number % len(self.bodies)]


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


async def ask_anew(task: Task, tally: Tally, stop: asyncio.Event) -> None:
    """Ask at the rate on connections of their own, whatever becomes of those before."""
    none_kept = httpx.Limits(max_connections=200, max_keepalive_connections=0)
    began = time.monotonic()
    async with (
        httpx.AsyncClient(timeout=TIMEOUT_SECONDS, limits=none_kept) as client,
        asyncio.TaskGroup() as asked,
    ):
        for number in itertools.count():
            await asyncio.sleep(began + number / task.fresh_rate - time.monotonic())
            if stop.is_set():
                return
            asked.create_task(ask(client, task.url, task.body(number), tally, keep=False))


async def keep_asking(
    client: httpx.AsyncClient, place: int, task: Task, tally: Tally, stop: asyncio.Event
) -> None:
    """Ask on one connection, in its turn; an answer that is late puts off the next request."""
    every = 1 / task.kept_rate
    due = time.monotonic() + every * place / task.kept
    for number in itertools.count(place, task.kept):
        await asyncio.sleep(due - time.monotonic())
        if stop.is_set():
            return
        await ask(client, task.url, task.body(number), tally, keep=True)
        due = max(due + every, time.monotonic())


async def send(task: Task, tally: Tally, stop: asyncio.Event) -> None:
    """Send until told to stop, and until every request is decided."""
    # The certificates are read once: each client would for itself.
    shared = ssl.create_default_context()
    # One connection each, because a client with many would use few of them.
    one = httpx.Limits(max_connections=1)
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as sending:
        for place in range(task.kept if task.kept_rate else 0):
            client = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, limits=one, verify=shared)
            await stack.enter_async_context(client)
            sending.create_task(keep_asking(client, place, task, tally, stop))
        if task.fresh_rate:
            sending.create_task(ask_anew(task, tally, stop))


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
