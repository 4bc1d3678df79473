"""Worse candidates under each rule: how many bad answers they give before they are taken back."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.judge.cells import HEALTHY_ERRORS, REGRESSIONS, SERVICES, SLOWDOWNS
from leadsman_api.v1alpha1.rollout import Rollout
from leadsman_operator.forecast.latency import Latencies
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
RELATIVE = FlaggerSettings(success=None, longest=None, ratio=1.5, margin=0.005)
"""A check against the stable revision's errors, to be tuned."""
_MOST_FAILURES = 12


@dataclass(frozen=True, slots=True)
class Compared:
    """One candidate under all rules."""

    rate: float
    told: str
    """What is the matter with it."""
    times: float
    """How many times as bad, or as slow, it is."""
    ours: Summary
    argo: Summary
    flagger: Summary
    same_steps: Summary
    tuned: Summary
    failures: int
    """Failed checks that the tuned rule bears."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    told: str
    times: float
    forecast: Forecast


def compared(rate: float, rollouts: int, seed: int) -> list[Compared]:
    """Candidates that fail more often, at a rate of requests."""
    found = []
    for stable in dict.fromkeys(stable for stable, _ in REGRESSIONS):
        rival = tuned(Forecast(rate, stable, stable), RELATIVE, rollouts, seed)
        found += [
            _under_all(
                _Candidate(
                    f"{stable:.1%} to {errors:.1%}", errors / stable, Forecast(rate, stable, errors)
                ),
                rival,
                rollouts,
                seed,
            )
            for usual, errors in REGRESSIONS
            if usual == stable
        ]
    return found


def slowed(rate: float, rollouts: int, seed: int) -> list[Compared]:
    """Candidates that take longer, at a rate of requests."""
    found = []
    for service in SERVICES:
        usual = Forecast(rate, 0.0, 0.0, latencies=service)
        rival = tuned(usual, _timed(service), rollouts, seed)
        found += [
            _under_all(
                _Candidate(
                    f"{service_name(service)}, {slowdown:g} times as slow",
                    slowdown,
                    replace(usual, latencies=replace(service, slowdown=slowdown)),
                ),
                rival,
                rollouts,
                seed,
            )
            for slowdown in SLOWDOWNS
        ]
    return found


def _under_all(one: _Candidate, rival: FlaggerSettings, rollouts: int, seed: int) -> Compared:
    rules: tuple[Rule, ...] = (OURS, ArgoSettings(), FlaggerSettings(), SAME_STEPS, rival)
    ours, argo, flagger, same_steps, relative = (
        summary_of(simulate(one.forecast, rule, rollouts, seed)) for rule in rules
    )
    return Compared(
        one.forecast.rate, one.told, one.times,
        ours, argo, flagger, same_steps, relative, rival.failures,
    )  # fmt: skip


def service_name(service: Latencies) -> str:
    """The times of a service, in milliseconds."""
    return f"p50 {service.p50 * 1000:g} ms, p99 {service.p99 * 1000:g} ms"


@dataclass(frozen=True, slots=True)
class Healthy:
    """A candidate as good as the stable revision under all rules."""

    rate: float
    told: str
    ours: Summary
    argo: Summary
    flagger: Summary
    tuned: Summary


def unharmed(rate: float, rollouts: int, seed: int) -> list[Healthy]:
    """What each rule does with one, at a rate of requests."""
    usual = [
        (f"errors {errors:.1%}", Forecast(rate, errors, errors), RELATIVE)
        for errors in HEALTHY_ERRORS
    ]
    usual += [
        (service_name(service), Forecast(rate, 0.0, 0.0, latencies=service), _timed(service))
        for service in SERVICES
    ]
    found = []
    for told, forecast, relative in usual:
        rival = tuned(forecast, relative, rollouts, seed)
        rules: tuple[Rule, ...] = (OURS, ArgoSettings(), FlaggerSettings(), rival)
        outcomes = (summary_of(simulate(forecast, rule, rollouts, seed)) for rule in rules)
        found.append(Healthy(rate, told, *outcomes))
    return found


def _timed(service: Latencies) -> FlaggerSettings:
    """A check of the 99th percentile, to be tuned."""
    return FlaggerSettings(success=None, longest=1.5 * service.p99)


def tuned(healthy: Forecast, rule: FlaggerSettings, rollouts: int, seed: int) -> FlaggerSettings:
    """The rule with as few failures borne as our rate of false alarms allows.

    Tuned to traffic that nobody knows beforehand: a rival as strong as can be.
    """
    for failures in range(1, _MOST_FAILURES):
        rule = replace(rule, failures=failures)
        if simulate(healthy, rule, rollouts, seed).share(Outcome.ROLLED_BACK) <= STATED:
            return rule
    return rule
