"""The apps of the runtime, spoken to without a socket."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.types import ASGIApp

from leadsman_serving.app import create_app, create_side_app
from leadsman_serving.cold_routes import create_routes
from leadsman_serving.endpoints.endpoint import Endpoint
from leadsman_serving.gate import RequestGate
from leadsman_serving.lifecycle import Lifecycle
from leadsman_serving.protocols.exchange import Answer, Call
from leadsman_serving.settings import Settings
from leadsman_serving.telemetry import create_registry


def ask(app: ASGIApp, method: str, path: str, **headers: str) -> httpx.Response:
    """One request; an exception in the app is answered, as a server would."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://model") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(send())


def failing_app(lifecycle: Lifecycle, seen: list[int]) -> ASGIApp:
    """The app with routes that have a fault, and note how many requests are in flight."""
    routes = create_routes(Settings(), lifecycle)

    @routes.get("/fault")
    async def cold() -> None:
        raise RuntimeError("secret of the server")

    async def hot(_call: Call) -> Answer:
        seen.append(lifecycle.in_flight)
        raise RuntimeError("secret of the server")

    return RequestGate(routes, lifecycle, {"/hot": Endpoint(hot)})


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        pytest.param("POST", "/predict", 503, "NoModel", id="a prediction"),
        pytest.param(
            "POST", "/invocations", 503, "TEMPORARILY_UNAVAILABLE", id="an MLflow prediction"
        ),
        pytest.param("GET", "/predict", 405, "MethodNotAllowed", id="a wrong method"),
        pytest.param("GET", "/nowhere", 404, "NotFound", id="an unknown path"),
        pytest.param("GET", "/fault", 500, "InternalError", id="a fault of ours"),
        pytest.param("POST", "/hot", 500, "InternalError", id="a fault of the model"),
    ],
)
def test_refusals_have_one_shape(method: str, path: str, status: int, code: str) -> None:
    """Every answer that refuses is a problem with a code and the request's id."""
    app = failing_app(Lifecycle(beat_at=0.0), [])
    if path in ("/predict", "/invocations"):
        app = create_app(Settings())

    answer = ask(app, method, path, **{"x-request-id": "abc"})

    if path == "/invocations":
        assert (answer.status_code, answer.json()["error_code"]) == (status, code)
        return
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == {"type", "title", "status", "code", "detail", "request_id"}
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "abc"


def test_a_fault_tells_the_client_nothing_of_the_server() -> None:
    """Details go to the log."""
    app = failing_app(Lifecycle(beat_at=0.0), [])

    assert "secret" not in ask(app, "GET", "/fault").text + ask(app, "POST", "/hot").text


def test_a_wrong_method_names_the_right_one() -> None:
    """Headers that belong to a refusal are kept."""
    assert ask(create_app(Settings()), "GET", "/predict").headers["allow"] == "POST"


@pytest.mark.parametrize(
    "given",
    [
        pytest.param("", id="none"),
        pytest.param("two words", id="with a space"),
        pytest.param("x" * 129, id="too long"),
    ],
)
def test_an_id_unfit_for_a_log_is_replaced(given: str) -> None:
    """Ids of ours differ from request to request."""
    app = create_app(Settings())
    first, second = (
        ask(app, "GET", "/health/live", **{"x-request-id": given}).headers["x-request-id"]
        for _ in range(2)
    )

    assert given not in {first, second}
    assert first != second


def test_requests_are_counted_until_they_end() -> None:
    """A failed request counts no longer than one that went well."""
    lifecycle, seen = Lifecycle(beat_at=0.0), list[int]()

    ask(failing_app(lifecycle, seen), "POST", "/hot")

    assert (seen, lifecycle.in_flight) == ([1], 0)


def test_metrics_come_in_the_format_that_is_asked_for() -> None:
    """Prometheus prefers OpenMetrics and says so."""
    lifecycle = Lifecycle(beat_at=0.0)
    app = create_side_app(Settings(), lifecycle, create_registry(lifecycle, "abc"))

    answer = ask(app, "GET", "/metrics", accept="application/openmetrics-text; version=1.0.0")

    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_the_documentation_describes_the_routes() -> None:
    """A person who opens the port finds what it answers."""
    paths = ask(create_app(Settings()), "GET", "/openapi.json").json()["paths"]

    assert {"/predict", "/invocations", "/health/live", "/health/ready"} <= set(paths)
