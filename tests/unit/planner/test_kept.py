"""Revisions that carried the traffic before: kept on record, and gone back to when asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.command import Outcome
from leadsman_api.v1alpha1.model_deployment_status import DeploymentPhase
from leadsman_operator.facts import ObjectRef, Unknown
from leadsman_operator.planner.plan import DeleteObject
from support.deployments import Bench, a_deployment, a_version, counters

ROLLOUT: dict[str, Any] = {
    "steps": [30, 60],
    "minimumStepTime": "10s",
    "bake": "20s",
    "keepPrevious": "60s",
}
APPROVAL = {"approval": {"required": True, "before": "FirstStep"}}


def write(bench: Bench, command: Mapping[str, Any] | None = None, **spec: Any) -> None:
    """Apply the spec with parts of it replaced, and with a command or without."""
    rollout = {**ROLLOUT, **spec.pop("rollout", {}), **({"command": command} if command else {})}
    resource = a_deployment(rollout=rollout, **spec)
    bench.resource = resource.model_copy(update={"status": bench.resource.status})


def ask(bench: Bench, verb: str, revision: str, **spec: Any) -> tuple[Outcome, str]:
    """Ask for something once, let the operator deal with it, and give its answer."""
    number = f"c-{len(bench.resource.status.commands)}"
    write(bench, {"id": number, "verb": verb, "revision": revision, "by": "ada"}, **spec)
    bench.settle()
    answer = bench.resource.status.commands[0]
    assert answer.id == number
    return answer.outcome, answer.message


def lead(bench: Bench, version: int, **spec: Any) -> None:
    """Have a version promoted, and wait until the one before is not warm any more."""
    bench.version = a_version(version)
    write(bench, **spec)
    bench.settle()
    candidate = bench.resource.status.candidate
    assert candidate is not None
    for verb in ("PromoteFull", "Promote"):
        ask(bench, verb, candidate.name, **spec)
    grow_cold(bench)
    assert versions(bench)[:2] == (version, None)


def grow_cold(bench: Bench) -> None:
    """The previous revision's time is over."""
    bench.wait(61)
    bench.settle()


def served(versions: int = 3, **spec: Any) -> Bench:
    """So many versions were promoted, one after the other."""
    bench = Bench()
    write(bench, **spec)
    bench.settle()
    for version in range(2, versions + 1):
        lead(bench, version, **spec)
    return bench


def versions(bench: Bench) -> tuple[int | None, int | None, int | None]:
    """Versions of the stable, the candidate and the previous revision."""
    status = bench.resource.status
    stable, candidate, previous = (
        arm.version if arm else None for arm in (status.stable, status.candidate, status.previous)
    )
    return stable, candidate, previous


def kept(bench: Bench) -> list[int]:
    """Versions that can be gone back to, the latest first."""
    return [one.version for one in bench.resource.status.kept]


def name_of(bench: Bench, version: int) -> str:
    """Name of a kept revision."""
    return next(one.name for one in bench.resource.status.kept if one.version == version)


def back_at(bench: Bench, version: int, **spec: Any) -> None:
    """Go back to a version, to the end of its bake."""
    assert ask(bench, "RollBack", name_of(bench, version), **spec)[0] is Outcome.DONE
    bench.wait(21)
    bench.settle()
    assert versions(bench)[:2] == (version, None)


def test_records_stay_when_pods_go() -> None:
    """Of those that served; the latest first."""
    bench = served(3)
    assert kept(bench) == [2, 1]
    assert len(bench.names("Deployment")) == 1
    assert len(bench.names("ControllerRevision")) == 3


def test_no_more_are_kept_than_the_spec_says_and_the_oldest_go_first() -> None:
    """When the limit is lowered too."""
    bench = served(4, revisionHistoryLimit=2)
    assert kept(bench) == [3, 2]
    two, three = name_of(bench, 2), name_of(bench, 3)
    write(bench, revisionHistoryLimit=0)
    taken = [one.ref.name for one in bench.plan().actions if isinstance(one, DeleteObject)]
    assert taken == [two, three]
    assert kept(bench) == []
    assert len(bench.names("ControllerRevision")) == 1


