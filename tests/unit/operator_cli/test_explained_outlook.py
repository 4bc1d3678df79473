"""What `explain` says of how the decision would change, in sentences and in fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadsman_operator.cli.outlook_view import Ahead, ahead_of, condition_line, pods_line, upcoming
from leadsman_operator.planner.judge.outlook import ConditionOutlook, Outlook
from support.deployments import a_deployment
from support.world_labels import QUALITY
from support.world_user import User

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
REVISION = {"name": "churn-2-a", "version": 2}
SWAP = {"strategy": "Swap", "swap": {"downtimeBudget": "2m"}}
PAUSED = {"step": 0, "pausedAt": "2026-11-01T11:58:00Z"}
STEP = {"step": 0}
BAKE = {"step": 1, "promotedAt": "2026-11-01T11:55:00Z"}


def sentences(
    verdict: str,
    rollout: Mapping[str, Any],
    spec: Mapping[str, Any],
    phase: str = "RollingOut",
    weight: int = 100,
    **more: Any,
) -> list[str]:
    """What comes next of a rollout that began ten minutes ago, and its step five minutes ago."""
    manifest = {
        **a_deployment(rollout=dict(spec), **more).to_wire(),
        "status": {
            "phase": phase,
            "stable": {"name": "churn-1-a", "version": 1},
            "candidate": REVISION,
            "weight": weight,
            "rollout": {
                "stepWeight": weight,
                "startedAt": "2026-11-01T11:50:00Z",
                "stepStartedAt": "2026-11-01T11:55:00Z",
                **rollout,
            },
            "evidence": {"verdict": verdict, "because": "so", "since": "2026-11-01T11:50:00Z"},
        },
    }
    ahead = ahead_of(manifest, NOW)
    assert ahead is not None
    return list(upcoming(ahead.resource, NOW))


GOES_ON = "but it goes on until the evidence is Good: no step has judged this candidate"
IS_PAUSED = "it is paused: no time passes, and `resume` lets it go on; evidence still counts"
PROMOTED = "without any it is promoted then, with its pods ready and counts read"
BAD_TAKES_IT_BACK = "bad evidence before the end of the bake takes it back"


@pytest.mark.parametrize(
    ("verdict", "rollout", "spec", "last"),
    [
        ("Good", STEP, {}, "the evidence allows the next step now"),
        ("Good", STEP, {"minimumStepTime": "6m"}, "the evidence allows the next step in 1m"),
        (
            "Undecided", STEP, {},
            "without a clear answer onUndecided Promote decides in 5m",
        ),
        (
            "Undecided", STEP, {"onUndecided": "Pause", "steps": [10, 20, 30, 40, 50, 60, 70]},
            "without a clear answer onUndecided Pause decides in no time: it is over",
        ),
        ("Blind", STEP, {}, "without data onBlind Hold decides in 20m"),
        ("Bad", STEP, {}, "the evidence is bad: it is taken back"),
        ("Undecided", BAKE, {}, f"the bake ends in 10m: {PROMOTED}"),
        ("Undecided", BAKE, {"bake": "1m"}, f"the bake is over: {PROMOTED}"),
        (
            "Good", BAKE, {"strategy": "BlueGreen"},
            f"the bake ends in 10m: {PROMOTED}",
        ),
        (
            "Undecided", BAKE, {"strategy": "BlueGreen", "onUndecided": "RollBack"},
            "without a clear answer onUndecided RollBack decides in 20m",
        ),
        (
            "Blind", BAKE, {**SWAP, "deadline": "12m", "bake": "1m"},
            "without data onBlind Hold decides in 2m",
        ),
        ("Undecided", {**PAUSED, "pausedBy": "ada"}, {}, IS_PAUSED),
        ("Undecided", PAUSED, {"paused": True}, IS_PAUSED),
        (
            "Undecided", PAUSED, {},
            "it waits for an approval: no time passes, and evidence still counts",
        ),
    ],
)  # fmt: skip
def test_what_comes_next(
    verdict: str, rollout: Mapping[str, Any], spec: Mapping[str, Any], last: str
) -> None:
    """By verdict and strategy, with the time that is left."""
    assert sentences(verdict, rollout, spec)[-1] == last


@pytest.mark.parametrize("spec", [{"strategy": "BlueGreen"}, SWAP], ids=["BlueGreen", "Swap"])
def test_a_bake_that_has_to_judge_goes_on(spec: Mapping[str, Any]) -> None:
    """Until the candidate is shown to be healthy, whatever spec.rollout.bake says."""
    early = sentences("Undecided", BAKE, spec, "Baking")
    late = sentences("Undecided", BAKE, {**spec, "bake": "1m"}, "Baking")
    assert early[:2] == [BAD_TAKES_IT_BACK, f"the bake ends in 10m, {GOES_ON}"]
    assert late[:2] == [BAD_TAKES_IT_BACK, f"the bake is over, {GOES_ON}"]


def test_a_candidate_without_traffic_is_not_judged() -> None:
    """Its pods come up first."""
    (said,) = sentences("Blind", STEP, {}, weight=0)
    assert said.startswith("the candidate has no traffic yet")


def test_a_rollout_that_waits_for_a_person() -> None:
    """Whatever it waits for stands in its message."""
    assert sentences("Undecided", STEP, {}, "Paused") == ["it waits for a person"]


def test_a_rollback_that_the_spec_forbids() -> None:
    """Bad evidence does less then."""
    said = sentences("Undecided", STEP, {}, rollback={"enabled": False})
    assert said[-1] == "rollback.enabled is false: bad evidence only stops the rollout"


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (
            ConditionOutlook("errors", bad_to_roll_back=1, good_to_clear=1234),
            ("1 more failed answer in a row would take it back; "
             "1,234 more without a failed one would clear it"),
        ),
        (
            ConditionOutlook("latency", bad_to_roll_back=20, good_to_clear=0),
            "20 more slow answers in a row would take it back; it is Good",
        ),
        (
            ConditionOutlook("latency"),
            ("not even 10,000,000 slow answers would take it back; "
             "not even 10,000,000 without a slow one would clear it"),
        ),
        (
            ConditionOutlook("errors", checks_to_roll_back=2),
            "2 more failed checks would take it back",
        ),
        (
            ConditionOutlook("sales", outside_to_roll_back=timedelta(seconds=90)),
            "1m30s more outside of its bounds would take it back",
        ),
        (
            ConditionOutlook("sales", outside_to_roll_back=timedelta(0)),
            "leaving its bounds would take it back",
        ),
    ],
)  # fmt: skip
def test_a_line_for_each_condition(found: ConditionOutlook, line: str) -> None:
    """With what is bad about an answer."""
    ahead = Ahead(a_deployment(), Outlook((found,), 1))
    assert condition_line(found.name, ahead) == line
    assert pods_line(ahead) == "1 more failure would take it back"


def test_a_line_for_labelled_answers() -> None:
    """What is bad about one is that it was wrong."""
    conditions = [{"name": "errors", "type": "ErrorRate", "ratio": 1.5}, QUALITY]
    found = ConditionOutlook("quality", bad_to_roll_back=3, good_to_clear=0)
    ahead = Ahead(a_deployment(health={"conditions": conditions}), Outlook((found,), 1))
    line = "3 more wrong answers in a row would take it back; it is Good"
    assert condition_line("quality", ahead) == line


def test_programs_get_numbers() -> None:
    """Under the name of each condition, and nothing once the rollout is over."""
    user = User()
    user.sim.registry.aliases["champion"] = user.sim.register("good")
    user.go_on(30)
    assert json.loads(user("explain", "churn", "-o", "json").stdout)["outlook"] is None
    user.sim.registry.aliases["champion"] = user.sim.register("good")
    user.go_on(25)
    found = json.loads(user("explain", "churn", "-o", "json").stdout)["outlook"]
    errors, latency = found["conditions"]
    assert (errors["name"], latency["name"]) == ("errors", "latency")
    assert 0 < errors["badToRollBack"] < 50 < errors["goodToClear"] < 1000
    assert found["podFailuresToRollBack"] > 0
    assert found["next"][0].startswith("a clear answer ends the step")


def test_a_resource_of_another_version_is_explained_without_a_look_ahead() -> None:
    """Fields that this program does not know would change the answer."""
    manifest = a_deployment().to_wire()
    manifest["spec"]["rollout"]["later"] = True
    assert ahead_of(manifest, NOW) is None
