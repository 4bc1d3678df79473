"""How sure a difference is: what passes that should not, and what a bound is worth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from leadsman_training import comparison, weighted
from leadsman_training.comparison import Pair, compare
from leadsman_training.scores import Array, Predictions, score
from support.gate_worlds import World

METRICS = (
    "roc_auc", "average_precision", "log_loss", "accuracy", "balanced_accuracy", "f1",
    "precision", "recall", "rmse", "mae", "mape", "r2",
)  # fmt: skip


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_weight_counts_a_row_so_often(metric: str, classes: int, seed: int) -> None:
    """With whole weights each metric is the library's own over rows that are repeated."""
    random = np.random.default_rng(seed)
    truth: Array = random.integers(0, classes, 50)
    chances = random.dirichlet(np.ones(classes), 50).round(1) + 1e-3
    chances /= chances.sum(axis=1, keepdims=True)
    said = Predictions(random.integers(0, classes, 50), chances, np.arange(classes))
    if metric in weighted.OF_NUMBERS:
        truth, said = random.normal(size=50) + 2, Predictions(random.normal(size=50))
    times = random.integers(0, 4, 50)
    repeated = np.repeat(np.arange(50), times)
    found = weighted.values(metric, truth, said, np.stack([times, np.ones(50)]))

    assert found[0] == pytest.approx(score(metric, truth[repeated], said.take(repeated)))
    assert found[1] == pytest.approx(score(metric, truth, said))


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc", "rmse"])
def test_a_challenger_as_bad_as_the_margin_seldom_passes(
    metric: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 150 samples 5 % may, and 15 of them would be a miracle (2e-3); a good one passes."""
    monkeypatch.setattr(comparison, "DRAWS", 400)
    worse = World(metric, 0.3)
    margin = worse.true_gain()

    assert worse.passes(margin, rows=100, samples=150, seed=5) <= 0.1
    assert World(metric, -0.5).passes(margin, rows=100, samples=150, seed=5) >= 0.5


@pytest.mark.parametrize(("rows", "wrong"), [(20, 0), (100, 0), (100, 4), (300, 30)])
def test_for_right_and_wrong_the_bound_is_the_exact_one(rows: int, wrong: int) -> None:
    """Against a champion that is always right: the bound of Clopper and Pearson."""
    from scipy.stats import beta  # noqa: PLC0415 - slow to import

    truth = np.zeros(rows, dtype=int)
    ours = np.where(np.arange(rows) < wrong, 1, 0)
    pair = Pair(truth, Predictions(ours), Predictions(truth))
    found = compare(pair, "accuracy", 1, 0.95, seed=3)

    assert found.low == pytest.approx(-beta.ppf(0.95, wrong + 1, rows - wrong), rel=0.05)
    assert found.gain == pytest.approx(-wrong / rows)


def test_the_same_model_is_no_worse() -> None:
    """Chances that agree to the last bit on every row leave no doubt."""
    same = World("roc_auc", 0.0).rows(40, np.random.default_rng(1))
    twice = Pair(same.truth, same.champion, same.champion)

    assert compare(twice, "roc_auc", 1, 0.95, seed=1) == comparison.Interval(0.0, 0.0, 0.0)
    classes = Predictions(same.champion.values)
    by_classes = Pair(same.truth, classes, classes)
    assert compare(by_classes, "accuracy", 1, 0.95, seed=1).low < -0.05


def test_an_order_that_tells_two_models_not_apart_is_no_proof() -> None:
    """Both put every row in its place, with other chances: few rows leave a doubt all the same."""
    truth = np.arange(60) % 2
    versions = [
        Predictions(truth, np.column_stack([1 - chance, chance]), np.array([0, 1]))
        for chance in (0.2 + 0.6 * truth, 0.3 + 0.5 * truth)
    ]
    found = compare(Pair(truth, *versions), "roc_auc", 1, 0.95, seed=1)

    assert found.gain == 0.0
    assert found.low < -0.02


@pytest.mark.parametrize("rows", [0, 1])
def test_without_two_classes_there_is_no_interval(rows: int) -> None:
    """No value is NaN, and never a number that could pass."""
    few = World("roc_auc", 0.0).rows(rows, np.random.default_rng(1))
    found = compare(few, "roc_auc", 1, 0.95, seed=1)

    assert all(math.isnan(value) for value in (found.gain, found.low, found.high))


@pytest.mark.parametrize("metric", ["accuracy", "rmse"])
def test_the_better_one_seen_from_the_other_side_is_worse(metric: str) -> None:
    """Exchanged, the bounds are each other's."""
    world = World(metric, 0.3)
    pair = world.rows(60, np.random.default_rng(4))
    turned = Pair(pair.truth, pair.champion, pair.challenger)
    one, other = (compare(p, metric, world.sign, 0.9, seed=2) for p in (pair, turned))

    assert (one.gain, one.low, one.high) == pytest.approx((-other.gain, -other.high, -other.low))
    assert one.low <= one.gain <= one.high
