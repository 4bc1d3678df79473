"""Pods that fail while they are ready: what counts as a failure, and what it proves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from leadsman_api.labels import Arm, Label
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.evidence import PodFailures, Verdict
from leadsman_operator.facts import PodFacts, Unknown
from leadsman_operator.planner.judge.failures import (
    PodLook,
    describe_failures,
    failures_with,
    log_evidence_of,
)
from leadsman_operator.planner.judge.sequential import (
    PODS_WEIGHT,
    Record,
    Span,
    Tally,
)
from leadsman_operator.planner.judge.spread import nothing_seen
from support.deployments import Bench, a_deployment, a_version, counters

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAY, HOUR, LOOK = 86400.0, 3600.0, 15.0
ARMS = {"one": Arm.STABLE, "two": Arm.CANDIDATE}
BAR = np.log(100 / PODS_WEIGHT)
"""What pods alone have to show at the default rate."""


class Pods:
    """Two pods of each revision, looked at every fifteen seconds; the stable ones are old."""

    def __init__(self, *busy: Arm, ready_seconds: float = DAY) -> None:
        """All are ready, and both arms have requests unless it is said which of them."""
        self.busy, self.now = frozenset(busy or Arm), NOW
        since = NOW - timedelta(seconds=ready_seconds)
        self.pods = {
            name: PodFacts(
                name=name,
                uid=name,
                labels={Label.REVISION: name[:3]},
                ready=True,
                ready_since=since,
            )
            for name in ("one-a", "one-b", "two-a", "two-b")
        }
        self.failures: PodFailures | None = None
        self.look()

    def look(self, **changes: dict[str, Any]) -> PodFailures:
        """Some time later some of them have changed; what is known was in a status meanwhile."""
        if self.failures is not None:
            self.now += timedelta(seconds=LOOK)
        for name, changed in changes.items():
            pod = name.replace("_", "-")
            self.pods[pod] = replace(self.pods[pod], **changed)
        look = PodLook(tuple(self.pods.values()), ARMS, self.busy, self.now)
        found = failures_with(self.failures, look)
        self.failures = PodFailures.model_validate(found.to_wire())
        return self.failures

    def restart(self, name: str, **changes: Any) -> PodFailures:
        """A pod has started anew since the last look, and is ready."""
        restarts = self.pods[name].restarts + 1
        return self.look(**{name.replace("-", "_"): {"restarts": restarts, **changes}})


def test_time_of_ready_pods_is_counted() -> None:
    """Of both arms; the past is for how long the stable pods had been ready."""
    pods = Pods()
    for _ in range(4):
        found = pods.look()
    assert (found.candidate_seconds, found.stable_seconds) == (120, 120)
    assert (found.past_pods, found.past_seconds) == (2, 2 * DAY)
    assert (found.candidate_failures, found.stable_failures) == (0, 0)
    assert found.verdict is Verdict.GOOD


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"restarts": 1, "exit_code": 137, "exit_reason": "OOMKilled"},
            "pod two-a was ended for using more memory than its limit (OOMKilled)",
        ),
        (
            {"ready": False, "exit_code": 137, "exit_reason": "OOMKilled"},
            "pod two-a was ended for using more memory than its limit (OOMKilled)",
        ),
        ({"restarts": 1, "exit_code": 139}, "pod two-a ended with code 139"),
        ({"ready": False}, "pod two-a was ready no more"),
    ],
    ids=["out of memory", "not started anew yet", "a crash", "a flap"],
)
def test_a_failure_is_counted_and_told(changed: dict[str, Any], told: str) -> None:
    """Once: what a pod does that is not ready is no further failure."""
    pods = Pods()
    found = pods.look(two_a=changed)
    assert (found.candidate_failures, found.latest) == (1, told)
    assert found.verdict is Verdict.UNDECIDED
    assert told in describe_failures(found)
    if "ready" in changed:
        assert pods.restart("two-a").candidate_failures == 1
        assert pods.look(two_a={"ready": True}).candidate_failures == 1
        assert pods.look(two_a={"ready": False}).candidate_failures == 2


@pytest.mark.parametrize("changed", [{"deleting": True}, {"disrupted": True}])
def test_a_pod_that_is_sent_away_has_not_failed(changed: dict[str, bool]) -> None:
    """Drains, evictions and fewer replicas are nobody's fault."""
    found = Pods().look(two_a={"ready": False, **changed})
    assert found.candidate_failures == 0


@pytest.mark.parametrize(
    ("busy", "seconds"), [(Arm.STABLE, (0, 30)), (Arm.CANDIDATE, (30, 0))], ids=str
)
def test_idle_pods_show_nothing(busy: Arm, seconds: tuple[int, int]) -> None:
    """Before the first step the candidate's, after the last the stable revision's."""
    pods = Pods(busy)
    found = pods.look(one_a={"restarts": 1}, two_a={"restarts": 1})
    assert (found.candidate_seconds, found.stable_seconds) == seconds
    assert (found.candidate_failures, found.stable_failures) == tuple(bool(one) for one in seconds)


