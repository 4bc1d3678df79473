"""Simulated rollouts go where the operator's planner sends them, look after look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from typing_extensions import override

from leadsman_api import ModelDeployment
from leadsman_api.metrics import LATENCY_BOUNDS
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.model_deployment_status import DeploymentPhase
from leadsman_operator.facts import PastCount, Unknown
from leadsman_operator.forecast.asked import errors_of
from leadsman_operator.forecast.course import OperatorCourse
from leadsman_operator.forecast.latency import Latencies
from leadsman_operator.forecast.rollouts import Outcome
from leadsman_operator.forecast.rule import OperatorRule, PodShares
from leadsman_operator.forecast.traffic import Counts, Forecast, Kind, Look, Outage, Traffic
from leadsman_operator.planner.observation import DeploymentObservation
from leadsman_operator.planner.scene import FULL
from support.deployments import CONFIGURATION, START, Bench, a_deployment, a_version

ROLLOUTS = 2
ERRORS = {"name": "errors", "type": "ErrorRate", "ratio": 1.5, "max": 0.1}
MORE = {"name": "more", "type": "ErrorRate", "ratio": 2.0}
LINE = {"name": "line", "type": "ErrorRate", "max": 0.05}
LATENCY = {"name": "latency", "type": "Latency", "ratio": 1.5, "maxLatency": "1s"}
TIMES: dict[str, Any] = {"minimumStepTime": "20s", "deadline": "2m", "bake": "40s"}
CANARY = {**TIMES, "steps": [20, 50]}
BLUE_GREEN = {**TIMES, "strategy": "BlueGreen"}
SWAP = {**TIMES, "strategy": "Swap", "swap": {"downtimeBudget": "1m"}}
BASE = Forecast(
    40, 0.02, 0.02, scrape_interval=CONFIGURATION.scrape_interval.total_seconds(), history=600
)
TIMED = {"latencies": Latencies(0.02, 0.2), "rate": 100}
SLOW = {"latencies": Latencies(0.02, 0.2, slowdown=20), "rate": 100}
FEW = {"rate": 1, "stable_errors": 0.05, "candidate_errors": 0.05}
AT_LINE = {"stable_errors": 0.05, "candidate_errors": 0.05}
NOBODY = {"rate": 1e-6}
NOT_READY = {2: {"ready": False, "phase": "Pending"}}
_ENDS = {DeploymentPhase.STABLE: Outcome.PROMOTED, DeploymentPhase.ROLLED_BACK: Outcome.ROLLED_BACK}

Counters = Mapping[str, float]


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

    def __init__(self, forecast: Forecast, kinds: Sequence[Kind]) -> None:
        """Draw for the comparisons of a rule."""
        super().__init__(forecast, kinds, ROLLOUTS, np.random.SeedSequence(11))
        self.kinds = tuple(kinds)
        self.past: list[Counts] = []

    @override
    def history(self) -> Iterator[Counts]:
        for counts in super().history():
            self.past.append(counts)
            yield counts

    def counters(self, counts: Counts, rollout: int, *, candidate: bool = False) -> Counters:
        """What a pod would have counted."""
        total, within = counts.total[rollout], 0.0
        bad = dict(zip(self.kinds, counts.bad[:, rollout], strict=True))
        failed = bad.pop(errors_of(self.forecast))
        slower = {self._bound(one, candidate=candidate): number for one, number in bad.items()}
        found = {"2xx": total - failed, "5xx": failed}
        for bound in LATENCY_BOUNDS:
            within = total - slower[bound] if bound in slower else within
            found[f"le={bound:g}"] = within
        return {**found, "le=+Inf": total}

    def _bound(self, kind: Kind, *, candidate: bool) -> float:
        """The bound of a bucket beyond which answers are of a kind."""
        latencies = self.forecast.latencies
        assert latencies is not None
        slowdown, share = (latencies.slowdown, kind.candidate) if candidate else (1.0, kind.stable)
        return next(one for one in LATENCY_BOUNDS if latencies.slower(one, slowdown) == share)


@dataclass
class Planned:
    """One rollout as the planner leads it."""

    bench: Watched
    rollout: int
    stable: Counter[str] = field(default_factory=Counter)
    candidate: Counter[str] = field(default_factory=Counter)

    def see(self, traffic: Remembered, look: Look) -> None:
        """Let the planner see one look, and decide."""
        self.stable.update(traffic.counters(look.stable, self.rollout))
        self.candidate.update(traffic.counters(look.candidate, self.rollout, candidate=True))
        bench, forecast = self.bench, traffic.forecast
        bench.wait(forecast.scrape_interval)
        rollout = bench.resource.status.rollout
        if (
            rollout is not None
            and rollout.ready_by is not None
            and not bench.resource.status.weight
        ):
            interrupted = (bench.now - rollout.step_started_at).total_seconds()
            if interrupted >= forecast.downtime:
                bench.broken = {}
        if not look.answering:
            bench.counts = Unknown(Reason.METRICS_UNREACHABLE, "Prometheus is down")
        elif look.scraped[self.rollout]:
            bench.serve(stable=self.stable, candidate=self.candidate)
        bench.settle()

    @property
    def share(self) -> float:
        """Share of the requests that its pods get."""
        status = self.bench.resource.status
        assert status.stable is not None
        assert status.candidate is not None
        if status.weight in (0, FULL):
            return (status.weight or 0) / FULL
        pods = Counter(pod.name.rsplit("-", 1)[0] for pod in self.bench.pods())
        return pods[status.candidate.name] / pods.total()

    @property
    def outcome(self) -> Outcome:
        """How it ended."""
        phase = self.bench.resource.status.phase or DeploymentPhase.PENDING
        return _ENDS.get(phase, Outcome.RUNNING)


def begun(resource: ModelDeployment, traffic: Remembered, rollout: int) -> Planned:
    """Version 2 has just got the traffic of its first step; in a Swap version 1 is counted."""
    seconds = traffic.forecast.scrape_interval * traffic.forecast.looks_at_once
    bench = Watched(resource=resource)
    bench.settle()
    past = [traffic.counters(one, rollout) for one in traffic.past]
    bench.past = tuple(PastCount(seconds, one) for one in past)
    bench.version = a_version(2)
    if traffic.forecast.downtime:
        bench.broken = dict(NOT_READY)
    bench.settle()
    bench.serve(stable={}, candidate={})
    bench.settle()
    assert bench.now == START
    return Planned(bench, rollout)


def rule_of(resource: ModelDeployment) -> OperatorRule:
    """What a simulation reads of a resource without a gateway."""
    spec = resource.spec
    return OperatorRule(
        spec.rollout,
        spec.health.conditions,
        spec.health.false_rollback_rate,
        spec.health.judge,
        rolls_back=spec.rollback.enabled,
        pods=PodShares(spec.scaling.min_replicas, spec.scaling.max_replicas),
    )


def led(resource: ModelDeployment, forecast: Forecast) -> list[Outcome]:
    """Lead rollouts by both, and compare after each look; gives how they ended."""
    rule = rule_of(resource)
    kinds = list(dict.fromkeys(rule.kinds(forecast)))
    traffic = Remembered(forecast, kinds)
    course = OperatorCourse(rule, [kinds.index(one) for one in rule.kinds(forecast)], traffic)
    planned = [begun(resource, traffic, rollout) for rollout in range(ROLLOUTS)]
    for number in range(1, round(course.horizon / forecast.scrape_interval) + 1):
        rollouts = course.rollouts
        running = [one for one in planned if rollouts.running[one.rollout]]
        look = traffic.look(number, rollouts.weight, rollouts.serving)
        course.after(look)
        for one in running:
            one.see(traffic, look)
            assert one.outcome == rollouts.outcome[one.rollout], number
            if one.outcome is Outcome.RUNNING:
                assert one.share == pytest.approx(rollouts.weight[one.rollout]), number
    return [one.outcome for one in planned]


@pytest.mark.parametrize(
    ("rollout", "conditions", "changes", "some"),
    [
        (CANARY, (ERRORS, MORE), {}, Outcome.PROMOTED),
        (
            CANARY, (ERRORS, MORE), {"candidate_errors": 0.15, "cv": 0.5, "persistence": 60},
            Outcome.ROLLED_BACK,
        ),
        (CANARY, (ERRORS, MORE), {"rate": 3, "candidate_errors": 0.3}, Outcome.ROLLED_BACK),
        (CANARY, (ERRORS,), {"rate": 0.2, "candidate_errors": 0.9}, Outcome.ROLLED_BACK),
        (CANARY, (ERRORS,), {"outages": (Outage(40, 60),)}, Outcome.PROMOTED),
        (CANARY, (ERRORS,), {"outages": (Outage(70, 40),)}, Outcome.PROMOTED),
        (CANARY, (ERRORS,), {"missing": 0.3, "candidate_errors": 0.15}, Outcome.ROLLED_BACK),
        (CANARY, (ERRORS,), {"candidate_errors": 0.5, "worsens_after": 50}, Outcome.ROLLED_BACK),
        (CANARY, (ERRORS,), {"candidate_errors": 0.3, "history_interval": 60}, Outcome.ROLLED_BACK),
        (CANARY, (ERRORS, LATENCY), TIMED, Outcome.PROMOTED),
        (CANARY, (LATENCY, ERRORS), SLOW, Outcome.ROLLED_BACK),
        ({**CANARY, "onBlind": "RollBack"}, (ERRORS,), NOBODY, Outcome.ROLLED_BACK),
        (BLUE_GREEN, (ERRORS, MORE), {}, Outcome.PROMOTED),
        (BLUE_GREEN, (ERRORS,), {"rate": 4, "candidate_errors": 0.3}, Outcome.ROLLED_BACK),
        (BLUE_GREEN, (ERRORS, LATENCY), SLOW, Outcome.ROLLED_BACK),
        (BLUE_GREEN, (ERRORS,), FEW, Outcome.PROMOTED),
        ({**BLUE_GREEN, "onUndecided": "RollBack"}, (ERRORS,), FEW, Outcome.ROLLED_BACK),
        ({**BLUE_GREEN, "onUndecided": "Pause"}, (ERRORS,), FEW, Outcome.RUNNING),
        (BLUE_GREEN, (ERRORS,), NOBODY, Outcome.RUNNING),
        ({**BLUE_GREEN, "onBlind": "RollBack"}, (ERRORS,), NOBODY, Outcome.ROLLED_BACK),
        (SWAP, (ERRORS, LATENCY), TIMED, Outcome.PROMOTED),
        (SWAP, (ERRORS,), {"downtime": 20, "rate": 5}, Outcome.PROMOTED),
        (SWAP, (ERRORS,), {"downtime": 30, "candidate_errors": 0.3}, Outcome.ROLLED_BACK),
        (SWAP, (ERRORS,), {"downtime": 35}, Outcome.ROLLED_BACK),
        (SWAP, (ERRORS,), {"outages": (Outage(0, 300),)}, Outcome.PROMOTED),
        ({**SWAP, "onBlind": "RollBack"}, (ERRORS,), NOBODY, Outcome.ROLLED_BACK),
        ({**SWAP, "onUndecided": "RollBack"}, (ERRORS,), FEW, Outcome.ROLLED_BACK),
    ],
    ids=[
        "canary", "canary, worse, in bursts", "canary, little traffic", "canary, hardly any",
        "canary, an outage", "canary, an outage at the end", "canary, lost samples", "canary, late",
        "canary, seldom looked at before", "canary, times",
        "canary, slow", "canary, nobody calls", "blue green", "blue green, worse",
        "blue green, slow", "blue green, undecided is promoted", "blue green, undecided goes back",
        "blue green, undecided waits", "blue green, nobody calls and it waits",
        "blue green, nobody calls and it goes back", "swap", "swap, twenty seconds of nothing",
        "swap, worse", "swap, too late", "swap, no yardstick for a while", "swap, no yardstick",
        "swap, undecided goes back",
    ],
)  # fmt: skip
def test_each_look_leads_to_the_same_share(
    rollout: dict[str, Any],
    conditions: tuple[dict[str, Any], ...],
    changes: dict[str, Any],
    some: Outcome,
) -> None:
    """The planner sees what a simulated rollout saw, and gives the share that it gave."""
    health = {"falseRollbackRate": 0.05, "conditions": list(conditions)}
    resource = a_deployment(rollout=rollout, health=health)
    assert some in led(resource, replace(BASE, **changes))


@pytest.mark.parametrize(
    ("rollout", "judge", "conditions", "changes", "some"),
    [
        (CANARY, {"rule": "Argo"}, (LINE, LATENCY), TIMED, Outcome.PROMOTED),
        (CANARY, {"rule": "Argo", "failures": 1}, (LINE, MORE), AT_LINE, Outcome.ROLLED_BACK),
        (CANARY, {"rule": "Argo", "failures": 9, "count": 2}, (LINE,), AT_LINE, Outcome.PROMOTED),
        (
            BLUE_GREEN, {"rule": "Argo", "failures": 2, "initialDelay": "25s"}, (LINE,), AT_LINE,
            Outcome.ROLLED_BACK,
        ),
        (CANARY, {"rule": "Flagger"}, (LINE, LATENCY), TIMED, Outcome.PROMOTED),
        (CANARY, {"rule": "Flagger"}, (LINE, MORE), AT_LINE, Outcome.ROLLED_BACK),
        (BLUE_GREEN, {"rule": "Flagger", "failures": 2}, (LINE,), AT_LINE, Outcome.ROLLED_BACK),
        (CANARY, {"rule": "Flagger"}, (LINE,), {"outages": (Outage(20, 40),)}, Outcome.PROMOTED),
        (CANARY, {"rule": "Argo"}, (LINE,), {"rate": 0.2}, Outcome.PROMOTED),
    ],
    ids=[
        "argo", "argo, at the line", "argo, measured twice", "argo, after a while", "flagger",
        "flagger, at the line", "flagger, all at once", "flagger, an outage", "argo, hardly any",
    ],
)  # fmt: skip
def test_threshold_rules_lead_to_the_same_share(
    rollout: dict[str, Any],
    judge: dict[str, Any],
    conditions: tuple[dict[str, Any], ...],
    changes: dict[str, Any],
    some: Outcome,
) -> None:
    """With the judge of people who come from there."""
    health = {"judge": {"interval": "10s", **judge}, "conditions": list(conditions)}
    resource = a_deployment(rollout=rollout, health=health)
    assert some in led(resource, replace(BASE, **changes))


def test_a_bad_candidate_that_may_not_go_back_stands_still() -> None:
    """At the planner's step, and not at the next one."""
    health = {"falseRollbackRate": 0.05, "conditions": [ERRORS]}
    resource = a_deployment(rollout=CANARY, health=health, rollback={"enabled": False})
    assert set(led(resource, replace(BASE, candidate_errors=0.3))) == {Outcome.RUNNING}
