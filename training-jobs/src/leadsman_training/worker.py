"""A worker: takes trial after trial until the search is done, and leaves nothing half."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import optuna
from optuna.samplers import BaseSampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from leadsman_api.reasons import Reason
from leadsman_api.studies import StudyAttribute, TrialAttribute
from leadsman_api.v1alpha1.objective import Direction
from leadsman_training.candidate import Candidate
from leadsman_training.checkpoints import RunCheckpoints, earlier_runs
from leadsman_training.errors import NoUse, Preempted, ThisWorker
from leadsman_training.samplers import nothing_left
from leadsman_training.settings import Settings
from leadsman_training.study import (
    STUDY_ERRORS,
    alone,
    counting,
    end_strays,
    feasible,
    give_back,
    persistently,
    run_again,
    short_of_memory,
    time_spent,
)
from leadsman_training.tracking import Tracker, TrialRun

_WAIT_SECONDS = 1.0
_LONGEST_ERROR = 300

Answer = TypeVar("Answer")
_logger = logging.getLogger(__name__)


@dataclass
class Worker:
    """One process of a search."""

    settings: Settings
    storage: RDBStorage
    study: optuna.Study
    candidate: Candidate
    tracker: Tracker
    sampler: Callable[[int], BaseSampler]
    """Makes the study's sampler from a seed."""

    def run(self) -> Reason:
        """Work until the search has ended; gives why it did.

        With SEARCHING a worker ends before: one for a single trial after that, and one with more
        memory when nothing needs it.
        """
        pause = threading.Event()
        while True:
            end, trial = self._persistently(self._claim)
            if end is not None:
                return end
            if trial is None:
                # What others run fills the budget: it may come free when one of them dies.
                pause.wait(_WAIT_SECONDS)
                continue
            self._run(trial)
            if self.settings.is_for_one_trial:
                return self._persistently(self._stand)

    def _stand(self) -> Reason:
        """Why the search has ended, or that it goes on; what this process lost is given back."""
        with alone(self.storage, self.study.study_name):
            end_strays(self.storage, self.study, self.settings.pod_uid)
            return self._end(self.study.get_trials(deepcopy=False)) or Reason.SEARCHING

    def _claim(self) -> tuple[Reason | None, optuna.Trial | None]:
        """Why the search has ended, or a trial of the budget; neither while others run the rest.

        What a claim that was cut short has left is ended by the next one, so that it may be
        made again and again.
        """
        with alone(self.storage, self.study.study_name):
            end_strays(self.storage, self.study, self.settings.pod_uid)
            trials = self.study.get_trials(deepcopy=False)
            end = self._end(trials)
            if end is None and self.settings.doublings:
                return self._claim_again(trials)
            if end is not None or self._is_claimed(trials):
                return end, None
            if self.settings.is_for_one_trial:
                # Of one seed each process would draw what the others have drawn.
                self.study.sampler = self.sampler(self.settings.search.seed + len(trials))
            trial = self.study.ask()
            trial.set_user_attr(TrialAttribute.ATTEMPT, self.settings.attempt)
            trial.set_user_attr(TrialAttribute.POD_UID, self.settings.pod_uid)
            return None, trial

    def _claim_again(
        self, trials: Sequence[FrozenTrial]
    ) -> tuple[Reason | None, optuna.Trial | None]:
        """One that ran out of memory where there was half as much; its place was kept."""
        settings = self.settings
        for lost in short_of_memory(trials):
            if lost.user_attrs[TrialAttribute.DOUBLINGS] == settings.doublings:
                attributes = {
                    str(TrialAttribute.DOUBLINGS): settings.doublings,
                    str(TrialAttribute.ATTEMPT): settings.attempt,
                    str(TrialAttribute.POD_UID): settings.pod_uid,
                }
                return None, run_again(self.storage, self.study, lost, attributes)
        return Reason.SEARCHING, None

    def _run(self, trial: optuna.Trial) -> None:
        try:
            self._try(trial)
        except STUDY_ERRORS as error:
            # Whatever the study says of it by now is true; if it still runs, it is a stray.
            _logger.warning("Trial %s is let go: %s", trial.number, error)

    def _try(self, trial: optuna.Trial) -> None:
        run: TrialRun | None = None
        try:
            parameters = self._persistently(lambda: self.candidate.parameters(trial))
            run = self.tracker.begin(trial.number, parameters)
            trial.set_user_attr(TrialAttribute.RUN_ID, run.run_id)
            value, metrics = self.candidate.score(
                trial, self._report(trial, run), self._checkpoints(trial, run)
            )
            self._finish(trial, run, value, metrics)
        except optuna.TrialPruned:
            self._tell(trial, {TrialAttribute.METRICS: {}}, state=TrialState.PRUNED)
            if run is not None:
                run.end("FINISHED", {}, self._asked(trial), "pruned: hopeless so far")
        except Preempted:
            self._give_back(trial, run)
            raise
        except (ThisWorker, *STUDY_ERRORS):
            # The trial is not to blame: who finds it left open has it run again.
            raise
        except NoUse as error:
            self._fail(trial, run, error.message)
            raise
        except Exception as error:  # noqa: BLE001 - whatever the trial's code raises, it failed
            _logger.warning("Trial %s failed.\n%s", trial.number, traceback.format_exc())
            self._fail(trial, run, f"{type(error).__name__}: {error}")

    def _finish(
        self, trial: optuna.Trial, run: TrialRun, value: float, metrics: Mapping[str, float]
    ) -> None:
        values = [_valued(self.candidate.metric, value)]
        further = [one.metric for one in self.settings.resource.spec.objective.additional]
        missing = [name for name in further if name not in metrics]
        if missing:
            raise NoUse(Reason.SPEC_INVALID, f"the trials have no metric {', '.join(missing)}")
        values += [_valued(name, metrics[name]) for name in further]
        found = {**metrics, self.candidate.metric: value}
        self._persistently(lambda: self._constrain(trial, found))
        self._tell(trial, {TrialAttribute.METRICS: found}, values)
        run.end("FINISHED", found, self._asked(trial))
        _logger.info(
            "Trial done.",
            extra={"trial": trial.number, self.candidate.metric: value, "parameters": trial.params},
        )

    def _fail(self, trial: optuna.Trial, run: TrialRun | None, error: str) -> None:
        said = {TrialAttribute.ERROR: error[:_LONGEST_ERROR]}
        self._tell(trial, said, state=TrialState.FAIL)
        if run is not None:
            run.end("FAILED", {}, self._asked(trial), error)

    def _tell(
        self,
        trial: optuna.Trial,
        attributes: Mapping[TrialAttribute, object],
        values: list[float] | None = None,
        state: TrialState | None = None,
    ) -> None:
        """End a trial, first what is said of it: that is refused when somebody has ended it."""

        def write() -> None:
            for name, value in attributes.items():
                trial.set_user_attr(name, value)
            self.study.tell(trial, values, state)

        self._persistently(write)

    def _give_back(self, trial: optuna.Trial, run: TrialRun | None) -> None:
        """As quickly as it goes: what can't be written is found out by who sees the pod go."""
        error = "its pod was told to go"
        with suppress(*STUDY_ERRORS):
            give_back(self.storage, self.study, trial.number, error)
            if run is not None:
                run.give_back(error)

    def _persistently(self, work: Callable[[], Answer]) -> Answer:
        return persistently(work, self.settings.study_url)

    def _asked(self, trial: optuna.Trial) -> Mapping[str, Any]:
        """What own code has asked for beyond the space: it is known only when it has done so."""
        known = self.candidate.search_space()
        return {name: value for name, value in trial.params.items() if name not in known}

    def _checkpoints(self, trial: optuna.Trial, run: TrialRun) -> RunCheckpoints:
        earlier = self._persistently(lambda: earlier_runs(self.study, trial))
        return RunCheckpoints(self.tracker.client, run.run_id, earlier)

    def _report(self, trial: optuna.Trial, run: TrialRun) -> Any:  # noqa: ANN401 - a closure
        single = not self.settings.resource.spec.objective.additional

        def report(step: int, value: float) -> None:
            run.step(f"{self.candidate.metric}_so_far", value, step)
            if not single:
                return
            self._persistently(lambda: trial.report(value, step))
            if self._persistently(trial.should_prune):
                raise optuna.TrialPruned

        return report

    def _constrain(self, trial: optuna.Trial, metrics: Mapping[str, float]) -> None:
        """Optuna's sign: what is above zero breaks the constraint."""
        for one in self.settings.resource.spec.objective.constraints:
            value = metrics.get(one.metric)
            if value is None:
                raise NoUse(Reason.SPEC_INVALID, f"the trials have no metric {one.metric}")
            if one.min is not None:
                trial.set_constraint(f"{one.metric} at least", one.min - value)
            if one.max is not None:
                trial.set_constraint(f"{one.metric} at most", value - one.max)

    def _is_claimed(self, trials: Sequence[FrozenTrial]) -> bool:
        claimed = len(counting(trials)) + len(short_of_memory(trials))
        return claimed >= self.settings.search.trials or nothing_left(self.study)

    def _end(self, trials: Sequence[FrozenTrial]) -> Reason | None:
        """Why the search has ended; the first who sees it writes it down for all."""
        # Found out each time and never read back: trials may be raised after the end.
        end = self._seen_end(trials)
        if end is not None and self.study.user_attrs.get(StudyAttribute.END) != end:
            self.study.set_user_attr(StudyAttribute.END, str(end))
        return end

    def _seen_end(self, every: Sequence[FrozenTrial]) -> Reason | None:
        search, trials = self.settings.search, counting(every)
        done = [trial for trial in trials if trial.state.is_finished()]
        failed = [trial for trial in done if trial.state is TrialState.FAIL]
        if len(failed) > search.max_failed_trials:
            return Reason.TOO_MANY_FAILURES
        if self._goal_reached(done):
            return Reason.GOAL_REACHED
        if self._no_improvement(done):
            return Reason.NO_IMPROVEMENT
        if time_spent(every, self.settings.attempt, time.time()) > search.timeout:
            return Reason.DEADLINE_EXCEEDED
        spent = len(done) >= search.trials
        is_open = len(done) < len(trials) or short_of_memory(every)
        if spent or (not is_open and nothing_left(self.study)):
            return Reason.BUDGET_SPENT
        return None

    def _goal_reached(self, done: list[FrozenTrial]) -> bool:
        objective = self.settings.resource.spec.objective
        if objective.goal is None:
            return False
        return any(not self._better(objective.goal, value) for value in _values(done))

    def _no_improvement(self, done: list[FrozenTrial]) -> bool:
        patience = self.settings.search.patience
        if patience is None or self.settings.resource.spec.objective.additional:
            return False
        best, since = None, 0
        for value in _values(done):
            better = best is None or self._better(value, best)
            best, since = (value, 0) if better else (best, since + 1)
        return since >= patience

    def _better(self, one: float, other: float) -> bool:
        maximize = self.settings.resource.spec.objective.direction is Direction.MAXIMIZE
        return one > other if maximize else one < other


def _valued(name: str, value: float) -> float:
    """Optuna would take NaN for a failure, and nobody would know why."""
    if value != value:  # noqa: PLR0124 - NaN
        raise ValueError(f"{name} has no value on these folds")
    return value


def _values(done: list[FrozenTrial]) -> list[float]:
    """In the order of the trials; what broke a constraint is neither a goal nor an improvement."""
    return [trial.values[0] for trial in feasible(done)]