def test_several_failures_beside_pods_that_never_fail_are_harm() -> None:
    """One may be chance; three within minutes are enough for a rollback by themselves."""
    pods = Pods()
    first = pods.restart("two-a")
    assert 0 < first.log_evidence < BAR
    pods.restart("two-b")
    assert pods.restart("two-a").log_evidence > BAR


def test_a_stable_revision_that_fails_as_often_is_the_measure() -> None:
    """Failures of both arms are the cluster's, or usual."""
    pods = Pods()
    for _ in range(4):
        pods.look(
            one_a={"restarts": pods.pods["one-a"].restarts + 1},
            two_a={"restarts": pods.pods["two-a"].restarts + 1},
        )
    assert pods.failures is not None
    assert pods.failures.stable_failures == pods.failures.candidate_failures == 4
    assert pods.failures.log_evidence < np.log(10)


def test_little_is_concluded_beside_pods_that_nobody_has_watched() -> None:
    """How often pods of this kind fail is not known yet."""
    watched, new = Pods(), Pods(ready_seconds=0)
    for pods in (watched, new):
        pods.restart("two-a")
    assert watched.failures is not None
    assert new.failures is not None
    assert new.failures.log_evidence < 0 < watched.failures.log_evidence


@pytest.mark.parametrize("an_hour", [0.01, 0.1, 1.0, 10.0, 60.0])
@pytest.mark.parametrize("ready_seconds", [HOUR / 6, HOUR, DAY])
def test_pods_that_fail_as_often_as_the_stable_ones_are_not_accused(
    an_hour: float, ready_seconds: float
) -> None:
    """In three quarters of an hour, not more often than their part of the promised rate allows."""
    rollouts, pods, rate, look = 2000, 2, an_hour / HOUR, 60.0
    random = np.random.default_rng(5)
    ages = np.minimum(random.exponential(1 / rate, (pods, rollouts)), ready_seconds)
    record = Record(
        Tally(*np.zeros((4, rollouts))),
        Tally(),
        float(pods),
        np.sum(ages, axis=0),
        nothing_seen((rollouts,)),
    )
    accused = np.zeros(rollouts, dtype=bool)
    seconds = np.full(rollouts, pods * look)
    for number in range(1, 46):
        failed = random.poisson(rate * pods * look, (2, rollouts))
        whole = record.whole + Tally(failed[0], seconds, failed[1], seconds)
        record = replace(record, whole=whole)
        span = Span(np.full(rollouts, number * look), 0.0, record.past_total / pods, 1.0)
        accused |= log_evidence_of(record, span) >= BAR
    assert np.mean(accused) <= 0.01 * PODS_WEIGHT


def in_a_step(**spec: Any) -> Bench:
    """Version 1 serves, and version 2 has half of the traffic."""
    rollout = {"steps": [50], "minimumStepTime": "10s"}
    bench = Bench(resource=a_deployment(rollout=rollout, **spec))
    bench.settle()
    bench.version = a_version(2)
    bench.serve(stable=counters(1000), candidate=counters())
    bench.settle()
    assert bench.resource.status.weight == 50
    return bench


def answered(bench: Bench) -> None:
    """Both revisions have answered well for some seconds."""
    bench.wait(LOOK)
    bench.serve(stable=counters(1400), candidate=counters(400))
    bench.settle()


def test_one_crash_under_traffic_may_be_chance() -> None:
    """It is told, and the candidate is not good as long as it weighs."""
    bench = in_a_step(scaling={"minReplicas": 1})
    bench.broken[2] = {"restarts": 1, "exit_code": 139}
    answered(bench)
    assert bench.resource.status.candidate is not None
    assert bench.resource.status.weight == 50
    assert "churn-2" in (bench.resource.status.message or "")
    assert "ended with code 139" in (bench.resource.status.message or "")


@pytest.mark.parametrize("rule", ["Sequential", "Argo"])
def test_crashes_under_traffic_are_evidence(rule: str) -> None:
    """Whatever the rule for requests. The pods may be ready again: what they had is lost."""
    bench = in_a_step(health={"judge": {"rule": rule}})
    bench.broken[2] = {"restarts": 1, "exit_code": 137, "exit_reason": "OOMKilled"}
    answered(bench)
    assert bench.resource.status.blocked[0].reason is Reason.EVIDENCE_BAD
    told = bench.resource.status.history[0].message
    assert "pods: 2 failures in" in told
    assert "OOMKilled" in told


def test_crashes_while_nobody_can_count_are_remembered() -> None:
    """Without counts of requests there is no verdict; afterwards there is."""
    bench = in_a_step()
    bench.wait(5)
    bench.counts = Unknown(Reason.METRICS_UNREACHABLE, "no answer")
    bench.broken[2] = {"restarts": 1, "exit_code": 139}
    bench.settle()
    assert bench.resource.status.candidate is not None
    answered(bench)
    assert bench.resource.status.blocked[0].reason is Reason.EVIDENCE_BAD


def test_a_candidate_that_crashes_on_and_on_is_not_counted_any_more() -> None:
    """Whatever the counts say."""
    bench = in_a_step(scaling={"minReplicas": 1})
    bench.broken[2] = {"ready": False, "waiting": "CrashLoopBackOff", "restarts": 1}
    bench.settle()
    assert bench.resource.status.blocked[0].reason is Reason.CRASHING
