"""The serving runtime as the kubelet and clients see it: a real process, real sockets."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator

import pytest

from support.serving_process import Answer, ServingProcess
from support.waiting import eventually

BODY = b'{"features": [1.0, 2.0]}'
HEAD = (
    b"POST /predict HTTP/1.1\r\nhost: model\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n" % len(BODY)
)
FOREVER = "3600"


@pytest.fixture(scope="module")
def running() -> Iterator[ServingProcess]:
    """A server that tests only ask."""
    with ServingProcess(LEADSMAN_GIT_COMMIT="abc") as process:
        yield process


def begin_request(process: ServingProcess) -> socket.socket:
    """Send a request without the end of its body: it stays open."""
    connection = process.connect()
    connection.sendall(HEAD + BODY[:10])
    in_flight = "leadsman_requests_in_flight 1.0"
    eventually(
        lambda: in_flight in process.get("/metrics").text,
        within_seconds=30,
        what="the request is in flight",
    )
    return connection


def finish_request(connection: socket.socket) -> Answer:
    """Send the rest of the body and read the answer."""
    connection.sendall(BODY[10:])
    response = http.client.HTTPResponse(connection)
    response.begin()
    return Answer(response)


def test_a_server_without_a_model_lives_but_is_not_ready(running: ServingProcess) -> None:
    """Probes of either port tell the same, and why there is no traffic to be sent."""
    for port in (running.side_port, running.port):
        live = running.get("/health/live", port=port)
        ready = running.get("/health/ready", port=port)

        assert (live.status, live.body) == (200, {"status": "Live"})
        assert ready.status == 503
        assert (ready.body["status"], ready.body["reason"]) == ("NotReady", "NoModel")


def test_predictions_are_refused_without_a_model(running: ServingProcess) -> None:
    """A client learns that there is no model, under the request id that it gave."""
    answer = running.post("/predict", BODY.decode(), **{"x-request-id": "abc-1"})

    assert answer.status == 503
    assert (answer.body["code"], answer.body["request_id"]) == ("NoModel", "abc-1")
    assert answer.headers["x-request-id"] == "abc-1"
    assert "connection" not in answer.headers


def test_metrics_are_on_the_side_port_only(running: ServingProcess) -> None:
    """Prometheus reads the process, the build and the load; clients can't."""
    answer = running.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert 'leadsman_build_info{component="serving",git_commit="abc"' in answer.text
    assert "process_resident_memory_bytes" in answer.text
    assert "leadsman_loop_lag_seconds" in answer.text
    assert running.get("/metrics", port=running.port).status == 404


def test_the_documentation_is_there_when_somebody_asks_for_it(running: ServingProcess) -> None:
    """Its framework is loaded then, and once: the server became ready without it."""
    page = running.get("/docs", port=running.port)
    described = running.get("/openapi.json", port=running.port)

    assert (page.status, described.status) == (200, 200)
    assert "swagger" in page.text
    assert {"/predict", "/version", "/health/live"} <= set(described.body["paths"])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/predict", 404),
        ("POST", "/metrics", 405),
    ],
)
def test_the_side_port_answers_nothing_else(
    running: ServingProcess, method: str, path: str, status: int
) -> None:
    """Who asks the wrong port or in the wrong way is told so."""
    assert running.ask(method, path, running.side_port).status == status


def test_draining_goes_on_accepting_while_readiness_is_off() -> None:
    """Until load balancers have noticed, requests still come, and each is answered."""
    with ServingProcess(LEADSMAN_DRAIN_SECONDS=FOREVER) as process:
        opened_before = begin_request(process)
        process.terminate()
        process.wait_for_line("Draining")

        ready, live = process.get("/health/ready"), process.get("/health/live")
        new = process.post("/predict", BODY.decode())
        old = finish_request(opened_before)
        opened_before.close()
        process.terminate()

        assert (ready.status, ready.body["reason"], live.status) == (503, "Draining", 200)
        assert (new.status, new.headers["connection"]) == (503, "close")
        assert (old.status, old.headers["connection"]) == (503, "close")
        assert process.wait_for_exit() == 0


def test_open_requests_are_answered_after_the_port_closed() -> None:
    """The port closes first, the process ends only after the last answer."""
    with ServingProcess(LEADSMAN_DRAIN_SECONDS="0", LEADSMAN_FINISH_SECONDS=FOREVER) as process:
        connection = begin_request(process)
        process.terminate()
        process.wait_for_line("Closing the port")
        eventually(
            lambda: not process.accepts_connections(), within_seconds=30, what="the port is closed"
        )

        assert process.runs
        assert process.get("/health/live").status == 200
        assert finish_request(connection).body["code"] == "NoModel"
        assert process.wait_for_exit() == 0
        connection.close()


def test_a_request_that_never_ends_is_cut() -> None:
    """A client that hangs can't keep the process, and the log counts what was cut."""
    with ServingProcess(LEADSMAN_DRAIN_SECONDS="0", LEADSMAN_FINISH_SECONDS="0") as process:
        connection = begin_request(process)
        process.terminate()

        assert process.wait_for_exit() == 0
        assert any("Cancel 1 running task" in entry["message"] for entry in process.log)
        connection.close()


def test_idle_connections_do_not_delay_the_end() -> None:
    """A kept connection without a request is closed with the port."""
    with ServingProcess(LEADSMAN_DRAIN_SECONDS="0", LEADSMAN_FINISH_SECONDS=FOREVER) as process:
        connection = http.client.HTTPConnection("127.0.0.1", process.port)
        connection.request("GET", "/health/live")
        connection.getresponse().read()
        process.terminate()

        assert process.wait_for_exit() == 0
        connection.close()


def test_every_log_line_is_a_json_object_with_time_and_level() -> None:
    """Start and end are told in a form that a log store understands."""
    with ServingProcess(LEADSMAN_DRAIN_SECONDS="0") as process:
        process.wait_for_line("Answering calls of gRPC")
        process.terminate()
        process.wait_for_exit()

        assert [entry["message"].split(":")[0] for entry in process.log] == [
            "Imported.",
            "Serving without a model",
            "Answering calls of gRPC.",
            "Draining",
            "Closing the port.",
            "Ended.",
        ]
        assert all({"time", "level", "logger"} <= set(entry) for entry in process.log)


def test_a_wrong_setting_ends_the_process_and_is_named() -> None:
    """Nothing is served with settings that nobody meant."""
    process = ServingProcess(LEADSMAN_DRAIN_SECONDS="soon", LEADSMAN_PORT_HTTP="99999")

    assert process.wait_for_exit() == 2
    assert "LEADSMAN_DRAIN_SECONDS='soon'" in process.log[0]["message"]
    assert "LEADSMAN_PORT_HTTP='99999'" in process.log[0]["message"]
    process.close()


def test_a_port_in_use_ends_the_process_and_is_named() -> None:
    """The message names the port and the variable that moves it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = ServingProcess(LEADSMAN_PORT_HTTP=port)

        assert process.wait_for_exit() == 1
        assert port in process.log[-1]["message"]
        assert "LEADSMAN_PORT_HTTP" in process.log[-1]["message"]
        process.close()