def test_what_is_warm_is_kept_whatever_the_limit() -> None:
    """Nothing that plays a part goes."""
    bench = Bench()
    write(bench, revisionHistoryLimit=0, rollout={"keepPrevious": "1h"})
    bench.settle()
    lead(bench, 2, revisionHistoryLimit=0, rollout={"keepPrevious": "1h"})
    assert versions(bench) == (2, None, 1)
    assert kept(bench) == [1]
    assert len(bench.names("ControllerRevision")) == 2


def test_a_revision_that_never_served_is_not_kept() -> None:
    """It was taken back: nobody should go back to it."""
    bench = served(1)
    bench.version = a_version(2)
    bench.settle()
    candidate = bench.resource.status.candidate
    assert candidate is not None
    ask(bench, "Abort", candidate.name)
    assert kept(bench) == []
    assert len(bench.names("ControllerRevision")) == 1


def test_an_older_revision_starts_beside_and_gets_everything_in_one_step() -> None:
    """It was judged once: no steps again, but pods first, and a bake."""
    bench = served(3)
    bench.broken[1] = {"ready": False}
    outcome, message = ask(bench, "RollBack", name_of(bench, 1))
    assert (outcome, message) == (
        Outcome.DONE, "going back from version 3 to 1, from its record: ada asked for it"
    )  # fmt: skip
    assert versions(bench) == (3, 1, None)
    assert bench.resource.status.weight == 0
    bench.broken.clear()
    bench.settle()
    assert (bench.resource.status.phase, bench.resource.status.weight) == (
        DeploymentPhase.BAKING, 100
    )  # fmt: skip
    bench.wait(21)
    bench.settle()
    assert versions(bench) == (1, None, 3)
    assert kept(bench) == [3, 2]


def test_what_the_spec_asks_for_still_is_held_back() -> None:
    """Until another one is wanted; the message says who went away from it."""
    bench = served(3)
    back_at(bench, 1)
    bench.wait(3600)
    bench.settle()
    status = bench.resource.status
    assert status.phase is DeploymentPhase.ROLLED_BACK
    assert status.message == (
        "version 1 is promoted after a bake of 20s; ada went back to it from version 3"
    )
    assert [(one.version, one.reason) for one in status.blocked] == [(3, Reason.ABORTED)]
    bench.version = a_version(4)
    bench.settle()
    assert versions(bench)[:2] == (1, 4)


def test_it_is_what_it_was() -> None:
    """Image and settings come from the record, whatever spec and operator say by now."""
    bench = served(2, serving={"env": [{"name": "MODE", "value": "old"}]})
    lead(bench, 3, serving={"image": "mine:2"})
    grow_cold(bench)
    record = ObjectRef("apps/v1", "ControllerRevision", "ml", name_of(bench, 1))
    # As every version of the operator has written it so far: this much has to do for ever.
    head = {key: bench.objects[record][key] for key in ("apiVersion", "kind", "metadata")}
    written = bench.objects[record]["data"]["deployment"]
    bench.objects[record] = {**head, "revision": 1, "data": {"deployment": written}}
    back_at(bench, 1, serving={"image": "mine:2"})
    stable = bench.resource.status.stable
    assert stable is not None
    made = bench.objects[ObjectRef("apps/v1", "Deployment", "ml", stable.name)]
    server = made["spec"]["template"]["spec"]["containers"][0]
    assert server["image"] == "leadsman/serving:test"
    assert {"name": "MODE", "value": "old"} in server["env"]
    assert (stable.source, stable.digest) == ("models:/m-1", None)


def test_one_that_does_not_come_up_leaves_what_serves() -> None:
    """After the deadline; it may be asked for again."""
    bench = served(3)
    bench.broken[1] = {"ready": False}
    back = name_of(bench, 1)
    ask(bench, "RollBack", back)
    bench.wait(1801)
    bench.settle()
    assert versions(bench) == (3, None, None)
    assert bench.resource.status.phase is DeploymentPhase.STABLE
    assert bench.resource.status.blocked == ()
    assert any("it was not ready within 30m" in event for event in bench.events)
    bench.broken.clear()
    back_at(bench, 1)


