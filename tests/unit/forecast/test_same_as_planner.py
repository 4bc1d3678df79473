"""Simulated rollouts go where the operator's planner sends them, look after look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from typing_extensions import override

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.model_deployment_status import DeploymentPhase
from leadsman_operator.facts import PastCount, Unknown
from leadsman_operator.forecast.asked import questions
from leadsman_operator.forecast.rollouts import Outcome
from leadsman_operator.forecast.sequential import Sequential, SequentialCourse
from leadsman_operator.forecast.traffic import Counts, Forecast, Look, Outage, Traffic
from leadsman_operator.planner.observation import DeploymentObservation
from support.deployments import CONFIGURATION, Bench, a_deployment, a_version, counters

ROLLOUTS = 4
SPEC: dict[str, Any] = {
    "rollout": {"steps": [20, 50], "minimumStepTime": "30s", "deadline": "4m", "bake": "1m"},
    "health": {
        "falseRollbackRate": 0.05,
        "conditions": [
            {"name": "errors", "type": "ErrorRate", "ratio": 1.5, "max": 0.1},
            {"name": "more", "type": "ErrorRate", "ratio": 2.0},
        ],
    },
}
BASE = Forecast(
    40, 0.02, 0.02, scrape_interval=CONFIGURATION.scrape_interval.total_seconds(), history=600
)
_ENDS = {DeploymentPhase.STABLE: Outcome.PROMOTED, DeploymentPhase.ROLLED_BACK: Outcome.ROLLED_BACK}


@dataclass
class Watched(Bench):
    """A bench whose Prometheus remembers."""

    past: tuple[PastCount, ...] = ()

    @override
    def observe(self) -> DeploymentObservation:
        return replace(super().observe(), past=self.past)


@dataclass
class Remembered(Traffic):
    """Traffic that keeps what it drew, for the planner to see the same."""

    def __init__(self, forecast: Forecast, rule: Sequential) -> None:
        """Draw for the comparisons of a rule."""
        asked = questions(rule.conditions, forecast)
        super().__init__(forecast, [asked[0].kind], ROLLOUTS, np.random.SeedSequence(11))
        self.past: list[Counts] = []

    @override
    def history(self) -> Iterator[Counts]:
        for counts in super().history():
            self.past.append(counts)
            yield counts


def counted(counts: Counts, rollout: int) -> np.ndarray:
    """Good and bad answers."""
    bad = counts.bad[0, rollout]
    return np.array([counts.total[rollout] - bad, bad], dtype=int)


def begun(past: list[Counts], rollout: int, seconds: float) -> Watched:
    """Version 2 has just got the traffic of its first step."""
    bench = Watched(resource=a_deployment(**SPEC))
    bench.settle()
    bench.past = tuple(PastCount(seconds, counters(*counted(one, rollout))) for one in past)
    bench.version = a_version(2)
    bench.settle()
    bench.serve(stable=counters(), candidate=counters())
    bench.settle()
    assert bench.resource.status.weight == 20
    return bench


def shown(bench: Watched, sums: np.ndarray, look: Look, rollout: int) -> np.ndarray:
    """Let the planner see one look, and decide; gives all that was answered so far."""
    sums = sums + np.array([counted(one, rollout) for one in (look.stable, look.candidate)])
    bench.wait(BASE.scrape_interval)
    if not look.answering:
        bench.counts = Unknown(Reason.METRICS_UNREACHABLE, "Prometheus is down")
    elif look.scraped[rollout]:
        bench.serve(stable=counters(*sums[0]), candidate=counters(*sums[1]))
    bench.settle()
    return sums


@pytest.mark.parametrize(
    ("changes", "some"),
    [
        ({}, Outcome.PROMOTED),
        ({"candidate_errors": 0.15, "cv": 0.5, "persistence": 60}, Outcome.ROLLED_BACK),
        ({"rate": 3, "candidate_errors": 0.3}, Outcome.ROLLED_BACK),
        ({"outages": (Outage(40, 60),)}, Outcome.PROMOTED),
        ({"missing": 0.3, "candidate_errors": 0.15}, Outcome.ROLLED_BACK),
        ({"candidate_errors": 0.5, "worsens_after": 50}, Outcome.ROLLED_BACK),
        ({"candidate_errors": 0.3, "history_interval": 60}, Outcome.ROLLED_BACK),
    ],
    ids=[
        "healthy",
        "worse, in bursts",
        "little traffic",
        "an outage",
        "lost samples",
        "late",
        "seldom looked at before",
    ],
)
def test_each_look_leads_to_the_same_weight(changes: dict[str, Any], some: Outcome) -> None:
    """The planner sees what a simulated rollout saw, and gives the weight that it gave."""
    spec = a_deployment(**SPEC).spec
    rule = Sequential(spec.rollout, spec.health.conditions, spec.health.false_rollback_rate)
    forecast = replace(BASE, **changes)
    traffic = Remembered(forecast, rule)
    asked = [(0, one) for one in questions(rule.conditions, forecast)]
    course = SequentialCourse(forecast, rule, asked, traffic)
    seconds = forecast.scrape_interval * forecast.looks_at_once
    benches = [begun(traffic.past, rollout, seconds) for rollout in range(ROLLOUTS)]
    sums = np.zeros((ROLLOUTS, 2, 2), dtype=int)
    for number in range(1, round(course.horizon / forecast.scrape_interval) + 1):
        running = course.rollouts.running
        look = traffic.look(number, course.rollouts.weight)
        course.after(look)
        for rollout in np.flatnonzero(running).tolist():
            bench = benches[rollout]
            sums[rollout] = shown(bench, sums[rollout], look, rollout)
            status, ended = bench.resource.status, course.rollouts.outcome[rollout]
            assert _ENDS.get(status.phase or DeploymentPhase.PENDING, Outcome.RUNNING) == ended
            if ended == Outcome.RUNNING:
                assert status.weight == round(100 * course.rollouts.weight[rollout]), number
    assert some in course.rollouts.outcome
