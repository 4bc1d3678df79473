"""What people do to a ModelDeployment: they edit it, ask for things, approve, and stop it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.command import Verb
from support.world import Simulation

EVERYTHING = 100
"""The step of an approval of all steps."""
POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "onUndecided": st.sampled_from(["RollBack", "Pause"]),
        "onBlind": st.sampled_from(["RollBack", "Pause"]),
        "approval": st.sampled_from(["FirstStep", "EveryStep", "Promotion"]).map(
            lambda before: {"required": True, "before": before}
        ),
    },
)
"""Parts of `spec.rollout` that say when people are waited for, and what comes without them."""
JUDGES = st.sampled_from(
    [
        {},
        {"judge": {"rule": "Argo", "interval": "10s", "failures": 1}},
        {"judge": {"rule": "Flagger", "interval": "5s", "failures": 2}},
    ]
)
"""Parts of `spec.health`: the sequential judge, and the rules of others."""


class People(RuleBasedStateMachine):
    """The part of a ModelDeployment's life that people have."""

    sim: Simulation

    def __init__(self) -> None:
        """Nobody has approved anything yet."""
        super().__init__()
        self.granted: dict[int, int] = {}
        """The highest step that is approved of each version."""

    def write(self, **rollout: Any) -> None:
        """Write into the rollout's part of the spec and apply the whole."""
        self.sim.spec = {**self.sim.spec, "rollout": {**self.sim.spec["rollout"], **rollout}}
        self.sim.apply(self.sim.spec)
        self.sim.story.append(f"rollout {rollout}")

    def write_health(self, health: Mapping[str, Any]) -> None:
        """Write into the spec's part of health, for the next time that it is applied."""
        self.sim.spec = {**self.sim.spec, "health": {**self.sim.spec.get("health", {}), **health}}
        self.sim.story.append(f"health {health}")

    def approve_version(self, version: int, step: int) -> None:
        """Approve a version's steps up to one."""
        approval = self.sim.spec["rollout"].get("approval")
        if approval is not None:
            granted = {"version": version, "by": "ada", "step": step}
            self.granted[version] = max(step, self.granted.get(version, 0))
            self.write(approval={**approval, "granted": granted})

    @property
    def waits_before(self) -> str | None:
        """What an approval is needed for."""
        approval = self.sim.spec["rollout"].get("approval")
        return approval["before"] if approval is not None else None

    @precondition(lambda self: self.waits_before is not None)
    @rule(chosen=st.integers(0, 2), step=st.sampled_from([30, 60, EVERYTHING]))
    def approve(self, chosen: int, step: int) -> None:
        """Somebody approves one of the latest versions."""
        known = sorted(self.sim.cluster.behaviours, reverse=True)
        self.approve_version(known[chosen % len(known)], step)

    @rule(paused=st.booleans())
    def pause(self, paused: bool) -> None:  # noqa: FBT001 - drawn
        """Somebody stops all rollouts by the spec, or lets them go on."""
        self.write(paused=paused)

    @rule(pods=st.integers(1, 5))
    def scale(self, pods: int) -> None:
        """A user changes the floor."""
        self.sim.apply({**self.sim.spec, "scaling": {"minReplicas": pods, "maxReplicas": 6}})
        self.sim.story.append(f"minReplicas {pods}")

    @rule(mode=st.sampled_from(["a", "b"]))
    def change_serving(self, mode: str) -> None:
        """A user changes what the pods are made of."""
        serving = {"env": [{"name": "MODE", "value": mode}]}
        self.sim.apply({**self.sim.spec, "serving": serving})
        self.sim.story.append(f"serving.env MODE={mode}")

    @rule(verb=st.sampled_from(list(Verb)), chosen=st.integers(0, 10**6))
    def command(self, verb: Verb, chosen: int) -> None:
        """A person asks for something, perhaps about a revision that is long gone."""
        revisions = self._revisions()
        revision = revisions[chosen % len(revisions)]
        self.sim.command(verb.value, revision)
        self.sim.story.append(f"ada asks for {verb} of {revision}")

    @precondition(lambda self: self.sim.commands)
    @rule(chosen=st.integers(0, 10**6))
    def apply_a_command_again(self, chosen: int) -> None:
        """A tool applies what somebody has committed."""
        number = chosen % len(self.sim.commands)
        self.sim.apply_again(number)
        self.sim.story.append(f"applied again: {self.sim.commands[number]}")

    def _revisions(self) -> list[str]:
        """Revisions that play or played a part."""
        status = self.sim.status()
        arms = [status.get(arm) for arm in ("candidate", "previous", "stable")]
        named = [arm["name"] for arm in arms if arm]
        known = [*status.get("blocked", []), *status.get("kept", [])]
        return [*named, *(one["name"] for one in known), "churn-99-gone"]

    @precondition(lambda self: self.sim.status().get("kept"))
    @rule(chosen=st.integers(0, 10**6))
    def go_back(self, chosen: int) -> None:
        """A person asks for a revision that served before."""
        kept = [one["name"] for one in self.sim.status()["kept"]]
        self.sim.command("RollBack", kept[chosen % len(kept)])
        self.sim.story.append(f"ada asks for RollBack of {kept[chosen % len(kept)]}")

    @rule(limit=st.integers(0, 2))
    def keep(self, limit: int) -> None:
        """A user changes how many revisions stay on record."""
        self.sim.spec = {**self.sim.spec, "revisionHistoryLimit": limit}
        self.sim.apply(self.sim.spec)
        self.sim.story.append(f"revisionHistoryLimit {limit}")

    @invariant()
    def nobody_is_tried_without_an_approval(self) -> None:
        """Whatever anybody asks for; but the way back to what served needs none."""
        status, before = self.sim.status(), self.waits_before
        candidate, rollout = status.get("candidate"), status.get("rollout") or {}
        if before is None or not (candidate and status.get("stable")):
            return
        if {"goingBackAt", "restoredBy"} & rollout.keys():
            return
        granted = self.granted.get(candidate["version"], 0)
        asked = bool({"copiedSince", "readyBy"} & rollout.keys())
        needed = {
            "FirstStep": bool(status["weight"] or asked),
            "EveryStep": max(status["weight"], int(asked)),
            "Promotion": status["weight"] == EVERYTHING or "readyBy" in rollout,
        }[before]
        assert granted >= needed, self.sim.story[-60:]

    def nobody_gets_more_while_it_is_paused(self, before: Mapping[str, Any]) -> None:
        """Since a status of before, by the spec; a swap in its middle goes on."""
        after, rollout = self.sim.status(), before.get("rollout")
        if not self.sim.spec["rollout"].get("paused") or not rollout or "readyBy" in rollout:
            return
        if (after.get("candidate") or {}).get("name") == before["candidate"]["name"]:
            assert after["weight"] <= before["weight"], self.sim.story[-60:]

    @invariant()
    def nothing_but_evidence_blocks_unless_the_spec_says_so(self) -> None:
        """Neither doubt nor blindness, by themselves."""
        rollout = self.sim.spec["rollout"]
        for one in self.sim.status().get("blocked", []):
            if one["reason"] == Reason.UNDECIDED:
                assert rollout.get("onUndecided") == "RollBack", self.sim.story[-60:]
            if one["reason"] == Reason.NO_TRAFFIC:
                assert rollout.get("onBlind") == "RollBack", self.sim.story[-60:]
