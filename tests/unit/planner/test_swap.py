"""Swap: what holds in the middle, while nothing serves."""

from __future__ import annotations

from typing import Any

import pytest

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.command import Command, Outcome, Verb
from leadsman_api.v1alpha1.model_deployment_status import DeploymentPhase
from leadsman_operator.facts import ObjectRef, Unknown
from leadsman_operator.planner.judge.counting import labelled_counter, wrong_counter
from leadsman_operator.planner.plan import ScaleObject
from support.deployments import Bench, a_deployment, a_version, counters

ROLLOUT: dict[str, Any] = {
    "strategy": "Swap",
    "swap": {"downtimeBudget": "2m"},
    "minimumStepTime": "10s",
    "deadline": "10m",
    "bake": "20s",
}
NOT_READY = {"ready": False, "phase": "Pending"}


def begun(**rollout: Any) -> Bench:
    """Version 1 serves with two pods, and version 2 is to take its place."""
    bench = Bench(resource=a_deployment(rollout={**ROLLOUT, **rollout}))
    bench.settle()
    bench.version = a_version(2)
    bench.broken = {2: NOT_READY}
    bench.settle()
    return bench


def counted(bench: Bench, seconds: float = 15) -> Bench:
    """Let time pass in which the stable revision answers; what it did before counts for nothing."""
    for requests in (1000, 2000, 3000):
        bench.serve(stable=counters(requests), candidate={})
        bench.wait(seconds / 2)
        bench.settle()
    return bench


def interrupted(**rollout: Any) -> Bench:
    """Version 1 has made room, and version 2 is on its way."""
    bench = counted(begun(**rollout))
    assert bench.resource.status.rollout is not None
    assert bench.resource.status.rollout.ready_by is not None
    return bench


def pods(bench: Bench) -> dict[str, int]:
    """How many pods each version asks for."""
    return {
        ref.name.split("-")[1]: manifest["spec"]["replicas"]
        for ref, manifest in bench.objects.items()
        if ref.kind == "Deployment"
    }


def scales(bench: Bench) -> list[tuple[str, int]]:
    """Versions with the numbers that they were scaled to, in order."""
    return [
        (action.ref.name.split("-")[1], action.replicas)
        for action in bench.done
        if isinstance(action, ScaleObject)
    ]


def ask(bench: Bench, verb: Verb) -> Outcome:
    """Have somebody ask for something about the candidate; what comes of it."""
    candidate = bench.resource.status.candidate
    assert candidate is not None
    command = Command(id=verb.value, verb=verb, revision=candidate.name, by="ada")
    spec = bench.resource.spec
    rollout = spec.rollout.model_copy(update={"command": command})
    bench.resource = bench.resource.model_copy(
        update={"spec": spec.model_copy(update={"rollout": rollout})}
    )
    bench.settle()
    return bench.resource.status.commands[0].outcome


def edit(bench: Bench, **changes: Any) -> None:
    """Somebody changes spec.rollout."""
    spec = bench.resource.spec
    rollout = spec.rollout.model_copy(update=changes)
    bench.resource = bench.resource.model_copy(
        update={"spec": spec.model_copy(update={"rollout": rollout})}
    )


def test_the_stable_revision_is_counted_before_it_makes_room() -> None:
    """It is the yardstick, and the candidate has no pod yet."""
    bench = begun()
    assert pods(bench) == {"1": 2, "2": 0}

    bench.wait(9)
    bench.serve(stable=counters(1000), candidate={})
    bench.settle()
    assert pods(bench) == {"1": 2, "2": 0}

    counted(bench)
    assert pods(bench) == {"1": 0, "2": 2}
    assert scales(bench)[-2:] == [("2", 2), ("1", 0)]
    assert bench.names("HorizontalPodAutoscaler") == []


def test_labels_of_earlier_answers_are_no_yardstick() -> None:
    """They come while nobody asks anything, and say nothing of errors and times."""
    bench = begun()
    for number in (10, 20, 30):
        bench.serve(
            stable={**counters(), labelled_counter("quality"): number, wrong_counter("quality"): 1},
            candidate={},
        )
        bench.wait(10)
        bench.settle()
    assert pods(bench) == {"1": 2, "2": 0}

    assert pods(counted(bench)) == {"1": 0, "2": 2}


