"""What people ask a rollout for, once: carried out, or refused with what to do instead."""

from __future__ import annotations

from typing import Any

import pytest

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.command import Outcome, Verb
from leadsman_api.v1alpha1.model_deployment_status import DeploymentPhase, RevisionStatus
from support.deployments import Bench, a_deployment, a_version, counters

ROLLOUT: dict[str, Any] = {
    "steps": [30, 60],
    "minimumStepTime": "10s",
    "bake": "20s",
    "keepPrevious": "60s",
}


def rolling_out(**rollout: Any) -> Bench:
    """Version 1 serves, and version 2 has the traffic of the first step."""
    bench = Bench(resource=a_deployment(rollout={**ROLLOUT, **rollout}))
    bench.settle()
    bench.wait(5)
    bench.version = a_version(2)
    bench.serve(stable=counters(1000), candidate=counters())
    bench.settle()
    return bench


def promoted(**rollout: Any) -> Bench:
    """Version 2 serves, and version 1 is kept warm."""
    bench = rolling_out(**rollout)
    for number in range(2):
        ask(bench, Verb.PROMOTE_FULL if number == 0 else Verb.PROMOTE, id=f"made-{number}")
    assert versions(bench) == (2, None, 1)
    return bench


def write(bench: Bench, command: dict[str, Any] | None, **rollout: Any) -> None:
    """Apply the spec with a command, or without one."""
    given = {**ROLLOUT, **rollout, **({"command": command} if command else {})}
    resource = a_deployment(rollout=given)
    bench.resource = resource.model_copy(update={"status": bench.resource.status})


def ask(bench: Bench, verb: Verb, revision: str | None = None, **command: Any) -> None:
    """Write a command, by default about the candidate, and let the operator deal with it."""
    rollout = {
        name: command.pop(name) for name in ("paused", "approval", "strategy") if name in command
    }
    candidate = bench.resource.status.candidate
    about = revision or (candidate.name if candidate else "nothing")
    write(bench, {"id": "c-1", "verb": verb, "revision": about, "by": "ada", **command}, **rollout)
    bench.settle()


def answer(bench: Bench) -> tuple[Outcome, str]:
    """What came of the latest command."""
    latest = bench.resource.status.commands[0]
    assert latest.by == "ada"
    return latest.outcome, latest.message


def named(arm: RevisionStatus | None) -> str:
    """Name of the revision that plays a part."""
    assert arm is not None
    return arm.name


def versions(bench: Bench) -> tuple[int | None, int | None, int | None]:
    """Versions of the stable, the candidate and the previous revision."""
    status = bench.resource.status
    stable, candidate, previous = (
        arm.version if arm else None for arm in (status.stable, status.candidate, status.previous)
    )
    return stable, candidate, previous


def test_a_pause_holds_until_somebody_resumes() -> None:
    """Applying the manifest without the command, as a repository does, does not undo it."""
    bench = rolling_out()
    ask(bench, Verb.PAUSE)
    write(bench, None)
    bench.wait(7200)
    bench.serve(stable=counters(3000), candidate=counters(1000))
    bench.settle()
    assert bench.resource.status.phase is DeploymentPhase.PAUSED
    assert bench.resource.status.message == "paused at 30 percent: ada asked for it"
    ask(bench, Verb.RESUME, id="c-2")
    bench.settle()
    rollout = bench.resource.status.rollout
    assert rollout is not None
    assert rollout.paused_by is None
    assert bench.now - rollout.started_at < bench.resource.spec.rollout.deadline


def test_a_pause_does_not_hold_a_bad_candidate() -> None:
    """What keeps the traffic safe goes on."""
    bench = rolling_out()
    ask(bench, Verb.PAUSE)
    bench.wait(15)
    bench.serve(stable=counters(3000), candidate=counters(10, 200))
    bench.settle()
    assert bench.resource.status.phase is DeploymentPhase.ROLLED_BACK


def test_the_history_says_who_and_why() -> None:
    """With the name in a field of its own."""
    bench = rolling_out()
    ask(bench, Verb.ABORT, because="the wrong data")
    told = bench.resource.status.history[0]
    assert told.by == "ada"
    assert told.at == bench.now
    assert told.message.endswith("ada ended the rollout: the wrong data")


def test_promote_skips_one_step_however_often_it_is_applied() -> None:
    """The same id is dealt with once, also after other commands came between."""
    bench = rolling_out()
    ask(bench, Verb.PROMOTE, step=0)
    assert bench.resource.status.weight == 60
    ask(bench, Verb.PAUSE, id="c-2")
    ask(bench, Verb.PROMOTE, step=0)
    assert bench.resource.status.weight == 60
    assert [one.id for one in bench.resource.status.commands] == ["c-2", "c-1"]


def test_a_second_promote_of_the_same_step_skips_nothing() -> None:
    """Two people, or two clicks: the second is told that the step is over."""
    bench = rolling_out()
    ask(bench, Verb.PROMOTE, step=0)
    ask(bench, Verb.PROMOTE, id="c-2", step=0)
    assert bench.resource.status.weight == 60
    outcome, message = answer(bench)
    assert outcome is Outcome.REFUSED
    assert "step 0 is over, step 1 runs" in message


