"""A rollout: steps, promotion, and every way in which it ends otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from leadsman_api.reasons import Reason
from leadsman_api.termination import Termination
from leadsman_api.v1alpha1.evidence import Verdict
from leadsman_api.v1alpha1.model_deployment_status import DeploymentPhase
from leadsman_operator.facts import Missing, Unknown
from leadsman_operator.planner.plan import ApplyObject, DeleteObject, SetAlias
from leadsman_operator.planner.scene import pods_for
from support.deployments import CONFIGURATION, Bench, a_deployment, a_version, counters

QUICK: dict[str, Any] = {
    "rollout": {"steps": [50], "minimumStepTime": "10s", "bake": "20s", "keepPrevious": "60s"}
}


def rolling_out(**spec: Any) -> Bench:
    """Version 1 serves, and version 2 has the traffic of the first step."""
    bench = Bench(resource=a_deployment(**{**QUICK, **spec}))
    bench.settle()
    bench.wait(5)
    bench.version = a_version(2)
    bench.serve(stable=counters(1000), candidate=counters())
    bench.settle()
    assert bench.resource.status.weight
    return bench


def count(
    bench: Bench, stable: Mapping[str, float], candidate: Mapping[str, float], seconds: float = 15
) -> None:
    """Let time pass, and say what was counted meanwhile."""
    bench.wait(seconds)
    bench.serve(stable=stable, candidate=candidate)
    bench.settle()


def healthy(bench: Bench, requests: int = 400) -> None:
    """Both revisions answer well."""
    count(bench, counters(1000 + requests), counters(requests))


def reasons(bench: Bench) -> list[Reason]:
    """The history's reasons, the oldest first."""
    return [one.reason for one in reversed(bench.resource.status.history)]


def phase(bench: Bench) -> DeploymentPhase | None:
    """Where it stands."""
    return bench.resource.status.phase


def versions(bench: Bench) -> tuple[int | None, int | None, int | None]:
    """Versions of the stable, the candidate and the previous revision."""
    status = bench.resource.status
    stable, candidate, previous = (
        arm.version if arm else None for arm in (status.stable, status.candidate, status.previous)
    )
    return stable, candidate, previous


@pytest.mark.parametrize(
    ("weight", "stable", "pods"),
    [(10, 2, 1), (30, 2, 1), (60, 2, 3), (50, 4, 4), (10, 18, 2), (99, 2, 10), (100, 3, 3)],
)
def test_pods_of_a_candidate_come_closest_to_its_share(weight: int, stable: int, pods: int) -> None:
    """At least one, at most maxReplicas."""
    assert pods_for(weight, stable, most=10) == pods


def test_a_rollout_looks_several_times_between_two_scrapes() -> None:
    """What Prometheus has just read is seen soon; at rest nothing is hurried."""
    bench = rolling_out()
    hurried = bench.plan().look_again_in
    assert hurried is not None
    assert hurried <= CONFIGURATION.scrape_interval / 3

    bench.version = a_version(1)
    at_rest = bench.settle().look_again_in
    assert at_rest is not None
    assert at_rest > CONFIGURATION.scrape_interval


def test_the_candidate_gets_traffic_only_when_its_pods_are_ready() -> None:
    """Until then the Service selects the stable revision alone."""
    bench = Bench(resource=a_deployment(**QUICK), broken={2: {"ready": False}})
    bench.settle()
    stable = bench.selected()
    bench.version = a_version(2)
    bench.settle()
    assert bench.selected() == stable
    bench.broken.clear()
    bench.settle()
    assert bench.selected() is None


def test_a_healthy_candidate_becomes_stable_after_its_bake() -> None:
    """And the one before is kept warm for as long as the spec says."""
    bench = rolling_out()
    healthy(bench)
    assert phase(bench) is DeploymentPhase.BAKING
    candidate = bench.resource.status.candidate
    assert candidate is not None
    assert bench.selected() == candidate.name
    bench.wait(20)
    bench.settle()
    assert versions(bench) == (2, None, 1)
    assert len(bench.names("Deployment")) == 2
    bench.wait(60)
    bench.settle()
    assert versions(bench) == (2, None, None)
    assert len(bench.names("Deployment")) == 1
    assert reasons(bench)[-2:] == [Reason.BAKING, Reason.PROMOTED]


def test_during_the_bake_the_way_back_is_as_wide_as_it_was() -> None:
    """No autoscaler shrinks the stable revision before the candidate is promoted."""
    bench = rolling_out()
    healthy(bench)
    candidate = bench.resource.status.candidate
    assert candidate is not None
    assert bench.names("HorizontalPodAutoscaler") == [candidate.name]