@pytest.mark.parametrize(("on_blind", "version"), [("Hold", 2), ("RollBack", None), ("Pause", 2)])
def test_without_a_yardstick_the_policy_decides(on_blind: str, version: int | None) -> None:
    """Nothing is stopped for a candidate that could not be judged."""
    bench = begun(onBlind=on_blind)
    bench.counts = Unknown(Reason.METRICS_UNREACHABLE, "it is down")
    bench.wait(601)
    bench.settle()

    assert pods(bench)["1"] == 2
    candidate = bench.resource.status.candidate
    assert (candidate.version if candidate else None) == version


@pytest.mark.parametrize("before", ["Promotion", "FirstStep", "EveryStep"])
def test_an_approval_is_needed_before_anything_is_stopped(before: str) -> None:
    """And never in the middle."""
    bench = counted(begun(approval={"required": True, "before": before}))

    assert bench.resource.status.phase is DeploymentPhase.PAUSED
    assert pods(bench) == {"1": 2, "2": 0}


def test_the_first_ready_pod_gets_the_traffic() -> None:
    """Then the candidate bakes, and the stable revision stays without pods."""
    bench = interrupted()
    bench.broken = {}
    bench.settle()

    assert bench.resource.status.phase is DeploymentPhase.BAKING
    assert bench.selected() == bench.resource.status.candidate.name  # type: ignore[union-attr]
    assert pods(bench) == {"1": 0, "2": 2}


def test_after_a_swap_nothing_is_kept_warm() -> None:
    """There is no room for it."""
    bench = interrupted()
    bench.broken = {}
    bench.settle()
    bench.wait(21)
    bench.serve(stable=counters(2000), candidate=counters(500))
    bench.settle()

    assert bench.resource.status.phase is DeploymentPhase.STABLE
    assert pods(bench) == {"2": 2}
    assert bench.resource.status.previous is None


def test_who_is_late_makes_room_again() -> None:
    """After half of the budget: the other half is for the way back."""
    bench = interrupted()
    bench.wait(59)
    bench.settle()
    assert pods(bench) == {"1": 0, "2": 2}

    bench.wait(1)
    bench.settle()
    assert pods(bench) == {"1": 2}
    assert bench.resource.status.blocked[0].reason is Reason.DEADLINE_EXCEEDED
    assert ("1", 2) in scales(bench)[2:]


def test_a_swap_goes_back_even_where_rollbacks_are_off() -> None:
    """Nobody decides while nothing serves."""
    bench = interrupted()
    spec = bench.resource.spec
    off = spec.rollback.model_copy(update={"enabled": False})
    bench.resource = bench.resource.model_copy(
        update={"spec": spec.model_copy(update={"rollback": off})}
    )
    bench.broken = {2: {**NOT_READY, "waiting": "CrashLoopBackOff", "restarts": 3}}
    bench.settle()

    assert pods(bench) == {"1": 2}


def test_news_wait_for_the_end() -> None:
    """Another version, a pause and another strategy would all leave nothing that serves."""
    bench = interrupted()
    bench.version = a_version(3)
    edit(bench, paused=True, strategy="Canary", swap=None)
    bench.settle()
    assert pods(bench) == {"1": 0, "2": 2}

    bench.broken = {}
    bench.plan()
    assert bench.resource.status.phase is DeploymentPhase.BAKING


def test_people_can_only_end_it() -> None:
    """What they ask for otherwise is refused."""
    bench = interrupted()

    assert ask(bench, Verb.PAUSE) is Outcome.REFUSED
    assert ask(bench, Verb.PROMOTE) is Outcome.REFUSED
    assert pods(bench) == {"1": 0, "2": 2}

    assert ask(bench, Verb.ABORT) is Outcome.DONE
    assert pods(bench) == {"1": 2}


def test_a_swap_has_no_step_to_skip_and_says_what_it_waits_for() -> None:
    """The pods of its candidate come last."""
    bench = begun()
    assert ask(bench, Verb.PROMOTE_FULL) is Outcome.REFUSED
    assert bench.resource.status.commands[0].message == (
        "a swap has no steps to skip: nothing was counted yet of version 1, which is the yardstick"
    )


