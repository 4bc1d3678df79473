"""A model of which each call takes long, in a real process under many clients at once.

Times differ from machine to machine, so only ratios and conditions are looked at; what a call
takes is asked of the server itself.
"""

from __future__ import annotations

import http.client
import json
import re
import shutil
import statistics
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.serving_process import ServingProcess
from support.waiting import eventually

CLIENTS = 16
PATIENCE = 60.0
PROBED = ("/health/live", "/health/ready", "/metrics")
PARAMS = {"params": {"alone": 1}}
"""Whoever sends parameters is never joined with others."""


def row(number: int) -> dict[str, Any]:
    """One of many rows, each with an answer of its own."""
    return {"age": number % 60, "height": number / 10 - 3, "kind": "red", "new": number % 2 == 0}


@dataclass
class Slow:
    """A server of the slow model."""

    server: ServingProcess
    alone: dict[int, Any] = field(default_factory=dict)
    """Answers of requests that nobody was beside, by the number of the row."""

    def metric(self, line: str) -> float:
        """A metric's value, by its name and labels."""
        text = self.server.get("/metrics", port=self.server.side_port).text
        found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE)
        assert found, text
        return float(found[1])

    def call_seconds(self) -> float:
        """What one row takes, as the server knows it."""
        return sum(
            self.metric(f'leadsman_expected_seconds{{part="{part}"}}') for part in ("call", "row")
        )


@pytest.fixture(scope="module")
def slow(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slow]:
    """The process, with the answers of the first rows."""
    folder = tmp_path_factory.mktemp("slow")
    shutil.copytree(models / "slow", folder / "model")
    with ServingProcess(LEADSMAN_MODEL_DIR=str(folder), LEADSMAN_MODEL_NAME="slow") as server:
        found = Slow(server)
        for number in range(CLIENTS):
            answer = server.post("/predict", json.dumps({"features": row(number)}))
            assert answer.status == 200, answer.text
            found.alone[number] = answer.body["prediction"]
        yield found


@dataclass(frozen=True)
class Told:
    """An answer and how long it took."""

    status: int
    body: Any
    headers: Mapping[str, str]
    seconds: float


