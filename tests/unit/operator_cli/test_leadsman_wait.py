"""`kubectl leadsman wait`: each end of a rollout has an exit code of its own."""

from __future__ import annotations

import asyncio
import json

import pytest

from support.world import REF
from support.world_user import WHOLE, User


def serving() -> User:
    """Version 1 serves."""
    user = User()
    user.sim.registry.aliases["champion"] = user.sim.register("good")
    asyncio.run(user.sim.settle())
    return user


def register(user: User, behaviour: str) -> None:
    """A version gets the alias, and the operator has seen it."""
    user.sim.registry.aliases["champion"] = user.sim.register(behaviour)


@pytest.mark.parametrize(
    ("behaviour", "code"), [("good", 0), ("errors", 3), ("slow", 3), ("unloadable", 3)]
)
def test_the_end_of_a_version_is_an_exit_code(behaviour: str, code: int) -> None:
    """Promoted and rolled back are told apart, also when the move of the alias is not seen yet."""
    user = serving()
    register(user, behaviour)
    result = user("wait", "churn", "--for", "promoted", "--version", "2")
    assert result.code == code
    assert result.stderr.splitlines()[0].startswith("churn: Stable: ")
    assert "RollingOut: rolling out version 2 beside version 1" in result.stderr


def test_full_traffic_is_reached_before_the_end_of_the_bake() -> None:
    """For who does not want to wait that long."""
    user = serving()
    register(user, "good")
    assert user("wait", "churn", "--for", "full-traffic", "--version", "2").code == 0
    assert user.sim.status()["phase"] == "Baking"


def test_a_change_of_the_spec_is_waited_for_until_the_operator_has_seen_it() -> None:
    """What it says of the generation before counts for nothing."""
    user = serving()
    user.sim.apply({**WHOLE, "serving": {"env": [{"name": "MODE", "value": "b"}]}})
    result = user("wait", "churn")
    assert result.code == 0
    assert user.sim.status()["phase"] == "Stable"
    generation = user.sim.cluster.objects[REF]["metadata"]["generation"]
    assert user.sim.status()["observedGeneration"] == generation
    assert "bakes" in result.stderr


def test_a_time_that_is_over_has_a_code_of_its_own() -> None:
    """With where it stands."""
    user = serving()
    register(user, "good")
    result = user("wait", "churn", "--version", "2", "--timeout", "20s")
    assert result.code == 4
    assert result.stderr.splitlines()[-1].startswith("churn: the time is over: RollingOut: ")


def test_an_abort_ends_the_wait() -> None:
    """As a rollback does: the version does not serve."""
    user = serving()
    register(user, "good")
    user("wait", "churn", "--version", "2", "--timeout", "15s")
    assert user("abort", "churn").code == 0
    assert user("wait", "churn").code == 3


def test_what_only_people_can_mend_ends_the_wait() -> None:
    """A version that is not there will not be promoted."""
    user = serving()
    user.sim.registry.aliases["champion"] = 99
    user("wait", "churn", "--version", "99", "--timeout", "5s")
    result = user("wait", "churn")
    assert result.code == 5


def test_a_wrong_duration_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With what to write."""
    assert serving()("wait", "churn", "--timeout", "soon").code == 2
    assert "write a duration such as 45m" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("behaviour", "options", "outcome", "code"),
    [
        ("good", (), "Reached", 0),
        ("errors", (), "RolledBack", 3),
        ("good", ("--timeout", "20s"), "TimedOut", 4),
    ],
)
def test_programs_get_the_end_as_one_document(
    behaviour: str, options: tuple[str, ...], outcome: str, code: int
) -> None:
    """The news stay on standard error."""
    user = serving()
    register(user, behaviour)
    result = user("wait", "churn", "--version", "2", *options, "-o", "json")
    told = json.loads(result.stdout)
    assert (told["outcome"], told["exitCode"], result.code) == (outcome, code, code)
    assert (told["name"], told["for"]) == ("churn", "promoted")
    assert told["status"]["phase"] == user.sim.status()["phase"]
    assert "RollingOut: " in result.stderr


def test_programs_are_told_that_only_people_can_help() -> None:
    """Of a version that is not there."""
    user = serving()
    user.sim.registry.aliases["champion"] = 99
    user("wait", "churn", "--version", "99", "--timeout", "5s")
    result = user("wait", "churn", "-o", "json")
    assert (json.loads(result.stdout)["outcome"], result.code) == ("Stuck", 5)


def test_people_read_the_end_on_standard_error() -> None:
    """Nothing is on standard output unless it is asked for."""
    user = serving()
    assert user("wait", "churn").stdout == ""
