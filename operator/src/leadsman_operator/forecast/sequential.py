"""The sequential test of the operator's judge, over thousands of rollouts at once.

The arithmetic is the judge's own, over arrays; a test holds it to the planner on the same traffic.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leadsman_operator.forecast.asked import Asked, are_counted
from leadsman_operator.forecast.records import Records
from leadsman_operator.forecast.rollouts import Verdicts
from leadsman_operator.forecast.rule import OperatorRule
from leadsman_operator.forecast.traffic import Floats, Look, Traffic, Truths
from leadsman_operator.planner.judge.excess import log_mean
from leadsman_operator.planner.judge.sequential import (
    PODS_WEIGHT,
    RECENT_SECONDS,
    Span,
    log_against,
    log_cleared,
)
from leadsman_operator.planner.judge.standing import CLEARED
from leadsman_operator.planner.judge.verdicts import promise_of


class SequentialJudge:
    """What the counts of each look show, with all that was shown before."""

    def __init__(self, rule: OperatorRule, asked: Sequence[Asked], traffic: Traffic) -> None:
        """Begin after a history; `asked` has the row of the counts for each question."""
        self._promise = promise_of(rule.false_rollback_rate, rule.rollout)
        self._asked, self._conditions = asked, are_counted(rule.conditions)
        self._past = traffic.forecast.history
        self._records = Records(asked, traffic, RECENT_SECONDS)

    def after(self, look: Look) -> Verdicts:
        """Weigh what is new."""
        records = self._records
        records.read(look)
        against, good = self._weighed()
        return Verdicts(
            bad=look.answering & (against >= self._promise.log_bar),
            good=good,
            blind=~(look.answering & records.candidate_counted),
            stable_counted=records.stable_counted,
        )

    def _weighed(self) -> tuple[Floats, Truths]:
        """Logarithm of the evidence against the candidate, and whether it is good."""
        records = self._records
        span = Span(
            records.whole_seconds, records.recent_seconds, self._past, records.shortest_seconds
        )
        windows = self._promise.windows(records.whole_seconds)
        against: dict[str, list[Floats]] = {}
        good = np.ones(records.whole_seconds.shape, dtype=bool)
        for row, one in self._asked:
            record = records.by_row[row]
            against.setdefault(one.condition, []).append(
                log_against(record, one.limit, span, windows)
            )
            good &= log_cleared(record, one.limit, span) >= CLEARED
        each = [log_mean(np.stack(logs, axis=-1)) for logs in against.values()]
        for evidence in each:
            good &= evidence <= 0
        requests = np.logaddexp.reduce(each) - np.log(self._conditions)
        # The pods are supposed to be well: then their evidence is 1.
        return np.logaddexp(requests, np.log(PODS_WEIGHT)), good
