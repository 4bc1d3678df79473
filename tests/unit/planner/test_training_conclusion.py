"""From the best trial to the alias: conclusion, gate, champion, approval, promotion."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from leadsman_api.conditions import ConditionType
from leadsman_api.labels import Tag
from leadsman_api.reasons import Reason
from leadsman_api.termination import Termination
from leadsman_api.v1alpha1.training_run_status import RunPhase
from leadsman_operator.facts import ModelFacts, ObjectRef, RunFacts, Unknown
from leadsman_operator.planner.plan import DeleteObject, EndRun, SetAlias, TagVersion
from leadsman_operator.planner.training.naming import JOB_LABEL, JOB_UID_LABEL
from leadsman_operator.planner.training_run import plan_training_run
from support.trainings import (
    CONCLUDE,
    DIGEST,
    NO_MODEL,
    Bench,
    a_conclusion,
    a_pod,
    a_run,
)

CHAMPION_1 = ModelFacts("churn", {"champion": 1})


def test_what_was_found_is_in_the_status() -> None:
    """Version, digest, gate, provenance and times, before the alias moves."""
    bench = Bench(model=CHAMPION_1).searched()
    bench.start_pods(CONCLUDE)
    bench.wait(30)
    bench.conclude(version=2, champion=1)
    plan = bench.plan()
    status = plan.status
    assert plan.actions == ()
    assert (status.model_version, status.digest) == (2, DIGEST)
    assert status.gate is not None
    assert status.gate.champion_version == 1
    assert status.provenance is not None
    assert status.provenance.rows == 569
    assert status.timings is not None
    assert status.timings.concluding is not None
    assert bench.condition(ConditionType.REGISTERED) == ("True", Reason.REGISTERED)
    assert bench.condition(ConditionType.GATE_PASSED) == ("True", Reason.GATE_PASSED)


def test_the_image_that_trained_the_version_is_written_on_it() -> None:
    """That of the pod that made it, which is not the one that came last, nor any by its name."""
    bench = Bench(model=CHAMPION_1).searched()
    bench.start_pods(CONCLUDE)
    bench.change_pod(f"{CONCLUDE}-0", image_digest="sha256:a")
    later = a_pod("later", CONCLUDE, image_digest="sha256:b")
    bench.pods[later.name] = later
    bench.conclude(version=2, pod_uid=f"uid-{CONCLUDE}-0")
    bench.settle()

    assert bench.status.provenance is not None
    assert bench.status.provenance.image_digest == "sha256:a"
    (tagged,) = bench.deeds(TagVersion)
    assert (tagged.model, tagged.version) == ("churn", 2)
    assert tagged.tags == {"leadsman.image_digest": "sha256:a"}


@pytest.mark.parametrize(
    ("recorded", "known"),
    [pytest.param("sha256:old", "sha256:old", id="recorded"), pytest.param(None, None, id="gone")],
)
def test_of_a_pod_that_is_gone_no_image_is_made_up(recorded: str | None, known: str | None) -> None:
    """A version that an earlier try has made keeps what was written on it then."""
    bench = Bench(model=CHAMPION_1).searched()
    bench.start_pods(CONCLUDE)
    bench.change_pod(f"{CONCLUDE}-0", image_digest="sha256:new")
    made_from = {"imageDigest": recorded} if recorded else {}
    bench.conclude(version=2, pod_uid="uid-of-a-pod-that-is-gone", provenance=made_from)
    bench.settle()

    assert bench.status.provenance is not None
    assert bench.status.provenance.image_digest == known
    assert bench.deeds(TagVersion) == []


@pytest.mark.parametrize(
    ("others", "known"),
    [pytest.param(0, "sha256:a", id="the only pod"), pytest.param(1, None, id="one of two pods")],
)
def test_an_image_that_does_not_name_its_pod_is_that_of_the_only_one(
    others: int, known: str | None
) -> None:
    """The training image of an earlier release, named in spec.trainer.image."""
    bench = Bench(model=CHAMPION_1).searched()
    bench.start_pods(CONCLUDE)
    bench.change_pod(f"{CONCLUDE}-0", image_digest="sha256:a")
    for number in range(others):
        bench.pods[f"other-{number}"] = a_pod(f"other-{number}", CONCLUDE, image_digest="sha256:b")
    bench.conclude(version=2)
    bench.settle()

    assert bench.status.provenance is not None
    assert bench.status.provenance.image_digest == known
    assert [one.tags for one in bench.deeds(TagVersion)] == (
        [{"leadsman.image_digest": known}] if known else []
    )


def test_what_the_gate_said_outlives_its_job() -> None:
    """A run that waits for days does not fit its model again."""
    promotion = {"approval": {"required": True}}
    bench = Bench(a_run(promotion=promotion)).concluded()
    assert bench.status.phase is RunPhase.WAITING_FOR_APPROVAL
    bench.objects = {ref: one for ref, one in bench.objects.items() if ref.kind != "Job"}
    assert bench.plan().actions == ()


def test_a_conclusion_that_is_under_way_is_left_alone() -> None:
    """Its Job is made once; another operator image changes nothing of it."""
    bench = Bench().searched()
    bench.start_pods(CONCLUDE)
    assert bench.settle().actions == ()
    assert bench.status.phase is RunPhase.CONCLUDING
    assert bench.condition(ConditionType.RECONCILING) == ("True", Reason.CONCLUDING)


def test_the_spec_is_written_again_when_somebody_deleted_it() -> None:
    """The conclusion reads it too."""
    bench = Bench().searched()
    bench.objects = {
        ref: one for ref, one in bench.objects.items() if ref.kind not in ("Job", "ConfigMap")
    }
    bench.plan()
    assert bench.names("ConfigMap") == ["churn-spec"]
    assert bench.names("Job") == [CONCLUDE]


@pytest.mark.parametrize(
    ("pod", "queue", "reason"),
    [
        pytest.param({"unschedulable": "0/3"}, None, Reason.UNSCHEDULABLE, id="no node has room"),
        pytest.param({}, {"name": "gpu"}, Reason.QUEUED, id="the queue has not admitted it"),
    ],
)
def test_why_the_conclusion_does_not_start_is_shown(
    pod: dict[str, Any], queue: dict[str, str] | None, reason: Reason
) -> None:
    """It waits, and people read for what."""
    bench = Bench(a_run(**({"queue": queue} if queue else {}))).searched()
    bench.pods["x"] = a_pod("x", CONCLUDE, phase="Pending", **pod)
    ref = ObjectRef.of(bench.job(CONCLUDE))
    spec = {**bench.job(CONCLUDE)["spec"], "suspend": queue is not None}
    bench.objects[ref] = {**bench.job(CONCLUDE), "spec": spec}
    bench.settle()
    assert bench.status.phase is RunPhase.CONCLUDING
    assert bench.condition(ConditionType.RECONCILING) == ("True", reason)


def test_a_conclusion_whose_node_died_is_made_anew() -> None:
    """Its pod goes away without end, and Kubernetes makes no other one before the node is back."""
    bench = Bench().searched()
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    labels = {JOB_LABEL: CONCLUDE, JOB_UID_LABEL: "job-1"}
    bench.pods = {"c": a_pod("c", CONCLUDE, deleting=True, leaves_at=long_ago, labels=labels)}
    job = bench.job(CONCLUDE)
    metadata = {**job["metadata"], "uid": "job-1"}
    bench.objects[ObjectRef.of(job)] = {**job, "metadata": metadata, "status": {"active": 0}}
    bench.plan()
    assert [action.ref.name for action in bench.deeds(DeleteObject)] == [CONCLUDE]
    bench.settle()
    assert CONCLUDE in bench.names("Job")


def test_a_conclusion_that_is_being_deleted_is_made_anew() -> None:
    """Once the old Job is gone."""
    bench = Bench().searched()
    ref = ObjectRef.of(bench.job(CONCLUDE))
    metadata = {**bench.job(CONCLUDE)["metadata"], "deletionTimestamp": "2026-11-01T12:00:00Z"}
    bench.objects[ref] = {**bench.job(CONCLUDE), "metadata": metadata}
    assert bench.plan().actions == ()


@pytest.mark.parametrize(
    ("pod", "job_reason", "reason", "says"),
    [
        pytest.param(
            (1, Termination(reason=Reason.DATA_CHANGED, message="the digest is another"), {}),
            "BackoffLimitExceeded",
            Reason.DATA_CHANGED,
            "the digest is another",
            id="the pod said why",
        ),
        pytest.param(
            (137, None, {"exit_reason": "OOMKilled"}),
            "BackoffLimitExceeded",
            Reason.OUT_OF_MEMORY,
            "spec.trainer.resources.limits.memory",
            id="not enough memory",
        ),
        pytest.param(
            (143, None, {}), "DeadlineExceeded", Reason.DEADLINE_EXCEEDED, CONCLUDE, id="too slow"
        ),
        pytest.param(None, "BackoffLimitExceeded", Reason.CRASHING, CONCLUDE, id="no pod is left"),
    ],
)
def test_a_conclusion_that_failed_fails_the_run(
    pod: tuple[int, Termination | None, dict[str, Any]] | None,
    job_reason: str,
    reason: Reason,
    says: str,
) -> None:
    """With the reason of its pod, and the MLflow run is ended."""
    bench = Bench().searched()
    if pod is not None:
        code, said, more = pod
        bench.pods["x"] = a_pod("x", CONCLUDE)
        bench.end_pod("x", code, said, **more)
    bench.end_job(CONCLUDE, kind="Failed", reason=job_reason)
    bench.settle()
    assert bench.status.phase is RunPhase.FAILED
    assert bench.condition(ConditionType.STALLED) == ("True", reason)
    assert says in (bench.status.message or "")
    assert bench.deeds(EndRun)[-1].status == "FAILED"


@pytest.mark.parametrize("text", [None, "{}", "nonsense"])
def test_a_conclusion_that_can_not_be_read_fails_the_run(text: str | None) -> None:
    """Operator and image are of different versions, or somebody deleted the tag."""
    bench = Bench().searched()
    assert isinstance(bench.run, RunFacts)
    tags = {Tag.CONCLUSION.value: text} if text else {}
    bench.run = RunFacts("r-1", "FINISHED", tags)
    bench.end_job(CONCLUDE)
    bench.settle()
    assert bench.condition(ConditionType.READY) == ("False", Reason.INTERNAL_ERROR)
    assert bench.deeds(EndRun) == []


# The gate and the champion


def test_the_first_version_gets_the_alias() -> None:
    """It must point nowhere when it is moved."""
    bench = Bench().concluded()
    assert bench.status.phase is RunPhase.SUCCEEDED
    (action,) = bench.deeds(SetAlias)
    assert (action.alias, action.version, action.expected) == ("champion", 1, None)
    assert bench.condition(ConditionType.READY) == ("True", Reason.ALIAS_MOVED)
    assert bench.condition(ConditionType.PROMOTED) == ("True", Reason.ALIAS_MOVED)


def test_a_version_that_the_gate_refuses_gets_no_alias() -> None:
    """It is registered; Stalled says at once that Ready won't come."""
    bench = Bench(model=CHAMPION_1).concluded(version=2, champion=1, passed=False)
    assert bench.status.phase is RunPhase.REJECTED
    assert bench.deeds(SetAlias) == []
    assert bench.condition(ConditionType.STALLED) == ("True", Reason.GATE_FAILED)
    assert bench.condition(ConditionType.GATE_PASSED) == ("False", Reason.GATE_FAILED)
    assert bench.condition(ConditionType.REGISTERED)[0] == "True"
    assert "1 of 1 rules failed" in (bench.status.message or "")
    assert bench.plan().look_again_in is None


