"""The description of the routes: what it says is so, and its examples can be sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from support.serving_models import ModelServer, ask

pytestmark = pytest.mark.filterwarnings("ignore")
ROUTES = {
    "/predict", "/invocations", "/v1/models/churn:predict", "/v2/models/churn/infer",
    "/v2/models/churn/versions/7/infer",
}  # fmt: skip


def described(server: ModelServer) -> dict[str, Any]:
    """What the server says of itself."""
    found: dict[str, Any] = ask(server.app, "GET", "/openapi.json").json()
    return found


def content_of(route: dict[str, Any]) -> dict[str, Any]:
    """What is said of a JSON body."""
    found: dict[str, Any] = route["post"]["requestBody"]["content"]["application/json"]
    return found


@pytest.mark.parametrize("name", ["skops", "mixed", "tensor", "nameless", "xgboost"])
def test_every_example_is_valid_and_answered(models: Path, name: str) -> None:
    """A person can send it as it stands, and the answer is what is described."""
    server = ModelServer(models / name)
    paths = described(server)["paths"]

    assert set(paths) >= ROUTES
    for path in ROUTES:
        content = content_of(paths[path])
        if "example" not in content:
            continue
        jsonschema.validate(content["example"], content["schema"])
        answer = server.post(path, content["example"])
        assert answer.status_code == 200, (path, content["example"], answer.text)
        fine = paths[path]["post"]["responses"]["200"]["content"]["application/json"]
        jsonschema.validate(answer.json(), fine["schema"])


def test_a_model_of_columns_has_an_example_for_every_protocol(models: Path) -> None:
    """Nobody has to guess what a body looks like."""
    paths = described(ModelServer(models / "skops"))["paths"]

    assert all("example" in content_of(paths[path]) for path in ROUTES)


def test_columns_are_described_with_type_and_need(models: Path) -> None:
    """By name or by place; a number may lack where the model takes that."""
    paths = described(ModelServer(models / "mixed"))["paths"]
    row = content_of(paths["/predict"])["schema"]["properties"]["features"]["anyOf"][0]

    assert row["required"] == ["age", "height", "kind", "new"]
    assert row["properties"] == {
        "age": {"type": "integer", "format": "int64"},
        "height": {"type": ["number", "null"]},
        "kind": {"type": "string"},
        "new": {"type": "boolean"},
    }


@pytest.mark.parametrize(
    ("path", "body"),
    [(path, body) for path in sorted(ROUTES) for body in (b"{", b"[]", b"{}")],
)
def test_refusals_are_described_in_their_protocols_form(
    models: Path, path: str, body: bytes
) -> None:
    """The status is among those that are told, and the body has the members that are."""
    server = ModelServer(models / "skops")
    answer = server.post(path, body)
    told = described(server)["paths"][path]["post"]["responses"][str(answer.status_code)]

    schema = told["content"][answer.headers["content-type"]]["schema"]
    jsonschema.validate(answer.json(), schema)


def test_it_names_the_model_and_asks_for_a_key_where_the_server_does(
    models: Path, tmp_path: Path
) -> None:
    """As a header or as a bearer token; without keys nothing is asked for."""
    (tmp_path / "shop").write_text("s3cret")
    open_to_all = described(ModelServer(models / "skops"))
    variables = {"LEADSMAN_API_KEYS_DIR": str(tmp_path)}
    locked = described(ModelServer(models / "skops", variables=variables))

    assert (locked["info"]["title"], locked["info"]["version"]) == ("churn", "7")
    assert locked["components"]["securitySchemes"]["key"]["name"] == "x-api-key"
    assert locked["paths"]["/predict"]["post"]["security"] == [{"key": []}, {"bearer": []}]
    assert "security" not in locked["paths"]["/health/live"]["get"]
    assert "security" not in json.dumps(open_to_all)
