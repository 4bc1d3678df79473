"""MLflow with its runs and a database of studies, in memory, for a simulated TrainingRun."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from typing_extensions import override

from leadsman_api.labels import Tag
from leadsman_api.reasons import Reason
from leadsman_api.studies import TrialAttribute
from leadsman_api.v1alpha1.training_run_status import GateStatus
from leadsman_operator.facts import RunFacts, StudyFacts, TrialFacts, VersionFacts
from leadsman_operator.planner.training.trials import short_of_memory
from leadsman_operator.ports import Endpoint
from support.world import CONFIGURATION, MODEL, FakeRegistry
from support.world_trouble import MLFLOW, STUDIES, Trouble

PARENT = "mlflow.parentRunId"
_ENDED = ("COMPLETE", "PRUNED", "FAIL")


class HasEnded(Exception):
    """Somebody ended a trial that was still at work."""


@dataclass
class FakeMlflow(FakeRegistry):
    """One registered model, and the runs of one training."""

    faults: Trouble
    runs: dict[str, RunFacts] = field(default_factory=dict)
    uid: str = ""
    """Of the TrainingRun that this is about."""
    moves: list[tuple[int, int | None, GateStatus]] = field(default_factory=list)
    """Each move of an alias by the operator: the version, what it took the place of, the gate."""
    overwritten: list[str] = field(default_factory=list)
    """Runs that had ended well, and that the operator ended otherwise."""
    read: int | None = None
    """Where the operator saw the alias point to, just before a move."""

    # The port

    @override
    async def alias(self, endpoint: Endpoint, name: str, alias: str) -> int | None:
        """The version that an alias points at."""
        self.read = await super().alias(endpoint, name, alias)
        return self.read

    @override
    async def set_alias(self, endpoint: Endpoint, name: str, alias: str, version: int) -> None:
        """Point an alias at a version."""
        await super().set_alias(endpoint, name, alias, version)
        gate = GateStatus.model_validate_json(self.versions[version].tags[Tag.GATE])
        self.moves.append((version, self.read, gate))
        self._answer()

    @override
    async def tag_version(
        self, endpoint: Endpoint, name: str, version: int, tags: Mapping[str, str]
    ) -> None:
        """Write tags on a version."""
        await super().tag_version(endpoint, name, version, tags)
        self._answer()

    @override
    async def ensure_run(
        self, endpoint: Endpoint, experiment: str, name: str, tags: Mapping[str, str]
    ) -> RunFacts:
        """The parent run; made when there is none."""
        self._gate(endpoint)
        assert tags[Tag.TRAINING_RUN_UID] == self.uid
        made = next(iter(self.parents()), None) or self._create(tags)
        self._answer()
        return made

    @override
    async def run(self, endpoint: Endpoint, run_id: str) -> RunFacts | None:
        """A run; None when there is none."""
        self._gate(endpoint)
        return self.runs.get(run_id)

    @override
    async def end_run(
        self, endpoint: Endpoint, run_id: str, status: str, tags: Mapping[str, str]
    ) -> None:
        """End a run, and those below it that are open."""
        self._gate(endpoint)
        for below in [run for run in self.running() if run.tags.get(PARENT) == run_id]:
            self.end(below.run_id, "KILLED")
        if self.runs[run_id].status == "FINISHED" != status:
            self.overwritten.append(run_id)
        self.end(run_id, status)
        self._answer()

    def _answer(self) -> None:
        self.faults.answer(MLFLOW, Reason.REGISTRY_UNREACHABLE)

    # What pods and people do

    def _create(self, tags: Mapping[str, str]) -> RunFacts:
        made = RunFacts(f"r-{len(self.runs)}", "RUNNING", dict(tags))
        self.runs[made.run_id] = made
        return made

    def parents(self) -> list[RunFacts]:
        """The runs that belong to no other run."""
        return [run for run in self.runs.values() if PARENT not in run.tags]

    @property
    def parent(self) -> RunFacts:
        """The run of the whole training."""
        (found,) = self.parents()
        return found

    def create_child(self, number: int) -> str:
        """A run for a trial; gives its id."""
        return self._create({PARENT: self.parent.run_id, Tag.TRIAL.value: str(number)}).run_id

    def end(self, run_id: str, status: str) -> None:
        """A run ends, whatever it was before."""
        self.runs[run_id] = replace(self.runs[run_id], status=status)

    def settle(self, trials: Sequence[TrialFacts]) -> None:
        """End the runs that nobody has ended, as the study says."""
        ended = {"COMPLETE": "FINISHED", "PRUNED": "FINISHED", "FAIL": "FAILED"}
        known = {
            one.run_id: "KILLED" if one.disrupted else ended.get(one.state, "KILLED")
            for one in trials
        }
        for run in [run for run in self.running() if PARENT in run.tags]:
            self.end(run.run_id, known.get(run.run_id, "KILLED"))

    def note_parent(self, tags: Mapping[str, str]) -> None:
        """Write tags on the parent run."""
        run = self.parent
        self.runs[run.run_id] = replace(run, tags={**run.tags, **tags})

    def running(self) -> list[RunFacts]:
        """The runs that have not ended."""
        return [run for run in self.runs.values() if run.status == "RUNNING"]

    def versions_of_run(self) -> list[int]:
        """The versions that were made by the training."""
        uid = Tag.TRAINING_RUN_UID
        return [number for number, one in self.versions.items() if one.tags.get(uid) == self.uid]

    def made(self, source: str) -> int | None:
        """The version of a study and trial that an earlier try has made."""
        tags = {number: self.versions[number].tags for number in self.versions_of_run()}
        return next((one for one in tags if tags[one][Tag.STUDY.value] == source), None)

    def make(self, gate: GateStatus, source: str, pod_uid: str) -> int:
        """Register a version of the training."""
        tags = {Tag.TRAINING_RUN_UID: self.uid, Tag.STUDY: source, Tag.POD_UID: pod_uid}
        number = self.register({str(tag): value for tag, value in tags.items()})
        self.judge(number, gate)
        return number

    def judge(self, version: int, gate: GateStatus) -> None:
        """Write the gate's word on a version."""
        found, text = self.versions[version], gate.model_dump_json(by_alias=True, exclude_none=True)
        self.versions[version] = replace(found, tags={**found.tags, Tag.GATE.value: text})

    def register(self, tags: Mapping[str, str]) -> int:
        """Register a version of whoever it is."""
        number = max(self.versions, default=0) + 1
        source = f"models:/m-{number}"
        self.versions[number] = VersionFacts(
            MODEL, number, self.clock.now(), source, tags=dict(tags)
        )
        return number


