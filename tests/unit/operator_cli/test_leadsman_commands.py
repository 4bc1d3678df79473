"""What `kubectl leadsman` asks rollouts for, carried out by the real operator in memory."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from leadsman_api.reasons import Reason
from leadsman_operator.errors import Refused, Unreachable
from support.world import REF
from support.world_user import WHOLE, User, with_copies


def rolling_out(behaviour: str = "good", **rollout: Any) -> User:
    """Version 1 serves, and version 2 has the traffic of the first step."""
    user = User()
    user.sim.apply({**WHOLE, "rollout": {**WHOLE["rollout"], **rollout}})
    user.sim.registry.aliases["champion"] = user.sim.register("good")
    user.go_on(30)
    user.sim.registry.aliases["champion"] = user.sim.register(behaviour)
    user.go_on(15)
    return user


def test_a_step_is_skipped_and_the_answer_is_told() -> None:
    """The command waits until the operator has dealt with it."""
    user = rolling_out()
    result = user("promote", "churn", "--because", "it is urgent")
    assert result == (0, "churn: ada skips the step at 30 percent: it is urgent\n", "")
    command = user.sim.cluster.objects[REF]["spec"]["rollout"]["command"]
    assert command["by"] == "ada"
    assert command["step"] == 0


def test_all_steps_are_skipped() -> None:
    """With --full; the bake stays."""
    user = rolling_out()
    assert user("promote", "md/churn", "--full").stdout.endswith("all steps from 30 percent on\n")
    user.go_on(15)
    assert user.sim.status()["phase"] == "Baking"


def test_a_pause_and_its_end() -> None:
    """Whoever made it."""
    user = rolling_out()
    assert user("pause", "churn").code == 0
    assert user.sim.status()["phase"] == "Paused"
    assert user("resume", "churn").stdout.startswith("churn: goes on after a pause of ")
    assert user("resume", "churn") == (
        1, "", "churn: nobody has paused it: ask for Promote or Abort if it is not to wait\n"
    )  # fmt: skip


def test_a_pause_of_the_spec_is_ended_in_the_spec() -> None:
    """No command could do that: where a repository keeps it, it has to be changed there."""
    user = rolling_out(paused=True)
    assert user.sim.status()["phase"] == "Paused"
    result = user("resume", "churn")
    assert result.stdout.startswith("churn: spec.rollout.paused is false now\n")
    assert user.sim.cluster.objects[REF]["spec"]["rollout"]["paused"] is False
    user.go_on(10)
    assert user.sim.status()["phase"] == "RollingOut"


def test_abort_then_retry_then_back() -> None:
    """The revision is found in the status: nobody has to type a hash."""
    user = rolling_out()
    assert "ada ended the rollout" in user("abort", "churn").stdout
    user.go_on(10)
    assert user("retry", "churn").code == 0
    assert user("promote", "churn", "--full").code == 0
    user.go_on(15)
    assert user("promote", "churn").code == 0
    assert user.sim.version("previous") == 1
    assert user("rollback", "churn", "--to", "1").stdout == (
        "churn: going back from version 2 to 1: ada asked for it\n"
    )
    user.go_on(10)
    assert user.sim.version("stable") == 1


def test_a_rollback_names_what_is_kept() -> None:
    """And says how to get what is not."""
    user = rolling_out()
    assert user("rollback", "churn", "--to", "7").stderr.startswith("churn: 7 is not kept; kept ")
    user("rollback", "churn")
    user.go_on(10)
    result = user("rollback", "churn")
    assert result.code == 1
    assert "no earlier revision is kept" in result.stderr
    assert "point spec.model at the version" in result.stderr


def promoted(user: User) -> None:
    """The version that is being tried gets everything, and the one before grows cold."""
    assert user("promote", "churn", "--full").code == 0
    user.go_on(15)
    assert user("promote", "churn").code == 0
    user.go_on(65)


def test_a_rollback_reaches_older_versions() -> None:
    """By number or by name; after it one has to say which is meant."""
    user = rolling_out()
    promoted(user)
    user.sim.registry.aliases["champion"] = user.sim.register("good")
    user.go_on(15)
    promoted(user)
    assert [one["version"] for one in user.sim.status()["kept"]] == [2, 1]
    assert user("rollback", "churn", "--to", "1", "--because", "2 and 3 guess").stdout == (
        "churn: going back from version 3 to 1, from its record: ada asked for it: 2 and 3 guess\n"
    )
    assert "steps  [100%] bake" in user("status", "churn").stdout
    user.go_on(15)
    explained = user("explain", "churn").stdout
    assert "without any it is promoted then" in explained
    assert user("promote", "churn").code == 0
    user.go_on(5)
    assert (user.sim.version("stable"), user.sim.status()["phase"]) == (1, "RolledBack")
    result = user("rollback", "churn")
    assert result.code == 1
    assert "version 3 served last, and somebody went back from it" in result.stderr
    assert user("rollback", "churn", "--to", user.sim.status()["kept"][1]["name"]).code == 0
    user.go_on(15)
    assert user.sim.version("candidate") == 2


def test_nobody_comes_back_by_chance_to_what_was_left() -> None:
    """Though the alias is written back, so that nothing is blocked any more."""
    user = rolling_out(keepPrevious="1h")
    assert user("promote", "churn", "--full").code == 0
    user.go_on(15)
    assert user("promote", "churn").code == 0
    assert user("rollback", "churn").stdout.startswith("churn: going back from version 2 to 1")
    user.go_on(10)
    user.sim.registry.aliases["champion"] = 1
    user.go_on(10)
    status = user.sim.status()
    assert (status["phase"], status.get("blocked", [])) == ("Stable", [])
    result = user("rollback", "churn")
    assert result.code == 1
    assert "version 2 served last, and somebody went back from it" in result.stderr


def test_while_a_version_is_tried_older_ones_are_known() -> None:
    """The operator says what comes first."""
    user = rolling_out()
    promoted(user)
    user.sim.registry.aliases["champion"] = user.sim.register("good")
    user.go_on(15)
    assert (user.sim.version("stable"), user.sim.version("candidate")) == (2, 3)
    stable, old = user.sim.status()["stable"]["name"], user.sim.status()["kept"][0]["name"]
    for goal in ("1", old):
        result = user("rollback", "churn", "--to", goal)
        assert result.code == 1
        assert f"version 3 is being tried: go back to {stable} first" in result.stderr
    listed = f"kept are: {stable} (version 2), {old} (version 1)"
    assert listed in user("rollback", "churn", "--to", "7").stderr
    assert user("rollback", "churn", "--to", "2").code == 0


def test_without_a_name_it_is_the_one_that_served_last() -> None:
    """Warm or not."""
    user = rolling_out()
    promoted(user)
    assert user.sim.status().get("previous") is None
    assert user("rollback", "churn").stdout.startswith("churn: going back from version 2 to 1")


def test_the_history_shows_what_is_kept() -> None:
    """For people, and as it stands in the status for programs."""
    user = rolling_out()
    assert "KEPT" not in user("history", "churn").stdout
    promoted(user)
    kept = user.sim.status()["kept"]
    last = user("history", "churn").stdout.splitlines()[-1]
    assert last.split() == [
        kept[0]["name"], "1", *kept[0]["since"].removesuffix("Z").split("T"),
        "start", "from", "its", "record",
    ]  # fmt: skip
    assert json.loads(user("history", "churn", "-o", "json").stdout)["kept"] == kept


def test_what_can_not_be_done_ends_with_1() -> None:
    """The operator's own words."""
    user = rolling_out()
    user("abort", "churn")
    user.go_on(10)
    result = user("promote", "churn")
    assert result.code == 1
    assert result.stderr.startswith("churn: no rollout is running: rolled back from version 2 to 1")


