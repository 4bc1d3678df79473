"""The real reconcile and one TrainingRun in a world with faults: whatever happens, the laws hold.

hypothesis chooses what happens: trials and conclusions of every kind, pods and nodes that are
lost, edits, a rival for the alias, parts that are down, lost answers, and the operator's death.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from typing_extensions import override

from leadsman_api.labels import Tag
from leadsman_api.v1alpha1.search import SearchMode
from leadsman_operator.observe.gather import observe
from leadsman_operator.planner.observation import RunObservation
from leadsman_operator.planner.training_run import plan_training_run
from support.world import CONFIGURATION
from support.world_jobs import image_of
from support.world_training import OVER, REF, SPEC, TrainingSimulation
from support.world_trouble import API, MLFLOW, STUDIES

LOSSES = ("evicted", "deleted", "out of memory", "killed", "node dead", "node unheard")
OUTCOMES = ("good", "fails", "pruned", "crash", "no use")
DELETED = ("Job", "Secret", "ServiceAccount")
VERDICTS = ("passed", "passed", "passed", "refused", "crash", "no use")
PROMOTIONS = ((False, "champion"), (True, "champion"), (True, "champion"), (False, "challenger"))
"""Whether somebody has to say yes, and the alias."""
WORKERS = 2
IS_OF_A_TRIAL = re.compile(r"-search-\d+-\d+$")
STATES = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}
STAGES: dict[str, Callable[[TrainingSimulation], bool]] = {
    "made": lambda sim: sim.is_there,
    "searching": lambda sim: bool(sim.studies.running()),
    "all asked": lambda sim: sim.studies.counting() >= sim.spec["search"]["trials"],
    "searched": lambda sim: sim.phase == "Concluding",
    "judged": lambda sim: "modelVersion" in sim.status,
    "over": lambda sim: sim.phase in (*OVER, "WaitingForApproval"),
}


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Carry out a coroutine that waits for nothing."""
    return asyncio.run(work)