def test_the_list_says_who_went_back_from_what() -> None:
    """For as long as it has not served again: then it was left for the next one."""
    bench = served(3)
    back_at(bench, 1)
    assert left_by(bench) == {3: "ada", 2: None}
    bench.version = a_version(1)
    bench.settle()
    assert bench.resource.status.blocked == ()
    assert left_by(bench) == {3: "ada", 2: None}
    grow_cold(bench)
    bench.version = a_version(3)
    back_at(bench, 3)
    stable = bench.resource.status.stable
    assert stable is not None
    assert stable.left_by is None
    assert left_by(bench) == {1: "ada", 2: None}
    lead(bench, 4)
    assert left_by(bench) == {3: None, 1: "ada", 2: None}


def left_by(bench: Bench) -> dict[int, str | None]:
    """Who went back from the versions that are kept."""
    return {one.version: one.left_by for one in bench.resource.status.kept}


@pytest.mark.parametrize("registry", ["there", "away"])
def test_one_that_was_left_is_not_rolled_out_by_itself_when_it_fails_again(registry: str) -> None:
    """The spec asks for it still; a registry that is away says nothing of what is wanted."""
    bench = served(3)
    back_at(bench, 1)
    grow_cold(bench)
    left = name_of(bench, 3)
    bench.broken[3] = {"ready": False}
    ask(bench, "RollBack", left)
    assert versions(bench) == (1, 3, None)
    wanted = bench.version
    if registry == "away":
        bench.version = Unknown(Reason.REGISTRY_UNREACHABLE, "MLflow does not answer")
    ask(bench, "Abort", left)
    bench.version = wanted
    bench.wait(3600)
    bench.settle()
    status = bench.resource.status
    assert versions(bench) == (1, None, None)
    assert status.phase is DeploymentPhase.ROLLED_BACK
    assert [one.version for one in status.blocked] == [3]


def test_one_that_the_spec_does_not_ask_for_needs_no_block() -> None:
    """Nothing would try it by itself."""
    bench = served(3)
    back_at(bench, 2)
    bench.broken[1] = {"ready": False}
    ask(bench, "RollBack", name_of(bench, 1))
    ask(bench, "Abort", name_of(bench, 1))
    assert versions(bench) == (2, None, None)
    assert [one.version for one in bench.resource.status.blocked] == [3]


def test_evidence_counts_in_its_bake() -> None:
    """What served once may not fit the requests of today."""
    errors = {"name": "errors", "type": "ErrorRate", "max": 0.02}
    bench = served(3)
    bench.wait(5)
    ask(bench, "RollBack", name_of(bench, 1), health={"conditions": [errors]})
    bench.serve(stable=counters(3000), candidate=counters())
    bench.settle()
    bench.wait(15)
    bench.serve(stable=counters(3000), candidate=counters(20, 490))
    bench.settle()
    assert versions(bench) == (3, None, None)
    assert "490 of 510" in bench.resource.status.history[0].message


@pytest.mark.parametrize("strategy", ["Canary", "BlueGreen"])
def test_its_bake_ends_without_a_proof_of_health(strategy: str) -> None:
    """It had its proof when it came."""
    bench = served(3)
    back_at(bench, 1, rollout={"strategy": strategy, "deadline": "1h"})


def test_it_needs_no_approval() -> None:
    """The way back to what served before needs none, as ever."""
    bench = served(3)
    back_at(bench, 1, rollout=APPROVAL)


def test_a_registry_that_is_away_is_no_hindrance() -> None:
    """The record says all that is needed, and nothing is decided by what is not known."""
    bench = served(3)
    bench.version = Unknown(Reason.REGISTRY_UNREACHABLE, "MLflow does not answer")
    back_at(bench, 1)


def test_news_in_the_middle_are_followed() -> None:
    """Another version that is wanted takes its place."""
    bench = served(3)
    bench.broken[1] = {"ready": False}
    ask(bench, "RollBack", name_of(bench, 1))
    bench.version = a_version(4)
    bench.settle()
    assert versions(bench) == (3, 4, None)


