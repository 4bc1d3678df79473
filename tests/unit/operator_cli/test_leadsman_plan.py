"""`kubectl leadsman plan`: what a manifest would do, by the planner that would do it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.world import REF
from support.world_user import User


@pytest.fixture
def user() -> User:
    """Version 1 serves."""
    user = User()
    user.sim.registry.aliases["champion"] = user.sim.register("good")
    user.go_on(30)
    assert user.sim.status()["phase"] == "Stable"
    return user


def written(folder: Path, **spec: Any) -> str:
    """A file with the resource, parts of its spec replaced."""
    manifest = {
        "apiVersion": "leadsman.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": REF.name, "namespace": REF.namespace},
        "spec": spec,
    }
    file = folder / "churn.yaml"
    file.write_text(yaml.safe_dump(manifest))
    return str(file)


def spec_of(user: User) -> dict[str, Any]:
    """The spec as it is."""
    found: dict[str, Any] = copy.deepcopy(user.sim.cluster.objects[REF]["spec"])
    return found


def test_a_change_of_the_pods_starts_a_rollout(user: User, tmp_path: Path) -> None:
    """It is a new revision of the same version; the steps are told."""
    spec = {**spec_of(user), "serving": {"env": [{"name": "LEVEL", "value": "high"}]}}
    before = copy.deepcopy(user.sim.cluster.objects)

    code, stdout, stderr = user("plan", "-f", written(tmp_path, **spec))

    assert (code, stderr) == (0, "")
    assert "churn: 1 field would change\n" in stdout
    assert "serving.env: [] -> [{" in stdout or "serving.env: nothing -> [{" in stdout
    assert "a new revision of version 1, beside version 1:" in stdout
    assert "Canary by 30%, 60%, 100%" in stdout
    assert "RollingOut: rolling out version 1 beside version 1" in stdout
    assert "apply: deployment/churn-1-" in stdout
    assert user.sim.cluster.objects == before


def test_what_is_foreseen_is_what_happens(user: User, tmp_path: Path) -> None:
    """The revision, to its hash: it is the same planner."""
    spec = {**spec_of(user), "serving": {"env": [{"name": "LEVEL", "value": "high"}]}}
    told = json.loads(user("plan", "-f", written(tmp_path, **spec), "-o", "json").stdout)[0]

    user.sim.apply(spec)
    user.go_on(10)

    assert told["startsRollout"] is True
    assert told["revision"] == user.sim.status()["candidate"]["name"]


def test_a_change_beside_the_pods_starts_none(user: User, tmp_path: Path) -> None:
    """Bounds of the autoscaler, steps, conditions."""
    spec = {**spec_of(user), "scaling": {"minReplicas": 2, "maxReplicas": 7}}
    code, stdout, _ = user("plan", "-f", written(tmp_path, **spec))
    assert code == 0
    assert "scaling.maxReplicas: " in stdout
    assert "-> 7" in stdout
    assert "no new revision: the pods of version 1 go on" in stdout


def test_nothing_would_change(user: User, tmp_path: Path) -> None:
    """Defaults that are left out are no change."""
    stdout = user("plan", "-f", written(tmp_path, **spec_of(user))).stdout
    assert stdout.startswith("churn: no field would change\n")
    assert "nothing in the cluster" in stdout


def test_a_new_resource(user: User, tmp_path: Path) -> None:
    """Where the alias points has to be told: the registry is not asked."""
    file = written(tmp_path, model={"name": "churn", "alias": "champion"})
    user.sim.cluster.objects.pop(REF)
    unknown = user("plan", "-f", file).stdout
    known = user("plan", "-f", file, "--version", "4").stdout
    assert "churn would be new" in unknown
    assert "give it with --version" in unknown
    assert "the first revision, version 4: it gets all of the traffic" in known
    assert "Pending: version 4 is the first to serve" in known


def test_another_version_is_foreseen(user: User, tmp_path: Path) -> None:
    """A number needs no registry either."""
    spec = {**spec_of(user), "model": {"name": "churn", "version": 9}}
    stdout = user("plan", "-f", written(tmp_path, **spec)).stdout
    assert "a new revision of version 9, beside version 1:" in stdout


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"model": {"name": "churn"}}, "spec.model"),
        ({"model": {"name": "churn", "alias": "a"}, "rollout": {"steps": [50, 10]}}, "rise"),
    ],
)
def test_a_wrong_manifest_is_told_with_its_line(
    user: User, tmp_path: Path, spec: dict[str, Any], words: str
) -> None:
    """As `validate` tells it."""
    code, stdout, stderr = user("plan", "-f", written(tmp_path, **spec))
    assert (code, stdout) == (1, "")
    assert "churn.yaml:" in stderr
    assert words in stderr


def test_a_file_without_a_deployment(user: User, tmp_path: Path) -> None:
    """And one that is not there."""
    file = tmp_path / "other.yaml"
    file.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    assert "there is no ModelDeployment in it" in user("plan", "-f", str(file)).stderr
    assert "No such file" in user("plan", "-f", str(tmp_path / "none.yaml")).stderr
    assert user("plan", "-f", str(file), "--version", "x").code == 2
