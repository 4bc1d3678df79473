"""Whether two answers say the same, whoever gave them."""

from __future__ import annotations

import math

import msgspec

_IDENTITY = frozenset({"id", "model", "model_name", "model_version", "version"})
"""Members of an answer that tell who gave it, in any of the protocols."""
_SMALLEST = 1e-9
"""Numbers closer than this are the same however small they are."""


def agree(one: bytes, other: bytes, tolerance: float) -> bool | None:
    """Whether two bodies say the same; None where one of them is no JSON.

    Words, whole numbers and truths have to be equal. Of two numbers of which one has a fraction
    the difference may be `tolerance` times the larger one.
    """
    try:
        first, second = msgspec.json.decode(one), msgspec.json.decode(other)
        return _same(_said(first), _said(second), tolerance)
    except (msgspec.DecodeError, RecursionError):
        return None


def _said(answer: object) -> object:
    """What was answered, without who answered."""
    if not isinstance(answer, dict):
        return answer
    return {name: value for name, value in answer.items() if name not in _IDENTITY}


def _same(one: object, other: object, tolerance: float) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(
            _same(value, other[name], tolerance) for name, value in one.items()
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(
            _same(first, second, tolerance) for first, second in zip(one, other, strict=True)
        )
    if type(one) is not type(other) or isinstance(one, float):
        return _close(one, other, tolerance)
    return one == other


def _close(one: object, other: object, tolerance: float) -> bool:
    """Whether two numbers are nearly the same; JSON may write a whole one without its fraction."""
    if type(one) not in (int, float) or type(other) not in (int, float):
        return False
    return math.isclose(one, other, rel_tol=tolerance, abs_tol=_SMALLEST)  # type: ignore[arg-type]