@pytest.mark.parametrize(
    ("aliases", "against", "alias", "champion", "expected"),
    [
        pytest.param({}, "champion", "champion", None, [(2, None)], id="nobody had the alias"),
        pytest.param(
            {"champion": 1}, "champion", "champion", 1, [(2, 1)], id="the champion is the same"
        ),
        pytest.param(
            {"champion": 2}, "champion", "champion", 1, [], id="the alias is ours already"
        ),
        pytest.param({"champion": 1}, "champion", "next", 1, [(2, None)], id="another alias, new"),
        pytest.param(
            {"champion": 1, "next": 5},
            "champion",
            "next",
            1,
            [(2, 5)],
            id="another alias, moved on",
        ),
        pytest.param({"champion": 5}, 1, "champion", 1, [(2, 5)], id="a version, whoever leads"),
    ],
)
def test_the_alias_moves_from_where_it_was(
    aliases: dict[str, int],
    against: str | int,
    alias: str,
    champion: int | None,
    expected: list[tuple[int, int | None]],
) -> None:
    """The move names what the alias must point at: whoever was quicker is not overwritten."""
    kind = "alias" if isinstance(against, str) else "version"
    resource = a_run(gate={"against": {kind: against}}, promotion={"alias": alias})
    bench = Bench(resource, model=ModelFacts("churn", aliases))
    bench.concluded(version=2, champion=champion)
    assert [(one.version, one.expected) for one in bench.deeds(SetAlias)] == expected
    assert bench.status.phase is RunPhase.SUCCEEDED


