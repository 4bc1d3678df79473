"""What the gate says of a version, by the numbers that it was shown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from leadsman_api.v1alpha1.objective import Gate, Objective
from leadsman_api.v1alpha1.training_run_status import GateCheck, GateStatus
from leadsman_training import gate
from leadsman_training.gate import Judged, check_columns, judge, with_check
from leadsman_training.scores import Predictions

ROWS = 200
OBJECTIVE = Objective.model_validate({"metric": "accuracy"})


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer than in production, which is quicker and says the same of differences so clear."""
    monkeypatch.setattr(gate, "DRAWS", 100)


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
        pytest.param(0.62, 0.6, 0.0, True, id="right wherever the champion is"),
        pytest.param(0.6, 0.6, 0.0, True, id="the same model"),
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
    assert "-0.01 is asked for" in found.checks[0].message


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
    ("known", "passed", "message"),
    [
        ({"age", "plan", "more"}, True, "the new version asks for the columns that the champion"),
        ({"age"}, False, "clients of the champion do not send plan"),
        (None, True, "the champion has no signature to compare with"),
    ],
)
def test_clients_of_the_champion_must_be_able_to_ask(
    known: set[str] | None, message: str, *, passed: bool
) -> None:
    """A column that is new to them would make their requests fail."""
    check = check_columns(known, ["age", "plan"])

    assert check.passed is passed
    assert check.message.startswith(message)


@pytest.mark.parametrize(("one", "other"), [(True, True), (True, False), (False, True)])
def test_a_further_check_counts_with_the_others(*, one: bool, other: bool) -> None:
    """All or nothing."""
    status = verdict(judged(0.9), {"metric": "accuracy", "min": 0.8 if one else 0.99})
    more = with_check(status, GateCheck(metric="signature", passed=other, message="x"))

    assert more.passed is (one and other)
    assert [check.metric for check in more.checks] == ["accuracy", "signature"]