class TrainingRunLife(RuleBasedStateMachine):
    """One TrainingRun, and all that may happen to it."""

    sim: TrainingSimulation

    @initialize(
        stage=st.sampled_from(sorted(STAGES)),
        promotion=st.sampled_from(PROMOTIONS),
        trials=st.integers(1, 4),
        verdict=st.sampled_from(VERDICTS),
        mode=st.sampled_from(SearchMode),
    )
    def begin(
        self,
        stage: str,
        promotion: tuple[bool, str],
        trials: int,
        verdict: str,
        mode: SearchMode,
    ) -> None:
        """A run is made, and comes so far before anything goes wrong."""
        required, alias = promotion
        search = {"trials": trials, "parallelism": min(trials, WORKERS), "mode": mode.value}
        self.sim = TrainingSimulation(
            promotion={"alias": alias, "approval": {"required": required}},
            search={**SPEC["search"], **search},
        )
        self.most_trials = trials
        self.given: set[int] = set()
        """Versions that somebody else pointed the alias at."""
        if trials % 2:
            self._point()
        self.conclusion_ends(verdict)
        run(self.sim.settle(lambda: self.sim.phase in OVER or STAGES[stage](self.sim), quiet=0))
        self.sim.tell(f"so far it came: {stage}")

    # Pods and nodes

    @rule(outcomes=st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=3))
    def trials_end(self, outcomes: list[str]) -> None:
        """What the coming trials come to."""
        self.sim.trainers.outcomes.extend(outcomes)
        self.sim.tell(f"the coming trials: {outcomes}")

    @rule(verdict=st.sampled_from(VERDICTS))
    def conclusion_ends(self, verdict: str) -> None:
        """What the next conclusion comes to."""
        self.sim.trainers.verdict = verdict
        self.sim.tell(f"the next conclusion: {verdict}")

    @precondition(lambda self: self.sim.cluster.trainers)
    @rule(chosen=st.integers(0, 2), how=st.sampled_from(LOSSES))
    def lose_pod(self, chosen: int, how: str) -> None:
        """A pod is lost."""
        pods = sorted(self.sim.cluster.trainers.values(), key=lambda pod: (pod.is_over, pod.name))
        self.sim.lose_pod(pods[chosen % len(pods)], how)

    @rule()
    def remove_dead_nodes(self) -> None:
        """Nodes that died are taken out of the cluster."""
        self.sim.cluster.forget_nodes()

    @rule()
    def find_nodes(self) -> None:
        """Nodes that were lost are back."""
        self.sim.cluster.find_nodes()
        self.sim.tell("lost nodes are back")

    # Users and rivals

    @rule(suspend=st.booleans())
    def suspend(self, suspend: bool) -> None:  # noqa: FBT001 - drawn
        """The user stops the run, or lets it go on."""
        self._edit(suspend=suspend)

    @rule(trials=st.integers(2, 6))
    def change_trials(self, trials: int) -> None:
        """The user asks for more trials, or for fewer."""
        self._edit(search={"trials": trials})
        self.most_trials = max(self.most_trials, trials)

    @rule(workers=st.integers(1, WORKERS))
    def change_workers(self, workers: int) -> None:
        """The user asks for more pods, or for fewer."""
        if workers <= self.sim.spec["search"]["trials"]:
            self._edit(search={"parallelism": workers})

    @rule()
    def approve(self) -> None:
        """Somebody says yes to the version that waits, if there is one."""
        version = self.sim.status.get("modelVersion")
        if version is not None:
            approval = {
                **self.sim.spec["promotion"]["approval"],
                "granted": {"version": version, "by": "ada"},
            }
            self._edit(promotion={"approval": approval})

    @rule(calls=st.integers(0, 25), now=st.booleans())
    def rival(self, calls: int, now: bool) -> None:  # noqa: FBT001 - drawn
        """Somebody registers a version and points the alias at it, perhaps between two calls."""
        if now:
            self._point()
        else:
            self.sim.faults.meanwhile = (calls, self._point)

    @rule(chosen=st.integers(0, 10**6))
    def move_alias(self, chosen: int) -> None:
        """Somebody points the alias at an older version, or nowhere."""
        known = [*sorted(self.sim.mlflow.versions), None]
        version = known[chosen % len(known)]
        self.sim.mlflow.aliases.pop("champion", None)
        if version is not None:
            self.sim.mlflow.aliases["champion"] = version
            self.given.add(version)
        self.sim.tell(f"somebody points the alias: {self.sim.mlflow.aliases}")

    @rule(chosen=st.integers(0, 10**6))
    def meddle(self, chosen: int) -> None:
        """Somebody deletes an object that can be made again."""
        refs = [ref for kind in DELETED for ref in self.sim.objects(kind)]
        if refs:
            self.sim.cluster.remove(refs[chosen % len(refs)])
            self.sim.tell(f"somebody deletes {refs[chosen % len(refs)]}")

    @rule()
    def delete(self) -> None:
        """The user deletes the run; not each time that this is drawn."""
        if self.sim.is_there and not self.sim.is_leaving and len(self.sim.story) % 3 == 0:
            self.sim.delete()

    def _edit(self, **spec: Any) -> None:
        if self.sim.is_there:
            self.sim.edit(**spec)

    def _point(self) -> None:
        self.sim.mlflow.aliases["champion"] = self.sim.mlflow.register({})
        self.sim.tell(f"a rival points the alias: {self.sim.mlflow.aliases}")

    # Faults

    @rule(part=st.sampled_from([API, MLFLOW, STUDIES]), ours=st.booleans())
    def break_part(self, part: str, ours: bool) -> None:  # noqa: FBT001 - drawn
        """A part goes down, for all or for the operator alone."""
        self.sim.faults.down.add(part)
        change = self.sim.faults.only_ours.add if ours else self.sim.faults.only_ours.discard
        change(part)
        self.sim.tell(f"{part} goes down{' for the operator' if ours else ''}")

    @precondition(lambda self: self.sim.faults.down)
    @rule()
    def mend_parts(self) -> None:
        """All parts are back."""
        self.sim.faults.down.clear()
        self.sim.tell("all is up again")

    @rule(calls=st.integers(0, 40))
    def kill_operator(self, calls: int) -> None:
        """The operator's process will end before one of its coming calls."""
        self.sim.faults.crash_in = calls

    @rule(writes=st.integers(0, 8))
    def lose_answer(self, writes: int) -> None:
        """One of the coming writes has its effect, and its answer is lost."""
        self.sim.faults.lose_in = writes

    @rule(calls=st.integers(0, 25), steps=st.integers(1, 12))
    def work_meanwhile(self, calls: int, steps: int) -> None:
        """The pods and the controllers go on while the operator looks around."""
        self.sim.faults.meanwhile = (calls, lambda: self._work(steps))

    def _work(self, steps: int) -> None:
        for _ in range(steps):
            self.sim.clock.advance(2)
            self.sim.cluster.run()
        self.sim.tell("the world goes on meanwhile")

    # Time

    @rule(seconds=st.sampled_from([1, 5, 12, 31, 65]), looks=st.integers(1, 4))
    def time_passes(self, seconds: int, looks: int) -> None:
        """Time passes, and the operator looks now and then."""
        down, before = set(self.sim.faults.down), self.sim.phase
        for _ in range(looks):
            run(self.sim.advance(seconds))
        is_blind = MLFLOW in down or (STUDIES in down and before == "Searching")
        if is_blind and before not in OVER:
            assert self.sim.phase not in OVER, f"it ended blindly:\n{self.sim.text()}"

    @rule()
    def the_next_phase_comes(self) -> None:
        """Time passes until something changes."""
        before = self.sim.phase
        for _ in range(20):
            if self.sim.phase == before:
                run(self.sim.advance(5))

    @rule()
    def hours_pass(self) -> None:
        """What is over for long is cleaned up, and what takes too long is ended."""
        run(self.sim.advance(3700))

    # The laws

    @invariant()
    def the_counts_are_of_the_study(self) -> None:
        """What has ended stays ended, so that an old count is never above the true one."""
        told = self.sim.status.get("trials", {})
        trials = self.sim.studies.trials
        there = Counter(one.state for one in trials if not one.disrupted)
        for name, state in STATES.items():
            assert told.get(name, 0) <= there[state], self.sim.text()
        assert told.get("disrupted", 0) <= sum(one.disrupted for one in trials), self.sim.text()
        numbers = [value for name, value in told.items() if name != "progress"]
        assert sum(numbers) <= len(trials), self.sim.text()

    @invariant()
    def a_run_makes_one_version_a_trial_and_one_parent_run(self) -> None:
        """However often its conclusion begins anew."""
        trials = self._trials_of_versions()
        assert len(set(trials.values())) == len(trials), self.sim.text()
        assert len(self.sim.mlflow.parents()) <= 1, self.sim.text()

    @invariant()
    def only_what_passed_gets_the_alias(self) -> None:
        """And in the place of the champion that it was compared with."""
        same = self.sim.spec["promotion"]["alias"] == "champion"
        for version, before, gate in self.sim.mlflow.moves:
            assert gate.passed, self.sim.text()
            assert version in self.sim.mlflow.versions_of_run(), self.sim.text()
            approval = self.sim.spec["promotion"]["approval"]
            assert approval.get("granted") or not approval["required"], self.sim.text()
            assert not same or before == gate.champion_version, self.sim.text()

    @invariant()
    def a_version_has_the_image_of_the_pod_that_made_it(self) -> None:
        """Or none, where that pod was gone before anybody looked; the status says the same."""
        versions = self.sim.mlflow.versions
        for number in self.sim.mlflow.versions_of_run():
            tags = versions[number].tags
            known = (None, image_of(tags[Tag.POD_UID]))
            assert tags.get(Tag.IMAGE_DIGEST) in known, self.sim.text()
        told = self.sim.status.get("modelVersion")
        if told is not None:
            digest = self.sim.status["provenance"].get("imageDigest")
            assert digest in (None, versions[told].tags.get(Tag.IMAGE_DIGEST)), self.sim.text()

    @invariant()
    def nothing_runs_after_a_success(self) -> None:
        """No trial is left open, and the parent run has ended."""
        if self.sim.phase == "Succeeded":
            assert not self.sim.studies.running(), self.sim.text()
            assert self.sim.mlflow.parent.status == "FINISHED", self.sim.text()

    @invariant()
    def trials_are_ended_for_dead_pods_only(self) -> None:
        """And each is run again once, as often as the spec allows."""
        assert not self.sim.studies.wronged, self.sim.text()
        assert not self.sim.mlflow.overwritten, self.sim.text()
        again = [one for one in self.sim.studies.trials if one.retry_of is not None]
        assert len({one.retry_of for one in again}) == len(again), self.sim.text()
        assert sum(not one.doublings for one in again) <= 3, self.sim.text()

    @invariant()
    def a_job_for_each_trial_runs_one(self) -> None:
        """And there are never more of them at work than trials may run at the same time."""
        if self.sim.spec["search"]["mode"] == SearchMode.JOB_PER_TRIAL:
            pods = Counter(one.pod_uid for one in self.sim.studies.trials if one.pod_uid)
            assert max(pods.values(), default=0) <= 1, self.sim.text()
            jobs = [ref for ref in self.sim.objects("Job") if IS_OF_A_TRIAL.search(ref.name)]
            manifests = [self.sim.cluster.objects[ref] for ref in jobs]
            open_jobs = [one for one in manifests if "conditions" not in one.get("status", {})]
            assert len(open_jobs) <= WORKERS, self.sim.text()

    @invariant()
    def what_ran_out_of_memory_has_its_place_kept(self) -> None:
        """It is run again with twice as much, once, and within the budget."""
        studies = self.sim.studies
        assert all(one.doublings <= 1 for one in studies.trials), self.sim.text()
        claimed = studies.counting() + len(studies.short_of_memory())
        assert claimed <= self.most_trials, self.sim.text()

    @invariant()
    def the_status_does_not_lie_about_its_generation(self) -> None:
        """It never speaks of a spec that was not there."""
        if self.sim.is_there:
            generation = self.sim.cluster.objects[REF]["metadata"]["generation"]
            assert self.sim.status.get("observedGeneration", 0) <= generation

    @invariant()
    def planning_twice_gives_the_same_plan(self) -> None:
        """Nothing in the planner is random, and nothing of it remembers."""
        if not self.sim.faults.is_quiet or not self.sim.is_there:
            return

        async def look() -> RunObservation:
            manifest = await self.sim.world.cluster.read(REF)
            assert manifest is not None
            seen = await observe(manifest, self.sim.world, CONFIGURATION)
            assert isinstance(seen, RunObservation)
            return seen

        seen = run(look())
        assert plan_training_run(seen) == plan_training_run(seen)

    @override
    def teardown(self) -> None:
        """When all faults are over everything comes to rest, and nothing is left open."""
        if not hasattr(self, "sim"):
            return
        self.sim.faults.heal()
        if self.sim.is_leaving:
            self._goes()
            return
        self.sim.edit(suspend=False)
        run(self.sim.settle(lambda: self.sim.phase in (*OVER, "WaitingForApproval")))
        # Once more where more trials were asked for: another version is made of them.
        while self.sim.phase == "WaitingForApproval":
            self.approve()
            run(self.sim.settle(lambda: self.sim.phase in (*OVER, "WaitingForApproval")))
        self._has_come_to_rest()

    def _goes(self) -> None:
        sim = self.sim
        sim.cluster.forget_nodes()
        run(sim.settle(lambda: not sim.is_there))
        assert not sim.objects("Job"), sim.text()
        assert not sim.cluster.trainers, sim.text()
        assert not sim.left_behind, sim.text()
        if sim.could_end_all:
            assert not sim.studies.running(), sim.text()
            self._nothing_is_left_open_in_mlflow()

    def _has_come_to_rest(self) -> None:
        sim = self.sim
        assert not sim.studies.running(), sim.text()
        self._nothing_is_left_open_in_mlflow()
        version = sim.status.get("modelVersion")
        moved = self.given | {number for number, _, _ in sim.mlflow.moves}
        if sim.phase == "Succeeded":
            assert version in moved, sim.text()
            best = f"study#{sim.status['best']['number']}"
            assert self._trials_of_versions()[version] == best, sim.text()
            self._all_trials_were_run()
            self._the_image_is_known()
            self._mlflow_says_what_the_study_says()
        if sim.reason == "NoEligibleTrial":
            assert all(one.state != "COMPLETE" for one in sim.studies.trials), sim.text()
        for law in (
            self.the_counts_are_of_the_study,
            self.a_run_makes_one_version_a_trial_and_one_parent_run,
            self.only_what_passed_gets_the_alias,
            self.nothing_runs_after_a_success,
            self.trials_are_ended_for_dead_pods_only,
        ):
            law()

    def _trials_of_versions(self) -> dict[int, str]:
        """The trial of each version that the run has made."""
        versions = self.sim.mlflow.versions
        made = self.sim.mlflow.versions_of_run()
        return {number: versions[number].tags[Tag.STUDY.value] for number in made}

    def _the_image_is_known(self) -> None:
        """Where the pod that made the version is there still, as it is for an hour."""
        tags = self.sim.mlflow.versions[self.sim.status["modelVersion"]].tags
        uids = {pod.uid for pod in self.sim.cluster.trainers.values()}
        assert Tag.IMAGE_DIGEST in tags or tags[Tag.POD_UID] not in uids, self.sim.text()

    def _all_trials_were_run(self) -> None:
        told, conditions = self.sim.status["trials"], self.sim.status["conditions"]
        (searched,) = [one["message"] for one in conditions if one["type"] == "Searched"]
        finished = sum(told.get(name, 0) for name in STATES)
        wanted = self.sim.spec["search"]["trials"]
        assert finished >= wanted or "its time is up" in searched, self.sim.text()

    def _mlflow_says_what_the_study_says(self) -> None:
        """Each trial that came to something has one run that FINISHED, whoever wrote that."""
        done = [one for one in self.sim.studies.trials if one.state in ("COMPLETE", "PRUNED")]
        runs = [self.sim.mlflow.runs[one.run_id or ""] for one in done]
        assert {run.status for run in runs} <= {"FINISHED"}, self.sim.text()
        finished = [run for run in self.sim.mlflow.runs.values() if run.status == "FINISHED"]
        assert len(finished) == len(done) + 1, self.sim.text()

    def _nothing_is_left_open_in_mlflow(self) -> None:
        """Neither by the conclusion nor by the operator, where a pod has told nobody of a run."""
        assert not self.sim.mlflow.running(), f"{self.sim.mlflow.running()}\n{self.sim.text()}"


TrainingRunLife.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=20,
    # The same in each run, and told by its story instead of the smallest one: `make check` has to
    # be quick. Raise the numbers and drop these two to look for more.
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestTrainingRunLife = TrainingRunLife.TestCase
