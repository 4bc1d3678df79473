"""The first version of a ModelDeployment: from nothing to serving."""

from __future__ import annotations

import pytest

from leadsman_api.conditions import ConditionStatus, ConditionType
from leadsman_api.reasons import Reason
from leadsman_api.termination import Termination
from leadsman_api.v1alpha1.model_deployment_status import DeploymentPhase
from leadsman_operator.facts import Manifest, Missing, Unknown
from leadsman_operator.planner.plan import ApplyObject, ScaleObject
from support.deployments import Bench, a_deployment, a_version


def condition(bench: Bench, kind: ConditionType) -> tuple[ConditionStatus, Reason]:
    """Status and reason of a condition."""
    found = {one.type: (one.status, one.reason) for one in bench.resource.status.conditions}
    return found[kind]


def test_the_first_version_serves_as_soon_as_a_pod_is_ready() -> None:
    """Nothing is compared: there is nothing to compare with."""
    bench = Bench()
    bench.settle()
    status = bench.resource.status
    assert status.phase is DeploymentPhase.STABLE
    assert status.stable is not None
    assert status.candidate is None
    assert bench.selected() == status.stable.name
    assert condition(bench, ConditionType.READY) == (ConditionStatus.TRUE, Reason.AS_DESIRED)


def test_all_that_a_version_needs_is_made() -> None:
    """Deployment, frozen record, Services, autoscaler, budget and an account without a token."""
    bench = Bench()
    bench.settle()
    name = bench.names("Deployment")[0]
    assert bench.names("ControllerRevision") == [name]
    assert bench.names("Service") == ["churn", "churn-stable"]
    assert bench.names("HorizontalPodAutoscaler") == [name]
    assert bench.names("PodDisruptionBudget") == [name]
    assert bench.names("ServiceAccount") == ["churn"]


def test_grpc_has_a_port_of_its_own() -> None:
    """Pods and Services name it, and gateways are told that it is HTTP/2 without TLS."""
    applied = [one.manifest for one in Bench().plan().actions if isinstance(one, ApplyObject)]
    deployment = next(one for one in applied if one["kind"] == "Deployment")
    services = [one["spec"]["ports"] for one in applied if one["kind"] == "Service"]
    grpc = {
        "name": "grpc", "port": 8081, "targetPort": "grpc", "protocol": "TCP",
        "appProtocol": "kubernetes.io/h2c",
    }  # fmt: skip

    server = deployment["spec"]["template"]["spec"]["containers"][0]
    assert {"name": "grpc", "containerPort": 8081} in server["ports"]
    assert services
    assert all([one["name"] for one in ports][:2] == ["http", "grpc"] for ports in services)
    assert all(ports[1] == grpc for ports in services)


def test_pods_are_made_before_traffic_is_sent_to_them() -> None:
    """A crash between two actions never leaves a Service without pods behind it."""
    plan = Bench().plan()
    kinds = [
        action.manifest["kind"] if isinstance(action, ApplyObject) else type(action).__name__
        for action in plan.actions
    ]
    assert kinds.index("Deployment") < kinds.index("Service")
    assert kinds.index("Deployment") < kinds.index("ScaleObject")


def test_the_floor_of_pods_is_set_and_never_applied() -> None:
    """An autoscaler owns the number of pods: a manifest that names it would take it back."""
    plan = Bench().plan()
    deployment = next(
        action.manifest
        for action in plan.actions
        if isinstance(action, ApplyObject) and action.manifest["kind"] == "Deployment"
    )
    assert "replicas" not in deployment["spec"]
    assert [action.replicas for action in plan.actions if isinstance(action, ScaleObject)] == [2]


def test_a_second_plan_has_nothing_to_do() -> None:
    """What was applied is recognised."""
    bench = Bench()
    bench.settle()
    bench.wait(30)
    assert bench.plan().actions == ()


def test_the_same_observation_gives_the_same_plan() -> None:
    """Nothing is random."""
    assert Bench().plan() == Bench().plan()


def test_another_version_takes_over_before_the_first_was_ready() -> None:
    """Nobody is served yet: there is no reason for a rollout."""
    bench = Bench(broken={1: {"ready": False}})
    bench.settle()
    bench.version = a_version(2)
    bench.settle()
    status = bench.resource.status
    assert status.stable is not None
    assert status.stable.version == 2
    assert len(bench.names("Deployment")) == 1


