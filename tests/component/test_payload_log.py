"""The log of payloads: what a sink on a real socket gets, and what a bad one can't do."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from leadsman_serving.outbox.delivery import Delivery
from leadsman_serving.outbox.ring import Ring
from leadsman_serving.payloads.event import Exchange, Origin, Payload
from leadsman_serving.payloads.sink import HttpSink
from leadsman_serving.watch import PAYLOADS
from support.event_sink import EventSink, event_sink, hanging_sink, nobody
from support.serving_process import ServingProcess
from support.waiting import eventually

BODY = '{"features": {"a": 0.5, "b": 1.0, "c": -1.0}}'
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
JSON = {"content-type": "application/json"}
ORIGIN = Origin(model="churn", version="7", revision="r", host="h")
KEY = "a-key-that-nobody-may-read"
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def variables(models: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The settings of a server with a model."""
    folder = tmp_path_factory.mktemp("logged")
    shutil.copytree(models / "skops", folder / "model")
    return {
        "LEADSMAN_MODEL_DIR": str(folder),
        "LEADSMAN_MODEL_NAME": "churn",
        "LEADSMAN_MODEL_VERSION": "7",
        "LEADSMAN_REVISION": "churn-v7-abc",
        "LEADSMAN_DRAIN_SECONDS": "0",
    }


def payload_log(address: str, **fields: object) -> str:
    """The variable as the operator writes it; every request is logged."""
    return json.dumps({"sink": address, "sample": 1, **fields})


def metric(server: ServingProcess, line: str) -> float:
    """A number of the side port."""
    (found,) = [one for one in server.get("/metrics").text.splitlines() if one.startswith(line)]
    return float(found.rpartition(" ")[2])


@pytest.mark.parametrize("quick", ["false", "true"])
def test_requests_and_answers_reach_the_sink(variables: dict[str, str], quick: str) -> None:
    """Both halves under the request's id, whichever way it went, and none of its secrets."""
    with (
        event_sink() as sink,
        ServingProcess(
            **variables, LEADSMAN_PAYLOAD_LOG=payload_log(sink.address), LEADSMAN_QUICK=quick
        ) as server,
    ):
        secrets = {"authorization": f"Bearer {KEY}", "x-api-key": KEY}
        traceparent = f"00-{TRACE}-00f067aa0ba902b7-00"
        known = server.post("/predict", BODY, **JSON, **secrets, **{"x-request-id": "abc"})
        made = server.post("/predict", BODY, **JSON, traceparent=traceparent)
        wrong = server.post("/invocations", '{"inputs": [[1, 2]]}', **JSON)
        eventually(lambda: len(sink.events) == 6, within_seconds=30, what="all have come")
        sent = metric(server, "leadsman_payload_events_sent_total")

    events = sink.events
    ids = [answer.headers["x-request-id"] for answer in (known, made, wrong)]
    assert [event["id"] for event in events] == [one for one in ids for _ in range(2)]
    assert ids[0] == "abc"
    assert events[0]["data"] == json.loads(BODY)
    assert events[1]["data"] == known.body
    assert [event.get("traceparent") for event in events[:4]] == [None] * 2 + [traceparent] * 2
    assert events[5]["httpstatus"] == wrong.status == 422
    assert sink.kinds == {"application/cloudevents-batch+json"}
    assert KEY.encode() not in b"".join(sink.bodies)
    assert sent == 6


def test_a_sample_is_chosen_by_ids(variables: dict[str, str]) -> None:
    """The same in each process: these of the first fifty, and the others not."""
    chosen = {"request-46"}
    log_of = payload_log
    with (
        event_sink() as sink,
        ServingProcess(
            **variables, LEADSMAN_PAYLOAD_LOG=log_of(sink.address, sample=0.01)
        ) as server,
    ):
        for number in range(50):
            server.post("/predict", BODY, **JSON, **{"x-request-id": f"request-{number}"})
        server.terminate()
        assert server.wait_for_exit() == 0

    assert {event["id"] for event in sink.events} == chosen


def test_what_waits_is_sent_before_the_process_ends(variables: dict[str, str]) -> None:
    """Also by a sink that fails at first: the end is not the end of its tries."""
    with (
        event_sink(500, 503, 429) as sink,
        ServingProcess(**variables, LEADSMAN_PAYLOAD_LOG=payload_log(sink.address)) as server,
    ):
        for _ in range(20):
            server.post("/predict", BODY, **JSON)
        server.terminate()

        assert server.wait_for_exit() == 0
        assert len(sink.events) == 40


