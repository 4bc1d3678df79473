"""What would change a verdict: the judge, asked for the counts by which it would say otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from leadsman_api.v1alpha1.evidence import Evidence, PodFailures, Verdict
from leadsman_operator.planner.judge.outlook import Outlook, outlook_of
from support.judged_rollouts import ERRORS, LATENCY, Trial, a_trial_on_copies, compared

HEALTHY = {"one": (8, 0), "two": (2, 0)}


def ahead(trial: Trial) -> Outlook:
    """What would change what the judge says now."""
    assert trial.evidence is not None
    return outlook_of(trial.bench.resource, trial.evidence, trial.bench.now)


def verdict_of(trial: Trial) -> Verdict | None:
    """What the judge says now."""
    return trial.evidence.verdict if trial.evidence else None


def looks_until(trial: Trial, verdict: Verdict, answers: Mapping[str, tuple[int, ...]]) -> int:
    """How many looks at the same answers lead to a verdict."""
    for looks in range(500):
        if verdict_of(trial) is verdict:
            return looks
        trial.serve(1, **answers)
    pytest.fail(f"it is not {verdict} after 500 looks")


@pytest.mark.parametrize("looks", [1, 8, 40, 200])
@pytest.mark.parametrize("stable", [(8, 0), (7, 1)], ids=["well", "ill now"])
def test_so_many_bad_requests_take_it_back(looks: int, stable: tuple[int, int]) -> None:
    """The judge says Bad after as many as it was foreseen, two at each look."""
    trial = Trial(ERRORS)
    trial.serve(looks, one=stable, two=(2, 0))
    (found,) = ahead(trial).conditions
    assert found.bad_to_roll_back is not None
    needed = looks_until(trial, Verdict.BAD, {"one": stable, "two": (0, 2)})
    assert abs(2 * needed - found.bad_to_roll_back) <= max(2, 0.2 * found.bad_to_roll_back)


@pytest.mark.parametrize("looks", [1, 40])
def test_so_many_good_requests_clear_it(looks: int) -> None:
    """The judge says Good after as many as it was foreseen."""
    trial = Trial(ERRORS)
    trial.serve(looks, **HEALTHY)
    (found,) = ahead(trial).conditions
    assert found.good_to_clear is not None
    needed = looks_until(trial, Verdict.GOOD, HEALTHY)
    assert abs(2 * needed - found.good_to_clear) <= max(2, 0.1 * found.good_to_clear)


def test_what_is_so_needs_nothing_more() -> None:
    """Good is good already, and bad is bad."""
    good, bad = Trial(ERRORS), Trial(ERRORS)
    good.serve(24, one=(80, 0), two=(20, 0))
    bad.serve(4, one=(80, 0), two=(0, 20))
    assert ahead(good).conditions[0].good_to_clear == 0
    assert ahead(bad).conditions[0].bad_to_roll_back == 0
    assert ahead(bad).pod_failures_to_roll_back == 0


def test_conditions_share_the_promise() -> None:
    """Beside others that see nothing more bad requests are needed."""
    found = []
    for others in ((), (LATENCY, {**LATENCY, "name": "again"}, {**LATENCY, "name": "more"})):
        trial = Trial(ERRORS, *others)
        trial.serve(8, one=(70, 10), two=(20, 0))
        found.append(ahead(trial).conditions[0].bad_to_roll_back or 0)
    alone, together = found
    assert 0 < alone < together


def test_copies_have_an_outlook_too() -> None:
    """Answers that differ, held against their limit."""
    trial = a_trial_on_copies()
    compared(trial, 20, 0, looks=2)
    (found,) = ahead(trial).conditions
    assert found.bad_to_roll_back is not None
    compared(trial, 0, found.bad_to_roll_back - 1)
    assert verdict_of(trial) is not Verdict.BAD
    compared(trial, 0, 1)
    assert verdict_of(trial) is Verdict.BAD


def test_a_limit_of_zero_is_never_cleared() -> None:
    """It can't be shown to be kept."""
    trial = Trial({"name": "errors", "type": "ErrorRate", "max": 0.0})
    trial.serve(8, one=(80, 0), two=(20, 0))
    (found,) = ahead(trial).conditions
    assert found.good_to_clear is None
    assert found.bad_to_roll_back == 2


def test_nothing_is_foreseen_of_what_was_not_counted() -> None:
    """Too few answers to compare times with."""
    trial = Trial(LATENCY, past=())
    trial.serve(1, one=(1, 0), two=(1, 0))
    (found,) = ahead(trial).conditions
    assert (found.bad_to_roll_back, found.good_to_clear) == (None, None)


def test_a_blind_rollout_has_an_outlook_of_what_was_counted() -> None:
    """The first requests that fail would take it back, and those that don't clear it."""
    trial = Trial(ERRORS)
    trial.serve(2, one=(80, 0), two=(0, 0))
    (found,) = ahead(trial).conditions
    assert found.bad_to_roll_back
    assert found.good_to_clear


@pytest.mark.parametrize(
    ("rule", "failures", "left"),
    [("Argo", 3, [2, 4]), ("Argo", 0, [0, 1]), ("Flagger", 3, [1, 1]), ("Flagger", 0, [0, 0])],
)
def test_a_threshold_rule_bears_so_many_more_checks(
    rule: str, failures: int, left: list[int]
) -> None:
    """Two of one condition have failed: Argo counts by condition, Flagger all of them."""
    lenient = {"name": "latency", "type": "ErrorRate", "max": 0.9}
    trial = Trial(ERRORS, lenient, judge={"rule": rule, "interval": "10s", "failures": failures})
    trial.serve(4, one=(80, 0), two=(18, 2))
    found = ahead(trial)
    assert [one.checks_to_roll_back for one in found.conditions] == left
    assert [one.bad_to_roll_back for one in found.conditions] == [None, None]


def test_a_query_needs_its_time_outside() -> None:
    """What is left of it."""
    query = {"name": "sales", "type": "PromQL", "query": "up", "min": 0.9, "for": "2m"}
    trial = Trial(ERRORS, query)
    within = ahead(trial).conditions[1]
    assert within.outside_to_roll_back == timedelta(minutes=2)
    assert trial.evidence is not None
    began = trial.bench.now - timedelta(seconds=30)
    found = [
        one.model_copy(update={"outside_since": began} if one.name == "sales" else {})
        for one in trial.evidence.conditions
    ]
    trial.evidence = trial.evidence.model_copy(update={"conditions": tuple(found)})
    assert ahead(trial).conditions[1].outside_to_roll_back == timedelta(seconds=90)


def test_so_many_failing_pods_take_it_back() -> None:
    """Beside the requests, which speak neither way."""
    trial = Trial(ERRORS)
    trial.serve(8, one=(80, 0), two=(20, 0))
    assert trial.evidence is not None
    assert trial.evidence.failures is not None
    failures = trial.evidence.failures.model_copy(
        update={
            "candidate_seconds": 600.0, "counted_seconds": 300.0, "stable_seconds": 600.0,
            "past_pods": 2, "past_seconds": 172_800.0,
        }
    )  # fmt: skip
    found = failing(trial.evidence, failures, trial)
    assert found is not None
    assert 1 < found < 6
    more = failures.model_copy(update={"candidate_failures": found - 1})
    assert failing(trial.evidence, more, trial) == 1


def failing(evidence: Evidence, failures: PodFailures, trial: Trial) -> int | None:
    """How many more failures of pods take it back."""
    trial.evidence = evidence.model_copy(update={"failures": failures})
    return ahead(trial).pod_failures_to_roll_back
