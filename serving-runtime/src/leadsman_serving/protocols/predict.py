"""Our own protocol: the shortest that a client can write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leadsman_serving.schema import refused


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for."""

    rows: list[Any]
    single: bool
    probabilities: bool


def parse(content: object) -> Asked:
    """`features` is one row, by position or by name; `rows` are several."""
    if not isinstance(content, Mapping):
        raise refused('write an object such as {"features": [1, 2]} or {"rows": [[1, 2], [3, 4]]}')
    probabilities = content.get("probabilities", False)
    if not isinstance(probabilities, bool):
        raise refused("probabilities is true or false")
    unknown = set(content) - {"features", "rows", "probabilities"}
    if unknown:
        raise refused(f"unknown field {min(unknown)!r}: write features or rows")
    if ("features" in content) == ("rows" in content):
        raise refused("write features for one row, or rows for several")
    if "features" in content:
        return Asked([content["features"]], single=True, probabilities=probabilities)
    rows = content["rows"]
    if not isinstance(rows, list):
        raise refused("rows must be a list")
    return Asked(rows, single=False, probabilities=probabilities)


def answer(
    asked: Asked,
    predictions: list[Any],
    probabilities: list[Any] | None,
    version: Mapping[str, str],
) -> dict[str, Any]:
    """The body of the answer."""
    body: dict[str, Any]
    if asked.single:
        body = {"prediction": predictions[0]}
        if asked.probabilities:
            body["probabilities"] = probabilities[0] if probabilities else None
    else:
        body = {"predictions": predictions}
        if asked.probabilities:
            body["probabilities"] = probabilities
    return {**body, **version}