@pytest.mark.parametrize(
    ("before", "grant"),
    [("FirstStep", {"version": 2}), ("EveryStep", {"version": 2, "step": 30})],
)
def test_an_approval_is_written_for_what_waits(before: str, grant: dict[str, Any]) -> None:
    """For the version, or for the step where each needs one."""
    user = rolling_out(approval={"required": True, "before": before})
    assert user.sim.status()["weight"] == 0
    assert user("approve", "churn", "--version", "7").stderr.startswith(
        "churn: version 2 is being tried, not 7"
    )
    assert user("approve", "churn").code == 0
    written = user.sim.cluster.objects[REF]["spec"]["rollout"]["approval"]["granted"]
    assert {**written, **grant} == written
    assert written["by"] == "ada"
    user.go_on(10)
    assert user.sim.status()["weight"] == 30


def test_an_approval_of_copies_is_none_of_the_traffic() -> None:
    """Where each step needs one, all of the traffic needs another."""
    user = with_copies(approval={"required": True, "before": "EveryStep"})
    user.sim.registry.aliases["champion"] = user.sim.register("good")
    user.go_on(30)
    user.sim.registry.aliases["champion"] = user.sim.register("good")
    user.go_on(15)
    assert user("approve", "churn").code == 0
    user.go_on(60)
    status = user.sim.status()
    assert (status["phase"], status["weight"]) == ("Paused", 0)
    assert status["rollout"]["copiedSince"]
    assert user("approve", "churn").code == 0
    user.go_on(15)
    assert user.sim.status()["weight"] == 100


def test_an_approval_that_nobody_asks_for_is_refused() -> None:
    """It would be written for nothing."""
    assert "approval.required is false" in rolling_out()("approve", "churn").stderr


def test_an_operator_that_is_away_is_not_waited_for_for_ever() -> None:
    """The command stands in the resource."""
    user = rolling_out()
    user.operator_runs = False
    result = user("pause", "churn")
    assert result.code == 4
    assert "the operator has not answered yet" in result.stderr
    user.operator_runs = True
    user.go_on(5)
    assert user.sim.status()["phase"] == "Paused"