def test_what_the_fetch_step_found_is_in_the_status() -> None:
    """Digest, engine, and why that one."""
    said = Termination(
        reason=Reason.VERIFIED, message="it has flavor sklearn", digest="sha256:d",
        backend="onnx", backend_because="proven equal", largest_difference=0.0,
    )  # fmt: skip
    bench = Bench(broken={1: {"ready": True, "termination": said}})
    bench.settle()
    stable = bench.resource.status.stable
    assert stable is not None
    assert (stable.digest, stable.backend) == ("sha256:d", "onnx")
    assert (stable.backend_because, stable.largest_difference) == ("proven equal", 0.0)


def test_a_version_that_cant_load_says_so() -> None:
    """The sentence is the one that the container said."""
    said = Termination(reason=Reason.UNSAFE_FORMAT, message="model.pkl needs loading: Trusted")
    bench = Bench(broken={1: {"ready": False, "termination": said}})
    bench.settle()
    status = bench.resource.status
    assert status.phase is DeploymentPhase.FAILED
    assert "model.pkl needs loading: Trusted" in (status.message or "")
    assert condition(bench, ConditionType.STALLED) == (ConditionStatus.TRUE, Reason.UNSAFE_FORMAT)
    assert condition(bench, ConditionType.MODEL_VERIFIED) == (
        ConditionStatus.FALSE,
        Reason.UNSAFE_FORMAT,
    )


@pytest.mark.parametrize(
    ("version", "status"),
    [
        (Missing(Reason.ALIAS_NOT_FOUND, "no alias champion"), ConditionStatus.TRUE),
        (Unknown(Reason.REGISTRY_UNREACHABLE, "no answer"), ConditionStatus.FALSE),
    ],
    ids=["what is missing is the user's", "what is unknown will be known"],
)
def test_without_a_version_nothing_is_made(
    version: Missing | Unknown, status: ConditionStatus
) -> None:
    """There is nothing to make, and a reason that says why."""
    bench = Bench(version=version)
    bench.settle()
    assert bench.names("Deployment") == []
    assert condition(bench, ConditionType.STALLED) == (status, version.reason)


def test_ready_waits_for_as_many_pods_as_the_spec_asks_for() -> None:
    """One pod serves, two were asked for."""
    bench = Bench(resource=a_deployment(scaling={"minReplicas": 3}))
    bench.settle()
    bench.objects = {
        ref: {**manifest, "spec": {**manifest["spec"], "replicas": 1}}
        if ref.kind == "Deployment"
        else manifest
        for ref, manifest in bench.objects.items()
    }
    bench.plan()
    assert condition(bench, ConditionType.READY) == (ConditionStatus.FALSE, Reason.STARTING)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"scaling": {"targets": {"requestsPerSecond": 4}}}, "scaling.targets.requestsPerSecond"),
        ({"scaling": {"targets": {"concurrency": 4}}}, "scaling.targets.concurrency"),
    ],
    ids=["requestsPerSecond", "concurrency"],
)
def test_what_this_version_cant_do_is_said(spec: dict[str, object], words: str) -> None:
    """A field that is passed over in silence is a promise that is broken."""
    bench = Bench(resource=a_deployment(**spec))
    bench.settle()
    assert words in (bench.resource.status.message or "")
    assert condition(bench, ConditionType.STALLED) == (ConditionStatus.TRUE, Reason.SPEC_INVALID)
    assert bench.objects == {}
    assert len(bench.events) == 1


@pytest.mark.parametrize(
    ("payload_log", "told"),
    [
        pytest.param(None, [], id="none"),
        pytest.param(
            {"sink": "http://broker.events/ml", "sample": 0.1},
            ['{"maxBytes": 65536, "sample": 0.1, "sink": "http://broker.events/ml"}'],
            id="one",
        ),
    ],
)
def test_the_server_alone_is_told_of_the_payload_log(
    payload_log: dict[str, object] | None, told: list[str]
) -> None:
    """With its defaults written out, as the server reads it; a change of it is a new revision."""
    serving = {"payloadLog": payload_log} if payload_log else {}
    bench, other = Bench(a_deployment(serving=serving)), Bench()
    made = deployment_of(bench)
    pod = made["spec"]["template"]["spec"]

    assert variable(pod["containers"][0], "LEADSMAN_PAYLOAD_LOG") == told
    assert variable(pod["initContainers"][0], "LEADSMAN_PAYLOAD_LOG") == []
    same = made["metadata"]["name"] == deployment_of(other)["metadata"]["name"]
    assert same == (payload_log is None)


def deployment_of(bench: Bench) -> Manifest:
    """The Deployment that is about to be made."""
    return next(
        action.manifest
        for action in bench.plan().actions
        if isinstance(action, ApplyObject) and action.manifest["kind"] == "Deployment"
    )


def variable(container: Manifest, name: str) -> list[str]:
    """The values that a container's variable has: one, or none."""
    return [one["value"] for one in container["env"] if one["name"] == name]
