"""How often the gate lets a version through: one that is as bad as the margin, one as good.

The table of docs/training.md is what this prints.
"""

from __future__ import annotations

import math

import pytest

from leadsman_training import comparison
from support.gate_worlds import World

STATED = 0.05
SAMPLES = 400
WORSE = 0.3
METRICS = ("accuracy", "roc_auc", "f1", "log_loss", "rmse", "r2")


@pytest.fixture(autouse=True)
def _fewer_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of production's: the bounds are the same, a little rougher."""
    monkeypatch.setattr(comparison, "DRAWS", 1000)


@pytest.mark.parametrize("rows", [100, 400])
@pytest.mark.parametrize("metric", METRICS)
def test_the_stated_rate_holds(metric: str, rows: int) -> None:
    """A challenger worse than the margin by nothing, the hardest case, passes in 5 % at most.

    The allowance is three standard errors of the count itself.
    """
    worse = World(metric, WORSE)
    margin = worse.true_gain()
    false = worse.passes(margin, rows, SAMPLES, seed=11)
    same = World(metric, 0.0).passes(margin, rows, SAMPLES, seed=23)
    better = World(metric, -WORSE).passes(margin, rows, SAMPLES, seed=31)
    print(f"| {metric} | {rows} | {margin:+.4f} | {false:.1%} | {same:.1%} | {better:.1%} |")  # noqa: T201

    assert false <= STATED + 3 * math.sqrt(STATED * (1 - STATED) / SAMPLES)
    assert better >= same >= false
