"""Exchanges become CloudEvents that any consumer can read."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from leadsman_serving.payloads.event import Exchange, Origin, Payload, batch

ORIGIN = Origin(model="churn", version="7", revision="churn-v7-abc", host="churn-v7-abc-x")
JSON = "application/json"


def exchange(body: bytes, media_type: str = JSON, most: int = 1000, **fields: Any) -> Exchange:
    """A request with this body, and a usual answer."""
    response = Payload.of(b'{"prediction":1}', JSON, 1_700_000_000.5, most)
    request = Payload.of(body, media_type, 1_700_000_000.25, most)
    given = {"request_id": "r-1", "traceparent": "", "path": "/predict", "status": 200, **fields}
    return Exchange(request=request, response=response, **given)


def events(one: Exchange) -> list[dict[str, Any]]:
    """What a consumer reads."""
    found: list[dict[str, Any]] = json.loads(batch([one], ORIGIN))
    return found


def test_both_halves_have_the_attributes_of_cloudevents() -> None:
    """The same id and source, types of KServe's logger, the time at which each happened."""
    request, response = events(exchange(b'{"features": [1.0, 2.50]}', traceparent="00-a-b-01"))

    assert request == {
        "specversion": "1.0",
        "id": "r-1",
        "source": "/models/churn/versions/7",
        "type": "org.kubeflow.serving.inference.request",
        "subject": "/predict",
        "time": "2023-11-14T22:13:20.250000+00:00",
        "datacontenttype": JSON,
        "modelname": "churn",
        "modelversion": "7",
        "modelrevision": "churn-v7-abc",
        "host": "churn-v7-abc-x",
        "traceparent": "00-a-b-01",
        "data": {"features": [1.0, 2.5]},
    }
    assert response["type"] == "org.kubeflow.serving.inference.response"
    assert (response["id"], response["httpstatus"]) == ("r-1", 200)
    assert response["data"] == {"prediction": 1}
    assert response["time"] > request["time"]


def test_what_is_not_known_is_left_out() -> None:
    """The specification allows no empty attributes."""
    request, _ = events(exchange(b"{}", media_type=""))

    assert "traceparent" not in request
    assert "datacontenttype" not in request


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        pytest.param(b"\x00\xff", "application/octet-stream", id="bytes"),
        pytest.param(b"a,b\n1,2\n", "text/csv", id="text"),
        pytest.param(b'{"a": ', JSON, id="half of a JSON"),
        pytest.param(b'{"a": NaN}', JSON, id="a number that JSON has not"),
        pytest.param(b"[" * 5000, JSON, id="nested deeply"),
        pytest.param(b'{"a": "\xff"}', JSON, id="no UTF-8"),
        pytest.param(b"", JSON, id="nothing"),
    ],
)
def test_what_is_no_json_travels_as_bytes(body: bytes, media_type: str) -> None:
    """One body that is none would make the whole batch unreadable."""
    request, _ = events(exchange(body, media_type, most=10_000))

    assert "data" not in request
    assert base64.b64decode(request["data_base64"]) == body


def test_a_long_body_is_cut_and_says_so() -> None:
    """A consumer learns how long it was, and takes the rest for what it is: a beginning."""
    request, response = events(exchange(b'{"features": "' + b"x" * 100 + b'"}', most=20))

    assert request["cut"] is True
    assert request["size"] == 116
    assert base64.b64decode(request["data_base64"]) == b'{"features": "xxxxxx'
    assert "cut" not in response
