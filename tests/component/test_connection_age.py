"""Connections of clients that keep them: none pins its client to one pod for long."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator

import pytest

from leadsman_api.v1alpha1.serving import Limits
from support.serving_process import DEADLINE_SECONDS, ServingProcess

AGE_SECONDS = 1.0
REQUEST = b"GET /health/live HTTP/1.1\r\nhost: model\r\n\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[ServingProcess]:
    """A server whose connections end after a second."""
    with ServingProcess(LEADSMAN_LIMITS='{"maxConnectionAge": "1s"}') as process:
        yield process


def ask(connection: http.client.HTTPConnection) -> bool:
    """One request; whether the server goes on with the connection."""
    connection.request("GET", "/health/live")
    response = connection.getresponse()
    response.read()
    assert response.status == 200
    return response.headers.get("connection") != "close"


def test_by_default_new_pods_get_their_share_within_ten_seconds() -> None:
    """The age and its spread together are less than that."""
    assert Limits().max_connection_age.total_seconds() * 1.1 < 10


def test_a_client_that_never_stops_is_told_to_reconnect(server: ServingProcess) -> None:
    """With an answer, not instead of one: no request is lost, and each connection serves many."""
    connections, requests, failed = 0, 0, 0
    end = time.monotonic() + 3 * AGE_SECONDS
    while time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, DEADLINE_SECONDS)
        connections, began, goes_on = connections + 1, time.monotonic(), True
        while goes_on and time.monotonic() < end:
            goes_on = ask(connection)
            requests += 1
        if not goes_on:
            failed += time.monotonic() - began < 0.8 * AGE_SECONDS
        connection.close()

    assert 3 <= connections <= 5
    assert requests > 10 * connections
    assert failed == 0, "a connection ended before its time"


def test_an_idle_connection_is_not_closed_under_its_client(server: ServingProcess) -> None:
    """A request sent just then would be lost: its answer tells the client to reconnect."""
    connection = socket.create_connection(("127.0.0.1", server.port), DEADLINE_SECONDS)
    connection.settimeout(1.5 * AGE_SECONDS)
    with pytest.raises(TimeoutError):
        connection.recv(1)
    connection.settimeout(DEADLINE_SECONDS)
    connection.sendall(REQUEST)
    said = b""
    while part := connection.recv(65536):
        said += part
    connection.close()

    assert said.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nconnection: close\r\n" in said


def test_connections_may_be_kept_for_ever() -> None:
    """Where the age is 0s, as behind a proxy that spreads requests itself."""
    with ServingProcess(LEADSMAN_LIMITS='{"maxConnectionAge": "0s"}') as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, DEADLINE_SECONDS)
        end = time.monotonic() + 2 * AGE_SECONDS
        while time.monotonic() < end:
            assert ask(connection)
        connection.close()
