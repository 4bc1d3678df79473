"""Our own protocol: the shortest that a client can write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leadsman_serving.columns import refused

_EXAMPLE = 'write an object such as {"features": [1, 2]} or {"rows": [[1, 2], [3, 4]]}'
_FLAGS = ("probabilities", "proba")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for."""

    rows: list[Any]
    single: bool
    probabilities: bool


def parse(content: object, *, probabilities: bool = False) -> Asked:
    """`features` is one row, by position or by name; `rows` are several.

    `probabilities` says whether the query asked for them already.
    """
    if not isinstance(content, Mapping):
        raise refused(_EXAMPLE)
    for flag in _FLAGS:
        wanted = content.get(flag, False)
        if not isinstance(wanted, bool):
            raise refused(f"{flag} is true or false")
        probabilities = probabilities or wanted
    unknown = set(content) - {"features", "rows", *_FLAGS}
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
    asked: Asked, predictions: object, probabilities: list[Any] | None, version: Mapping[str, str]
) -> dict[str, Any]:
    """The body of the answer; a single row's stands for itself."""
    body: dict[str, Any]
    if asked.single:
        is_row = isinstance(predictions, list) and len(predictions) == 1
        body = {"prediction": predictions[0] if is_row else predictions}  # type: ignore[index]
    else:
        body = {"predictions": predictions}
    if asked.probabilities:
        body["probabilities"] = (
            probabilities[0] if asked.single and probabilities else probabilities
        )
    return {**body, **version}
