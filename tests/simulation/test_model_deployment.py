"""The real reconcile in a world with faults: whatever happens, the laws hold.

hypothesis chooses what happens: versions of every kind, alias moves, edits, deletions, parts that
are down, and the operator's death between any two calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from typing_extensions import override

from leadsman_api.reasons import Reason
from leadsman_operator.facts import ObjectRef
from leadsman_operator.observe.gather import observe
from leadsman_operator.planner.model_deployment import plan_model_deployment
from leadsman_operator.planner.observation import DeploymentObservation
from support.world import BAD, BEHAVIOURS, REF, SERVICE, WITHOUT_PROMETHEUS, Simulation
from support.world_metrics import PAGES, PROMETHEUS
from support.world_people import EVERYTHING, JUDGES, POLICIES, People
from support.world_trouble import API, MLFLOW

PARTS = (MLFLOW, PROMETHEUS, PAGES, API)
BUDGET_SECONDS = 60
STRATEGIES: tuple[Mapping[str, Any], ...] = (
    {"strategy": "Canary"},
    {"strategy": "BlueGreen"},
    {"strategy": "Swap", "swap": {"downtimeBudget": f"{BUDGET_SECONDS}s"}},
)
MOST_HELP = 5
"""So often a rollout is helped over what it waits for, at the end."""
ARMS = ("stable", "candidate", "previous")
REPAIRED = ("Service", "PodDisruptionBudget", "HorizontalPodAutoscaler", "ServiceAccount")


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Carry out a coroutine that waits for nothing."""
    return asyncio.run(work)


