"""`kubectl leadsman train status`: what golden views don't show."""

from __future__ import annotations

import json

import pytest

from leadsman_operator.facts import ObjectRef
from support.trainings import Bench, a_run
from support.world_user import User


@pytest.fixture
def user() -> User:
    """Ada, with one run that searches."""
    ada = User()
    manifest = Bench().searching().resource.to_wire()
    ada.sim.cluster.objects[ObjectRef.of(manifest)] = manifest
    return ada


def test_programs_get_the_status_as_it_is(user: User) -> None:
    """Names of fields as in the resource."""
    content = json.loads(user("train", "status", "churn", "-o", "json").stdout)
    assert content["name"] == "churn"
    assert content["status"]["phase"] == "Searching"
    listed = json.loads(user("train", "status", "-A", "-o", "json").stdout)
    assert listed == [content]


def test_a_run_that_trains_again_from_the_record_is_shown(user: User) -> None:
    """Its spec says neither data nor objective."""
    resource = a_run(data=None, objective=None, search=None, reproduce={"version": 7})
    manifest = {**resource.to_wire(), "status": {"phase": "Concluding"}}
    user.sim.cluster.objects[ObjectRef.of(manifest)] = manifest

    shown = user("train", "status", "churn")
    assert (shown.code, shown.stderr) == (0, "")
    assert "Concluding" in shown.stdout


def test_a_run_that_is_not_there_is_answered_with_those_that_are(user: User) -> None:
    """And never with a ModelDeployment."""
    result = user("train", "status", "chrun")
    assert result == (1, "", "no TrainingRun chrun in namespace ml: there are churn\n")
    nothing = user("train", "status", "-n", "other")
    assert nothing == (0, "", "there is no TrainingRun in namespace other\n")


def test_a_name_and_all_namespaces_contradict_each_other(user: User) -> None:
    """Exit code 2, as for every wrong command line."""
    assert user("train", "status", "churn", "-A").code == 2


def test_completion_offers_what_can_be_shown(user: User) -> None:
    """And no names of ModelDeployments."""
    words = user("completion", "words", "--", "train", "").stdout.splitlines()
    assert "status" in words
    assert "churn" not in words
