"""Rollouts as the operator leads them: its judge, and the times and steps of a ModelDeployment.

The arithmetic is the judge's own, over arrays. The steps follow `planner/steps.py`, which plans
one rollout at a time; a test holds both against each other on the same traffic. Pods are
supposed to be ready at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from leadsman_api.v1alpha1.health import DEFAULT_CONDITIONS, HealthCondition
from leadsman_api.v1alpha1.rollout import OnBlind, OnUndecided, Rollout, Strategy
from leadsman_operator.forecast.asked import Question, are_counted
from leadsman_operator.forecast.rollouts import Outcome, started
from leadsman_operator.forecast.traffic import Counts, Floats, Forecast, Look, Traffic, Truths
from leadsman_operator.planner.judge.excess import log_mean
from leadsman_operator.planner.judge.sequential import (
    PODS_WEIGHT,
    RECENT_SECONDS,
    Number,
    Record,
    Span,
    Tally,
    log_against,
    log_cleared,
    record_with,
)
from leadsman_operator.planner.judge.spread import LONGEST_LOOK, nothing_seen, spread_with
from leadsman_operator.planner.judge.standing import CLEARED
from leadsman_operator.planner.judge.verdicts import Promise


@dataclass(frozen=True, slots=True)
class Sequential:
    """The rule of the operator, as a ModelDeployment sets it."""

    rollout: Rollout = field(default_factory=Rollout)
    conditions: tuple[HealthCondition, ...] = DEFAULT_CONDITIONS
    false_rollback_rate: float = 0.01


class SequentialCourse:
    """The rule `Sequential`."""

    def __init__(
        self,
        forecast: Forecast,
        rule: Sequential,
        asked: Sequence[tuple[int, Question]],
        traffic: Traffic,
    ) -> None:
        """Begin after a history; `asked` has the row of the counts for each question."""
        number = traffic.rollouts
        self._plan = _plan_of(rule.rollout)
        self.horizon = self._plan.longest + sum(one.lasts for one in forecast.outages)
        self.rollouts = started(number, self._plan.weights[0])
        self._promise = Promise(rule.false_rollback_rate, rule.rollout.deadline + rule.rollout.bake)
        self._windows = self._promise.rollout.total_seconds() / RECENT_SECONDS
        self._asked, self._conditions = asked, are_counted(rule.conditions)
        self._look, self._past = forecast.scrape_interval, forecast.history
        self._shortest = forecast.scrape_interval * forecast.looks_at_once
        rows = {row for row, _ in asked}
        self._records = _before(traffic.history(), rows, number, self._shortest)
        self._unread: tuple[Counts, Counts] | None = None
        self._unread_seconds = np.zeros(number)
        self._whole, self._recent = np.zeros(number), np.zeros(number)
        self._step = np.zeros(number, dtype=int)
        self._step_began = np.zeros(number)

    def after(self, look: Look) -> None:
        """Weigh what is new, then go on, hold or go back."""
        self._read(look, look.scraped & look.answering)
        against, good = self._weighed()
        bad = look.answering & (against >= self._promise.log_bar)
        self.rollouts.end(bad, Outcome.ROLLED_BACK, look.at)
        asked_for = np.asarray(self._records[self._asked[0][0]].whole.candidate_total) > 0
        self._go_on(look.at, good, blind=~(look.answering & asked_for))

    def _read(self, look: Look, seen: Truths) -> None:
        """Add to the records what the counters have gained since they were read last."""
        self._unread_seconds += self._look
        arms = (look.stable, look.candidate)
        if self._unread is not None:
            arms = (self._unread[0] + look.stable, self._unread[1] + look.candidate)
        stable, candidate = (arm.where(seen) for arm in arms)
        self._unread = None if np.all(seen) else (arms[0].where(~seen), arms[1].where(~seen))
        seconds = np.where(seen, self._unread_seconds, 0.0)
        self._unread_seconds = self._unread_seconds - seconds
        renewed = seen & (self._recent >= RECENT_SECONDS)
        # Time without a request of the candidate shows nothing of it; neither does a long gap.
        known = np.minimum(seconds, LONGEST_LOOK * self._shortest)
        counted = np.where(candidate.total > 0, known, 0.0)
        self._whole = self._whole + counted
        self._recent = np.where(renewed, 0.0, self._recent) + counted
        self._records = {
            row: record_with(
                _windowed(record, renewed),
                Tally(stable.bad[row], stable.total, candidate.bad[row], candidate.total),
                seconds,
                self._shortest,
            )
            for row, record in self._records.items()
        }

    def _weighed(self) -> tuple[Floats, Truths]:
        """Logarithm of the evidence against the candidate, and whether it is good."""
        span = Span(self._whole, self._recent, self._past, self._shortest)
        against: dict[str, list[Floats]] = {}
        good = np.ones(self._whole.shape, dtype=bool)
        for row, one in self._asked:
            record = self._records[row]
            against.setdefault(one.condition, []).append(
                log_against(record, one.limit, span, self._windows)
            )
            good &= log_cleared(record, one.limit, span) >= CLEARED
        each = [log_mean(np.stack(logs, axis=-1)) for logs in against.values()]
        for evidence in each:
            good &= evidence <= 0
        requests = np.logaddexp.reduce(each) - np.log(self._conditions)
        # The pods are supposed to be well: then their evidence is 1.
        return np.logaddexp(requests, np.log(PODS_WEIGHT)), good

    def _go_on(self, at: float, good: Truths, *, blind: Truths) -> None:
        plan, rollouts = self._plan, self.rollouts
        elapsed = at - self._step_began
        baking = self._step == len(plan.weights) - 1
        rollouts.end(baking & (elapsed >= plan.bake), Outcome.PROMOTED, at)
        due = ~baking & (elapsed >= plan.minimum)
        undecided = due & ~good & ~blind & (elapsed >= plan.step_time)
        forward = due & good & ~blind
        if plan.on_undecided is OnUndecided.PROMOTE:
            forward |= undecided
        elif plan.on_undecided is OnUndecided.ROLL_BACK:
            rollouts.end(undecided, Outcome.ROLLED_BACK, at)
        if at >= plan.deadline and plan.on_blind is OnBlind.ROLL_BACK:
            rollouts.end(due & blind, Outcome.ROLLED_BACK, at)
        self._step = self._step + forward
        self._step_began = np.where(forward, at, self._step_began)
        rollouts.set_weight(forward, np.asarray(plan.weights)[self._step])


@dataclass(frozen=True, slots=True)
class _Plan:
    """Weights and times in seconds; the last weight is that of the bake."""

    weights: tuple[float, ...]
    minimum: float
    step_time: float
    deadline: float
    bake: float
    on_undecided: OnUndecided
    on_blind: OnBlind

    @property
    def longest(self) -> float:
        """Seconds of a rollout whose every step takes its whole time."""
        return self.step_time * (len(self.weights) - 1) + self.bake


def _plan_of(rollout: Rollout) -> _Plan:
    steps = rollout.steps if rollout.strategy is Strategy.CANARY else ()
    minimum, deadline = (
        rollout.minimum_step_time.total_seconds(), rollout.deadline.total_seconds()
    )  # fmt: skip
    return _Plan(
        weights=(*(step / 100 for step in steps), 1.0),
        minimum=minimum,
        step_time=max(minimum, deadline / len(rollout.steps)),
        deadline=deadline,
        bake=rollout.bake.total_seconds(),
        on_undecided=rollout.on_undecided,
        on_blind=rollout.on_blind,
    )


def _before(
    history: Iterable[Counts], rows: set[int], number: int, seconds: float
) -> dict[int, Record]:
    """What is known of the stable revision when the rollout begins."""
    spreads = {row: nothing_seen((number,)) for row in rows}
    bad = {row: np.zeros(number) for row in rows}
    total = np.zeros(number)
    for counts in history:
        total = total + counts.total
        for row in rows:
            bad[row] = bad[row] + counts.bad[row]
            spreads[row] = spread_with(
                spreads[row], counts.bad[row], counts.total, seconds, seconds
            )
    return {row: Record(Tally(), Tally(), bad[row], total, spreads[row]) for row in rows}


def _windowed(record: Record, renewed: Truths) -> Record:
    """Forget the window where a new one begins."""
    recent = record.recent
    kept: list[Number] = [
        np.where(renewed, 0.0, number)
        for number in (
            recent.stable_bad, recent.stable_total, recent.candidate_bad, recent.candidate_total
        )
    ]  # fmt: skip
    return Record(record.whole, Tally(*kept), record.past_bad, record.past_total, record.spread)
