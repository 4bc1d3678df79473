"""Objects of a ModelDeployment: repaired, left alone, and taken away in order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from leadsman_api.labels import Annotation, Label
from leadsman_operator.facts import ObjectRef
from leadsman_operator.planner.plan import ApplyObject, DeleteObject
from support.deployments import Bench, a_deployment, a_version


def serving() -> Bench:
    """Version 1 serves and nothing is to be done."""
    bench = Bench()
    bench.settle()
    return bench


def changed(bench: Bench, kind: str, **spec: Any) -> ObjectRef:
    """Change fields of the spec of the only object of a kind."""
    ref = next(ref for ref in bench.objects if ref.kind == kind)
    manifest = bench.objects[ref]
    bench.objects[ref] = {**manifest, "spec": {**manifest["spec"], **spec}}
    return ref


def test_a_field_of_ours_that_was_changed_is_put_back() -> None:
    """Drift is repaired."""
    bench = serving()
    ref = changed(bench, "PodDisruptionBudget", maxUnavailable=5)
    actions = bench.plan().actions
    assert [ObjectRef.of(one.manifest) for one in actions if isinstance(one, ApplyObject)] == [ref]
    assert bench.plan().actions == ()


def test_a_field_of_somebody_else_is_left_alone() -> None:
    """Another controller may add what it likes."""
    bench = serving()
    changed(bench, "Service", sessionAffinity="None", clusterIP="10.0.0.7")
    assert bench.plan().actions == ()


def test_the_number_of_pods_that_an_autoscaler_set_is_left_alone() -> None:
    """Between floor and ceiling it decides."""
    bench = serving()
    bench.wait(300)
    changed(bench, "Deployment", replicas=7)
    assert bench.plan().actions == ()


def test_an_object_that_was_deleted_is_made_again_as_it_was() -> None:
    """From the record of the revision, even if the spec asks for another one by now."""
    bench = serving()
    stable = bench.resource.status.stable
    assert stable is not None
    ref = ObjectRef("apps/v1", "Deployment", "ml", stable.name)
    before = bench.objects.pop(ref)
    bench.version = a_version(2)
    bench.plan()
    assert bench.objects[ref]["spec"]["template"] == before["spec"]["template"]


def test_a_candidate_that_is_gone_with_its_record_is_let_go() -> None:
    """A plan took both, the spec changed before the status could say so, and asks for others."""
    bench = serving()
    bench.version = a_version(2)
    bench.plan()
    candidate = bench.resource.status.candidate
    assert candidate is not None
    for kind in ("Deployment", "ControllerRevision"):
        bench.objects.pop(ObjectRef("apps/v1", kind, "ml", candidate.name))
    status = bench.resource.status
    command = {"id": "c-1", "verb": "Abort", "revision": candidate.name, "by": "ada"}
    resource = a_deployment(rollout={"command": command})
    bench.resource = resource.model_copy(update={"status": status})
    bench.version = a_version(1)
    bench.settle()
    assert bench.resource.status.candidate is None
    assert bench.names("Deployment") == [str(status.stable and status.stable.name)]


def test_an_upgrade_of_the_operator_touches_nothing_that_serves() -> None:
    """The revision keeps the image that it began with."""
    bench = serving()
    spec = bench.resource.spec
    assert spec.serving.image is None
    stable = bench.resource.status.stable
    assert stable is not None
    deployment = bench.objects[ObjectRef("apps/v1", "Deployment", "ml", stable.name)]
    images = {one["image"] for one in deployment["spec"]["template"]["spec"]["containers"]}
    assert images == {"leadsman/serving:test"}
    assert bench.plan().actions == ()


def test_the_floor_follows_the_spec() -> None:
    """`kubectl scale` writes it."""
    bench = serving()
    status = bench.resource.status
    resource = a_deployment(scaling={"minReplicas": 5})
    bench.resource = resource.model_copy(update={"status": status})
    bench.settle()
    ref = next(ref for ref in bench.objects if ref.kind == "Deployment")
    assert bench.objects[ref]["spec"]["replicas"] == 5
    assert len(bench.names("Deployment")) == 1


def test_deletion_takes_everything_in_order_and_then_goes() -> None:
    """What scales goes first, then the traffic, then the pods."""
    bench = serving()
    metadata = bench.resource.metadata.model_copy(
        update={"deletion_timestamp": datetime(2026, 11, 2, tzinfo=UTC)}
    )
    bench.resource = bench.resource.model_copy(update={"metadata": metadata})
    plan = bench.plan()
    assert not plan.gone
    kinds = [action.ref.kind for action in plan.actions if isinstance(action, DeleteObject)]
    assert kinds == [
        "HorizontalPodAutoscaler",
        "Service",
        "Service",
        "PodDisruptionBudget",
        "Deployment",
        "ControllerRevision",
        "ServiceAccount",
    ]
    assert bench.plan().gone


def test_what_is_kept_for_the_gate_of_the_traffic_has_labels() -> None:
    """Every object is found by the labels of its owner."""
    bench = serving()
    for manifest in bench.objects.values():
        labels = manifest["metadata"]["labels"]
        assert labels[Label.MODEL_DEPLOYMENT] == "churn"
        assert manifest["metadata"]["ownerReferences"][0]["uid"] == "u-1"


def test_the_hash_of_an_object_stays_out_of_its_pods() -> None:
    """A pod template that changes with it would start every pod anew."""
    bench = serving()
    for ref, manifest in bench.objects.items():
        if ref.kind == "Deployment":
            annotations = manifest["spec"]["template"]["metadata"]["annotations"]
            assert Annotation.SPEC_HASH not in annotations