@pytest.mark.parametrize("sink", [hanging_sink, None], ids=["hangs", "is not there"])
def test_a_bad_sink_delays_neither_answers_nor_the_end(
    variables: dict[str, str], sink: Callable[[], Iterator[str]] | None
) -> None:
    """Requests are answered as ever, and the process ends within the time for what waits."""
    begun = sink() if sink else None
    address = begun.__enter__() if begun else nobody()  # type: ignore[attr-defined]
    variables = {**variables, "LEADSMAN_FLUSH_SECONDS": "0.5"}
    with ServingProcess(**variables, LEADSMAN_PAYLOAD_LOG=payload_log(address)) as server:
        times = []
        for _ in range(100):
            began = time.perf_counter()
            assert server.post("/predict", BODY, **JSON).status == 200
            times.append(time.perf_counter() - began)
        server.terminate()
        began = time.perf_counter()
        assert server.wait_for_exit() == 0

        assert sorted(times)[90] < 0.5, "a post takes seconds"
        assert time.perf_counter() - began < 20
    if begun:
        begun.__exit__(None, None, None)  # type: ignore[attr-defined]


def exchange(number: int = 0) -> Exchange:
    """A small one."""
    nothing = Payload.of(b"{}", "application/json", 0.0, 10)
    return Exchange(str(number), "", "/predict", 200, nothing, nothing)


def outcomes(delivery: Delivery[Exchange]) -> dict[str, float]:
    """The counters, without those at zero."""
    samples = [sample for family in delivery.collect() for sample in family.samples]
    return {one.labels.get("reason", "sent"): one.value for one in samples if one.value}


def delivered(
    address: str, number: int = 1, ring: Ring[Exchange] | None = None
) -> dict[str, float]:
    """What becomes of so many exchanges, once the thread has ended."""
    delivery = Delivery(HttpSink(address, ORIGIN, 0.2), PAYLOADS, ring=ring)
    for one in range(number):
        delivery.offer(exchange(one))
    delivery.close()
    eventually(lambda: delivery.is_done, within_seconds=30, what="the thread has ended")
    return outcomes(delivery)


def test_a_sink_that_refuses_is_not_asked_again() -> None:
    """The same again would be refused as well; the next batch may be taken."""
    with event_sink(400) as sink:
        assert delivered(sink.address) == {"Refused": 2}
        assert sink.posts == 1


def test_tries_come_to_an_end() -> None:
    """Five of them, and then the events are dropped and counted."""
    with event_sink(*[503] * 5) as sink:
        assert delivered(sink.address) == {"Unreachable": 2}
        assert sink.posts == 5
    with hanging_sink() as address:
        assert delivered(address) == {"Unreachable": 2}
    assert delivered(nobody()) == {"Unreachable": 2}


def test_what_has_no_room_is_dropped_and_counted() -> None:
    """A sink that hangs does not make memory grow."""
    with hanging_sink() as address:
        found = delivered(address, 100, Ring(most=10))

    assert found["Full"] >= 2 * (100 - 10 - 64)
    assert sum(found.values()) == 200


def test_a_connection_that_the_sink_has_closed_is_opened_again() -> None:
    """As gateways close idle ones: nothing is lost by that."""
    with event_sink() as sink:
        http = HttpSink(sink.address, ORIGIN)
        delivery = Delivery(http, PAYLOADS)
        delivery.offer(exchange())
        eventually(lambda: sink.posts == 1, within_seconds=30, what="the first has come")
        assert http._connection is not None  # noqa: SLF001 - as a gateway would
        eventually(lambda: outcomes(delivery) == {"sent": 2}, within_seconds=30, what="counted")
        assert http._connection.sock is not None  # noqa: SLF001
        http._connection.sock.shutdown(2)  # noqa: SLF001
        delivery.offer(exchange())
        delivery.close()
        eventually(lambda: delivery.is_done, within_seconds=30, what="the thread has ended")

        assert outcomes(delivery) == {"sent": 4}


def test_the_sink_keeps_its_connection_and_its_query() -> None:
    """One post after the other reaches the same address."""
    sink: EventSink
    with event_sink() as sink:
        assert delivered(sink.address, 200) == {"sent": 400}
        assert [event["id"] for event in sink.events[::2]] == [str(one) for one in range(200)]
