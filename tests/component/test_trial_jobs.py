"""A Job for each trial: the planner's Jobs with real processes, one of which is aborted."""

from __future__ import annotations

import asyncio
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from leadsman_api.reasons import Reason
from leadsman_api.termination import Termination
from leadsman_api.v1alpha1.training_run_status import RunPhase
from leadsman_operator.adapters.studies import OptunaStudies
from leadsman_operator.errors import Unreachable
from leadsman_operator.facts import Missing, StudyFacts, Unknown
from leadsman_operator.planner.plan import EnqueueTrial, FailTrial
from support.postgres import HAS_POSTGRES, postgres
from support.training_processes import Training, a_training
from support.trainings import NO_STUDY, SEARCH, Bench, a_run
from support.waiting import eventually

# MLflow and the libraries that it imports warn of each other.
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.timeout(600),
    pytest.mark.skipif(not HAS_POSTGRES, reason="the machine has no PostgreSQL"),
]
TRIALS, AT_A_TIME = 4, 2
PATIENCE_SECONDS = 500
ABORTED = -6
"""How Python tells of a process that SIGABRT has ended; a kubelet says 134."""
CODE = """
import os

def objective(trial, run):
    c = trial.suggest_float("C", 0.01, 10.0)
    if trial.number == 1:
        os.abort()  # as a native library does: no handler of Python's is asked
    return c
"""


@dataclass
class Kubelet:
    """Runs the pods of the Jobs that the planner makes, and carries out what it does to trials."""

    training: Training
    bench: Bench
    studies: OptunaStudies = field(default_factory=OptunaStudies)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    most: int = 0
    """Processes at the same time."""

    def look(self) -> bool:
        """One round of the kubelet and of the operator; whether the search has ended."""
        for job in self.bench.names("Job"):
            if job.startswith(SEARCH) and job not in self.processes:
                self.bench.start_pods(job)
                self.processes[job] = self.training.start("work", f"uid-{job}-0")
        running = [job for job, one in self.processes.items() if self._runs(job, one)]
        self.most = max(self.most, len(running))
        self.bench.study = self._study()
        for action in self.bench.plan().actions:
            with suppress(Unreachable):  # what is not done is planned again
                self._carry_out(action)
        return self.bench.status.phase is not RunPhase.SEARCHING and bool(self.processes)

    def _study(self) -> StudyFacts | Missing | Unknown:
        """The study, as the operator reads it: a busy machine may not answer in time."""
        url, name = self.training.url, self.training.study_name
        try:
            return asyncio.run(self.studies.study(url, name)) or NO_STUDY
        except Unreachable as error:
            return Unknown(error.reason, error.message)

    def _runs(self, job: str, process: subprocess.Popen[bytes]) -> bool:
        code, pod = process.poll(), self.bench.pods.get(f"{job}-0")
        if code is not None and pod is not None and pod.phase == "Running":
            file = self.training.said(pod.uid)
            said = Termination.from_text(file.read_text()) if file.exists() else None
            self.bench.end_pod(pod.name, 128 - code if code < 0 else code, said)
            self.bench.end_job(job, "Failed" if code else "Complete")
        return code is None

    def _carry_out(self, action: object) -> None:
        url, name = self.training.url, self.training.study_name
        if isinstance(action, FailTrial):
            given: Any = dict(action.attributes)
            asyncio.run(self.studies.fail_trial(url, name, action.number, given))
        elif isinstance(action, EnqueueTrial):
            asyncio.run(self.studies.enqueue_trial(url, name, action.parameters, action.attributes))


@contextmanager
def working(training: Training, bench: Bench) -> Iterator[Kubelet]:
    """A kubelet none of whose processes outlives the block."""
    kubelet = Kubelet(training, bench)
    try:
        yield kubelet
    finally:
        for process in kubelet.processes.values():
            process.kill()
            process.wait(timeout=20)
        kubelet.studies.close()


def test_a_trial_that_breaks_its_process_takes_no_other_one_with_it(tmp_path: Path) -> None:
    """Four trials are run, two at a time, each in a process of its own, and none twice."""
    (tmp_path / "native_code.py").write_text(CODE)
    trainer = {"entrypoint": "native_code:objective"}
    search = {
        "trials": TRIALS, "parallelism": AT_A_TIME, "mode": "JobPerTrial",
        "pruner": "None", "sampler": "Random",
    }  # fmt: skip
    tracking = f"sqlite:///{tmp_path}/mlflow.db"
    MlflowClient(tracking).create_experiment("t", f"file://{tmp_path}/artifacts")
    with postgres() as database:
        training = a_training(tmp_path, tracking, database, trainer=trainer, search=search)
        bench = Bench(a_run(trainer=trainer, search=search))
        with working(training, bench) as kubelet:
            eventually(kubelet.look, within_seconds=PATIENCE_SECONDS, what="the search ends")

    study = bench.study
    assert isinstance(study, StudyFacts)
    assert Counter(one.state for one in study.trials) == {"COMPLETE": TRIALS - 1, "FAIL": 1}
    assert len({one.pod_uid for one in study.trials}) == TRIALS
    assert len({one.parameters["C"] for one in study.trials}) == TRIALS
    (broken,) = [one for one in study.trials if one.state == "FAIL"]
    assert (broken.disrupted, broken.error) == (
        False,
        f"pod {str(broken.pod_uid).removeprefix('uid-')} ended with code 134",
    )
    assert [one.returncode for one in kubelet.processes.values()].count(ABORTED) == 1
    assert kubelet.most == AT_A_TIME
    assert bench.status.phase is RunPhase.CONCLUDING
    assert bench.status.history[0].reason is Reason.BUDGET_SPENT
