"""The metrics pages of serving pods over HTTP, as `PodPages`.

What a pod says is not trusted further than it must be: it runs a model of somebody's. A page is
read up to a size and within a time, redirects are not followed, and only the few lines that are
asked for are parsed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import httpx
from prometheus_client.parser import text_string_to_metric_families

from leadsman_api.ports import METRICS_PATH, Port
from leadsman_api.reasons import Reason
from leadsman_operator.errors import Unreachable
from leadsman_operator.facts import Sample

MOST_BYTES = 8 * 2**20
"""Of a page: room for the profiles of some thousand features, beside what is asked for."""
MOST_LINES = 1000
"""Of those that are parsed; ours are some dozens."""
LONGEST_LINE = 4096
DEADLINE_SECONDS = 3.0
"""For a whole page, so that pods that hang hold no rollout up."""

_HEADERS = {"Accept": "text/plain; version=0.0.4", "Accept-Encoding": "identity"}
"""A packed page could be far larger than it looks."""
_NOT_A_PAGE = (ValueError, LookupError, ArithmeticError)
"""What the parser raises for what is no page."""


@asynccontextmanager
async def pod_client() -> AsyncIterator[httpx.AsyncClient]:
    """A client for pods: as many at once as there are, and through no proxy."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(limits=limits, trust_env=False) as client:
        yield client


@dataclass(frozen=True, slots=True)
class HttpPodPages:
    """Pages at the side port of pods."""

    client: httpx.AsyncClient
    port: int = Port.SERVING_SIDE
    deadline_seconds: float = DEADLINE_SECONDS

    async def samples(self, ip: str, names: Collection[str], at: datetime) -> Sequence[Sample]:
        """The samples of a page that have one of the names.

        Format: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
        """
        url = httpx.URL(scheme="http", host=ip, port=self.port, path=METRICS_PATH)
        try:
            async with asyncio.timeout(self.deadline_seconds):
                page = await self._page(url)
        except (httpx.HTTPError, TimeoutError) as error:
            said = f"{type(error).__name__} {error}".strip()
            raise _unreachable(f"{url} did not answer: {said}") from error
        try:
            return list(_samples(page, names, at))
        except _NOT_A_PAGE as error:
            raise _unreachable(f"what {url} answers is no page of metrics") from error

    async def _page(self, url: httpx.URL) -> str:
        page = bytearray()
        async with self.client.stream("GET", url, headers=_HEADERS, timeout=None) as answer:
            if answer.status_code != httpx.codes.OK:
                raise _unreachable(f"{url} answered {answer.status_code}")
            async for part in answer.aiter_raw():
                page += part
                if len(page) > MOST_BYTES:
                    raise _unreachable(f"the page of {url} has more than {MOST_BYTES} bytes")
        return page.decode(errors="replace")


def _unreachable(message: str) -> Unreachable:
    return Unreachable(Reason.METRICS_UNREACHABLE, message)


def _samples(page: str, names: Collection[str], at: datetime) -> Iterator[Sample]:
    lines = [line for line in page.split("\n") if line.startswith(tuple(names))]
    if len(lines) > MOST_LINES or any(len(line) > LONGEST_LINE for line in lines):
        raise ValueError("so much is no page of ours")
    for family in text_string_to_metric_families("\n".join(lines)):
        for sample in family.samples:
            if sample.name in names:
                labels = {**sample.labels, "__name__": sample.name}
                yield Sample(labels, float(sample.value), at)