def test_forward_again_is_a_flip_while_it_is_warm() -> None:
    """What was left is warm, and blocked only until somebody wants it."""
    bench = served(3)
    back_at(bench, 1)
    ask(bench, "RollBack", name_of(bench, 3))
    status = bench.resource.status
    assert versions(bench) == (3, None, None)
    assert (status.phase, status.blocked) == (DeploymentPhase.STABLE, ())
    assert kept(bench) == [1, 2]


def test_what_was_left_is_tried_again_step_by_step_when_asked() -> None:
    """Retry is for what the spec asks for."""
    bench = served(3)
    back_at(bench, 1)
    blocked = bench.resource.status.blocked[0].name
    assert ask(bench, "Retry", blocked)[0] is Outcome.DONE
    assert (versions(bench), bench.resource.status.weight) == ((1, 3, None), 30)
    assert bench.resource.status.blocked == ()


def test_an_alias_on_the_old_version_means_the_settings_of_today() -> None:
    """Where they have changed, that is another revision."""
    serving = {"env": [{"name": "MODE", "value": "new"}]}
    bench = served(2)
    lead(bench, 3, serving=serving)
    back_at(bench, 1, serving=serving)
    assert bench.resource.status.candidate is None
    old = bench.resource.status.stable
    bench.version = a_version(1)
    bench.settle()
    status = bench.resource.status
    assert versions(bench)[:2] == (1, 1)
    assert (status.stable and status.stable.name) == (old and old.name)


def test_what_is_not_kept_is_refused_with_what_is() -> None:
    """And with the way to anything else."""
    bench = served(3)
    two, one = name_of(bench, 2), name_of(bench, 1)
    outcome, message = ask(bench, "RollBack", "churn-9-gone")
    assert outcome is Outcome.REFUSED
    assert message == (
        "churn-9-gone is not kept: point alias or spec.model.version at its version, and it is"
        f" rolled out anew, or go back to what is kept: {two} (version 2), {one} (version 1)"
    )
    bench.objects.pop(ObjectRef("apps/v1", "ControllerRevision", "ml", one))
    outcome, message = ask(bench, "RollBack", one)
    assert outcome is Outcome.REFUSED
    assert message.endswith(f"what is kept: {two} (version 2)")


def test_a_pause_of_the_spec_holds_it() -> None:
    """As it holds everything that people ask for."""
    bench = served(3)
    outcome, message = ask(bench, "RollBack", name_of(bench, 1), rollout={"paused": True})
    assert (outcome, versions(bench)) == (Outcome.REFUSED, (3, None, None))
    assert "rollout.paused is true" in message


def test_a_status_from_before_keeps_what_is_warm() -> None:
    """An operator that is upgraded finds a previous revision, and a list that is empty."""
    bench = served(1)
    lead(bench, 2, rollout={"keepPrevious": "1h"})
    assert versions(bench) == (2, None, 1)
    status = bench.resource.status.model_copy(update={"kept": ()})
    bench.resource = bench.resource.model_copy(update={"status": status})
    bench.settle()
    assert kept(bench) == [1]


@pytest.mark.parametrize("broken", [{}, {3: {"ready": False}}], ids=["healthy", "broken"])
def test_a_swap_keeps_records_too(broken: dict[int, Mapping[str, Any]]) -> None:
    """It has no previous revision: going back is a swap of its own.

    The stable revision makes room at once: what can't serve would never be counted.
    """
    scaling = {"minReplicas": 1, "maxReplicas": 1}
    swap = {"strategy": "Swap", "swap": {"downtimeBudget": "4m"}}
    bench = served(3)
    assert kept(bench) == [2, 1]
    bench.broken.update(broken)
    ask(bench, "RollBack", name_of(bench, 1), rollout=swap, scaling=scaling)
    assert (bench.resource.status.weight, versions(bench)) == (100, (3, 1, None))
    bench.wait(21)
    bench.settle()
    assert versions(bench) == (1, None, None)
    assert left_by(bench) == {3: "ada", 2: None}
