"""A version that is trained again from its record alone: what the spec leaves out, and no more."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from leadsman_api.labels import Tag
from leadsman_api.loading import parse_resource
from leadsman_api.recorded_spec import RecordedSpec
from leadsman_api.v1alpha1 import TrainingRun
from leadsman_operator.facts import Manifest, ObjectRef
from support.world_training import SPEC, TrainingSimulation
from support.world_trouble import MLFLOW

FILE = ObjectRef("v1", "ConfigMap", "ml", "churn-spec")
ASKED: dict[str, Any] = {
    "data": None,
    "objective": None,
    "search": None,
    "reproduce": {"version": 1},
}
RECORDED: dict[str, Any] = {
    "data": {"source": {"uri": "pvc://claim/rows.csv"}, "target": "bought", "exclude": ["id"]},
    "trainer": {
        "algorithm": "RandomForest",
        "parameters": {"max_features": 2},
        "resources": {"limits": {"memory": "4Gi"}},
    },
    "objective": {"metric": "f1"},
}
RIGHTS: dict[str, Any] = {
    "data": {
        **RECORDED["data"],
        "source": {**RECORDED["data"]["source"], "secretRef": {"name": "theirs"}},
    },
    "trainer": {
        **RECORDED["trainer"],
        "image": "evil/image:1",
        "env": [{"name": "A", "value": "b"}],
        "nodeSelector": {"disk": "ssd"},
        "resources": {"limits": {"memory": "4Gi", "example.com/kvm": 1}},
    },
    "objective": RECORDED["objective"],
}


def asked_of(tag: Any, **spec: Any) -> TrainingSimulation:
    """A run that asks for version 1 again, of a registry with a version of that tag."""
    sim = TrainingSimulation(**{**ASKED, **spec})
    sim.mlflow.register({Tag.SPEC.value: json.dumps(tag)} if tag is not None else {})
    return sim


def look(sim: TrainingSimulation, times: int = 3) -> Exception | None:
    """Let the operator look so often; gives the last error."""
    done = [asyncio.run(sim.reconcile()) for _ in range(times)]
    return done[-1].error if done[-1] is not None else None


def told(sim: TrainingSimulation) -> dict[str, Any]:
    """The spec as the pod reads it."""
    file = sim.cluster.objects[FILE]
    spec: dict[str, Any] = json.loads(file["data"]["training-run.json"])["spec"]
    return spec


def pod_of(sim: TrainingSimulation) -> Manifest:
    """The pod of the only Job."""
    (job,) = sim.objects("Job")
    pod: Manifest = sim.cluster.objects[job]["spec"]["template"]["spec"]
    return pod


def test_the_model_and_the_version_are_enough() -> None:
    """Data, trainer and objective are those of the version; its claim is mounted."""
    sim = asked_of(RECORDED)
    assert look(sim) is None

    spec = told(sim)
    assert spec["data"]["source"]["uri"] == "pvc://claim/rows.csv"
    assert (spec["data"]["target"], spec["data"]["exclude"]) == ("bought", ["id"])
    assert spec["trainer"]["parameters"] == {"max_features": 2}
    assert spec["objective"]["metric"] == "f1"
    pod = pod_of(sim)
    claims = [one["persistentVolumeClaim"] for one in pod["volumes"] if one["name"] == "data"]
    assert claims == [{"claimName": "claim", "readOnly": True}]
    assert pod["containers"][0]["resources"]["limits"] == {"memory": "4Gi"}


def test_what_the_spec_says_goes_before_the_record() -> None:
    """A part as a whole, so that nothing of the two is mixed."""
    data = {"source": {"uri": "sklearn://iris"}, "target": "target"}
    sim = asked_of(RECORDED, data=data)
    assert look(sim) is None

    assert told(sim)["data"]["source"]["uri"] == "sklearn://iris"
    assert told(sim)["data"]["exclude"] == []
    assert told(sim)["trainer"]["algorithm"] == "RandomForest"


def test_the_record_says_what_is_trained_and_not_what_runs() -> None:
    """Whoever writes to the registry chooses no image, variable, Secret, node or device."""
    sim = asked_of(RIGHTS)
    assert look(sim) is None

    pod = pod_of(sim)
    main = pod["containers"][0]
    assert main["image"] == "leadsman/training:test"
    assert "A" not in {one["name"] for one in main["env"]}
    assert "theirs" not in json.dumps(pod)
    assert "nodeSelector" not in pod
    assert main["resources"]["limits"] == {"memory": "4Gi"}
    resource = parse_resource(
        {
            "apiVersion": "leadsman.dev/v1alpha1",
            "kind": "TrainingRun",
            "metadata": {"name": "churn"},
            "spec": {"model": {"name": "churn"}, **RIGHTS},
        }
    )
    assert isinstance(resource, TrainingRun)
    text = RecordedSpec.of(resource.spec, "pvc://claim/rows.csv").to_text()
    for word in ("evil", "theirs", '"A"', "ssd", "kvm"):
        assert word not in text, "nor is it written there"
    assert RecordedSpec.from_text(text) == RecordedSpec.from_text(json.dumps(RECORDED))


@pytest.mark.parametrize("tag", [None, "no spec", {"data": {}}])
def test_without_a_record_it_says_what_to_write(tag: Any) -> None:
    """Versions of others, or of before this was recorded."""
    sim = asked_of(tag)
    assert look(sim) is None

    (stalled,) = [one for one in sim.status["conditions"] if one["type"] == "Stalled"]
    assert (stalled["status"], stalled["reason"]) == ("True", "SpecInvalid")
    advice = "make another TrainingRun with spec.data, spec.trainer and spec.objective"
    assert advice in sim.status["message"], "whether they are there can't change"
    assert not sim.objects("Job")


@pytest.mark.parametrize("algorithm", [None, "auto", "Linear"])
def test_a_spec_of_the_last_release_needs_no_record(algorithm: str | None) -> None:
    """It had to say data and objective; what it left out was the default."""
    trainer = {"trainer": {"algorithm": algorithm}} if algorithm else {}
    sim = asked_of(None, data=SPEC["data"], objective=SPEC["objective"], **trainer)
    assert look(sim) is None

    assert told(sim)["trainer"]["algorithm"] == (algorithm or "auto")
    assert sim.objects("Job")


def test_the_default_that_the_api_server_writes_asks_for_no_trainer() -> None:
    """An absent trainer and the default are the same to whoever replaces the resource."""
    sizes = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "2Gi"}}
    sim = asked_of(RECORDED, trainer={"algorithm": "auto", "resources": sizes})
    assert look(sim) is None

    assert told(sim)["trainer"]["algorithm"] == "RandomForest"


def test_a_version_that_is_not_there_is_named_until_it_comes() -> None:
    """Before any pod runs."""
    sim = asked_of(RECORDED, reproduce={"version": 2})
    assert look(sim) is None
    assert (sim.reason, sim.status["message"]) == (
        "VersionNotFound", "model churn has no version 2",
    )  # fmt: skip
    assert not sim.objects("Job")

    sim.mlflow.register({Tag.SPEC.value: json.dumps(RECORDED)})
    assert look(sim) is None
    assert sim.objects("Job")


def test_a_registry_that_is_away_is_asked_again() -> None:
    """Nothing is concluded from that before the run has begun."""
    sim = asked_of(RECORDED)
    sim.faults.down.add(MLFLOW)
    assert look(sim) is None
    assert sim.status["message"] == f"{MLFLOW} is down"
    assert not sim.objects("Job")

    sim.faults.heal()
    assert look(sim) is None
    assert sim.objects("Job")


def test_a_run_is_suspended_whatever_the_registry_answers() -> None:
    """And goes on with the same Job."""
    sim = asked_of(RECORDED)
    look(sim)
    (job,) = sim.objects("Job")
    sim.faults.down.add(MLFLOW)
    sim.edit(suspend=True)
    assert look(sim) is None
    assert sim.phase == "Suspended"
    assert sim.cluster.objects[job]["spec"]["suspend"] is True

    sim.faults.heal()
    sim.edit(suspend=False)
    assert look(sim) is None
    assert sim.cluster.objects[job]["spec"]["suspend"] is False


def test_a_job_of_which_nobody_knows_what_it_is_for_is_suspended_by_its_end() -> None:
    """Somebody has deleted the file with its spec, and the registry does not answer either."""
    sim = asked_of(RECORDED)
    look(sim)
    del sim.cluster.objects[FILE]
    sim.faults.down.add(MLFLOW)
    sim.edit(suspend=True)
    assert look(sim) is None
    assert (sim.phase, sim.objects("Job")) == ("Suspended", [])

    sim.faults.heal()
    sim.edit(suspend=False)
    assert look(sim) is None
    assert sim.objects("Job")


def test_a_run_that_has_begun_needs_no_registry_to_know_what_it_trains() -> None:
    """The version is deleted meanwhile, or another spec written on it."""
    sim = asked_of(RECORDED)
    look(sim)
    before = told(sim)
    sim.mlflow.versions.clear()
    assert look(sim) is None

    assert sim.phase == "Concluding"
    (stalled,) = [one for one in sim.status["conditions"] if one["type"] == "Stalled"]
    assert (stalled["status"], told(sim)) == ("False", before)


@pytest.mark.parametrize("text", ["no JSON", "{}", None])
def test_a_file_of_another_run_says_nothing_of_this_one(text: str | None) -> None:
    """One of the same name that was deleted, whose file is still there; or what nobody can read."""
    trainer = {**RECORDED["trainer"], "resources": {"limits": {"memory": "3Gi"}}}
    other = asked_of({**RECORDED, "trainer": trainer})
    look(other)
    file = other.cluster.objects[FILE]
    old = file["data"]["training-run.json"].replace(other.mlflow.uid, "uid-of-another")
    sim = asked_of(RECORDED)
    sim.cluster.put({**file, "data": {"training-run.json": text or old}})
    assert look(sim) is None

    resources = pod_of(sim)["containers"][0]["resources"]
    assert resources["limits"] == {"memory": "4Gi"}


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_run_that_has_ended_needs_its_version_no_more(phase: str) -> None:
    """It stays as it was when the version is deleted."""
    sim = asked_of(RECORDED)
    look(sim)
    resource = sim.cluster.objects[ObjectRef("leadsman.dev/v1alpha1", "TrainingRun", "ml", "churn")]
    resource["status"]["phase"] = phase
    sim.mlflow.versions.clear()

    assert look(sim) is None
    assert sim.phase == phase
    sim.delete()
    assert look(sim) is None
