"""Observations of a TrainingRun, built a few words at a time, and a world that obeys plans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never

from leadsman_api import TrainingRun
from leadsman_api.conclusion import Conclusion
from leadsman_api.conditions import ConditionType
from leadsman_api.labels import Tag
from leadsman_api.loading import parse_resource
from leadsman_api.reasons import Reason
from leadsman_api.studies import StudyAttribute, TrialAttribute
from leadsman_api.termination import Termination
from leadsman_api.v1alpha1.training_run_status import TrainingRunStatus
from leadsman_operator.facts import (
    ClusterFacts,
    Manifest,
    Missing,
    ModelFacts,
    ObjectRef,
    PodFacts,
    RunFacts,
    StudyFacts,
    TrialFacts,
    Unknown,
)
from leadsman_operator.planner.observation import Configuration, RunObservation
from leadsman_operator.planner.plan import (
    Action,
    ApplyObject,
    DeleteObject,
    EndRun,
    EnqueueTrial,
    EnsureRun,
    FailTrial,
    PatchObject,
    ScaleObject,
    SetAlias,
    TagVersion,
)
from leadsman_operator.planner.training_run import RunPlan, plan_training_run

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
CONFIGURATION = Configuration(
    serving_image="leadsman/serving:test",
    training_image="leadsman/training:test",
    tracking_uri="http://mlflow:5000",
    study_url="postgresql://leadsman:word@postgres/studies",
)
NO_MODEL = Missing(Reason.MODEL_NOT_FOUND, "http://mlflow:5000 has no model churn")
NO_STUDY = Missing(Reason.PROGRESSING, "no worker has made the study yet")
DIGEST = f"sha256:{'0' * 64}"
JOB_LABEL = "batch.kubernetes.io/job-name"
SEARCH, CONCLUDE = "churn-search-1", "churn-conclude-1"


def a_run(**spec: Any) -> TrainingRun:
    """A TrainingRun of 4 trials on 2 workers, with parts of its spec replaced."""
    resource = parse_resource(
        {
            "apiVersion": "leadsman.dev/v1alpha1",
            "kind": "TrainingRun",
            "metadata": {"name": "churn", "namespace": "ml", "uid": "u-1", "generation": 1},
            "spec": {
                "model": {"name": "churn"},
                "data": {"source": {"uri": "sklearn://breast_cancer"}, "target": "target"},
                "objective": {"metric": "roc_auc"},
                "search": {"trials": 4, "parallelism": 2},
                **spec,
            },
        }
    )
    assert isinstance(resource, TrainingRun)
    return resource


def a_conclusion(
    version: int = 1,
    *,
    passed: bool = True,
    champion: int | None = None,
    pod_uid: str | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> str:
    """What a conclude Job writes."""
    found = Conclusion.model_validate(
        {
            "modelVersion": version,
            "digest": DIGEST,
            "gate": {
                "passed": passed,
                "rows": 114,
                **({"championVersion": champion} if champion else {}),
                "checks": [
                    {
                        "metric": "roc_auc",
                        "passed": passed,
                        "message": f"roc_auc 0.99 is {'above' if passed else 'below'} the champion",
                    }
                ],
            },
            "best": {"number": 0, "value": 0.99},
            "provenance": {"dataDigest": "sha256:d", "rows": 569, **(provenance or {})},
            **({"podUid": pod_uid} if pod_uid else {}),
        }
    )
    return found.to_text()


def a_pod(name: str, job: str = SEARCH, **changes: Any) -> PodFacts:
    """A running pod of a Job."""
    pod = PodFacts(name=name, uid=f"uid-{name}", labels={JOB_LABEL: job}, phase="Running")
    return replace(pod, **changes)


def a_trial(number: int, **changes: Any) -> TrialFacts:
    """A complete trial, better than the ones before it."""
    made = TrialFacts(
        number=number,
        state="COMPLETE",
        values=(0.9 + number / 100,),
        parameters={"depth": number + 2},
        run_id=f"trial-{number}",
        seconds=30.0,
    )
    return replace(made, **changes)


def running(number: int, pod: str | None, **changes: Any) -> TrialFacts:
    """A trial that a pod runs, or that names none yet."""
    uid = f"uid-{pod}" if pod else None
    return a_trial(number, state="RUNNING", values=(), seconds=None, pod_uid=uid, **changes)


@dataclass
class Bench:
    """A TrainingRun whose plans are carried out in memory, a plan at a time."""

    resource: TrainingRun = field(default_factory=a_run)
    now: datetime = START
    configuration: Configuration = CONFIGURATION
    model: ModelFacts | Missing | Unknown = NO_MODEL
    study: StudyFacts | Missing | Unknown = NO_STUDY
    study_url: str | Missing | Unknown = "postgresql://leadsman:word@postgres/studies"
    run: RunFacts | Missing | Unknown | None = None
    objects: dict[ObjectRef, Manifest] = field(default_factory=dict)
    pods: dict[str, PodFacts] = field(default_factory=dict)
    references: dict[str, str | None] = field(default_factory=dict)
    done: list[Action] = field(default_factory=list)
    story: list[str] = field(default_factory=list)

    def observe(self) -> RunObservation:
        """What the operator would see now."""
        return RunObservation(
            now=self.now,
            resource=self.resource,
            configuration=self.configuration,
            cluster=ClusterFacts(dict(self.objects), (*self.pods.values(),), self.references),
            model=self.model,
            study=self.study,
            study_url=self.study_url,
            run=self.run if self.status.run_id else None,
        )

    @property
    def status(self) -> TrainingRunStatus:
        """What the operator reported last."""
        return self.resource.status

    # What the operator does

    def plan(self) -> RunPlan:
        """Plan and carry out; the plan is given back."""
        before, plan = self.status, plan_training_run(self.observe())
        for action in plan.actions:
            self._carry_out(action)
            self.done.append(action)
            self.story.append(f"{self._clock}  {type(action).__name__}: {action.because}")
        # As it comes back from the API server, not as it was given.
        status = TrainingRunStatus.model_validate(
            {**plan.status.to_wire(), **({"runId": self.run_id} if self.run_id else {})}
        )
        self._set(status=status)
        for event in plan.events:
            kind = "Warning" if event.warning else "Normal"
            self.story.append(f"{self._clock}  {kind} {event.reason}: {event.message}")
        if (before.phase, before.message) != (status.phase, status.message):
            self.story.append(f"{self._clock}{status.phase}: {status.message}")
        return plan

    def settle(self, most: int = 20) -> RunPlan:
        """Plan until there is nothing to do at this moment."""
        for _ in range(most):
            before = self.status
            plan = self.plan()
            if not plan.actions and self.status == before:
                return plan
        raise AssertionError(f"no rest after {most} plans: {plan.actions} {plan.status}")

    # What users do

    def edit(self, **spec: Any) -> None:
        """Change parts of the spec, as `kubectl apply` does."""
        wire = self.resource.to_wire()
        for name, value in spec.items():
            old = wire["spec"].get(name)
            both = isinstance(old, dict) and isinstance(value, dict)
            wire["spec"][name] = {**old, **value} if both else value
        wire["metadata"]["generation"] += 1
        resource = parse_resource(wire)
        assert isinstance(resource, TrainingRun)
        self.resource = resource
        self.tell(f"the user writes {spec}")

    def delete(self) -> None:
        """Ask for the deletion of the run."""
        changes = {"deletion_timestamp": self.now}
        self._set(metadata=self.resource.metadata.model_copy(update=changes))
        self.tell("the user deletes the run")

    # What Kubernetes, the workers and time do

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def tell(self, what: str) -> None:
        """Write what happens beside the operator into the story."""
        self.story.append(f"{self._clock}-- {what}")

    def start_pods(self, job: str = SEARCH) -> None:
        """Run as many pods as a Job asks for."""
        wanted = self.job(job)["spec"]["parallelism"]
        for number in range(wanted):
            name = f"{job}-{number}"
            self.pods.setdefault(name, a_pod(name, job))
        self._job_status(job, {"startTime": f"{self.now:%Y-%m-%dT%H:%M:%SZ}"})
        self.tell(f"the pods of {job} run")

    def change_pod(self, name: str, **changes: Any) -> None:
        """Something happens to a pod."""
        self.pods[name] = replace(self.pods[name], **changes)

    def end_pod(self, name: str, code: int, said: Termination | None = None, **more: Any) -> None:
        """A pod ends with a code, and perhaps a word."""
        phase = "Failed" if code else "Succeeded"
        self.change_pod(name, phase=phase, exit_code=code, termination=said, **more)
        self.tell(f"pod {name} ends with code {code}")

    def end_job(self, job: str = SEARCH, kind: str = "Complete", reason: str = "") -> None:
        """A Job is over, and so are its pods."""
        at = f"{self.now:%Y-%m-%dT%H:%M:%SZ}"
        condition = {"type": kind, "status": "True", "lastTransitionTime": at, "reason": reason}
        more: dict[str, Any] = {"conditions": [condition]}
        if kind == "Complete":
            more |= {"completionTime": at, "succeeded": self.job(job)["spec"]["parallelism"]}
        self._job_status(job, more)
        for pod in [pod for pod in self.pods.values() if pod.labels[JOB_LABEL] == job]:
            if pod.phase == "Running":
                self.change_pod(pod.name, phase="Succeeded", exit_code=0)
        self.tell(f"Job {job} is {kind}{f' ({reason})' if reason else ''}")

    def find(self, *trials: TrialFacts, **attributes: Any) -> None:
        """The study is as told from now on."""
        known = {
            StudyAttribute.DATA_DIGEST.value: "sha256:d",
            StudyAttribute.ROWS.value: 569,
            StudyAttribute.BASELINE.value: 0.9,
        }
        ours = {StudyAttribute[name.upper()].value: value for name, value in attributes.items()}
        self.study = StudyFacts(trials, {**known, **ours})

    def conclude(self, job: str = CONCLUDE, **conclusion: Any) -> None:
        """The conclude Job writes its conclusion, ends the parent run and is complete."""
        assert isinstance(self.run, RunFacts)
        tags = {**self.run.tags, Tag.CONCLUSION.value: a_conclusion(**conclusion)}
        self.run = RunFacts(self.run.run_id, "FINISHED", tags)
        if self.model == NO_MODEL:
            self.model = ModelFacts("churn")
        self.end_job(job)

    def point(self, alias: str, version: int) -> None:
        """Somebody points an alias at a version."""
        aliases = self.model.aliases if isinstance(self.model, ModelFacts) else {}
        self.model = ModelFacts("churn", {**aliases, alias: version})
        self.tell(f"alias {alias} points at version {version}")

    # The stages of a run

    def searching(self) -> Bench:
        """Go on until the workers run."""
        self.settle()
        self.start_pods()
        self.settle()
        return self

    def searched(self) -> Bench:
        """Go on until the conclude Job is made."""
        self.searching()
        self.wait(60)
        self.find(*(a_trial(number) for number in range(4)), end="BudgetSpent")
        self.end_job()
        self.settle()
        return self

    def concluded(self, **conclusion: Any) -> Bench:
        """Go on until the conclude Job has ended."""
        self.searched()
        self.start_pods(CONCLUDE)
        self.wait(30)
        self.conclude(**conclusion)
        self.settle()
        return self

    # What tests look at

    def job(self, name: str = SEARCH) -> Manifest:
        """A Job, as the API server has it."""
        return self.objects[ObjectRef("batch/v1", "Job", "ml", name)]

    def names(self, kind: str) -> list[str]:
        """Names of the objects of a kind."""
        return sorted(ref.name for ref in self.objects if ref.kind == kind)

    def deeds(self, kind: type[Action]) -> list[Any]:
        """All that was done of a kind."""
        return [action for action in self.done if isinstance(action, kind)]

    def condition(self, kind: ConditionType) -> tuple[str, Reason]:
        """Status and reason of a condition."""
        found = {one.type: (one.status.value, one.reason) for one in self.status.conditions}
        return found[kind]

    @property
    def trials(self) -> tuple[TrialFacts, ...]:
        """The trials of the study."""
        return self.study.trials if isinstance(self.study, StudyFacts) else ()

    @property
    def run_id(self) -> str | None:
        """The parent run."""
        return self.run.run_id if isinstance(self.run, RunFacts) else self.status.run_id

    @property
    def _clock(self) -> str:
        return f"{self.now:%H:%M:%S} "

    def _set(self, **changes: Any) -> None:
        self.resource = self.resource.model_copy(update=changes)

    def _job_status(self, job: str, changes: Mapping[str, Any]) -> None:
        ref = ObjectRef("batch/v1", "Job", "ml", job)
        manifest = self.objects[ref]
        self.objects[ref] = {**manifest, "status": {**manifest.get("status", {}), **changes}}

    def _carry_out(self, action: Action) -> None:
        match action:
            case ApplyObject():
                self._apply(action.manifest)
            case DeleteObject():
                self.objects.pop(action.ref, None)
                left = [one for one in self.pods if not one.startswith(f"{action.ref.name}-")]
                self.pods = {name: self.pods[name] for name in left}
            case EnsureRun() | EndRun() | SetAlias():
                self._tell_registry(action)
            case FailTrial() | EnqueueTrial():
                self._tell_study(action)
            case TagVersion():
                assert isinstance(self.model, ModelFacts)
            case ScaleObject() | PatchObject():
                raise AssertionError(f"not for a TrainingRun: {action}")
            case _:
                assert_never(action)

    def _apply(self, manifest: Manifest) -> None:
        ref = ObjectRef.of(manifest)
        before = self.objects.get(ref, {})
        kept = {"status": before["status"]} if "status" in before else {}
        self.objects[ref] = {**manifest, **kept}
        if ref.kind == "Job" and manifest["spec"].get("suspend"):
            self.pods = {
                name: pod for name, pod in self.pods.items() if pod.labels[JOB_LABEL] != ref.name
            }

    def _tell_registry(self, action: EnsureRun | EndRun | SetAlias) -> None:
        match action:
            case EnsureRun():
                self.run = RunFacts("r-1", "RUNNING", action.tags)
            case EndRun():
                if isinstance(self.run, RunFacts) and action.run_id == self.run.run_id:
                    self.run = replace(self.run, status=action.status)
            case SetAlias():
                assert isinstance(self.model, ModelFacts)
                assert self.model.aliases.get(action.alias) == action.expected
                aliases = {**self.model.aliases, action.alias: action.version}
                self.model = ModelFacts("churn", aliases)
            case _:
                assert_never(action)

    def _tell_study(self, action: FailTrial | EnqueueTrial) -> None:
        assert isinstance(self.study, StudyFacts)
        trials = list(self.study.trials)
        attributes = action.attributes
        match action:
            case FailTrial():
                trials[action.number] = replace(
                    trials[action.number],
                    state="FAIL",
                    disrupted=attributes[TrialAttribute.DISRUPTED],
                    error=attributes[TrialAttribute.ERROR],
                    doublings=attributes.get(TrialAttribute.DOUBLINGS, 0),
                )
            case EnqueueTrial():
                again = attributes[TrialAttribute.RETRY_OF]
                trials.append(TrialFacts(number=len(trials), state="WAITING", retry_of=again))
            case _:
                assert_never(action)
        self.study = replace(self.study, trials=tuple(trials))
