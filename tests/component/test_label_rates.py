"""The promise holds for labelled answers too, of which many are wrong and that come in heaps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.judge.rates import clopper_pearson
from support.labelled_rollouts import ROLLOUT, Labels, found

RATE = 0.01
ROLLOUTS = 1500
HEALTHY = {
    "two in ten are wrong": Labels(wrong=0.2),
    "half are wrong": Labels(wrong=0.5),
    "one in a hundred is wrong": Labels(wrong=0.01),
    "few labels": Labels(wrong=0.2, answers=1),
    "many labels": Labels(wrong=0.2, answers=1000),
    "labels come each quarter of an hour": Labels(wrong=0.2, together=60),
    "hours that are harder for both": Labels(wrong=0.2, answers=200, hours=0.3),
    "each wanders by itself": Labels(wrong=0.1, answers=200, own=0.3),
    "no label of the other in the bake": Labels(wrong=0.2, answers=200, alone_after=60),
    "a hard hour in the bake": Labels(wrong=0.1, answers=200, hours=0.3, alone_after=60),
}  # fmt: skip


@pytest.mark.parametrize("labels", HEALTHY.values(), ids=HEALTHY.keys())
def test_the_promised_rate_holds_for_labels(labels: Labels) -> None:
    """With nothing tolerated beyond the stable revision's share, which is hardest."""
    taken_back = int(np.isfinite(found(labels, 1.0, RATE, ROLLOUTS, seed=2)).sum())
    assert clopper_pearson(taken_back, ROLLOUTS)[0] <= RATE, taken_back / ROLLOUTS


def test_a_judge_without_doubt_would_break_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who takes a hard hour for harm is caught by the same count."""
    monkeypatch.setattr(
        "leadsman_operator.planner.judge.sequential.variance_over", lambda *_: np.zeros(300)
    )
    hard = replace(HEALTHY["a hard hour in the bake"], hours=0.5)
    taken_back = int(np.isfinite(found(hard, 1.0, RATE, 300, seed=2)).sum())
    assert clopper_pearson(taken_back, 300)[0] > RATE


@pytest.mark.parametrize(
    ("times", "within"), [(1.25, ROLLOUT), (1.5, 60), (2.0, 12)], ids=["a quarter", "half", "twice"]
)
def test_more_wrong_answers_are_found_in_time(times: float, within: int) -> None:
    """Of 200 labelled answers a look, two in ten wrong, in nine rollouts of ten."""
    ended = found(Labels(wrong=0.2, answers=200, times=times), 1.0, RATE, 300, seed=2)
    assert (ended <= within).mean() >= 0.9, np.quantile(ended, 0.9)
