"""What is counted of requests that the model never answers: a rollout is judged by these counts."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from leadsman_api.v1alpha1.serving import Limits
from leadsman_serving.admission import Admission
from leadsman_serving.app import create_app
from leadsman_serving.cost import Cost
from leadsman_serving.inference import Inference
from leadsman_serving.settings import Settings
from leadsman_serving.telemetry import RequestMetrics
from support.pretended_models import SumOfRow, pretended
from support.serving_models import ask

PATIENCE = 30.0
BODY = json.dumps({"features": {"a": 1.0, "b": 2.0}}).encode()
JSON = {"content-type": "application/json"}


@dataclass
class Hanging:
    """A server of a model that has begun well, and answers nobody before it is let go."""

    begins: threading.Event = field(default_factory=threading.Event)
    goes_on: threading.Event = field(default_factory=threading.Event)
    begun: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        """With a limit of 50 ms for an answer."""
        settings = Settings(limits=Limits(timeout="50ms"))
        metrics = RequestMetrics(self.registry)
        model = pretended(SumOfRow(before=self._hang))
        inference = Inference(model, settings, Admission(None, None), metrics)
        # Slow enough for a thread, as what can hang is.
        inference.worker.expect(Cost(0.0, 0.01))
        self.app = create_app(settings, inference=inference, metrics=metrics)
        self.begins.set()

    def _hang(self) -> None:
        if self.begins.is_set():
            self.begun.release()
            assert self.goes_on.wait(PATIENCE)

    def count(self, line: str) -> float:
        """A metric's value, by its name and labels."""
        text = generate_latest(self.registry).decode()
        (found,) = [one for one in text.splitlines() if one.startswith(f"{line} ")]
        return float(found.rpartition(" ")[2])


@pytest.fixture
def server() -> Iterator[Hanging]:
    """Its thread ends with the test."""
    hanging = Hanging()
    yield hanging
    hanging.goes_on.set()


def test_a_request_without_an_end_is_a_failed_and_a_slow_one(server: Hanging) -> None:
    """The server's own limit ends it; who comes next is refused, which is an error as well."""
    assert ask(server.app, "POST", "/predict", BODY, **JSON).status_code == 504
    assert server.begun.acquire(timeout=PATIENCE)
    assert server.count('leadsman_requests_total{status="5xx"}') == 1
    assert server.count('leadsman_request_seconds_bucket{le="0.025"}') == 0
    assert server.count('leadsman_request_seconds_bucket{le="+Inf"}') == 1
    assert ask(server.app, "POST", "/predict", BODY, **JSON).status_code in (503, 504)
    assert server.count('leadsman_requests_total{status="5xx"}') == 2


def test_a_client_that_gives_up_is_counted_for_as_long_as_it_waited(server: Hanging) -> None:
    """No error, for it is the client that ended it; but none that is missing from the times."""

    async def leave(read: list[dict[str, Any]]) -> dict[str, Any]:
        if read:
            return read.pop()
        assert await asyncio.to_thread(server.begun.acquire, timeout=PATIENCE)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        raise AssertionError(f"nobody is there to be told {message}")

    scope = {
        "type": "http", "method": "POST", "path": "/predict", "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"x-request-timeout", b"30")],
    }  # fmt: skip
    read = [{"type": "http.request", "body": BODY, "more_body": False}]
    asyncio.run(server.app(scope, lambda: leave(read), send))
    assert server.count('leadsman_requests_total{status="4xx"}') == 1
    assert server.count('leadsman_requests_total{status="5xx"}') == 0
    assert server.count('leadsman_request_seconds_bucket{le="+Inf"}') == 1
