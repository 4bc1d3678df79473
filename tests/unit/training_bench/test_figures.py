"""What the benchmarks of training make of what they measure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from bench.quality.comparison import difference
from bench.quality.searching import Scores, Split
from bench.training.bars import Measured, bars_of
from bench.training.looks import Look
from bench.training.overhead import Round
from bench.training.scaling import pace
from leadsman_api.studies import TrialAttribute

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
GOOD = Look(1, 500, 10.0, 100.0, 2_000, 4_000)


def started(pod: str, *seconds: float) -> list[FrozenTrial]:
    """Trials of a pod that began at some seconds."""
    return [
        optuna.trial.FrozenTrial(
            number=0, trial_id=0, state=TrialState.COMPLETE, value=1.0, values=None,
            datetime_start=BEGIN + timedelta(seconds=second), datetime_complete=BEGIN,
            params={}, distributions={}, user_attrs={TrialAttribute.POD_UID: pod},
            system_attrs={}, intermediate_values={},
        )
        for second in seconds
    ]  # fmt: skip


def test_the_pace_of_one_worker_is_from_start_to_start() -> None:
    """Four periods of half a second."""
    assert pace(started("a", 0.0, 0.5, 1.0, 1.5, 2.0)) == pytest.approx(2.0)


def test_the_pace_of_several_counts_while_all_are_at_work() -> None:
    """The first is alone for ten seconds and slow, and that is not counted."""
    late = started("b", 10.0, 10.5, 11.0, 11.5)
    early = started("a", 0.0, 9.0, 10.1, 10.6, 11.1)
    assert pace([*early, *late]) == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("ours", "paces", "many", "missed"),
    [
        pytest.param(60.0, 3.6, replace(GOOD, trials=5000, milliseconds=20.0), 0, id="at limits"),
        pytest.param(61.0, 3.6, GOOD, 1, id="a trial"),
        pytest.param(1.0, 3.5, GOOD, 1, id="the workers"),
        pytest.param(1.0, 4.0, replace(GOOD, milliseconds=21.0), 1, id="a look"),
        pytest.param(1.0, 4.0, replace(GOOD, resource_bytes=20_001), 1, id="the resource"),
    ],
)
def test_each_promise_is_held(ours: float, paces: float, many: Look, missed: int) -> None:
    """At its limit it is kept, beyond it is not."""
    found = Measured({"t": [Round(ours + 10, 10.0)]}, {1: [1.0], 4: [paces]}, [GOOD, many])
    bars = bars_of(found)
    assert len(bars) == 4
    assert sum(not bar.holds for bar in bars) == missed


def test_a_part_that_was_not_measured_promises_nothing() -> None:
    """`--parts` leaves some out."""
    assert bars_of(Measured({}, {}, [])) == []


def splits(*gains: float) -> list[Split]:
    """Splits in which ours is better than a random search by so much."""
    none = Scores(1.0, 1.0)
    return [
        Split("d", seed, 80, 20, Scores(1.0 - gain, 0.0), none, none, none, 0.0, 0.0)
        for seed, gain in enumerate(gains)
    ]


def test_the_interval_knows_that_splits_share_rows() -> None:
    """Student's for 3 splits, with 1/3 + 20/80 in place of 1/3: 4.303 * sqrt(0.01 * 0.5833)."""
    found = difference(
        splits(0.1, 0.2, 0.3), lambda one: one.ours.metric, lambda one: one.random.metric
    )
    assert found.mean == pytest.approx(0.2)
    assert (found.won, found.splits) == (3, 3)
    assert found.high - found.mean == pytest.approx(0.3286, abs=1e-3)
    assert found.verdict == "not told apart"


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [((0.2, 0.21, 0.2), "better"), ((-0.2, -0.21, -0.2), "**worse**"), ((0.0, 0.0), None)],
)
def test_the_interval_decides(gains: tuple[float, ...], verdict: str | None) -> None:
    """What holds zero is not told apart, however it looks."""
    found = difference(splits(*gains), lambda one: one.ours.metric, lambda one: one.random.metric)
    assert found.verdict == (verdict or "not told apart")
