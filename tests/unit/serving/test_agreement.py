"""Whether two answers say the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from leadsman_serving.copies.agreement import agree

TOLERANCE = 0.01


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"prediction": 1}, {"prediction": 1}, True),
        ({"prediction": 1}, {"prediction": 2}, False),
        ({"prediction": 1000}, {"prediction": 1001}, False),
        ({"prediction": "red"}, {"prediction": "blue"}, False),
        ({"prediction": 1}, {"prediction": True}, False),
        ({"prediction": 1}, {"prediction": "1"}, False),
        ({"prediction": None}, {"prediction": 0.0}, False),
        ({"prediction": 100.0}, {"prediction": 100.9}, True),
        ({"prediction": 100.0}, {"prediction": 102.0}, False),
        ({"prediction": 100}, {"prediction": 100.5}, True),
        ({"prediction": 1e-12}, {"prediction": -1e-12}, True),
        ({"prediction": False}, {"prediction": 0.0}, False),
        ({"predictions": [1.0, 2.0]}, {"predictions": [1.0, 2.001]}, True),
        ({"predictions": [1.0, 2.0]}, {"predictions": [1.0]}, False),
        ({"prediction": 1, "probabilities": [0.5]}, {"prediction": 1}, False),
        (
            {"prediction": 1, "model": "a", "version": "7"},
            {"prediction": 1, "model": "b", "version": "8"},
            True,
        ),
        (
            {"model_name": "a", "model_version": "7", "id": "x", "outputs": [{"data": [1]}]},
            {"model_name": "a", "model_version": "8", "id": "y", "outputs": [{"data": [1]}]},
            True,
        ),
        ({"outputs": [{"id": 1}]}, {"outputs": [{"id": 2}]}, False),
        ([1.0], [1.001], True),
        ([1.0], {"predictions": [1.0]}, False),
    ],
    ids=str,
)
def test_words_are_equal_and_numbers_close(one: Any, other: Any, *, same: bool) -> None:
    """Whichever of the two is asked about, and whoever answered."""
    first, second = json.dumps(one).encode(), json.dumps(other).encode()
    assert agree(first, second, TOLERANCE) is same
    assert agree(second, first, TOLERANCE) is same


@pytest.mark.parametrize("body", [b"", b"1;2", b"\xff\x00", b"[" * 100_000])
def test_what_is_no_json_is_no_pair(body: bytes) -> None:
    """Neither the same nor different: nobody is blamed for it."""
    assert agree(b"[1]", body, TOLERANCE) is None
    assert agree(body, b"[1]", TOLERANCE) is None


def test_without_a_tolerance_numbers_have_to_be_equal() -> None:
    """But for what a double can't tell apart."""
    assert agree(b"[1.0]", b"[1]", 0.0)
    assert not agree(b"[1.0]", b"[1.0001]", 0.0)
