"""How long a client waits: told in a header, or the limit of the pod."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadsman_serving.cost import Cost
from support.serving_models import ModelServer

BODY = {"features": {"a": 0.5, "b": 1.0, "c": -1.0}}
# MLflow and the libraries that it imports warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def server(models: Path) -> ModelServer:
    """A server with a pipeline of three doubles."""
    return ModelServer(models / "skops")


@pytest.mark.parametrize("told", ["soon", "0", "-1", "nan", "1s"])
def test_a_time_that_is_none_is_refused(server: ModelServer, told: str) -> None:
    """400 that names the header, rather than a deadline that the client did not mean."""
    answer = server.post("/predict", BODY, **{"x-request-timeout": told})
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidTimeout")
    assert "x-request-timeout is a number of seconds" in answer.json()["detail"]


def test_what_takes_longer_than_the_client_waits_is_refused_before_any_work(
    server: ModelServer,
) -> None:
    """503 with Retry-After; the same request with more time is answered, by the pod's limit."""
    worker = server.inference.worker
    worker.expect(Cost(0.0, 10.0))
    calls = worker.counts.calls
    refused = server.post("/predict", BODY, **{"x-request-timeout": "0.5"})
    assert (refused.status_code, refused.json()["code"]) == (503, "Overloaded")
    assert int(refused.headers["retry-after"]) >= 1
    assert worker.counts.calls == calls
    for headers in ({"x-request-timeout": "20"}, {"x-request-timeout": "inf"}, {}):
        worker.expect(Cost(0.0, 10.0))
        assert server.post("/predict", BODY, **headers).status_code == 200
    assert server.metric('leadsman_requests_refused_total{reason="Overloaded"}') == 1


def test_rows_that_can_not_be_answered_in_time_are_refused(server: ModelServer) -> None:
    """Known once the body is read: few rows are answered, many are not."""
    worker = server.inference.worker
    many = {"rows": [BODY["features"]] * 100}
    worker.expect(Cost(0.1, 0.0))
    refused = server.post("/predict", many, **{"x-request-timeout": "1"})
    assert (refused.status_code, refused.json()["code"]) == (503, "Overloaded")
    assert "with fewer rows or more time" in refused.json()["detail"]
    worker.expect(Cost(0.1, 0.0))
    assert server.post("/predict", BODY, **{"x-request-timeout": "1"}).status_code == 200


@pytest.mark.parametrize(
    ("timeout", "status"),
    [(500_000, 503), ("500000", 503), (20_000_000, 200), (0, 200), (-1, 422), (1.5, 422)],
)
def test_the_open_inference_protocol_tells_it_in_microseconds(
    server: ModelServer, timeout: object, status: int
) -> None:
    """As Triton's clients do; 0 is no time of the client's own."""
    server.inference.worker.expect(Cost(0.0, 10.0))
    tensor = {"name": "x", "shape": [1, 3], "datatype": "FP64", "data": [0.5, 1.0, -1.0]}
    body = {"inputs": [tensor], "parameters": {"timeout": timeout}}
    assert server.post("/v2/models/churn/infer", body).status_code == status
