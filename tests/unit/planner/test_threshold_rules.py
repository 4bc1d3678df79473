"""The counting of Argo Rollouts and Flagger, against their rules read aloud."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from leadsman_api.v1alpha1.evidence import Verdict
from leadsman_operator.planner.judge.sequential import Number
from leadsman_operator.planner.judge.thresholds import (
    Limits,
    Metric,
    Phase,
    assessed,
    measured,
    ticked,
)
from support.judged_rollouts import ERRORS, Trial

PHASES = (Phase.SUCCESSFUL, Phase.FAILED, Phase.INCONCLUSIVE, Phase.ERROR)
MANY = 5
"""Rollouts side by side."""


def read_aloud(phases: Sequence[Phase], limits: Limits) -> tuple[Phase, int]:
    """As analysis.go goes: what a metric ends as, and after how many measurements."""
    failed = inconclusive = in_a_row = made = 0
    verdict = Phase.RUNNING
    for number, phase in enumerate(phases, 1):
        if phase is Phase.ERROR:
            in_a_row += 1
        else:
            made, in_a_row = made + 1, 0
            failed += phase is Phase.FAILED
            inconclusive += phase is Phase.INCONCLUSIVE
        if limits.count is not None and made >= limits.count:
            verdict = Phase.SUCCESSFUL
        if failed > limits.failures:
            verdict = Phase.FAILED
        if inconclusive > limits.inconclusive:
            verdict = Phase.INCONCLUSIVE
        if in_a_row > limits.errors:
            verdict = Phase.ERROR
        if verdict is not Phase.RUNNING:
            return verdict, number
    return verdict, len(phases)


LIMITS = st.builds(
    Limits,
    failures=st.integers(0, 3),
    inconclusive=st.integers(0, 2),
    errors=st.integers(0, 4),
    count=st.none() | st.integers(1, 8),
)


@given(
    runs=st.lists(
        st.lists(st.sampled_from(PHASES), min_size=12, max_size=12), min_size=MANY, max_size=MANY
    ),
    limits=LIMITS,
)
def test_a_metric_ends_as_argo_rollouts_ends_it(runs: list[list[Phase]], limits: Limits) -> None:
    """At the same measurement, many side by side, and no measurement changes what has ended."""
    metric, ended = Metric(), np.zeros(MANY, dtype=int)
    seen = [(Phase.RUNNING, 12)] * MANY
    for number in range(12):
        now = np.array([run[number] for run in runs])
        metric = measured(metric, np.where(ended == Phase.RUNNING, now, Phase.RUNNING))
        ended = assessed(metric, limits)
        seen = [
            (Phase(phase), number + 1) if before is Phase.RUNNING and phase else (before, at)
            for (before, at), phase in zip(seen, ended.tolist(), strict=True)
        ]
    assert seen == [read_aloud(run, limits) for run in runs]


@given(checks=st.lists(st.booleans(), max_size=30), threshold=st.integers(1, 10))
def test_a_canary_goes_back_as_flagger_does(checks: list[bool], threshold: int) -> None:
    """At the tick after the check by which so many have failed, in a row or not."""
    failed: Number = 0
    gone = None
    for tick, failing in enumerate(checks):
        failed, goes_back = ticked(failed, failing, threshold)
        if goes_back:
            gone = tick
            break
    failures = [tick for tick, failing in enumerate(checks) if failing]
    last = failures[threshold - 1] + 1 if len(failures) >= threshold else len(checks)
    assert gone == (last if last < len(checks) else None)


def test_flagger_goes_back_at_the_tick_after_the_last_failure() -> None:
    """Before it checks anything: one that passes then is no way out."""
    trial = Trial(ERRORS, judge={"rule": "Flagger", "interval": "10s", "failures": 2})
    assert trial.serve(4, one=(80, 0), two=(18, 2)).verdict is Verdict.UNDECIDED
    evidence = trial.serve(2, one=(80, 0), two=(20, 0))
    assert evidence.verdict is Verdict.BAD
    told = evidence.conditions[0]
    assert (told.passed_checks, told.failed_checks) == (0, 2)
    assert trial.serve(1, one=(80, 0), two=(20, 0)).verdict is Verdict.BAD


def test_argo_measures_as_often_as_it_is_told_and_not_before() -> None:
    """After `count` checks a condition is good, whatever comes."""
    judge = {"rule": "Argo", "interval": "10s", "failures": 1, "initialDelay": "20s", "count": 2}
    trial = Trial(ERRORS, judge=judge)
    delayed = trial.serve(3, one=(80, 0), two=(18, 2))
    assert delayed.conditions[0].failed_checks == 0
    assert trial.serve(1, one=(80, 0), two=(18, 2)).verdict is Verdict.UNDECIDED
    assert trial.serve(2, one=(80, 0), two=(20, 0)).verdict is Verdict.GOOD
    last = trial.serve(6, one=(80, 0), two=(0, 20))
    assert last.verdict is Verdict.GOOD
    assert (last.conditions[0].passed_checks, last.conditions[0].failed_checks) == (1, 1)