def test_a_bad_candidate_loses_its_traffic_first_and_its_pods_then() -> None:
    """In two plans: the decision is written down before anything is deleted."""
    bench = rolling_out()
    bench.wait(5)
    bench.serve(stable=counters(1100), candidate=counters(60, 40))
    first = bench.plan()
    assert first.status.phase is DeploymentPhase.ROLLING_BACK
    assert first.status.weight == 0
    assert any(
        isinstance(action, ApplyObject) and action.manifest["metadata"]["name"] == "churn"
        for action in first.actions
    )
    assert not any(isinstance(action, DeleteObject) for action in first.actions)
    second = bench.plan()
    assert second.status.phase is DeploymentPhase.ROLLED_BACK
    assert any(isinstance(action, DeleteObject) for action in second.actions)


def test_no_step_ends_without_a_check_of_its_own() -> None:
    """A threshold rule that was content with the step before has not seen this one yet."""
    rollout = {**QUICK["rollout"], "steps": [10, 50]}
    judge = {"rule": "Flagger", "interval": "40s"}
    bench = rolling_out(rollout=rollout, health={"judge": judge})
    weights = []
    for look in range(1, 9):
        count(bench, counters(1000 + 100 * look), counters(20 * look))
        weights.append(bench.resource.status.weight)
    assert weights == [10, 10, 50, 50, 50, 100, 100, None]


def test_a_rollback_says_what_it_saw() -> None:
    """History and Event carry the numbers."""
    bench = rolling_out()
    count(bench, counters(1100), counters(60, 40))
    told = bench.resource.status.history[0]
    assert told.reason is Reason.ROLLED_BACK
    assert told.verdict is Verdict.BAD
    assert "40 of 100 requests failed at the candidate" in told.message
    assert any("40 of 100" in event for event in bench.events)


def test_a_slow_candidate_is_rolled_back() -> None:
    """Answers above the bucket that the stable revision's quantile lies in."""
    bench = rolling_out()
    count(bench, counters(1200), counters(100, slow=50))
    assert versions(bench) == (1, None, None)
    assert "latency: 50 of 100 requests were too slow" in bench.resource.status.history[0].message


def test_a_number_of_the_users_own_rolls_back_once_it_is_outside_for_long_enough() -> None:
    """Not at once: `for` says how long."""
    conditions = [{"name": "business", "type": "PromQL", "query": "up", "min": 0.9, "for": "20s"}]
    bench = rolling_out(health={"conditions": conditions})
    bench.queries = {"business": 0.5}
    healthy(bench)
    assert versions(bench)[1] == 2
    count(bench, counters(1300), counters(300), seconds=20)
    assert versions(bench) == (1, None, None)
    assert (
        "the query gives 0.5, healthy is at least 0.9" in bench.resource.status.history[0].message
    )


def test_a_blocked_revision_is_not_tried_again_until_something_else_was_wanted() -> None:
    """The alias still points at it: that is no reason to try again."""
    bench = rolling_out()
    count(bench, counters(1100), counters(60, 40))
    bench.wait(600)
    bench.settle()
    assert versions(bench) == (1, None, None)
    assert phase(bench) is DeploymentPhase.ROLLED_BACK
    bench.version = a_version(1)
    bench.settle()
    assert phase(bench) is DeploymentPhase.STABLE
    assert bench.resource.status.blocked == ()
    bench.version = a_version(2)
    bench.settle()
    assert versions(bench)[:2] == (1, 2)


def test_a_change_of_the_spec_makes_another_revision_of_the_same_version() -> None:
    """And a revision that was rolled back does not block it."""
    bench = rolling_out()
    count(bench, counters(1100), counters(60, 40))
    status = bench.resource.status
    changed = a_deployment(**QUICK, serving={"env": [{"name": "MODE", "value": "new"}]})
    bench.resource = changed.model_copy(update={"status": status})
    bench.settle()
    assert versions(bench)[:2] == (1, 2)


def test_a_change_of_a_secret_that_the_pods_use_makes_another_revision() -> None:
    """What the pods are made of is more than the spec."""
    bench = Bench(resource=a_deployment(**QUICK), references={"Secret/keys": "aa"})
    bench.settle()
    before = bench.resource.status.stable
    bench.references = {"Secret/keys": "bb"}
    bench.settle()
    candidate = bench.resource.status.candidate
    assert before is not None
    assert candidate is not None
    assert candidate.name != before.name
    assert candidate.version == before.version


@pytest.mark.parametrize("counts", [(), Unknown(Reason.METRICS_UNREACHABLE, "no answer")])
def test_no_data_is_never_evidence_against_a_model(counts: Any) -> None:
    """It neither rolls back nor goes on."""
    bench = rolling_out()
    bench.wait(3600)
    bench.counts = counts
    bench.settle()
    assert versions(bench) == (1, 2, None)
    assert bench.resource.status.weight == 50
    evidence = bench.resource.status.evidence
    assert evidence is not None
    assert evidence.verdict is Verdict.BLIND


