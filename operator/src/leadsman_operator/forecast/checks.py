"""The threshold rules of the operator's judge, over thousands of rollouts at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from leadsman_api.v1alpha1.health import JudgeRule
from leadsman_operator.forecast.asked import Asked
from leadsman_operator.forecast.records import Records
from leadsman_operator.forecast.rollouts import Verdicts
from leadsman_operator.forecast.rule import OperatorRule
from leadsman_operator.forecast.traffic import Look, Traffic, Truths
from leadsman_operator.planner.judge.checks import (
    breaks,
    delay_of,
    interval_of,
    is_measured,
    limits_of,
    threshold_of,
)
from leadsman_operator.planner.judge.sequential import Number
from leadsman_operator.planner.judge.thresholds import Metric, Phase, assessed, measured, ticked


class CheckJudge:
    """Checks at the end of each interval in which the candidate had requests."""

    def __init__(self, rule: OperatorRule, asked: Sequence[Asked], traffic: Traffic) -> None:
        """Begin with no check."""
        judge, none = rule.judge, np.zeros(traffic.rollouts, dtype=bool)
        self._judge, self._asked = judge, asked
        self._interval = interval_of(judge).total_seconds()
        self._delay = delay_of(judge).total_seconds()
        self._records = Records(asked, traffic, self._interval)
        self._metrics = {one.condition: Metric() for _, one in asked}
        self._good, self._bad = dict.fromkeys(self._metrics, none), none
        self._failed: Number = np.zeros(traffic.rollouts)

    def after(self, look: Look) -> Verdicts:
        """Check where an interval is over."""
        records = self._records
        news = records.read(look)
        due = news & (records.recent_seconds >= self._interval)
        due &= records.whole_seconds >= self._delay
        count = self._by_argo if self._judge.rule is JudgeRule.ARGO else self._by_flagger
        count(due, *self._asked_now())
        return Verdicts(
            bad=look.answering & self._bad,
            good=np.logical_and.reduce(list(self._good.values())),
            blind=~(look.answering & records.candidate_counted),
            stable_counted=records.stable_counted,
        )

    def _asked_now(self) -> tuple[Mapping[str, Truths], Mapping[str, Truths]]:
        """By condition, whether anything is held against its limits, and whether any breaks."""
        held: dict[str, Truths] = {}
        failing: dict[str, Truths] = {}
        for row, one in self._asked:
            record = self._records.by_row[row]
            now = is_measured(record, one.limit)
            held[one.condition] = held.get(one.condition, False) | now
            broken = now & breaks(record, one.limit)
            failing[one.condition] = failing.get(one.condition, False) | broken
        return held, failing

    def _by_argo(
        self, due: Truths, held: Mapping[str, Truths], failing: Mapping[str, Truths]
    ) -> None:
        limits = limits_of(self._judge)
        for name, fails in failing.items():
            metric = self._metrics[name]
            checked = due & held[name] & (assessed(metric, limits) != Phase.SUCCESSFUL)
            phase = np.where(fails, Phase.FAILED, Phase.SUCCESSFUL)
            after = measured(metric, np.where(checked, phase, Phase.RUNNING))
            found = assessed(after, limits)
            good = (found == Phase.SUCCESSFUL) | ((found == Phase.RUNNING) & ~fails)
            self._metrics[name] = after
            self._good[name] = np.where(checked, good, self._good[name])
            self._bad = self._bad | (found == Phase.FAILED)

    def _by_flagger(
        self, due: Truths, held: Mapping[str, Truths], failing: Mapping[str, Truths]
    ) -> None:
        fails = np.logical_or.reduce(list(failing.values()))
        failed, goes_back = ticked(self._failed, fails, threshold_of(self._judge))
        self._failed = np.where(due, failed, self._failed)
        self._bad = self._bad | (due & goes_back)
        checked = due & ~goes_back
        for name, broken in failing.items():
            self._good[name] = np.where(checked & held[name], ~broken, self._good[name])
            # The first check that fails ends the tick: those after it are not made.
            checked = checked & ~broken
