"""The programs of training pods in memory: a worker, and the conclusion.

Each step of one is what a pod can be killed after. They follow leadsman_training's worker and
conclude, write by write.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from leadsman_api.conclusion import Conclusion
from leadsman_api.environment import Variable
from leadsman_api.labels import Tag
from leadsman_api.reasons import Reason
from leadsman_api.studies import StudyAttribute
from leadsman_api.termination import ExitCode, Termination
from leadsman_api.v1alpha1.training_run_status import GateStatus
from leadsman_operator.facts import ObjectRef, TrialFacts
from support.trainings import a_conclusion
from support.world_clock import FakeClock
from support.world_jobs import Ended, JobCluster, JobPod, Preempted, Program
from support.world_servers import FakeMlflow, FakeStudies, HasEnded
from support.world_trouble import MLFLOW, STUDIES

SPEC_FILE = ObjectRef("v1", "ConfigMap", "ml", "churn-spec")
MOST_FAILED = 2
"""search.maxFailedTrials of the simulated runs."""
_PATIENCE = timedelta(minutes=10)
_AWAY = {MLFLOW: Reason.REGISTRY_UNREACHABLE, STUDIES: Reason.STUDY_UNREACHABLE}


@dataclass
class Trainers:
    """Who makes the programs, and what is in store for them."""

    clock: FakeClock
    cluster: JobCluster
    mlflow: FakeMlflow
    studies: FakeStudies
    outcomes: deque[str] = field(default_factory=deque)
    """What the coming trials come to: good when nothing is told."""
    verdict: str = "passed"
    """What the next conclusion comes to: passed, refused, crash or no use."""

    def begin(self, pod: JobPod) -> Program:
        """The program of a pod."""
        return self._work(pod) if "-search-" in pod.job.name else self._conclude(pod)

    # The worker

    def _work(self, pod: JobPod) -> Program:
        while (config := self.cluster.objects.get(SPEC_FILE)) is None:
            yield  # its volume can't be mounted
        search = json.loads(config["data"]["training-run.json"])["spec"]["search"]
        trials, once = search["trials"], search.get("mode") == "JobPerTrial"
        yield from self._patiently(STUDIES)
        self.studies.is_made = True
        while True:
            yield from self._patiently(STUDIES)
            if not self.studies.is_locked():
                yield from self._claim(pod, trials)
            yield
            if once and any(one.pod_uid == pod.uid for one in self.studies.trials):
                yield from self._leave(pod, trials)

    def _leave(self, pod: JobPod, trials: int) -> Program:
        """After its only trial a pod says whether the search goes on."""
        yield from self._patiently(STUDIES)
        while self.studies.is_locked():
            yield
            yield from self._patiently(STUDIES)
        self.studies.end_strays(pod.uid)
        end = self._search_end(trials)
        if end is not None:
            self.studies.attributes[StudyAttribute.END.value] = end.value
        said = Termination(reason=end or Reason.SEARCHING, message="one trial at most")
        raise Ended(ExitCode.DONE, said)

    def _claim(self, pod: JobPod, trials: int) -> Program:
        """Under a lock that goes with its pod, so that others see a claim whole or know it dead."""
        self.studies.end_strays(pod.uid)
        end = self._search_end(trials)
        if end is not None:
            self.studies.attributes[StudyAttribute.END.value] = end.value
            raise Ended(ExitCode.DONE, Termination(reason=end, message="the search ended"))
        doublings = _doublings(pod)
        if doublings:
            yield from self._trial(self._claim_again(pod, doublings))
            return
        if self.studies.counting() + len(self.studies.short_of_memory()) >= trials:
            return
        number = self.studies.ask(pod.uid)
        self.studies.locked_by = pod.uid
        yield
        if self.cluster.faults.is_down(STUDIES):
            # The lock went with its connection: the claim is made again, and this one is a stray.
            self.studies.locked_by = None
            return
        with suppress(HasEnded):
            self.studies.note(number, pod_uid=pod.uid)
            self.studies.locked_by = None
            yield from self._trial(number)

    def _claim_again(self, pod: JobPod, doublings: int) -> int:
        for lost in self.studies.short_of_memory():
            if lost.doublings == doublings:
                return self.studies.run_again(lost, pod.uid)
        said = Termination(reason=Reason.SEARCHING, message="no trial waits for more memory")
        raise Ended(ExitCode.DONE, said)

    def _search_end(self, trials: int) -> Reason | None:
        done = [one for one in self.studies.counted() if one.state != "RUNNING"]
        if sum(one.state == "FAIL" for one in done) > MOST_FAILED:
            return Reason.TOO_MANY_FAILURES
        return Reason.BUDGET_SPENT if len(done) >= trials else None

    def _trial(self, number: int) -> Program:
        self.studies.attributes.setdefault(StudyAttribute.ROWS.value, 569)
        run_id: str | None = None
        try:
            yield
            yield from self._patiently(STUDIES)
            fixed = self.studies.fixed.get(number)
            self.studies.note(number, parameters=fixed or {"depth": number})
            yield from self._patiently(MLFLOW)
            run_id = self.mlflow.create_child(number)
            yield
            if self.cluster.faults.is_down(STUDIES):
                return  # a stray from now on
            self.studies.note(number, run_id=run_id)
            yield
            yield from self._score(number, run_id)
        except Preempted:
            self._give_back(number, run_id)
            raise

    def _give_back(self, number: int, run_id: str | None) -> None:
        if self.cluster.faults.is_down(STUDIES):
            return
        with suppress(HasEnded):
            self.studies.note(number, disrupted=True, error="its pod was told to go")
            self.studies.tell(number, "FAIL")
            if run_id is not None and not self.cluster.faults.is_down(MLFLOW):
                self.mlflow.end(run_id, "KILLED")

    def _score(self, number: int, run_id: str) -> Program:
        outcome = self.outcomes.popleft() if self.outcomes else "good"
        yield from self._patiently(STUDIES)
        if outcome == "no use":
            said = Termination(reason=Reason.DATA_INVALID, message="a column is missing")
            self.studies.tell(number, "FAIL", error=said.message)
            self.mlflow.end(run_id, "FAILED")
            raise Ended(ExitCode.NO_USE, said)
        if outcome == "crash":
            raise Ended(139)
        states = {"fails": "FAIL", "pruned": "PRUNED"}
        values = (0.9 + number / 1000,) if outcome == "good" else ()
        self.studies.tell(number, states.get(outcome, "COMPLETE"), values=values, seconds=20.0)
        yield
        yield from self._patiently(MLFLOW)
        self.mlflow.end(run_id, "FAILED" if outcome == "fails" else "FINISHED")

    def _patiently(self, part: str) -> Program:
        begun: datetime = self.clock.now()
        while self.cluster.faults.is_down(part):
            if self.clock.now() - begun > _PATIENCE:
                said = Termination(reason=_AWAY[part], message=f"{part} is down")
                raise Ended(ExitCode.THIS_WORKER, said)
            yield

    # The conclusion

    def _conclude(self, pod: JobPod) -> Program:
        yield from self._patiently(STUDIES)
        best = max(
            (one for one in self.studies.trials if one.state == "COMPLETE"),
            key=lambda trial: trial.values,
            default=None,
        )
        if best is None:
            said = Termination(reason=Reason.NO_ELIGIBLE_TRIAL, message="no trial is there")
            raise Ended(ExitCode.NO_USE, said)
        yield
        if self.verdict in ("crash", "no use"):
            code = ExitCode.NO_USE if self.verdict == "no use" else 1
            self.verdict = "passed" if self.verdict == "crash" else self.verdict
            raise Ended(code, Termination(reason=Reason.DATA_INVALID, message="no rows"))
        yield from self._patiently(MLFLOW)
        version = yield from self._registered(pod, best)
        yield
        yield from self._write(version, best)
        message = f"version {version} is registered"
        raise Ended(ExitCode.DONE, Termination(reason=Reason.REGISTERED, message=message))

    def _registered(self, pod: JobPod, best: TrialFacts) -> Generator[None, None, int]:
        """A version with the gate's word, made once a trial; judged again for another champion."""
        mlflow = self.mlflow
        source = f"study#{best.number}"
        made = mlflow.made(source)
        champion = mlflow.aliases.get("champion")
        if made is not None:
            gate = GateStatus.model_validate_json(mlflow.versions[made].tags[Tag.GATE])
            if champion not in (gate.champion_version, made):
                yield
                mlflow.judge(made, self._judge(champion))
            return made
        gate = self._judge(champion)
        yield
        yield from self._patiently(MLFLOW)
        return mlflow.made(source) or mlflow.make(gate, source, pod.uid)

    def _judge(self, champion: int | None) -> GateStatus:
        text = a_conclusion(passed=self.verdict == "passed", champion=champion)
        found = Conclusion.from_text(text)
        if found is None:
            raise RuntimeError("a conclusion can be read")
        return found.gate

    def _write(self, version: int, best: TrialFacts) -> Program:
        yield from self._patiently(MLFLOW)
        mlflow = self.mlflow
        mlflow.settle(self.studies.trials)
        yield
        yield from self._patiently(MLFLOW)
        tags = mlflow.versions[version].tags
        gate = GateStatus.model_validate_json(tags[Tag.GATE])
        found = Conclusion.from_text(
            a_conclusion(
                version,
                pod_uid=tags[Tag.POD_UID],
                provenance={"imageDigest": tags.get(Tag.IMAGE_DIGEST)},
            )
        )
        if found is None:
            raise RuntimeError("a conclusion can be read")
        told = found.best.model_copy(update={"number": best.number})
        text = found.model_copy(update={"gate": gate, "best": told}).to_text()
        mlflow.note_parent({Tag.CONCLUSION.value: text})
        yield
        yield from self._patiently(MLFLOW)
        mlflow.end(mlflow.parent.run_id, "FINISHED")


def _doublings(pod: JobPod) -> int:
    """How often the memory of a pod was doubled, as it is told."""
    told = {one["name"]: one.get("value") for one in pod.manifest["spec"]["containers"][0]["env"]}
    return int(told.get(Variable.DOUBLINGS.value) or 0)
