"""What the gate says of a version, by the numbers that it was shown."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from leadsman_api.v1alpha1.objective import Gate, Objective
from leadsman_api.v1alpha1.training_run_status import GateCheck, GateStatus
from leadsman_training import comparison
from leadsman_training.gate import Judged, check_most, judge, with_check
from leadsman_training.scores import Predictions

ROWS = 200
OBJECTIVE = Objective.model_validate({"metric": "accuracy"})


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer than in production, which is quicker and says the same of differences so clear."""
    monkeypatch.setattr(comparison, "DRAWS", 400)


def right_in(share: float, truth: Any) -> Predictions:
    """A model that is right in this share of the rows, spread evenly."""
    hits = (np.arange(len(truth)) * 37 % 100) < 100 * share
    return Predictions(np.where(hits, truth, 1 - truth))


def judged(
    challenger: float, champion: float | None = None, rows: int = ROWS, **columns: Any
) -> Judged:
    """Two versions on the same rows, by how often they are right."""
    truth = np.arange(rows) % 2
    return Judged(
        truth=truth,
        challenger=right_in(challenger, truth),
        champion=right_in(champion, truth) if champion is not None else None,
        champion_version=7 if champion is not None else None,
        columns=lambda name: np.asarray(columns[name]),
    )


def verdict(shown: Judged, *rules: dict[str, Any], seed: int = 1) -> GateStatus:
    """What the gate says by these rules."""
    return judge(Gate.model_validate({"rules": rules}), OBJECTIVE, shown, seed)


@pytest.mark.parametrize(
    ("rule", "passed", "message"),
    [
        ({"min": 0.8}, True, "accuracy 0.9000 is at least 0.8"),
        ({"min": 0.9}, True, "accuracy 0.9000 is at least 0.9"),
        ({"min": 0.95}, False, "accuracy 0.9000 is below 0.95"),
        ({"max": 0.9}, True, "accuracy 0.9000 is at most 0.9"),
        ({"max": 0.5}, False, "accuracy 0.9000 is above 0.5"),
        (
            {"min": 0.5, "max": 0.95}, True,
            "accuracy 0.9000 is at least 0.5; accuracy 0.9000 is at most 0.95",
        ),
        ({"min": 0.1, "max": 0.5}, False, "accuracy 0.9000 is above 0.5"),
        ({"margin": 0.01}, True, "there is no champion to compare with"),
    ],
)  # fmt: skip
def test_a_bound_holds_without_a_champion(
    rule: dict[str, Any], message: str, *, passed: bool
) -> None:
    """What failed is said, and otherwise what was passed; the bound itself passes."""
    found = verdict(judged(0.9), {"metric": "accuracy", **rule})

    assert (found.passed, found.rows, found.champion_version) == (passed, ROWS, None)
    assert [check.message for check in found.checks] == [message]
    assert found.checks[0].challenger == pytest.approx(0.9)
    assert found.checks[0].champion is None


@pytest.mark.parametrize(
    ("challenger", "champion", "margin", "passed"),
    [
        pytest.param(0.95, 0.6, 0.1, True, id="much better"),
        pytest.param(0.65, 0.6, 0.0, True, id="right wherever the champion is"),
        pytest.param(0.62, 0.6, 0.0, False, id="right in four rows more, which is chance"),
        pytest.param(0.6, 0.6, 0.0, False, id="the same answers, of which few are no proof"),
        pytest.param(0.6, 0.6, -0.02, True, id="the same answers and a margin"),
        pytest.param(0.6, 0.6, 0.01, False, id="no gain where one is asked for"),
        pytest.param(0.6, 0.9, -0.1, False, id="much worse"),
        pytest.param(0.85, 0.9, -0.1, True, id="worse within the margin"),
    ],
)
def test_the_difference_must_be_shown(
    challenger: float, champion: float, margin: float, *, passed: bool
) -> None:
    """Not the difference counts, but how much of it is sure; both have the same rows."""
    found = verdict(judged(challenger, champion), {"metric": "accuracy", "margin": margin})
    check = found.checks[0]

    assert (found.passed, found.champion_version) == (passed, 7)
    assert check.difference == pytest.approx(challenger - champion)
    assert check.low is not None
    assert check.high is not None
    assert check.low <= challenger - champion + 1e-9
    assert challenger - champion - 1e-9 <= check.high
    assert f"{challenger:.4f} against {champion:.4f} of the champion: 95 percent" in check.message


def test_less_may_be_better() -> None:
    """The difference is a gain whichever way the metric goes."""
    rule = {"metric": "mae", "direction": "minimize", "margin": 0.1}
    better = verdict(judged(0.9, 0.6), rule)
    worse = verdict(judged(0.6, 0.9), rule)

    assert (better.passed, worse.passed) == (True, False)
    assert better.checks[0].difference == pytest.approx(0.3)
    assert worse.checks[0].difference == pytest.approx(-0.3)


