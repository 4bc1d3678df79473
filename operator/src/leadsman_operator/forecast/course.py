"""Rollouts as the operator leads them: the steps, times and policies of a ModelDeployment.

They follow `planner/steps.py`, which plans one rollout at a time; a test holds both against each
other on the same traffic. Pods are supposed to be ready at once, but for those of a Swap, and no
person to be asked.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leadsman_api.v1alpha1.health import JudgeRule
from leadsman_api.v1alpha1.rollout import OnBlind, OnUndecided, Strategy
from leadsman_operator.forecast.asked import questions
from leadsman_operator.forecast.checks import CheckJudge
from leadsman_operator.forecast.rollouts import Outcome, Rollouts, Verdicts, started
from leadsman_operator.forecast.rule import OperatorRule, Times, times_of
from leadsman_operator.forecast.sequential import SequentialJudge
from leadsman_operator.forecast.traffic import Forecast, Look, Traffic, Truths


class OperatorCourse:
    """The rule of the operator."""

    def __init__(self, rule: OperatorRule, rows: Sequence[int], traffic: Traffic) -> None:
        """Begin after a history; `rows` of the counts have what the conditions ask for."""
        number, forecast = traffic.rollouts, traffic.forecast
        self._rolls_back = rule.rolls_back
        self._times, self._shares = times_of(rule), np.asarray(rule.shares)
        self.horizon = self._times.longest + sum(one.lasts for one in forecast.outages)
        asked = list(zip(rows, questions(rule.conditions, forecast), strict=True))
        by_checks = rule.judge.rule is not JudgeRule.SEQUENTIAL
        self._judge = (CheckJudge if by_checks else SequentialJudge)(rule, asked, traffic)
        swaps = rule.rollout.strategy is Strategy.SWAP
        self.rollouts = started(number, 0.0 if swaps else rule.shares[0])
        self._swap = _Swap(number, self._times, forecast) if swaps else None
        self._step = np.zeros(number, dtype=int)
        self._step_began = np.zeros(number)

    def after(self, look: Look) -> None:
        """Weigh what is new, then go on, hold or go back."""
        verdicts = self._judge.after(look)
        serves = self.rollouts.weight > 0
        bad = serves & verdicts.bad
        if self._rolls_back:
            self._end(bad, Outcome.ROLLED_BACK, look.at)
        # One that is bad and may not go back stands still.
        asked = serves & ~bad & self.rollouts.running
        self._bake(look, asked, verdicts)
        self._next_step(look.at, asked, verdicts)
        if self._swap is not None:
            begun = self._swap.after(look, verdicts, self.rollouts)
            self._step_began = np.where(begun, look.at, self._step_began)

    def _bake(self, look: Look, asked: Truths, verdicts: Verdicts) -> None:
        """At its end a candidate is promoted that was judged: by its steps, or by the bake.

        By itself nothing is promoted while nobody sees it.
        """
        at = look.at
        baking = self._step == len(self._shares) - 1
        over = asked & baking & (at - self._step_began >= self._times.bake)
        if len(self._shares) > 1:
            self._end(over & look.answering, Outcome.PROMOTED, at)
            return
        judged = verdicts.good & ~verdicts.blind
        late = over & ~judged & (at >= self._times.deadline)
        self._end_blind(late & verdicts.blind, at)
        on = self._undecided(late & ~verdicts.blind, at)
        self._end((over & judged) | on, Outcome.PROMOTED, at)

    def _next_step(self, at: float, asked: Truths, verdicts: Verdicts) -> None:
        times, elapsed = self._times, at - self._step_began
        due = asked & (self._step < len(self._shares) - 1) & (elapsed >= times.shortest_step)
        if at >= times.deadline:
            self._end_blind(due & verdicts.blind, at)
        undecided = due & ~verdicts.good & ~verdicts.blind & (elapsed >= times.longest_step)
        forward = (due & verdicts.good & ~verdicts.blind) | self._undecided(undecided, at)
        self._step = self._step + forward
        self._step_began = np.where(forward, at, self._step_began)
        self.rollouts.set_weight(forward, self._shares[self._step])

    def _undecided(self, chosen: Truths, at: float) -> Truths:
        """Which of those go on whose time is over."""
        if self._times.on_undecided is OnUndecided.PROMOTE:
            return chosen
        if self._times.on_undecided is OnUndecided.ROLL_BACK:
            self._end(chosen, Outcome.ROLLED_BACK, at)
        return np.zeros_like(chosen)

    def _end_blind(self, chosen: Truths, at: float) -> None:
        """Nothing is known at the deadline."""
        if self._times.on_blind is OnBlind.ROLL_BACK:
            self._end(chosen, Outcome.ROLLED_BACK, at)

    def _end(self, chosen: Truths, outcome: Outcome, at: float) -> None:
        if self._swap is not None and outcome is Outcome.ROLLED_BACK:
            self._swap.return_from(chosen & self.rollouts.running, self.rollouts)
        self.rollouts.end(chosen, outcome, at)


class _Swap:
    """The beginning of a Swap: the stable revision is counted, then nothing serves for a while."""

    def __init__(self, number: int, times: Times, forecast: Forecast) -> None:
        self._times, self._downtime = times, forecast.downtime
        self._counted_since = np.zeros(number)
        self._interrupted_at = np.full(number, np.inf)

    def after(self, look: Look, verdicts: Verdicts, rollouts: Rollouts) -> Truths:
        """Make room where it is time; which candidates get all of the traffic now."""
        waits = rollouts.running & (rollouts.weight == 0)
        self._make_room(look.at, waits & (rollouts.serving > 0), verdicts.stable_counted, rollouts)
        down = waits & (rollouts.serving == 0)
        interrupted = look.at - self._interrupted_at
        ready = np.asarray(down & (interrupted >= self._downtime))
        late = down & ~ready & (interrupted >= self._times.budget / 2)
        rollouts.unserved = (
            rollouts.unserved + self._downtime * ready + (self._times.budget / 2) * late
        )
        self.return_from(late, rollouts)
        rollouts.end(late, Outcome.ROLLED_BACK, look.at)
        rollouts.serving = np.where(ready, 1.0, rollouts.serving)
        rollouts.set_weight(ready, 1.0)
        return ready

    def return_from(self, chosen: Truths, rollouts: Rollouts) -> None:
        """The way back is an interruption too, where the stable revision has made room."""
        again = chosen & np.isfinite(self._interrupted_at)
        rollouts.unserved = rollouts.unserved + self._downtime * again

    def _make_room(self, at: float, waits: Truths, counted: Truths, rollouts: Rollouts) -> None:
        blind = waits & ~counted
        if at < self._times.deadline:
            self._counted_since = np.where(blind, at, self._counted_since)
        elif self._times.on_blind is OnBlind.ROLL_BACK:
            rollouts.end(blind, Outcome.ROLLED_BACK, at)
        room = waits & counted & (at - self._counted_since >= self._times.yardstick)
        self._interrupted_at = np.where(room, at, self._interrupted_at)
        rollouts.serving = np.where(room, 0.0, rollouts.serving)
