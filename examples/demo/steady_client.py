"""A client that asks a model for predictions at a steady rate and counts every answer.

It runs in the cluster, as any client would, and asks by the Service's name. Half of its requests
open a connection of their own, half go over connections that stay open. Nothing is tried again:
each request that is not answered as it should be counts as failed.

Environment: URL (of the model's Service), RATE (requests a second), BODIES (a file with one JSON
body a line). Once a second it prints what it has counted since it began, as one JSON line.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import httpx

REPORT_SECONDS = 1.0
TIMEOUT_SECONDS = 10.0
KEPT_FAILURES = 20
VERSION_HEADER = "x-model-version"


class Tally:
    """What was counted since the client began."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.sent = self.answered = 0
        self.failed: Counter[str] = Counter()
        self.versions: Counter[str] = Counter()
        self.failed_by_version: Counter[str] = Counter()
        self.failures: list[dict[str, object]] = []
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

    def line(self) -> str:
        """All of it as one line; `slowest` is that of the time since the last line."""
        text = json.dumps(
            {
                "at": time.time(),
                "sent": self.sent,
                "answered": self.answered,
                "failed": dict(self.failed),
                "versions": dict(self.versions),
                "failed_by_version": dict(self.failed_by_version),
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
            response = await client.post(url, content=body, headers=headers)
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


async def send(
    url: str, rate: float, bodies: list[bytes], tally: Tally, stop: asyncio.Event
) -> None:
    """Send at the rate until told to stop, then wait for the answers that are still out."""
    open_connections = httpx.Limits(max_connections=200, max_keepalive_connections=10)
    out: set[asyncio.Task[None]] = set()
    async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, limits=open_connections) as client:
        began = time.monotonic()
        for number in itertools.count():
            wait = began + number / rate - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            if stop.is_set():
                break
            body = bodies[number % len(bodies)]
            task = asyncio.create_task(ask(client, url, body, tally, keep=number % 2 == 0))
            out.add(task)
            task.add_done_callback(out.discard)
        if out:
            await asyncio.wait(out, timeout=TIMEOUT_SECONDS)


async def report(tally: Tally, stop: asyncio.Event) -> None:
    """Print what was counted, once a second."""
    while not stop.is_set():
        await asyncio.sleep(REPORT_SECONDS)
        sys.stdout.write(tally.line() + "\n")
        sys.stdout.flush()


async def main(url: str, rate: float, bodies: list[bytes]) -> None:
    """Ask until SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tally = Tally()
    reporting = asyncio.create_task(report(tally, stop))
    await send(url, rate, bodies, tally, stop)
    await reporting
    sys.stdout.write(tally.line() + "\n")


if __name__ == "__main__":
    lines = Path(os.environ["BODIES"]).read_bytes().splitlines()
    asyncio.run(main(os.environ["URL"], float(os.environ["RATE"]), lines))
