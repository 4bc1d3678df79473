"""Observations of a ModelDeployment, built a few words at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never

from leadsman_api import ModelDeployment
from leadsman_api.labels import Label
from leadsman_api.loading import parse_resource
from leadsman_operator.facts import (
    ClusterFacts,
    Manifest,
    Missing,
    ModelFacts,
    ObjectRef,
    PodCount,
    PodFacts,
    Unknown,
    VersionFacts,
)
from leadsman_operator.planner.model_deployment import DeploymentPlan, plan_model_deployment
from leadsman_operator.planner.observation import Configuration, DeploymentObservation
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

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
CONFIGURATION = Configuration(
    serving_image="leadsman/serving:test",
    training_image="leadsman/training:test",
    tracking_uri="http://mlflow:5000",
    prometheus_url="http://prometheus:9090",
    scrape_interval=timedelta(seconds=5),
)
BOUNDS = ("0.001", "0.01", "0.1", "1", "+Inf")


def a_deployment(**spec: Any) -> ModelDeployment:
    """A ModelDeployment that follows the alias champion, with parts of its spec replaced."""
    resource = parse_resource(
        {
            "apiVersion": "leadsman.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": "churn", "namespace": "ml", "uid": "u-1", "generation": 1},
            "spec": {"model": {"name": "churn", "alias": "champion"}, **spec},
        }
    )
    assert isinstance(resource, ModelDeployment)
    return resource


def a_version(number: int, **changes: Any) -> VersionFacts:
    """A version in the registry."""
    made = VersionFacts(
        name="churn", version=number, created_at=START, source=f"models:/m-{number}"
    )
    return replace(made, **changes)


def counters(good: int = 0, bad: int = 0, *, slow: int = 0) -> dict[str, float]:
    """A pod's counters: answers by status, and times of 5 ms, or half a second for slow ones."""
    total = good + bad
    quick = total - slow
    within = {"0.001": 0, "0.01": quick, "0.1": quick, "1": total, "+Inf": total}
    return {"2xx": good, "5xx": bad, **{f"le={bound}": within[bound] for bound in BOUNDS}}


@dataclass
class Bench:
    """A ModelDeployment whose plans are carried out in memory, a plan at a time.

    Pods become ready at once unless `broken` says what is wrong with those of a version.
    """

    resource: ModelDeployment = field(default_factory=a_deployment)
    version: VersionFacts | Missing | Unknown = field(default_factory=lambda: a_version(1))
    now: datetime = START
    counts: tuple[PodCount, ...] | Unknown = ()
    queries: Mapping[str, float | Unknown] = field(default_factory=dict)
    broken: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    objects: dict[ObjectRef, Manifest] = field(default_factory=dict)
    references: dict[str, str | None] = field(default_factory=dict)
    lingering: tuple[PodFacts, ...] = ()
    done: list[Action] = field(default_factory=list)
    events: list[str] = field(default_factory=list)

    def observe(self) -> DeploymentObservation:
        """What the operator would see now."""
        model: ModelFacts | Missing | Unknown = ModelFacts(name="churn")
        if not isinstance(self.version, VersionFacts):
            model = self.version
        return DeploymentObservation(
            now=self.now,
            resource=self.resource,
            configuration=CONFIGURATION,
            cluster=ClusterFacts(dict(self.objects), self.pods(), dict(self.references)),
            model=model,
            version=self.version,
            counts=self.counts,
            queries=self.queries,
        )

    def pods(self) -> tuple[PodFacts, ...]:
        """The pods of all Deployments, and those that are still going away."""
        found = list(self.lingering)
        for ref, manifest in self.objects.items():
            if ref.kind != "Deployment":
                continue
            labels = manifest["spec"]["template"]["metadata"]["labels"]
            trouble = self.broken.get(int(labels[Label.MODEL_VERSION]), {})
            for number in range(int(manifest["spec"].get("replicas", 1))):
                name = f"{ref.name}-{number}"
                facts = PodFacts(
                    name=name,
                    uid=name,
                    labels=labels,
                    ready=True,
                    ready_since=START - timedelta(days=1),
                    phase="Running",
                )
                found.append(replace(facts, **trouble) if trouble else facts)
        return tuple(found)

    def plan(self) -> DeploymentPlan:
        """Plan and carry out; the plan is given back."""
        plan = plan_model_deployment(self.observe())
        for action in plan.actions:
            self._carry_out(action)
            self.done.append(action)
        status = plan.status
        self.resource = self.resource.model_copy(update={"status": status})
        self.events.extend(f"{event.reason}: {event.message}" for event in plan.events)
        return plan

    def settle(self, most: int = 30) -> DeploymentPlan:
        """Plan until there is nothing to do at this moment."""
        for _ in range(most):
            before = self.resource.status
            plan = self.plan()
            if not plan.actions and plan.status == before:
                return plan
        raise AssertionError(f"no rest after {most} plans: {plan.actions} {plan.status}")

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def serve(self, *, stable: Mapping[str, float], candidate: Mapping[str, float]) -> None:
        """Say what one pod of each arm has counted in all."""
        status = self.resource.status
        arms: Sequence[tuple[Any, Mapping[str, float]]] = (
            (status.stable, stable),
            (status.candidate, candidate),
        )
        self.counts = tuple(
            PodCount(pod=f"{arm.name}-0", revision=arm.name, at=self.now, counters=counts)
            for arm, counts in arms
            if arm is not None
        )

    def selected(self) -> str | None:
        """The revision that the live Service selects; None for the pods of all."""
        service = self.objects[ObjectRef("v1", "Service", "ml", "churn")]
        selector: Mapping[str, str] = service["spec"]["selector"]
        return selector.get(Label.REVISION)

    def names(self, kind: str) -> list[str]:
        """Names of the objects of a kind."""
        return sorted(ref.name for ref in self.objects if ref.kind == kind)

    def _carry_out(self, action: Action) -> None:
        match action:
            case ApplyObject():
                ref = ObjectRef.of(action.manifest)
                before = self.objects.get(ref)
                made = dict(action.manifest)
                if ref.kind == "Deployment":
                    replicas = before["spec"].get("replicas", 1) if before else 1
                    made["spec"] = {**made["spec"], "replicas": replicas}
                self.objects[ref] = made
            case DeleteObject():
                self.objects.pop(action.ref, None)
            case ScaleObject():
                manifest = dict(self.objects[action.ref])
                manifest["spec"] = {**manifest["spec"], "replicas": action.replicas}
                self.objects[action.ref] = manifest
            case PatchObject():
                raise AssertionError(f"the gateway's tests carry this out themselves: {action}")
            case SetAlias():
                self.version = a_version(action.version)
            case TagVersion() | EnsureRun() | EndRun() | FailTrial() | EnqueueTrial():
                raise AssertionError(f"not for a ModelDeployment: {action}")
            case _:
                assert_never(action)