def test_an_unreadable_registry_lets_a_rollout_go_on() -> None:
    """The candidate is pinned: what it is needs no registry."""
    bench = rolling_out()
    bench.version = Unknown(Reason.REGISTRY_UNREACHABLE, "no answer")
    healthy(bench)
    bench.wait(20)
    bench.settle()
    assert versions(bench) == (2, None, 1)


@pytest.mark.parametrize(
    "version",
    [
        Unknown(Reason.REGISTRY_UNREACHABLE, "no answer"),
        Missing(Reason.VERSION_NOT_FOUND, "version 9 is not there"),
    ],
    ids=["registry down", "version deleted"],
)
def test_what_serves_goes_on_serving(version: Unknown | Missing) -> None:
    """Whatever happens to the registry, nothing is touched."""
    bench = Bench(resource=a_deployment(**QUICK))
    bench.settle()
    bench.version = version
    bench.wait(600)
    assert bench.plan().actions == ()
    assert phase(bench) is DeploymentPhase.STABLE


def test_a_second_version_in_the_middle_takes_the_candidates_place() -> None:
    """The stable revision gets everything back before the next one is tried."""
    bench = rolling_out()
    bench.version = a_version(3)
    first = bench.plan()
    stable = bench.resource.status.stable
    assert stable is not None
    assert bench.selected() == stable.name
    assert first.status.candidate is None
    bench.settle()
    assert versions(bench) == (1, 3, None)
    assert Reason.SUPERSEDED in reasons(bench)


def test_an_alias_that_comes_back_ends_the_rollout() -> None:
    """Nothing was wrong with the candidate: it is not blocked."""
    bench = rolling_out()
    bench.version = a_version(1)
    bench.settle()
    assert versions(bench) == (1, None, None)
    assert phase(bench) is DeploymentPhase.STABLE
    assert bench.resource.status.blocked == ()


def test_a_version_that_is_wanted_during_a_bake_promotes_the_one_before() -> None:
    """It carries all of the traffic already."""
    bench = rolling_out()
    healthy(bench)
    bench.version = a_version(3)
    bench.settle()
    assert versions(bench)[:2] == (2, 3)


@pytest.mark.parametrize(
    ("pod", "reason"),
    [
        (
            {"termination": Termination(reason=Reason.LOAD_FAILED, message="no such module")},
            Reason.LOAD_FAILED,
        ),
        ({"waiting": "CrashLoopBackOff", "restarts": 1, "exit_code": 139}, Reason.CRASHING),
        ({"restarts": 3, "exit_reason": "OOMKilled"}, Reason.OUT_OF_MEMORY),
    ],
    ids=["can't load", "crashes", "out of memory"],
)
def test_a_candidate_that_cant_serve_goes_without_having_had_a_request(
    pod: dict[str, Any], reason: Reason
) -> None:
    """Its own pods are evidence enough."""
    bench = Bench(resource=a_deployment(**QUICK), broken={2: {"ready": False, **pod}})
    bench.settle()
    stable = bench.selected()
    bench.version = a_version(2)
    bench.settle()
    status = bench.resource.status
    assert status.blocked[0].reason is reason
    assert bench.selected() == stable
    assert all(told.weight in (None, 0, 100) for told in status.history)


@pytest.mark.parametrize(
    "pod",
    [
        {"waiting": "ImagePullBackOff", "waiting_message": "not found"},
        {"unschedulable": "0/3 nodes have room"},
        {"termination": Termination(reason=Reason.FETCH_FAILED, message="mlflow is down")},
    ],
    ids=["image", "no room", "registry down"],
)
def test_what_may_pass_is_waited_for_until_the_deadline(pod: dict[str, Any]) -> None:
    """The model is not at fault; the deadline still holds."""
    rollout = {**QUICK["rollout"], "deadline": "10m"}
    bench = Bench(resource=a_deployment(rollout=rollout), broken={2: {"ready": False, **pod}})
    bench.settle()
    bench.version = a_version(2)
    bench.settle()
    bench.wait(300)
    bench.settle()
    assert versions(bench)[1] == 2
    bench.wait(301)
    bench.settle()
    assert versions(bench)[1] is None
    assert bench.resource.status.blocked[0].reason is Reason.DEADLINE_EXCEEDED


def test_a_candidate_that_dies_under_full_traffic_gives_it_back() -> None:
    """The stable revision is still warm."""
    bench = rolling_out()
    healthy(bench)
    bench.broken[2] = {"ready": False}
    bench.settle()
    stable = bench.resource.status.stable
    assert stable is not None
    assert bench.selected() == stable.name
    assert versions(bench)[0] == 1