def converse(port: int, path: str, bodies: list[Any], headers: dict[str, str]) -> list[Told]:
    """Several requests, one after the other, over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    told = []
    for body in bodies:
        began = time.perf_counter()
        connection.request(
            "POST", path, json.dumps(body), {"content-type": "application/json", **headers}
        )
        answer = connection.getresponse()
        content = json.loads(answer.read())
        taken = time.perf_counter() - began
        told.append(Told(answer.status, content, dict(answer.headers), taken))
    connection.close()
    return told


def at_once(
    slow: Slow, path: str, bodies: list[list[Any]], headers: dict[str, str] | None = None
) -> list[list[Told]]:
    """A client for each list of bodies, all at the same time."""
    with ThreadPoolExecutor(len(bodies)) as clients:
        asked = [
            clients.submit(converse, slow.server.port, path, some, headers or {}) for some in bodies
        ]
        return [one.result() for one in asked]


def test_many_clients_are_answered_sooner_together(slow: Slow) -> None:
    """At least at twice the rate, and each with exactly what it gets alone."""
    records = [{"dataframe_records": [row(number)]} for number in range(CLIENTS)]
    began = time.perf_counter()
    apart = at_once(slow, "/invocations", [[{**one, **PARAMS}] * 3 for one in records])
    seconds_apart = time.perf_counter() - began
    calls = slow.metric("leadsman_call_seconds_count")
    began = time.perf_counter()
    together = at_once(slow, "/invocations", [[one] * 3 for one in records])
    seconds_together = time.perf_counter() - began
    calls = slow.metric("leadsman_call_seconds_count") - calls

    for found in (apart, together):
        for number, answers in enumerate(found):
            assert [one.body for one in answers] == [{"predictions": [slow.alone[number]]}] * 3
    assert calls <= CLIENTS * 3 / 2
    assert seconds_apart > 2 * seconds_together


def test_a_row_that_the_model_fails_for_fails_alone(slow: Slow) -> None:
    """A word that no encoder knows, and a body that is refused: all others get their answers."""
    strange = {"features": {**row(3), "kind": "a word that it does not know"}}
    unfit = {"features": {**row(3), "age": "old"}}
    bodies = [[{"features": row(number)}] * 3 for number in range(CLIENTS)]
    told = at_once(slow, "/predict", [[strange] * 3, *bodies, [unfit] * 3])
    assert {one.status for one in told[0]} == {500}
    assert {one.status for one in told[-1]} == {422}
    for number, answers in enumerate(told[1:-1]):
        assert [one.body.get("prediction") for one in answers] == [slow.alone[number]] * 3


def test_too_many_clients_are_refused_in_time_and_the_others_answered(slow: Slow) -> None:
    """503 with the time to wait, soon; who was let in is in time; probes and metrics answer."""
    patience = 8 * slow.call_seconds()
    headers = {"x-request-timeout": f"{patience:.4f}"}
    body = {"dataframe_records": [row(0)], **PARAMS}
    with ThreadPoolExecutor(1) as crowd:
        load = crowd.submit(at_once, slow, "/invocations", [[body] * 5] * 2 * CLIENTS, headers)
        probed: list[int] = []
        while not load.done():
            probed += [slow.server.get(path).status for path in PROBED]
        told = [one for some in load.result() for one in some]
    assert set(probed) == {200}
    by_status = {
        status: [one for one in told if one.status == status] for status in (200, 503, 504)
    }
    assert sum(map(len, by_status.values())) == len(told)
    assert by_status[200]
    assert by_status[503]
    # Were all let in, nearly all would be too late; a machine that slows down costs a few.
    assert len(by_status[504]) < len(told) / 4
    assert all(int(one.headers["retry-after"]) >= 1 for one in by_status[503])
    refused_in, answered_in = (
        statistics.median(one.seconds for one in by_status[status]) for status in (503, 200)
    )
    assert refused_in < answered_in
    eventually(
        lambda: slow.metric("leadsman_requests_waiting") == 0,
        within_seconds=PATIENCE,
        what="the queue is empty",
    )


def test_work_for_clients_that_left_is_not_begun(slow: Slow) -> None:
    """They are dropped from the queue and counted; the next client is answered."""
    body = json.dumps({"dataframe_records": [row(0)], **PARAMS}).encode()
    head = b"POST /invocations HTTP/1.1\r\nhost: model\r\ncontent-type: application/json\r\n"
    line = 'leadsman_requests_dropped_total{reason="ClientGone",state="waiting"}'
    before, calls = slow.metric(line), slow.metric("leadsman_call_seconds_count")
    leaving = [slow.server.connect() for _ in range(CLIENTS)]
    for one in leaving:
        one.sendall(head + b"content-length: %d\r\n\r\n" % len(body) + body)
    for one in leaving:
        one.close()
    eventually(
        lambda: slow.metric("leadsman_requests_waiting") == 0,
        within_seconds=PATIENCE,
        what="the queue is empty",
    )
    dropped, done = slow.metric(line) - before, slow.metric("leadsman_call_seconds_count") - calls
    assert dropped > 0
    assert dropped + done <= CLIENTS
    answer = slow.server.post("/predict", json.dumps({"features": row(1)}))
    assert answer.body["prediction"] == slow.alone[1]


def test_the_start_is_told_by_its_phases(slow: Slow) -> None:
    """Each took some time, and loading the most of a model that needs its library."""
    phases = [
        slow.metric(f'leadsman_startup_seconds{{phase="{phase}"}}')
        for phase in ("import", "load", "warm_up", "verify")
    ]
    assert all(seconds > 0 for seconds in phases)
