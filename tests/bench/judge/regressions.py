"""Worse candidates under each rule: how many bad answers they give before they are taken back."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.judge.cells import REGRESSIONS
from leadsman_api.v1alpha1.rollout import Rollout
from leadsman_operator.forecast.rollouts import Outcome
from leadsman_operator.forecast.rule import OperatorRule
from leadsman_operator.forecast.simulation import Rule, simulate
from leadsman_operator.forecast.summary import Summary, summary_of
from leadsman_operator.forecast.thresholds import ArgoSettings, FlaggerSettings
from leadsman_operator.forecast.traffic import Forecast

STATED = 0.01
OURS = OperatorRule()
SAME_STEPS = OperatorRule(rollout=Rollout(steps=tuple(range(5, 55, 5))))
"""Our rule on the steps of Flagger's tutorials, to compare rules and not steps."""
_MOST_FAILURES = 12


@dataclass(frozen=True, slots=True)
class Compared:
    """One regression under all rules."""

    rate: float
    stable: float
    candidate: float
    ours: Summary
    argo: Summary
    flagger: Summary
    same_steps: Summary
    tuned: Summary
    failures: int
    """Failed checks that the tuned rule bears."""

    @property
    def times(self) -> float:
        """How many times as bad the candidate is."""
        return self.candidate / self.stable


def compared(rate: float, rollouts: int, seed: int) -> list[Compared]:
    """Every regression at a rate of requests."""
    tuned_for = {
        stable: tuned(Forecast(rate, stable, stable), rollouts, seed)
        for stable in {stable for stable, _ in REGRESSIONS}
    }
    found = []
    for stable, candidate in REGRESSIONS:
        relative = tuned_for[stable]
        rules: tuple[Rule, ...] = (OURS, ArgoSettings(), FlaggerSettings(), SAME_STEPS, relative)
        ours, argo, flagger, same_steps, rival = (
            summary_of(simulate(Forecast(rate, stable, candidate), rule, rollouts, seed))
            for rule in rules
        )
        found.append(
            Compared(
                rate, stable, candidate, ours, argo, flagger, same_steps, rival, relative.failures
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Healthy:
    """A candidate as good as the stable revision under all rules."""

    rate: float
    errors: float
    ours: Summary
    argo: Summary
    flagger: Summary
    tuned: Summary


def unharmed(rate: float, errors: float, rollouts: int, seed: int) -> Healthy:
    """What each rule does with one."""
    forecast = Forecast(rate, errors, errors)
    rival = tuned(forecast, rollouts, seed)
    ours, argo, flagger, relative = (
        summary_of(simulate(forecast, rule, rollouts, seed))
        for rule in (OURS, ArgoSettings(), FlaggerSettings(), rival)
    )
    return Healthy(rate, errors, ours, argo, flagger, relative)


def tuned(healthy: Forecast, rollouts: int, seed: int) -> FlaggerSettings:
    """A check against the stable revision that bears as few failures as our false alarms allow.

    Tuned to traffic and errors that nobody knows beforehand: a rival as strong as can be.
    """
    rule = FlaggerSettings(success=None, longest=None, ratio=1.5, margin=0.005)
    for failures in range(1, _MOST_FAILURES):
        rule = replace(rule, failures=failures)
        if simulate(healthy, rule, rollouts, seed).share(Outcome.ROLLED_BACK) <= STATED:
            return rule
    return rule
