"""The mirror of a search in MLflow: a run for each trial, below the run of the whole.

Requests are what it costs: what may wait is written together.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import optuna
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from optuna.trial import FrozenTrial, TrialState

from leadsman_api.environment import MlflowVariable
from leadsman_api.labels import Tag
from leadsman_api.reasons import Reason
from leadsman_api.studies import TrialAttribute
from leadsman_training.patience import given_up, wait_for
from leadsman_training.settings import Settings

STEPS_SECONDS = 2.0
"""So long parameters and intermediate values may wait for the next ones, or for the end."""
_LONGEST_TEXT = 500
_MOST_OPEN = 1000
_PARENT = "mlflow.parentRunId"

Answer = TypeVar("Answer")


@dataclass
class TrialRun:
    """The run of one trial."""

    client: MlflowClient
    where: str
    """Address of the server, for complaints."""
    run_id: str
    _parameters: dict[str, Any] = field(default_factory=dict)
    _steps: list[Metric] = field(default_factory=list)
    _written_at: float = field(default_factory=time.monotonic)

    def step(self, metric: str, value: float, step: int) -> None:
        """An intermediate value; raises ThisWorker."""
        self._steps.append(Metric(metric, value, _milliseconds(), step))
        if time.monotonic() - self._written_at < STEPS_SECONDS:
            return
        params = _params(self._parameters)
        patiently(lambda: self.client.log_batch(self.run_id, self._steps, params), self.where)
        self._steps.clear()
        self._parameters.clear()
        self._written_at = time.monotonic()

    def end(
        self,
        status: str,
        metrics: Mapping[str, float],
        parameters: Mapping[str, Any],
        error: str | None = None,
    ) -> None:
        """The end of the trial: FINISHED, FAILED or KILLED, with its metrics or what went wrong.

        `parameters` are those that its beginning did not know; raises ThisWorker.
        """
        patiently(lambda: self.write_end(status, metrics, parameters, error), self.where)

    def give_back(self, error: str) -> None:
        """End the run of a trial that was taken away, if MLflow answers at once."""
        with suppress(MlflowException, OSError), once():
            self.write_end("KILLED", {}, {}, error)

    def write_end(
        self,
        status: str,
        metrics: Mapping[str, float],
        parameters: Mapping[str, Any],
        error: str | None = None,
    ) -> None:
        """The same, tried once; raises MLflow's own."""
        now = _milliseconds()
        numbers = [
            Metric(name, value, now, 0)
            for name, value in metrics.items()
            if value == value  # noqa: PLR0124 - not NaN
        ]
        params = _params({**self._parameters, **parameters})
        tags = [RunTag("leadsman.error", error[:_LONGEST_TEXT])] if error else []
        self.client.log_batch(self.run_id, [*self._steps, *numbers], params, tags)
        self.client.set_terminated(self.run_id, status)


@dataclass(frozen=True)
class Tracker:
    """Writes what became of trials."""

    settings: Settings
    client: MlflowClient
    data_digest: str

    def begin(self, number: int, parameters: Mapping[str, Any]) -> TrialRun:
        """A run for a trial; raises ThisWorker."""
        tags = {
            _PARENT: self.settings.parent_run,
            Tag.TRIAL: str(number),
            Tag.TRAINING_RUN_UID: self.settings.uid,
            Tag.DATA_DIGEST: self.data_digest,
        }
        named = {str(name): value for name, value in tags.items()}
        where = self.settings.tracking_uri
        run = patiently(
            lambda: self.client.create_run(
                self._experiment, tags=named, run_name=f"trial {number}"
            ),
            where,
        )
        return TrialRun(self.client, where, str(run.info.run_id), dict(parameters))

    @cached_property
    def _experiment(self) -> str:
        """That of the parent run."""
        parent = self.client.get_run(self.settings.parent_run)
        return str(parent.info.experiment_id)


def _params(parameters: Mapping[str, Any]) -> list[Param]:
    return [Param(name, str(value)[:_LONGEST_TEXT]) for name, value in parameters.items()]


def _milliseconds() -> int:
    return int(time.time() * 1000)


def patiently(work: Callable[[], Answer], where: str) -> Answer:
    """Try again while MLflow does not answer; ThisWorker when it never does, or says no."""
    server = f"MLflow at {where}"
    try:
        return wait_for(work, server, Reason.REGISTRY_UNREACHABLE, _is_away)
    except (MlflowException, OSError) as error:
        raise given_up(server, Reason.REGISTRY_UNREACHABLE, error) from error


def _is_away(error: Exception) -> bool:
    """Whether the answer may be another one next time."""
    if isinstance(error, MlflowException):
        return error.error_code not in (
            "INVALID_PARAMETER_VALUE",
            "RESOURCE_DOES_NOT_EXIST",
            "PERMISSION_DENIED",
        )
    return isinstance(error, OSError)


@contextmanager
def once() -> Iterator[None]:
    """Within, MLflow's client repeats no request: it might do again what it has done already."""
    variable = str(MlflowVariable.RETRIES)
    before = os.environ.get(variable)
    os.environ[variable] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ[variable]
        else:
            os.environ[variable] = before


def settle(client: MlflowClient, parent_run: str, uid: str, study: optuna.Study) -> None:
    """End what is still open of a search as the study says: what pods died too early to write.

    The run of a trial that nobody knows of, and a second parent run whose making was not
    answered, are KILLED.
    """
    trials = {
        trial.user_attrs.get(TrialAttribute.RUN_ID): trial
        for trial in study.get_trials(deepcopy=False)
    }
    experiment = client.get_run(parent_run).info.experiment_id
    condition = f"tags.`{Tag.TRAINING_RUN_UID}` = '{uid}' and attributes.status = 'RUNNING'"
    for run in client.search_runs([experiment], condition, max_results=_MOST_OPEN):
        run_id = str(run.info.run_id)
        if run_id != parent_run:
            _end_as(TrialRun(client, client.tracking_uri, run_id), trials.get(run_id))


def _end_as(run: TrialRun, trial: FrozenTrial | None) -> None:
    """End a run with what the study knows of its trial."""
    state = trial.state if trial is not None else None
    attributes = trial.user_attrs if trial is not None else {}
    if state in (TrialState.COMPLETE, TrialState.PRUNED):
        run.write_end("FINISHED", attributes.get(TrialAttribute.METRICS, {}), {})
        return
    is_own_fault = state is TrialState.FAIL and not attributes.get(TrialAttribute.DISRUPTED)
    status = "FAILED" if is_own_fault else "KILLED"
    run.write_end(status, {}, {}, attributes.get(TrialAttribute.ERROR))