def test_few_rows_show_less_than_many_and_more_confidence_asks_for_more() -> None:
    """The same difference passes with many rows only."""
    rule = {"metric": "accuracy", "margin": 0.02}
    few, many = (verdict(judged(0.8, 0.7, rows), rule) for rows in (20, 1000))
    sure = verdict(judged(0.8, 0.7, 1000), {**rule, "confidence": 0.999})

    assert (few.passed, many.passed) == (False, True)
    low, surely_low = many.checks[0].low, sure.checks[0].low
    assert low is not None
    assert surely_low is not None
    assert surely_low < low
    assert "99.9 percent sure" in sure.checks[0].message


def test_a_seed_repeats_its_verdict() -> None:
    """The draws are the seed's: a Job that runs again says the same."""
    rule = {"metric": "accuracy", "margin": 0.0}
    shown = judged(0.8, 0.75, 999)

    assert verdict(shown, rule) == verdict(shown, rule)
    assert verdict(shown, rule) != verdict(shown, rule, seed=2)


@pytest.mark.parametrize(("challenger", "passed"), [(0.9, True), (0.6, False)])
def test_without_rules_a_version_may_not_be_worse_than_a_hundredth(
    challenger: float, *, passed: bool
) -> None:
    """By the metric of the objective."""
    found = verdict(judged(challenger, 0.9))

    assert found.passed is passed
    assert [check.metric for check in found.checks] == ["accuracy"]
    assert "-0.02 is asked for" in found.checks[0].message, "4 of 200 rows, more than a hundredth"


def test_each_rule_must_be_passed() -> None:
    """One that is not stands beside those that are."""
    rules = ({"metric": "accuracy", "min": 0.5}, {"metric": "accuracy", "min": 0.99})
    found = verdict(judged(0.9), *rules)

    assert not found.passed
    assert [check.passed for check in found.checks] == [True, False]


@pytest.mark.parametrize(
    "rule", [{"min": 0.1}, {"max": 9.0}, {"margin": -1.0}], ids=["min", "max", "margin"]
)
def test_what_has_no_value_passes_nothing(rule: dict[str, float]) -> None:
    """These models give no probabilities, so that roc_auc has no value."""
    found = verdict(judged(0.9, 0.5), {"metric": "roc_auc", **rule})

    assert not found.passed
    assert found.checks[0].challenger is None
    assert found.checks[0].low is None
    assert "roc_auc has no value for the new version" in found.checks[0].message