def change_champion(bench: Bench, version: int, attempt: int) -> None:
    """Another version becomes champion, and the new conclusion does not know it."""
    bench.point("champion", version)
    bench.settle()
    if bench.status.phase is RunPhase.CONCLUDING:
        job = f"churn-conclude-{attempt}"
        bench.start_pods(job)
        bench.conclude(job, version=2, champion=version)
        bench.settle()


def test_a_champion_that_changes_again_and_again_ends_the_run() -> None:
    """It is judged three times more, then a person has to look."""
    promotion = {"approval": {"required": True}}
    bench = Bench(a_run(promotion=promotion), model=CHAMPION_1).concluded(version=2, champion=1)
    for attempt in range(2, 5):
        change_champion(bench, 10 + attempt, attempt)
        assert bench.status.phase is RunPhase.WAITING_FOR_APPROVAL
        assert bench.status.attempt == attempt
    change_champion(bench, 20, 5)
    assert bench.status.phase is RunPhase.REJECTED
    assert bench.condition(ConditionType.STALLED) == ("True", Reason.CHAMPION_CHANGED)
    assert "4 times" in (bench.status.message or "")


def test_a_champion_that_is_gone_is_a_change_too() -> None:
    """The rules were applied against a version that nobody points at any more."""
    bench = Bench(model=CHAMPION_1).searched()
    bench.start_pods(CONCLUDE)
    bench.model = ModelFacts("churn")
    bench.conclude(version=2, champion=1)
    bench.settle()
    assert (bench.status.attempt, bench.status.phase) == (2, RunPhase.CONCLUDING)
    assert "points at no version by now" in bench.status.history[0].message