class ModelDeploymentLife(People):
    """One ModelDeployment, and all that may happen to it."""

    def __init__(self) -> None:
        """Begin with an empty world."""
        super().__init__()
        self.sim = self.begin()
        self.promoted_bad = False  # by a person

    def begin(self) -> Simulation:
        """The world that it lives in."""
        return Simulation()

    @initialize(
        prometheus=st.booleans(),
        strategy=st.sampled_from(STRATEGIES),
        policies=POLICIES,
        health=JUDGES,
    )
    def serve(
        self,
        *,
        prometheus: bool,
        strategy: Mapping[str, Any],
        policies: Mapping[str, Any],
        health: Mapping[str, Any],
    ) -> None:
        """A good version serves before anything goes wrong."""
        if not prometheus:
            self.sim.configuration = WITHOUT_PROMETHEUS
            self.sim.story.append("counts are read from the pods")
        self.grow_up()
        self.sim.may_swap = "swap" in strategy
        self.write_health(health)
        self.write(**strategy, **policies)

    def grow_up(self) -> None:
        """The first good version comes to serve."""
        self.promote_good_one()

    def promote_good_one(self) -> None:
        """A good version comes to serve."""
        number = self.sim.registry.aliases["champion"] = self.sim.register("good")
        run(self.sim.settle())
        assert self.sim.version("stable") == number

    @rule(behaviour=st.sampled_from(BEHAVIOURS))
    def register(self, behaviour: str) -> None:
        """A new version gets the alias."""
        number = self.sim.register(behaviour)
        self.sim.registry.aliases["champion"] = number
        self.sim.story.append(f"version {number}, {behaviour}, gets the alias")

    @rule(chosen=st.integers(0, 10**6))
    def move_alias(self, chosen: int) -> None:
        """The alias moves to some version, perhaps one that is not there any more."""
        known = sorted(self.sim.cluster.behaviours)
        self.sim.registry.aliases["champion"] = known[chosen % len(known)]
        self.sim.story.append(f"the alias moves to {self.sim.registry.aliases}")

    @rule()
    def drop_alias(self) -> None:
        """The alias is gone."""
        self.sim.registry.aliases.pop("champion", None)
        self.sim.story.append("the alias is gone")

    @rule(chosen=st.integers(0, 10**6))
    def delete_version(self, chosen: int) -> None:
        """A version is deleted from the registry, perhaps the one that serves."""
        known = sorted(self.sim.registry.versions)
        if len(known) > 1:
            self.sim.registry.versions.pop(known[chosen % len(known)])
            self.sim.story.append(f"versions left: {sorted(self.sim.registry.versions)}")

    @rule(chosen=st.integers(0, 10**6))
    def meddle(self, chosen: int) -> None:
        """Somebody deletes an object that can be made again without harm to traffic."""
        refs = sorted(
            ref
            for ref in self.sim.cluster.objects
            if ref.kind in REPAIRED and not self.carries_traffic(ref)
        )
        if refs:
            self.sim.cluster.remove(refs[chosen % len(refs)])
            self.sim.story.append(f"somebody deletes {refs[chosen % len(refs)]}")

    @rule(arm=st.sampled_from(ARMS), kept=st.integers(0, 1))
    def lose_pods(self, arm: str, kept: int) -> None:
        """The node of pods of a revision dies, unless nothing would answer then."""
        revision = (self.sim.status().get(arm) or {}).get("name")
        reached = [*self.sim.reached(), *self.sim.to_be_reached()]
        left = [[one for one in pods if one.revision != revision] for pods in reached]
        if revision is not None and ((left and all(left)) or self._serves(revision) * kept):
            self.sim.cluster.lose(revision, kept=kept)
            self.sim.story.append(f"the pods of {revision} are lost with their node, but {kept}")

    def _serves(self, revision: str) -> bool:
        """Whether the first pod of a revision answers requests."""
        mine = [pod for pod in self.sim.cluster.pods.values() if pod.revision == revision]
        return bool(mine) and any(mine[0] in pods for pods in self.sim.reached())

    @rule(part=st.sampled_from(PARTS))
    def break_part(self, part: str) -> None:
        """A part goes down."""
        self.sim.faults.down.add(part)
        self.sim.story.append(f"{part} goes down")

    @precondition(lambda self: self.sim.faults.down)
    @rule()
    def mend_parts(self) -> None:
        """All parts are back."""
        self.sim.faults.down.clear()
        self.sim.story.append("all is up again")

    @rule(calls=st.integers(0, 40), how=st.sampled_from(["killed", "unheard", "overtaken"]))
    def disturb(self, calls: int, how: str) -> None:
        """In a coming call the operator is killed, or hears no answer, or the resource changes."""
        again = self.sim.cluster.objects[REF]["spec"]
        if how == "killed":
            self.sim.faults.crash_in = calls
        elif how == "unheard":
            self.sim.faults.lose_in = calls // 4  # only writes are counted
        else:
            self.sim.faults.meanwhile = (calls, lambda: self.sim.apply(again))
        self.sim.story.append(f"the operator will be {how} after {calls} calls")

    @rule(seconds=st.sampled_from([1, 5]))
    def a_moment_passes(self, seconds: int) -> None:
        """Time passes, and the operator looks once."""
        self.time_passes(seconds, looks=1)

    @rule(looks=st.integers(2, 10))
    def a_while_passes(self, looks: int) -> None:
        """As long as a step or a bake takes."""
        self.time_passes(9, looks=looks)

    @rule(seconds=st.sampled_from([31, 65]), looks=st.integers(1, 6))
    def much_time_passes(self, seconds: int, looks: int) -> None:
        """And the operator looks seldom."""
        self.time_passes(seconds, looks)

    def time_passes(self, seconds: int, looks: int) -> None:
        """Time passes, and the operator looks so often."""
        deployments = self._deployments()
        down, before = set(self.sim.faults.down), self.sim.status()
        for _ in range(looks):
            run(self.sim.advance(seconds))
        self.nobody_gets_more_while_it_is_paused(before)
        if API in down:
            assert deployments <= self._deployments(), "nothing is deleted blindly"
        self._plan_twice()

    def carries_traffic(self, ref: ObjectRef) -> bool:
        """Whether an object can't go for a moment without harm."""
        return ref == SERVICE

    def _deployments(self) -> set[ObjectRef]:
        return {ref for ref in self.sim.cluster.objects if ref.kind == "Deployment"}

    @invariant()
    def every_request_has_a_pod(self) -> None:
        """Once something serves, the live Service always selects a ready pod."""
        assert not self.sim.unanswered, self._story()

    @invariant()
    def bad_versions_never_become_stable(self) -> None:
        """There was a good one before them, and enough traffic to tell.

        But a person may promote what nobody has seen fail yet.
        """
        self._remember_promotions()
        stable = None if self.promoted_bad else self.sim.version("stable")
        if stable is not None:
            assert self.sim.cluster.behaviours[stable] not in BAD, self._story()

    def _remember_promotions(self) -> None:
        for told in self.sim.status().get("history", []):
            if told["reason"] == Reason.PROMOTED and told.get("by"):
                version = int(told["toRevision"].split("-")[1])
                self.promoted_bad |= self.sim.cluster.behaviours[version] in BAD

    @invariant()
    def each_command_is_dealt_with_once(self) -> None:
        """However often it is applied, and whenever the operator dies."""
        answers = [one["id"] for one in self.sim.status().get("commands", [])]
        assert len(answers) == len(set(answers)), self._story()

    @invariant()
    def there_are_three_arms_at_most(self) -> None:
        """Stable, candidate and previous, and what is being taken away."""
        status = self.sim.status()
        arms = [status.get(arm) for arm in ("stable", "candidate", "previous")]
        names = {arm["name"] for arm in arms if arm}
        extra = {ref.name for ref in self._deployments()} - names
        assert len(extra) <= 1, self._story()

    @invariant()
    def what_can_be_gone_back_to_is_on_record(self) -> None:
        """No more than the spec says, and no record is left of what is neither that nor an arm."""
        status = self.sim.status()
        kept = {one["name"] for one in status.get("kept", [])}
        arms = {status[arm]["name"] for arm in ARMS if status.get(arm)}
        records = {ref.name for ref in self.sim.cluster.objects if ref.kind == "ControllerRevision"}
        assert kept <= records, self._story()
        assert len(records - kept - arms) <= 1, self._story()
        assert not kept & {(status.get("stable") or {}).get("name")}, self._story()

    @invariant()
    def a_blocked_revision_gets_no_traffic(self) -> None:
        """As soon as it is blocked in the status."""
        blocked = {one["name"] for one in self.sim.status().get("blocked", [])}
        live = {pod.revision for pod in self.sim.cluster.selected(SERVICE)}
        assert not blocked & live, self._story()

    @invariant()
    def the_status_does_not_lie_about_its_generation(self) -> None:
        """It never speaks of a spec that was not there."""
        generation = self.sim.cluster.objects[REF]["metadata"]["generation"]
        assert self.sim.status().get("observedGeneration", 0) <= generation

    @invariant()
    def what_serves_stays(self) -> None:
        """No revision shrinks before another one has its requests, and pods enough for them.

        And what can't be read neither takes pods from any nor rolls back.
        """
        assert not self.sim.laws.broken, [self.sim.laws.broken, self._story()]

    @invariant()
    def no_interruption_is_longer_than_the_budget(self) -> None:
        """The one exception, of a swap: neither the way there nor the way back takes longer."""
        assert self.sim.longest_interruption <= BUDGET_SECONDS, self._story()

    def _plan_twice(self) -> None:
        """Nothing in the planner is random, and nothing of it remembers."""
        if not self.sim.faults.is_quiet:
            return

        async def look() -> DeploymentObservation:
            manifest = await self.sim.world.cluster.read(REF)
            assert manifest is not None
            seen = await observe(manifest, self.sim.world, self.sim.configuration)
            assert isinstance(seen, DeploymentObservation)
            return seen

        seen = run(look())
        assert plan_model_deployment(seen) == plan_model_deployment(seen)

    @override
    def teardown(self) -> None:
        """When all faults are over everything comes to rest, at the right place."""
        self.sim.faults.heal()
        wanted = self.sim.registry.aliases.get("champion")
        self.write(paused=False)
        for _ in range(MOST_HELP):
            run(self.sim.rest())
            candidate = self.sim.status().get("candidate")
            if candidate:
                self.approve_version(candidate["version"], EVERYTHING)
                by_person = self.sim.status()["rollout"].get("pausedBy")
                self.sim.command("Resume" if by_person else "Promote", candidate["name"])
        self.sim.clock.advance(120)  # the previous revision's time is over
        run(self.sim.settle())
        self.every_request_has_a_pod()
        self.bad_versions_never_become_stable()
        self.what_serves_stays()
        self.no_interruption_is_longer_than_the_budget()
        if wanted in self.sim.registry.versions and not self.promoted_bad:
            good = self.sim.cluster.behaviours[wanted] == "good" and not self._ended(wanted)
            assert (self.sim.version("stable") == wanted) is good, self._story()
            assert self.sim.status()["phase"] == ("Stable" if good else "RolledBack"), self._story()
        assert len(self._deployments()) == 1, self._story()

    def _ended(self, version: int) -> bool:
        """Whether a person ended the rollout of a version, at once or by a rule for such times."""
        ends = (Reason.ABORTED, Reason.UNDECIDED, Reason.NO_TRAFFIC)
        return any(
            one["version"] == version and one["reason"] in ends
            for one in self.sim.status().get("blocked", [])
        )

    def _story(self) -> str:
        return "\n".join(self.sim.story[-60:])


ModelDeploymentLife.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=20,
    # The same in each run, and told by its story instead of the smallest one: `make check` has to
    # be quick. Raise the numbers and drop these two to look for more.
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestModelDeploymentLife = ModelDeploymentLife.TestCase