@dataclass
class FakeStudies:
    """A database with one study."""

    faults: Trouble
    name: str
    is_at_work: Callable[[str], bool]
    """Whether the program of a pod still runs, by the pod's uid."""
    trials: list[TrialFacts] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)
    is_made: bool = False
    holders: dict[int, str] = field(default_factory=dict)
    """The pods that asked for trials, which they tell a moment later."""
    fixed: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    """Parameters of trials that are run again; a trial has none before it asks for them."""
    wronged: list[int] = field(default_factory=list)
    """Trials that the operator ended while their pod was at work."""
    locked_by: str | None = None
    """The pod that claims a trial just now."""

    # The port

    async def study(self, url: str, name: str) -> StudyFacts | None:
        """The study; None before a worker made it."""
        self._gate(url, name)
        return StudyFacts(tuple(self.trials), dict(self.attributes)) if self.is_made else None

    async def fail_trial(
        self, url: str, name: str, number: int, attributes: Mapping[str, Any]
    ) -> None:
        """End a running trial as failed; harmless when it has ended."""
        self._gate(url, name)
        trial = self.trials[number]
        if trial.state not in _ENDED:
            if self.is_at_work(self.holders[number]):
                self.wronged.append(number)
            disrupted = bool(attributes[TrialAttribute.DISRUPTED])
            self.note(
                number,
                disrupted=disrupted,
                error=attributes[TrialAttribute.ERROR],
                doublings=attributes.get(TrialAttribute.DOUBLINGS, trial.doublings),
            )
            self.tell(number, "FAIL")
        self._answer()

    async def enqueue_trial(
        self, url: str, name: str, parameters: Mapping[str, Any], attributes: Mapping[str, Any]
    ) -> None:
        """Have the parameters tried next; harmless when a trial with the attributes is there."""
        self._gate(url, name)
        again = attributes[TrialAttribute.RETRY_OF]
        if all(trial.retry_of != again for trial in self.trials):
            number = len(self.trials)
            self.trials.append(TrialFacts(number, "WAITING", retry_of=again))
            self.fixed[number] = parameters
        self._answer()

    def _gate(self, url: str, name: str) -> None:
        assert (url, name) == (CONFIGURATION.study_url, self.name)
        self.faults.gate(STUDIES, Reason.STUDY_UNREACHABLE)

    def _answer(self) -> None:
        self.faults.answer(STUDIES, Reason.STUDY_UNREACHABLE)

    # What workers do

    def ask(self, pod: str) -> int:
        """The next trial: one that waits, or a new one."""
        waiting = next((one.number for one in self.trials if one.state == "WAITING"), None)
        number = len(self.trials) if waiting is None else waiting
        if waiting is None:
            self.trials.append(TrialFacts(number, "WAITING"))
        self.holders[number] = pod
        self.note(number, state="RUNNING")
        return number

    def run_again(self, lost: TrialFacts, pod: str) -> int:
        """A trial with the parameters of one that ran out of memory: for this pod alone."""
        number = len(self.trials)
        again = TrialFacts(
            number, "RUNNING", retry_of=lost.number, doublings=lost.doublings, pod_uid=pod
        )
        self.trials.append(again)
        self.fixed[number] = lost.parameters
        self.holders[number] = pod
        return number

    def note(self, number: int, **changes: Any) -> None:
        """Something becomes known of a trial; one that has ended takes no more."""
        if self.trials[number].state in _ENDED:
            raise HasEnded(number)
        self.trials[number] = replace(self.trials[number], **changes)

    def tell(self, number: int, state: str, **changes: Any) -> None:
        """A trial ends."""
        self.note(number, state=state, **changes)

    def is_locked(self) -> bool:
        """Whether a pod that is at work claims a trial just now."""
        return self.locked_by is not None and self.is_at_work(self.locked_by)

    def end_strays(self, pod: str) -> None:
        """End the trials that name no pod, or this one, which asks for another."""
        for trial in self.running():
            if trial.pod_uid in (None, pod):
                self.note(trial.number, disrupted=True, error="its worker lost it on the way")
                self.tell(trial.number, "FAIL")

    def counted(self) -> list[TrialFacts]:
        """The trials that count for the budget."""
        return [one for one in self.trials if one.state != "WAITING" and not one.disrupted]

    def counting(self) -> int:
        """How many they are."""
        return len(self.counted())

    def short_of_memory(self) -> list[TrialFacts]:
        """Trials that are to be run again with more memory."""
        return short_of_memory(StudyFacts(tuple(self.trials)))

    def running(self) -> list[TrialFacts]:
        """The trials that have not ended."""
        return [trial for trial in self.trials if trial.state == "RUNNING"]