def test_a_registry_that_is_silent_moves_nothing() -> None:
    """The alias is only moved by who knows where it points."""
    bench = Bench(model=CHAMPION_1).searched()
    bench.start_pods(CONCLUDE)
    bench.conclude(version=2, champion=1)
    bench.model = Unknown(Reason.REGISTRY_UNREACHABLE, "no answer")
    bench.settle()
    assert bench.deeds(SetAlias) == []
    bench.model = CHAMPION_1
    bench.settle()
    assert bench.status.phase is RunPhase.SUCCEEDED


def test_a_registry_that_has_not_heard_of_the_model_yet_is_no_champion() -> None:
    """What is read of a model may be a few seconds old; the executor looks again."""
    bench = Bench().searched()
    bench.start_pods(CONCLUDE)
    assert isinstance(bench.run, RunFacts)
    bench.run = RunFacts("r-1", "FINISHED", {Tag.CONCLUSION.value: a_conclusion()})
    bench.end_job(CONCLUDE)
    bench.model = NO_MODEL
    bench.plan()
    (action,) = plan_actions(bench)
    assert isinstance(action, SetAlias)
    assert action.expected is None


def plan_actions(bench: Bench) -> tuple[Any, ...]:
    """What would be done, without doing it."""
    return plan_training_run(bench.observe()).actions


# Approval


@pytest.mark.parametrize(
    ("granted", "phase", "says"),
    [
        pytest.param(None, RunPhase.WAITING_FOR_APPROVAL, "approval.granted", id="no grant"),
        pytest.param(
            {"version": 1, "by": "ada"}, RunPhase.SUCCEEDED, "approved by ada", id="a grant"
        ),
        pytest.param(
            {"version": 7, "by": "ada"},
            RunPhase.WAITING_FOR_APPROVAL,
            "the grant for version 7 is for another one",
            id="a grant for another version",
        ),
    ],
)
def test_a_version_waits_for_a_grant_of_its_own(
    granted: dict[str, Any] | None, phase: RunPhase, says: str
) -> None:
    """A grant names the version that it is for."""
    approval = {"required": True, **({"granted": granted} if granted else {})}
    bench = Bench(a_run(promotion={"approval": approval})).concluded()
    assert bench.status.phase is phase
    assert says in (bench.status.message or "")
    moved = phase is RunPhase.SUCCEEDED
    assert len(bench.deeds(SetAlias)) == moved
    assert bench.condition(ConditionType.RECONCILING)[0] == ("False" if moved else "True")
