"""The promise holds for labelled answers too, of which many are wrong and that come late."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.judge.rates import clopper_pearson
from support.labelled_rollouts import Labels, found

RATE = 0.01
ROLLOUTS = 1500
OFTEN = Labels(wrong=0.2, answers=200)
DAYS = Labels(wrong=0.2, answers=5, look=900, looks=288, lasts=4, hours=0.3)
"""Three days of a rollout, in which each hour is as hard as it is."""
DAY = 96
"""Looks."""
HEALTHY = {
    "two in ten are wrong": Labels(wrong=0.2),
    "half are wrong": Labels(wrong=0.5),
    "one in a hundred is wrong": Labels(wrong=0.01),
    "few labels": Labels(wrong=0.2, answers=1),
    "many labels": Labels(wrong=0.2, answers=1000),
    "hard times for both": replace(OFTEN, hours=0.3),
    "each wanders by itself": replace(OFTEN, own=0.3),
    "none came before": replace(OFTEN, own=0.3, past=0),
    "they came for an hour before": replace(OFTEN, own=0.3, past=3600),
    "they come each quarter of an hour": replace(OFTEN, hours=0.3, together=60),
    "they come after half an hour": replace(OFTEN, hours=0.3, late=120),
    "a hard time in the bake": replace(OFTEN, hours=0.3, alone_after=60),
    "they come after a day": replace(DAYS, late=DAY),
    "after a day, and a bake of two": replace(DAYS, late=DAY, alone_after=8),
    "once a day, and a bake of two": replace(DAYS, together=DAY, alone_after=8),
    "days that are harder than others": replace(DAYS, late=DAY, lasts=DAY, alone_after=8),
}


@pytest.mark.parametrize("labels", HEALTHY.values(), ids=HEALTHY.keys())
def test_the_promised_rate_holds_for_labels(labels: Labels) -> None:
    """With nothing tolerated beyond the stable revision's share, which is hardest."""
    taken_back = int(np.isfinite(found(labels, 1.0, RATE, ROLLOUTS, seed=2)).sum())
    assert clopper_pearson(taken_back, ROLLOUTS)[0] <= RATE, taken_back / ROLLOUTS


def test_a_judge_without_doubt_would_break_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who takes a hard time for harm is caught by the same count."""
    monkeypatch.setattr(
        "leadsman_operator.planner.judge.sequential.variance_over", lambda *_: np.zeros(300)
    )
    hard = replace(HEALTHY["a hard time in the bake"], hours=0.5)
    taken_back = int(np.isfinite(found(hard, 1.0, RATE, 300, seed=2)).sum())
    assert clopper_pearson(taken_back, 300)[0] > RATE


@pytest.mark.parametrize(
    ("labels", "times", "within"),
    [
        (OFTEN, 1.3, 2700),
        (OFTEN, 1.5, 900),
        (OFTEN, 2.0, 180),
        (Labels(wrong=0.2), 2.0, 1500),
        (replace(DAYS, late=DAY), 2.0, 2 * 86400),
        (replace(DAYS, late=DAY, alone_after=8), 2.0, 2 * 86400),
        (replace(DAYS, together=DAY), 3.0, 86400),
    ],
)
def test_more_wrong_answers_are_found_in_time(labels: Labels, times: float, within: int) -> None:
    """In seconds, in nine rollouts of ten; a tenth more than usual is tolerated."""
    ended = found(replace(labels, times=times), 1.1, RATE, 300, seed=2)
    assert (ended <= within).mean() >= 0.9, np.sort(ended)[[150, 270]]