@pytest.mark.parametrize(
    ("parts", "worst"),
    [
        pytest.param(["north", "south"], "south", id="words"),
        pytest.param([10, 20], "20", id="whole numbers"),
        pytest.param([0.5, 1.5], "1.5", id="numbers"),
        pytest.param([False, True], "True", id="truths"),
        pytest.param(["north", None], "None", id="no value"),
    ],
)
def test_the_worst_part_counts(parts: list[Any], worst: str) -> None:
    """A version that is right in one half and wrong in the other does not pass."""
    truth = np.zeros(ROWS, dtype=int)
    half = np.arange(ROWS) >= ROWS // 2
    column = np.array([parts[int(second)] for second in half], dtype=object)
    shown = Judged(
        truth=truth, challenger=Predictions(half.astype(int)),
        champion=Predictions(truth), champion_version=3, columns={"region": column}.__getitem__,
    )  # fmt: skip
    found = verdict(shown, {"metric": "accuracy", "sliceBy": "region", "min": 0.6})
    assert not found.passed
    assert found.checks[0].slice == worst
    assert found.checks[0].challenger == 0.0
    assert found.checks[0].message.endswith(f" where region is {worst}")
    typed = Judged(
        truth, Predictions(truth), None, None, columns=lambda _: np.array(parts * (ROWS // 2))
    )
    good = verdict(typed, {"metric": "accuracy", "sliceBy": "region", "min": 1.0})
    assert good.passed


def test_each_part_is_compared_with_the_champion() -> None:
    """The whole is better, one part is not."""
    truth = np.zeros(90, dtype=int)
    region = np.repeat(["a", "b", "c"], 30)
    shown = Judged(
        truth, Predictions((region == "b").astype(int)), Predictions((region != "b").astype(int)),
        3, columns=lambda _: region,
    )  # fmt: skip
    found = verdict(shown, {"metric": "accuracy", "sliceBy": "region", "margin": 0.0})

    assert (found.passed, found.checks[0].slice) == (False, "b")
    assert found.checks[0].difference == -1.0


def test_of_parts_that_miss_a_bound_the_farthest_is_shown() -> None:
    """Without a champion too."""
    truth = np.zeros(30, dtype=int)
    third = np.repeat(["a", "b", "c"], 10)
    wrong = np.concatenate([np.arange(10) < missed for missed in (4, 9, 6)]).astype(int)
    shown = Judged(truth, Predictions(wrong), None, None, columns=lambda _: third)
    for rule in (
        {"metric": "accuracy", "min": 0.9},
        {"metric": "mae", "max": 0.1, "direction": "minimize"},
    ):
        found = verdict(shown, {**rule, "sliceBy": "region"})
        assert (found.passed, found.checks[0].slice) == (False, "b")


@pytest.mark.parametrize(
    ("value", "passed", "message"),
    [
        (0.004, True, "latency 0.004 s is at most 0.005 s"),
        (0.005, True, "latency 0.005 s is at most 0.005 s"),
        (0.006, False, "latency 0.006 s is above 0.005 s"),
        (None, False, "the latency could not be measured"),
        (math.nan, False, "the latency could not be measured"),
    ],
)
def test_what_is_measured_has_a_bound(value: float | None, message: str, *, passed: bool) -> None:
    """What could not be measured passes nothing."""
    check = check_most("latency", value, 0.005, "s")

    assert (check.passed, check.message, check.max) == (passed, message, 0.005)


@pytest.mark.parametrize("at", ["challenger", "champion"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda values: values[:-7], "answers 33 of 40 held-out rows", id="missing"),
        pytest.param(
            lambda values: np.where(np.arange(40) < 3, np.nan, values),
            "gives no finite number for 3 of 40", id="nan",
        ),
        pytest.param(
            lambda values: np.where(np.arange(40) < 2, np.inf, values),
            "gives no finite number for 2 of 40", id="endless",
        ),
        pytest.param(
            lambda values: np.where(np.arange(40) < 4, None, values),
            "gives no finite number for 4 of 40", id="none",
        ),
    ],
)  # fmt: skip
def test_answers_that_are_missing_pass_nothing(at: str, change: Any, message: str) -> None:
    """Of either version, with rules that all else would pass: the rows would not be the same."""
    good = judged(1.0, 0.1, rows=40)
    said = Predictions(change(np.asarray(getattr(good, at).values)))
    changed = replace(
        good,
        challenger=said if at == "challenger" else good.challenger,
        champion=said if at == "champion" else good.champion,
    )
    found = verdict(changed, {"metric": "accuracy", "min": 0.0, "margin": -1.0})

    assert not found.passed
    assert [check.metric for check in found.checks] == ["answers"]
    assert message in found.checks[0].message
    assert ("version 7" in found.checks[0].message) is (at == "champion")


def test_a_chance_that_is_no_number_passes_nothing() -> None:
    """Though the classes are there."""
    good = judged(1.0, rows=40)
    chances = np.column_stack([np.full(40, 0.5), np.where(np.arange(40) < 5, np.nan, 0.5)])
    said = Predictions(good.challenger.values, chances, np.array([0, 1]))
    found = verdict(replace(good, challenger=said), {"metric": "accuracy", "min": 0.0})

    assert found.checks[0].message == (
        "the new version gives no finite number for 5 of 40 held-out rows"
    )


def test_no_rows_pass_nothing() -> None:
    """Nothing was shown."""
    found = verdict(judged(1.0, 1.0, rows=0), {"metric": "accuracy", "min": 0.0})

    assert (found.passed, found.rows, found.checks[0].metric) == (False, 0, "rows")


def test_a_champion_without_a_value_passes_nothing() -> None:
    """A comparison with NaN is no comparison: it says whose value is missing."""
    chances = np.column_stack([np.arange(40) % 2 == 0, np.arange(40) % 2 == 1]).astype(float)
    ours = Predictions(np.arange(40) % 2, chances, np.array([0, 1]))
    shown = replace(judged(1.0, 0.5, rows=40), challenger=ours)
    found = verdict(shown, {"metric": "roc_auc", "margin": -1.0})

    assert not found.passed
    assert found.checks[0].message == "roc_auc has no value for the champion"


def test_errors_without_rules_are_compared_by_a_hundredth_of_the_champions() -> None:
    """A margin in units of the target would mean nothing."""
    truth = np.linspace(1000, 2000, 800)
    versions = [Predictions(truth + 100 * np.sin(np.arange(800) * step)) for step in (1.0, 1.001)]
    shown = Judged(truth, versions[0], versions[1], 3, columns=lambda _: truth)
    objective = Objective.model_validate({"metric": "rmse", "direction": "minimize"})
    found = judge(Gate(), objective, shown, 1)

    assert found.checks[0].margin == pytest.approx(-0.01 * (found.checks[0].champion or 0))


def test_every_number_is_in_the_verdict() -> None:
    """What was asked for beside what was found."""
    rule = {"metric": "accuracy", "min": 0.1, "max": 1.0, "margin": -0.5, "confidence": 0.9}
    check = verdict(judged(0.9, 0.8), rule).checks[0]

    assert (check.min, check.max, check.margin, check.confidence) == (0.1, 1.0, -0.5, 0.9)
    assert check.rows == ROWS


@pytest.mark.parametrize(("one", "other"), [(True, True), (True, False), (False, True)])
def test_a_further_check_counts_with_the_others(*, one: bool, other: bool) -> None:
    """All or nothing."""
    status = verdict(judged(0.9), {"metric": "accuracy", "min": 0.8 if one else 0.99})
    more = with_check(status, GateCheck(metric="signature", passed=other, message="x"))

    assert more.passed is (one and other)
    assert [check.metric for check in more.checks] == ["accuracy", "signature"]
