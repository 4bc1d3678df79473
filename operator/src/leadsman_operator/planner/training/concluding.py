"""The conclusion: the best parameters are fitted again, judged and registered."""

from __future__ import annotations

from leadsman_api.conclusion import Conclusion
from leadsman_api.conditions import ConditionStatus, ConditionType
from leadsman_api.labels import Tag
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.training_run_status import GateStatus, Provenance, RunPhase
from leadsman_operator.planner.conditions import Change
from leadsman_operator.planner.plan import DeleteObject, TagVersion
from leadsman_operator.planner.training.belongings import conclude_objects
from leadsman_operator.planner.training.course import AT_ONCE, LATER, SOON, Course, fail
from leadsman_operator.planner.training.jobs import Job
from leadsman_operator.planner.training.reproduced import provenance_of, reproduced
from leadsman_operator.planner.training.scene import Scene
from leadsman_operator.planner.training.told import told_by
from leadsman_operator.planner.training.troubles import Trouble, ended_trouble, waiting_trouble

_FITTING = "the best parameters are fitted again and judged"
_AGAIN = "the version is trained again from what was recorded, and compared"


def concluding(scene: Scene) -> Course | None:
    """Bring the conclusion to its end; None once the gate has spoken.

    That it has spoken is a fact of the status: the Job that found it out is gone after a while.
    """
    if scene.status.gate is not None and scene.status.model_version is not None:
        return None
    job = scene.conclude_job
    if job is not None and job.is_leaving:
        message = f"Job {job.name} is being deleted, then it is made anew"
        return Course(RunPhase.CONCLUDING, Reason.PROGRESSING, message, look_again_in=SOON)
    if job is None:
        return _fit(scene)
    if not job.is_over:
        return _without_pods(scene, job) or _go_on(scene, job)
    if job.is_failed:
        return _give_up(scene, job)
    asked = scene.spec.reproduce
    return _read(scene) if asked is None else reproduced(scene, asked)


def _fit(scene: Scene) -> Course:
    actions = conclude_objects(scene)
    return Course(RunPhase.CONCLUDING, Reason.CONCLUDING, _doing(scene), actions, LATER)


def _doing(scene: Scene) -> str:
    return _AGAIN if scene.is_reproducing else _FITTING


def _without_pods(scene: Scene, job: Job) -> Course | None:
    """Conclude anew when the pod goes away without end: doing it twice changes nothing."""
    if not scene.is_left_behind(job):
        return None
    message = f"the pod of Job {job.name} is being deleted, and none takes its place"
    actions = (DeleteObject(scene.job_ref(job.name), message),)
    return Course(RunPhase.CONCLUDING, Reason.PREEMPTED, message, actions, SOON)


def _go_on(scene: Scene, job: Job) -> Course:
    trouble = waiting_trouble(scene.pods_of(job.name))
    if scene.spec.queue is not None and job.is_suspended:
        message = f"queue {scene.spec.queue.name} has not admitted the pod"
        trouble = Trouble(Reason.QUEUED, message)
    if trouble is None:
        return _fit(scene)
    return Course(
        RunPhase.CONCLUDING,
        trouble.reason,
        f"{_doing(scene)}; {trouble.message}",
        conclude_objects(scene),
        LATER,
    )


def _give_up(scene: Scene, job: Job) -> Course:
    trouble = ended_trouble(scene.resource, scene.pods_of(job.name))
    if trouble is not None and trouble.reason is not Reason.PREEMPTED:
        return fail(scene, trouble.reason, trouble.message)
    reason = Reason.DEADLINE_EXCEEDED if job.out_of_time else Reason.CRASHING
    return fail(scene, reason, f"Job {job.name} is given up: {job.complaint}")


def _read(scene: Scene) -> Course:
    """What the Job has found, from the tag that it wrote on the parent run."""
    found = told_by(scene, Tag.CONCLUSION, Conclusion)
    if isinstance(found, Course):
        return found
    version, trial = found.model_version, found.best.number
    made_from = provenance_of(scene, found)
    message = f"version {version} of {scene.spec.model.name} is registered, of trial {trial}"
    registered = Change(
        ConditionType.REGISTERED,
        ConditionStatus.TRUE,
        Reason.REGISTERED,
        f"{message}, digest {found.digest}",
    )
    return Course(
        RunPhase.CONCLUDING,
        Reason.REGISTERED,
        message,
        actions=_tag_image(scene, found, made_from),
        look_again_in=AT_ONCE,
        changes={
            "gate": found.gate,
            "model_version": found.model_version,
            "digest": found.digest,
            "provenance": made_from,
        },
        conditions=(registered, _judged(found.gate)),
        is_news=True,
    )


def _tag_image(scene: Scene, found: Conclusion, made_from: Provenance) -> tuple[TagVersion, ...]:
    """The version's image, which its pod can't know: a name may mean another image by now."""
    digest = made_from.image_digest
    if digest is None or found.provenance.image_digest is not None:
        return ()
    tags = {Tag.IMAGE_DIGEST.value: digest}
    because = f"version {found.model_version} was trained by the image {digest}"
    return (TagVersion(scene.spec.model.name, found.model_version, tags, because),)


def _judged(gate: GateStatus) -> Change:
    kind = ConditionType.GATE_PASSED
    if gate.passed:
        message = f"all {len(gate.checks)} rules are passed{against(gate)}"
        return Change(kind, ConditionStatus.TRUE, Reason.GATE_PASSED, message)
    return Change(kind, ConditionStatus.FALSE, Reason.GATE_FAILED, refusal(gate))


def refusal(gate: GateStatus) -> str:
    """Which rules were not passed, in the gate's own words."""
    failed = [check.message for check in gate.checks if not check.passed]
    said = "; ".join(failed) or "the gate gives no reason"
    return f"{len(failed)} of {len(gate.checks)} rules failed{against(gate)}: {said}"


def against(gate: GateStatus) -> str:
    """With what the version was compared."""
    rows = f" on {gate.rows} held-out rows" if gate.rows is not None else ""
    if gate.champion_version is None:
        return f"{rows} with no champion to compare with"
    return f"{rows} against version {gate.champion_version}"