def test_no_answer_is_waited_for_where_none_is_wanted() -> None:
    """With --no-wait."""
    user = rolling_out()
    user.operator_runs = False
    assert user("abort", "churn", "--no-wait") == (0, "churn: asked for Abort\n", "")


def test_a_name_that_is_not_there_is_answered_with_those_that_are() -> None:
    """So that a typing error is seen at once."""
    user = rolling_out()
    assert user("promote", "chrun") == (
        1, "", "no ModelDeployment chrun in namespace ml: there are churn\n"
    )  # fmt: skip
    assert "there is none in this namespace" in user("pause", "churn", "-n", "other").stderr


def test_a_name_of_another_kind_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """`tr/churn` is no ModelDeployment."""
    assert rolling_out()("pause", "tr/churn").code == 2
    assert "write md/churn or churn" in capsys.readouterr().err


def test_what_the_cluster_refuses_is_told_with_who_can_help() -> None:
    """The API server's sentence names the verb and the resource."""
    user = rolling_out()
    said = 'User "ada" cannot patch resource "modeldeployments" is forbidden'
    user.trouble = Refused(Reason.REFUSED, said)
    result = user("abort", "churn")
    assert result.code == 1
    assert said in result.stderr
    assert "leadsman-editor" in result.stderr


def test_a_cluster_that_does_not_answer_is_told_with_what_to_check() -> None:
    """No traceback."""
    user = User(trouble=Unreachable(Reason.CLUSTER_UNREACHABLE, "the API did not answer"))
    result = user("status")
    assert result.code == 1
    assert "Check the cluster with `kubectl version`" in result.stderr


def test_cluster_options_count_before_and_after_the_command() -> None:
    """As kubectl has it."""
    user = rolling_out()
    for arguments in (
        ("--context", "prod", "--kubeconfig", "k", "-n", "ml", "status"),
        ("status", "--context", "prod", "--kubeconfig", "k", "-n", "ml"),
    ):
        result = user(*arguments)
        assert result.code == 0
        assert "churn" in result.stdout
    assert {(one.context, one.kubeconfig) for one in user.targets} == {("prod", "k")}


@pytest.mark.parametrize(
    ("words", "verb", "outcome"),
    [
        (("promote",), "Promote", "Done"),
        (("promote", "--full"), "PromoteFull", "Done"),
        (("pause",), "Pause", "Done"),
        (("resume",), "Resume", "Refused"),
        (("abort", "--because", "too slow"), "Abort", "Done"),
        (("rollback",), "RollBack", "Done"),
    ],
    ids=lambda words: "-".join(words) if isinstance(words, tuple) else None,
)
def test_programs_get_the_command_and_its_answer(
    words: tuple[str, ...], verb: str, outcome: str
) -> None:
    """One document, whether it was done or refused; the exit code says so as well."""
    user = rolling_out()
    result = user(words[0], "churn", *words[1:], "-o", "json")
    told = json.loads(result.stdout)
    assert result.code == (0 if outcome == "Done" else 1)
    assert (told["name"], told["command"]["verb"]) == ("churn", verb)
    assert told["command"] == user.sim.cluster.objects[REF]["spec"]["rollout"]["command"]
    assert told["answer"] == user.sim.status()["commands"][0]
    assert told["answer"]["outcome"] == outcome
    assert (told["answer"]["message"] in result.stderr) is (outcome == "Refused")


def test_programs_get_a_retry_and_a_resumption_as_one_document_each() -> None:
    """What else is to be told goes to standard error."""
    user = rolling_out(paused=True)
    resumed = user("resume", "churn", "-o", "json")
    assert json.loads(resumed.stdout)["command"]["verb"] == "Resume"
    assert "spec.rollout.paused is false now" in resumed.stderr
    user("abort", "churn")
    user.go_on(10)
    assert yaml.safe_load(user("retry", "churn", "-o", "yaml").stdout)["answer"]["verb"] == "Retry"


def test_programs_are_told_that_there_is_no_answer() -> None:
    """Because none was waited for, or because none came."""
    user = rolling_out()
    user.operator_runs = False
    asked, unanswered = (
        user("abort", "churn", "-o", "json", *more) for more in (("--no-wait",), ())
    )
    assert (asked.code, unanswered.code) == (0, 4)
    assert json.loads(asked.stdout)["answer"] is json.loads(unanswered.stdout)["answer"] is None


def test_programs_get_the_approval_that_was_written() -> None:
    """As it stands in the spec."""
    user = rolling_out(approval={"required": True, "before": "EveryStep"})
    told = json.loads(user("approve", "churn", "-o", "json").stdout)
    approval = user.sim.cluster.objects[REF]["spec"]["rollout"]["approval"]
    assert told == {"name": "churn", "granted": approval["granted"]}
    assert told["granted"]["step"] == 30
