"""The promises and when they are kept."""

from __future__ import annotations

from typing import Any

import pytest

from bench.serving.bars import FASTER, bars_of
from bench.serving.figures import MODELS

KEEPS_ALL = {
    "ours_rps": 60_000.0, "best_peer_rps": 1_000.0, "asgi_rps": 50_000.0,
    "ours_asgi_rps": 32_500.0, "ours_quick_rps": 50_001.0,
    "ours_p99_ms": 1.0, "best_peer_p99_ms": 5.0, "ready_seconds": 1.5, "rss_mb": 100.0,
}  # fmt: skip


def missed(model: str, **changed: Any) -> list[str]:
    """What is missed of a row that else keeps all."""
    row = {**KEEPS_ALL, **changed}
    return [bar.what for bar in bars_of(model, row) if not bar.holds]


@pytest.mark.parametrize("model", MODELS)
def test_what_keeps_all_misses_nothing(model: str) -> None:
    """Figures right at their limits are within them."""
    assert missed(model) == []


@pytest.mark.parametrize(
    ("model", "changed", "what"),
    [
        *((one, {"best_peer_rps": 60_001 / times}, "requests/s") for one, times in FASTER.items()),
        ("logistic", {"ours_asgi_rps": 32_499.0}, "requests/s through ASGI"),
        ("logistic", {"ours_quick_rps": 49_999.0}, "requests/s below ASGI"),
        ("forest", {"ours_p99_ms": 1.01}, "p99"),
        ("categories", {"ready_seconds": 1.51}, "start to ready"),
        ("xgboost", {"rss_mb": 100.1}, "memory"),
    ],
)  # fmt: skip
def test_each_promise_can_be_missed(model: str, changed: dict[str, float], what: str) -> None:
    """A figure just beyond its limit misses its own promise and no other."""
    (only,) = missed(model, **changed)

    assert only.startswith(what)


@pytest.mark.parametrize("key", sorted(KEEPS_ALL))
def test_what_was_not_measured_is_missed(key: str) -> None:
    """Without one of its figures a promise is not kept."""
    assert missed("logistic", **{key: None})


def test_a_model_that_was_not_measured_misses_all() -> None:
    """No comparison at all keeps no promise."""
    bars = bars_of("forest", {})

    assert bars
    assert not any(bar.holds for bar in bars)
    assert "not measured" in str(bars[0])


def test_a_start_that_is_no_number_is_missed() -> None:
    """Not a number compares with nothing."""
    assert missed("forest", ready_seconds=float("nan")) == ["start to ready, s"]