def test_what_carries_all_of_the_traffic_keeps_its_pods() -> None:
    """The autoscaler of the candidate has not seen yet what it has to take."""
    bench = begun(bake="10m")
    grown = ObjectRef("apps/v1", "Deployment", "ml", bench.resource.status.stable.name)  # type: ignore[union-attr]
    manifest = bench.objects[grown]
    bench.objects[grown] = {**manifest, "spec": {**manifest["spec"], "replicas": 4}}
    counted(bench)
    bench.broken = {}
    bench.settle()
    assert bench.resource.status.phase is DeploymentPhase.BAKING
    assert pods(bench) == {"1": 0, "2": 4}
    (scaler,) = (one for ref, one in bench.objects.items() if ref.kind == "HorizontalPodAutoscaler")
    assert scaler["spec"]["minReplicas"] == 4


def test_a_swap_that_was_begun_and_not_written_down_goes_on() -> None:
    """The operator died after it had stopped the stable revision."""
    bench = counted(begun(), seconds=8)
    before = bench.resource.status
    counted(bench)
    assert pods(bench) == {"1": 0, "2": 2}

    bench.resource = bench.resource.model_copy(update={"status": before})
    bench.settle()

    assert pods(bench) == {"1": 0, "2": 2}
    assert bench.resource.status.rollout is not None
    assert bench.resource.status.rollout.ready_by is not None


@pytest.mark.parametrize(
    ("policy", "value", "promoted"),
    [
        ("onUndecided", "Promote", True),
        ("onUndecided", "RollBack", False),
        ("onUndecided", "Pause", False),
        ("onBlind", "Hold", False),
        ("onBlind", "RollBack", False),
    ],
)
@pytest.mark.parametrize("strategy", ["Swap", "BlueGreen"])
def test_a_bake_without_proof_ends_by_policy(
    strategy: str, policy: str, value: str, *, promoted: bool
) -> None:
    """No step has judged the candidate before: at the deadline the policy decides."""
    swap = {"downtimeBudget": "2m"} if strategy == "Swap" else None
    bench = counted(begun(strategy=strategy, swap=swap, **{policy: value}))
    bench.broken = {}
    bench.settle()
    assert bench.resource.status.phase is DeploymentPhase.BAKING

    few = counters(10) if policy == "onUndecided" else counters()
    bench.wait(60)
    bench.serve(stable=counters(3000), candidate=few)
    bench.settle()
    assert bench.resource.status.phase is DeploymentPhase.BAKING

    bench.wait(600)
    bench.serve(stable=counters(4000), candidate=few)
    bench.settle()
    stable = bench.resource.status.stable
    assert stable is not None
    assert (stable.version == 2) is promoted


def baking(strategy: str) -> Bench:
    """Version 2 has all of the traffic, and nothing has judged it yet."""
    swap = {"downtimeBudget": "2m"} if strategy == "Swap" else None
    bench = counted(begun(strategy=strategy, swap=swap))
    bench.broken = {}
    bench.settle()
    assert bench.resource.status.phase is DeploymentPhase.BAKING
    return bench


def wanted_next(bench: Bench) -> tuple[int, int]:
    """The stable version and the one that is tried, once version 3 is wanted."""
    bench.version = a_version(3)
    bench.settle()
    stable, candidate = bench.resource.status.stable, bench.resource.status.candidate
    assert stable is not None
    assert candidate is not None
    return stable.version, candidate.version


@pytest.mark.parametrize(
    ("strategy", "versions"), [("Swap", (1, 2)), ("BlueGreen", (1, 3))], ids=["swap", "blue green"]
)
def test_what_nothing_has_judged_is_not_made_stable_for_the_next(
    strategy: str, versions: tuple[int, int]
) -> None:
    """All goes back to what is known, unless that would interrupt once more."""
    assert wanted_next(baking(strategy)) == versions


@pytest.mark.parametrize("strategy", ["Swap", "BlueGreen"])
def test_a_candidate_that_is_good_is_promoted_for_the_next(strategy: str) -> None:
    """It was judged by its bake, which need not last longer."""
    bench = baking(strategy)
    for requests in (1000, 2000):
        bench.wait(5)
        bench.serve(stable=counters(3000), candidate=counters(requests))
        bench.settle()
    assert wanted_next(bench) == (2, 3)