def test_promote_full_skips_the_steps_and_keeps_the_bake() -> None:
    """Full traffic at once; the way back stays open until the bake is over."""
    bench = rolling_out()
    ask(bench, Verb.PROMOTE_FULL)
    assert bench.resource.status.phase is DeploymentPhase.BAKING
    assert bench.resource.status.weight == 100
    assert versions(bench) == (1, 2, None)


@pytest.mark.parametrize("strategy", ["Canary", "BlueGreen"])
def test_promote_ends_the_bake(strategy: str) -> None:
    """But not one that was meant for the step before."""
    bench = rolling_out(strategy=strategy)
    if strategy == "Canary":
        ask(bench, Verb.PROMOTE_FULL, id="full")
    rollout = bench.resource.status.rollout
    assert rollout is not None
    ask(bench, Verb.PROMOTE, id="early", step=rollout.step - 1, strategy=strategy)
    assert versions(bench) == (1, 2, None)
    ask(bench, Verb.PROMOTE, id="now", step=rollout.step, strategy=strategy)
    assert versions(bench) == (2, None, 1)


def test_promote_goes_on_after_a_pause() -> None:
    """Whoever asks for the next step does not want to wait in this one."""
    bench = rolling_out()
    ask(bench, Verb.PAUSE)
    bench.wait(600)
    ask(bench, Verb.PROMOTE, id="c-2")
    assert bench.resource.status.weight == 60
    assert bench.resource.status.phase is DeploymentPhase.ROLLING_OUT


def test_promote_waits_for_pods_as_every_step_does() -> None:
    """Traffic goes to ready pods only, whoever asks."""
    bench = rolling_out()
    bench.broken[2] = {"ready": False}
    ask(bench, Verb.PROMOTE_FULL)
    assert bench.resource.status.weight == 30
    bench.broken.clear()
    bench.settle()
    assert bench.resource.status.weight == 100


def test_promote_does_not_stand_in_for_an_approval() -> None:
    """Only an approver may say yes."""
    approval = {"required": True, "before": "FirstStep"}
    bench = rolling_out(approval=approval)
    ask(bench, Verb.PROMOTE, approval=approval)
    outcome, message = answer(bench)
    assert outcome is Outcome.REFUSED
    assert "write rollout.approval.granted" in message
    assert bench.resource.status.weight == 0


def test_promote_overrules_evidence_where_nothing_rolls_back_by_itself() -> None:
    """With rollback.enabled false people decide, and this is how they do."""
    bench = rolling_out()
    given = {"rollout": {**ROLLOUT}, "rollback": {"enabled": False}}
    bench.resource = a_deployment(**given).model_copy(update={"status": bench.resource.status})
    bench.wait(15)
    bench.serve(stable=counters(3000), candidate=counters(10, 200))
    bench.settle()
    assert bench.resource.status.phase is DeploymentPhase.PAUSED
    about = named(bench.resource.status.candidate)
    given["rollout"]["command"] = {
        "id": "c-1", "verb": "PromoteFull", "revision": about, "by": "ada"
    }  # fmt: skip
    bench.resource = a_deployment(**given).model_copy(update={"status": bench.resource.status})
    bench.settle()
    rollout = bench.resource.status.rollout
    assert bench.resource.status.weight == 100
    assert rollout is not None
    assert rollout.overruled_by == "ada"


def test_abort_gives_the_traffic_back_and_retry_tries_again() -> None:
    """The revision stays blocked only until somebody wants it."""
    bench = rolling_out()
    about = named(bench.resource.status.candidate)
    ask(bench, Verb.ABORT)
    status = bench.resource.status
    assert status.phase is DeploymentPhase.ROLLED_BACK
    assert [(one.name, one.reason) for one in status.blocked] == [(about, Reason.ABORTED)]
    assert bench.selected() == named(status.stable)
    ask(bench, Verb.RETRY, about, id="c-2")
    assert versions(bench) == (1, 2, None)
    assert bench.resource.status.blocked == ()
    assert Reason.RETRIED in [one.reason for one in bench.resource.status.history]


def test_abort_in_the_bake_goes_back_too() -> None:
    """Full traffic is not the end yet."""
    bench = rolling_out()
    ask(bench, Verb.PROMOTE_FULL)
    ask(bench, Verb.ABORT, id="c-2")
    assert versions(bench) == (1, None, None)


def test_a_rollback_after_promotion_waits_until_the_way_back_is_wide_enough() -> None:
    """The kept revision gets as many ready pods as the other has before it gets its traffic."""
    bench = promoted()
    stable = named(bench.resource.status.stable)
    for ref, manifest in bench.objects.items():
        if ref.kind == "Deployment" and ref.name == stable:
            bench.objects[ref] = {**manifest, "spec": {**manifest["spec"], "replicas": 5}}
    bench.settle()
    back = named(bench.resource.status.previous)
    bench.broken[1] = {"ready": False}
    ask(bench, Verb.ROLL_BACK, back)
    assert bench.selected() == stable
    assert bench.resource.status.phase is DeploymentPhase.ROLLING_BACK
    assert bench.resource.status.message == "0 of 5 pods of version 1 are ready to take over"
    bench.broken.clear()
    bench.settle()
    assert bench.selected() == back
    assert versions(bench) == (1, None, None)
    assert bench.resource.status.history[0].by == "ada"


