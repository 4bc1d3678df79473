"""Copies of requests, between two servers on real sockets: a stable one and a candidate."""

from __future__ import annotations

import http.client
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from leadsman_serving.plans import step
from leadsman_serving.settings import Settings
from support.event_sink import hanging_sink, nobody
from support.serving_process import DEADLINE_SECONDS, Answer, ServingProcess
from support.waiting import eventually

BODY = '{"features": {"a": 0.5, "b": 1.0, "c": -1.0}, "probabilities": true}'
USUAL = '{"features": {"a": 0.5, "b": 1.0, "c": -1.0}}'
KEY = "a-key"
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def planned(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model with its plan, from which servers start quickly."""
    folder = tmp_path_factory.mktemp("planned")
    shutil.copytree(models / "skops", folder / "model")
    assert step.run(Settings(model_dir=str(folder))) == 0
    return folder


def server(folder: Path, stable: str, **variables: str) -> ServingProcess:
    """A server with a port for copies."""
    return ServingProcess(
        LEADSMAN_MODEL_DIR=str(folder),
        LEADSMAN_MODEL_NAME="churn",
        LEADSMAN_MODEL_VERSION="7",
        LEADSMAN_STABLE_ADDRESS=stable,
        LEADSMAN_PORT_COPIES="0",
        LEADSMAN_GRPC="false",
        LEADSMAN_DRAIN_SECONDS="0",
        **variables,
    )


def copies_port(process: ServingProcess) -> int:
    """Where copies come."""
    (started,) = [line for line in process.log if line["message"].startswith("Serving")]
    return int(started["port_copies"])


def copy(process: ServingProcess, body: str = BODY, **headers: str) -> Answer:
    """What a gateway sends beside the request itself."""
    headers = {"content-type": "application/json", **headers}
    return process.ask("POST", "/predict", copies_port(process), body, headers)


def metric(process: ServingProcess, line: str) -> float:
    """A number of the side port."""
    (found,) = [
        one for one in process.get("/metrics").text.splitlines() if one.startswith(f"{line} ")
    ]
    return float(found.rpartition(" ")[2])


def compared(process: ServingProcess, result: str) -> float:
    """Copies of which this came."""
    return metric(process, f'leadsman_copies_total{{result="{result}"}}')


def answered(process: ServingProcess) -> float:
    """Requests that count as evidence."""
    return metric(process, 'leadsman_requests_total{status="2xx"}')


def eventually_compared(process: ServingProcess, **results: int) -> None:
    """Wait until so many copies were compared, and no others."""
    wanted = dict.fromkeys(("Same", "Different", "Alone", "Dropped"), 0) | results
    eventually(
        lambda: {one: compared(process, one) for one in wanted} == wanted,
        within_seconds=30,
        what=f"{wanted}; {process.get('/metrics').text}",
    )


@pytest.fixture(scope="module")
def stable(planned: Path) -> Iterator[ServingProcess]:
    """The stable revision, which is asked for comparison alone."""
    with server(planned, nobody()) as process:
        yield process


def address(process: ServingProcess) -> str:
    """Where a candidate asks it."""
    return f"http://127.0.0.1:{copies_port(process)}"


@pytest.mark.parametrize("body", [BODY, USUAL], ids=["any", "usual"])
@pytest.mark.parametrize("quick", ["false", "true"])
def test_a_candidate_that_answers_alike_agrees(
    planned: Path, stable: ServingProcess, quick: str, body: str
) -> None:
    """Every copy is answered and counted, and the stable revision counts none of it."""
    before = answered(stable)
    with server(planned, address(stable), LEADSMAN_QUICK=quick) as candidate:
        answers = [copy(candidate, body, **{"x-request-id": f"r-{number}"}) for number in range(20)]
        eventually_compared(candidate, Same=20)
        assert answered(candidate) == 20

    assert {answer.status for answer in answers} == {200}
    assert answers[0].headers["x-request-id"] == "r-0"
    assert answers[0].body["version"] == "7"
    assert answered(stable) == before
    assert compared(stable, "Alone") == 0, "who compares is not compared"


def test_a_candidate_that_answers_differently_disagrees(
    models: Path, tmp_path: Path, stable: ServingProcess
) -> None:
    """By what it says, however well it says it."""
    shutil.copytree(models / "onnx", tmp_path / "model")
    rows = '{"rows": [[0.5, 1.0, -1.0]]}'
    with server(tmp_path, address(stable)) as candidate:
        one, other = copy(candidate, body=rows), stable.post("/predict", rows)
        eventually_compared(candidate, Different=1)

    assert one.status == other.status == 200
    assert one.body["predictions"] != other.body["predictions"]


def test_live_requests_are_not_compared(planned: Path, stable: ServingProcess) -> None:
    """The port tells what is a copy, and no header that a client may send."""
    with server(planned, address(stable)) as candidate:
        candidate.post(
            "/predict", BODY, **{"content-type": "application/json", "x-leadsman-comparison": "1"}
        )
        assert answered(candidate) == 1
        copy(candidate)
        eventually_compared(candidate, Same=1)


def test_what_is_not_answered_well_is_no_pair(planned: Path, stable: ServingProcess) -> None:
    """Errors of either are judged as errors."""
    with server(planned, address(stable)) as candidate:
        assert copy(candidate, body='{"features": {"a": 1}}').status == 422
        assert candidate.get("/version", port=copies_port(candidate)).status == 200
        copy(candidate)
        eventually_compared(candidate, Same=1)


@pytest.mark.parametrize("is_there", [False, True], ids=["nobody", "one that hangs"])
def test_without_a_stable_revision_copies_are_answered(planned: Path, *, is_there: bool) -> None:
    """Nothing waits for it, however long it takes."""
    with (
        hanging_sink() as hanging,
        server(planned, hanging if is_there else nobody()) as candidate,
    ):
        for _ in range(100):
            assert copy(candidate).status == 200
        if not is_there:
            eventually_compared(candidate, Alone=100)
        else:
            eventually(
                lambda: compared(candidate, "Dropped") >= 30,
                within_seconds=30,
                what="what has no room to wait is dropped",
            )
        assert answered(candidate) == 100


def test_a_stable_revision_that_closes_connections_is_asked_anew(planned: Path) -> None:
    """It asks its clients to come again, so that they find its new pods."""
    age = json.dumps({"maxConnectionAge": "1ms"})
    with (
        server(planned, nobody(), LEADSMAN_LIMITS=age) as old,
        server(planned, address(old)) as candidate,
    ):
        for _ in range(10):
            copy(candidate)
        eventually_compared(candidate, Same=10)


def test_keys_and_rates_of_the_stable_revision_are_for_its_clients(
    planned: Path, tmp_path: Path
) -> None:
    """A copy shows the key of its client; comparing takes none of the rate."""
    (tmp_path / "ada").write_text(KEY)
    limits = json.dumps({"rateLimit": {"requestsPerSecond": 0.001, "burst": 1}})
    keys = {"LEADSMAN_API_KEYS_DIR": str(tmp_path)}
    with (
        server(planned, nobody(), LEADSMAN_LIMITS=limits, **keys) as limited,
        server(planned, address(limited), **keys) as candidate,
    ):
        assert copy(candidate).status == 401
        for _ in range(5):
            assert copy(candidate, **{"x-api-key": KEY}).status == 200
        eventually_compared(candidate, Same=5)
        live = limited.post("/predict", BODY, **{"x-api-key": KEY})
        assert live.status == 200, "its one token is there still"


def test_of_the_copies_a_share_is_answered(planned: Path, stable: ServingProcess) -> None:
    """The others are taken and forgotten; a gateway that copies all need not know."""
    shadow = json.dumps({"percent": 25})
    with server(planned, address(stable), LEADSMAN_SHADOW=shadow) as candidate:
        answers = [
            copy(candidate, USUAL, **{"x-request-id": f"r-{number}"}) for number in range(200)
        ]
        taken = sum(answer.status == 200 for answer in answers)
        assert {answer.status for answer in answers} == {200, 204}
        assert 25 <= taken <= 75, taken
        assert answered(candidate) == taken
        eventually_compared(candidate, Same=taken)


def test_dropped_copies_keep_their_connection(planned: Path, stable: ServingProcess) -> None:
    """A gateway has one open for many of them."""
    shadow = json.dumps({"percent": 1})
    with server(planned, address(stable), LEADSMAN_SHADOW=shadow) as candidate:
        connection = http.client.HTTPConnection(
            "127.0.0.1", copies_port(candidate), timeout=DEADLINE_SECONDS
        )
        statuses = []
        for number in range(50):
            connection.request("POST", "/predict", BODY, {"x-request-id": f"kept-{number}"})
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        connection.close()
    assert statuses.count(204) >= 45, statuses


def test_without_an_address_there_is_no_such_port(planned: Path) -> None:
    """Outside of a rollout nothing is listened to that nobody needs."""
    with server(planned, "") as alone:
        (started,) = [line for line in alone.log if line["message"].startswith("Serving")]
        assert "port_copies" not in started