def test_rollback_can_be_switched_off() -> None:
    """Then the rollout stops and says so."""
    bench = rolling_out(rollback={"enabled": False})
    count(bench, counters(1100), counters(60, 40))
    assert versions(bench) == (1, 2, None)
    assert phase(bench) is DeploymentPhase.PAUSED
    assert "rollback.enabled is false" in (bench.resource.status.message or "")


def test_a_rollback_can_move_the_alias_back() -> None:
    """Only after the traffic is back, and only from where the bad version is."""
    bench = rolling_out(rollback={"moveAlias": True})
    count(bench, counters(1100), counters(60, 40))
    moved = [action for action in bench.done if isinstance(action, SetAlias)]
    assert [(action.version, action.expected) for action in moved] == [(1, 2)]
    assert phase(bench) is DeploymentPhase.STABLE


@pytest.mark.parametrize(
    ("policy", "end"),
    [
        ("Promote", DeploymentPhase.BAKING),
        ("RollBack", DeploymentPhase.ROLLED_BACK),
        ("Pause", DeploymentPhase.PAUSED),
    ],
)
def test_when_the_time_is_up_the_policy_decides(policy: str, end: DeploymentPhase) -> None:
    """The evidence says neither good nor bad."""
    bench = rolling_out(rollout={**QUICK["rollout"], "onUndecided": policy, "deadline": "1m"})
    count(bench, counters(1020), counters(10), seconds=20)
    assert phase(bench) is DeploymentPhase.ROLLING_OUT
    count(bench, counters(1040), counters(20), seconds=41)
    assert phase(bench) is end


@pytest.mark.parametrize(
    ("policy", "end"),
    [
        ("Hold", DeploymentPhase.ROLLING_OUT),
        ("RollBack", DeploymentPhase.ROLLED_BACK),
        ("Pause", DeploymentPhase.PAUSED),
    ],
)
def test_without_data_until_the_deadline_the_policy_decides(
    policy: str, end: DeploymentPhase
) -> None:
    """Hold is what is meant when nothing is said."""
    bench = rolling_out(rollout={**QUICK["rollout"], "onBlind": policy, "deadline": "1m"})
    bench.counts = ()
    bench.wait(61)
    bench.settle()
    assert phase(bench) is end


def test_a_pause_stops_the_clock() -> None:
    """Time that a person takes is not the candidate's."""
    bench = rolling_out()
    status = bench.resource.status
    paused = a_deployment(rollout={**QUICK["rollout"], "paused": True})
    bench.resource = paused.model_copy(update={"status": status})
    healthy(bench)
    bench.wait(7200)
    bench.settle()
    assert phase(bench) is DeploymentPhase.PAUSED
    bench.resource = a_deployment(**QUICK).model_copy(update={"status": bench.resource.status})
    bench.plan()
    rollout = bench.resource.status.rollout
    assert rollout is not None
    assert bench.now - rollout.started_at < bench.resource.spec.rollout.deadline


@pytest.mark.parametrize("comes_up", [True, False])
def test_pods_of_a_later_step_have_the_deadline_for_themselves(*, comes_up: bool) -> None:
    """The steps before have taken all of it, for the evidence said nothing: that is no fault."""
    bench = rolling_out(rollout={**QUICK["rollout"], "steps": [30], "deadline": "10m"})
    bench.broken[2] = {"ready": False, "unschedulable": "no node has room"}
    for seconds in (610, 599):
        count(bench, counters(1001), counters(1), seconds)
    assert (versions(bench), bench.resource.status.weight) == ((1, 2, None), 30)
    if comes_up:
        bench.broken.clear()
    bench.wait(2)
    bench.settle()
    assert bench.resource.status.weight == (100 if comes_up else None)
    assert (Reason.ROLLED_BACK in reasons(bench)) is not comes_up


def test_blue_green_goes_to_full_traffic_at_once() -> None:
    """With as many pods as the stable revision has."""
    bench = rolling_out(rollout={**QUICK["rollout"], "strategy": "BlueGreen"})
    status = bench.resource.status
    assert status.weight == 100
    assert status.phase is DeploymentPhase.BAKING


def test_no_pod_of_a_third_revision_gets_traffic_of_a_split() -> None:
    """One Service carries all pods meanwhile: pods that are still going away are waited for."""
    bench = Bench(resource=a_deployment(**QUICK))
    bench.settle()
    old = bench.pods()[0]
    gone = type(old)(name="old", uid="old", labels={**old.labels, "leadsman.dev/revision": "old"})
    bench.lingering = (gone,)
    stable = bench.selected()
    bench.version = a_version(2)
    bench.settle()
    assert bench.selected() == stable
    assert "waiting for the pods of old to leave" in (bench.resource.status.message or "")
    bench.lingering = ()
    bench.settle()
    assert bench.selected() is None