def test_a_rollback_does_not_wait_for_ever() -> None:
    """After the deadline few pods are better than what somebody wants to be gone."""
    bench = promoted()
    back = named(bench.resource.status.previous)
    bench.broken[1] = {"ready": False}
    ask(bench, Verb.ROLL_BACK, back)
    name = f"{back}-0"
    bench.lingering = tuple(
        type(pod)(**{**_fields(pod), "ready": True, "name": "one"})
        for pod in bench.pods()
        if pod.name == name
    )
    bench.settle()
    assert bench.selected() != back
    bench.wait(3600)
    bench.settle()
    assert bench.selected() == back


def _fields(pod: Any) -> dict[str, Any]:
    return {name: getattr(pod, name) for name in type(pod).__dataclass_fields__}


def test_a_rollback_in_a_rollout_ends_it() -> None:
    """The revision to go back to is the stable one."""
    bench = rolling_out()
    ask(bench, Verb.ROLL_BACK, named(bench.resource.status.stable))
    assert versions(bench) == (1, None, None)
    assert bench.resource.status.phase is DeploymentPhase.ROLLED_BACK


@pytest.mark.parametrize(
    ("verb", "revision", "says"),
    [
        (Verb.ABORT, "churn-9-abc", "is being tried, not churn-9-abc"),
        (Verb.PAUSE, "churn-9-abc", "is being tried, not churn-9-abc"),
        (Verb.RESUME, None, "nobody has paused it"),
        (Verb.RETRY, "churn-9-abc", "is not blocked"),
        (Verb.ROLL_BACK, "churn-9-abc", "version 2 is being tried: go back to"),
    ],
)
def test_what_is_not_so_is_refused_with_what_to_do(
    verb: Verb, revision: str | None, says: str
) -> None:
    """A command for another revision never hits this one."""
    bench = rolling_out()
    before = bench.resource.status
    ask(bench, verb, revision)
    outcome, message = answer(bench)
    assert outcome is Outcome.REFUSED
    assert says in message
    after = bench.resource.status
    assert (after.candidate, after.weight, after.rollout) == (
        before.candidate, before.weight, before.rollout
    )  # fmt: skip
    assert after.history == before.history
    assert any(event.startswith(f"CommandRefused: {verb}") for event in bench.events)


def test_without_a_rollout_there_is_nothing_to_promote() -> None:
    """And a revision that is gone can't be gone back to."""
    bench = promoted()
    ask(bench, Verb.PROMOTE, "churn-2-x", id="a")
    assert answer(bench) == (
        Outcome.REFUSED, "no rollout is running, of churn-2-x or any other revision"
    )  # fmt: skip
    ask(bench, Verb.ROLL_BACK, "churn-1-x", id="b")
    assert answer(bench)[1].startswith("churn-1-x is not kept: point alias")


def test_what_the_spec_pauses_only_the_spec_lets_go() -> None:
    """A command can't undo what stands in the spec for all time."""
    bench = rolling_out()
    for number, verb in enumerate((Verb.RESUME, Verb.PROMOTE, Verb.PROMOTE_FULL)):
        ask(bench, verb, id=f"c-{number}", paused=True)
        assert answer(bench) == (
            Outcome.REFUSED, "rollout.paused is true in the spec: write false there"
        )  # fmt: skip
    assert bench.resource.status.weight == 30


def test_what_is_so_already_is_done() -> None:
    """Asking twice with two ids is no mistake, where the wish is true."""
    bench = rolling_out()
    ask(bench, Verb.PAUSE)
    ask(bench, Verb.PAUSE, id="c-2")
    assert answer(bench) == (Outcome.DONE, "ada has paused it")
    ask(bench, Verb.RETRY, id="c-3")
    assert answer(bench) == (Outcome.DONE, "it is being tried")
    ask(bench, Verb.ABORT, id="c-4")
    ask(bench, Verb.ROLL_BACK, named(bench.resource.status.stable), id="c-5")
    assert answer(bench) == (Outcome.DONE, "version 1 carries all of the traffic")


def test_a_retry_asks_for_what_the_spec_asks_for() -> None:
    """A blocked revision that nobody wants any more is not tried by the way."""
    bench = rolling_out()
    about = named(bench.resource.status.candidate)
    ask(bench, Verb.ABORT)
    bench.version = a_version(3)
    write(bench, {"id": "c-2", "verb": "Retry", "revision": about, "by": "ada"})
    bench.plan()
    outcome, message = answer(bench)
    assert outcome is Outcome.REFUSED
    assert "the spec asks for version 3" in message
