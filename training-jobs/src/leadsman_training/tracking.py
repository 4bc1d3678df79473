"""The mirror of a search in MLflow: a run for each trial, below the run of the whole."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from leadsman_api.labels import Tag
from leadsman_api.reasons import Reason
from leadsman_training.errors import ThisWorker
from leadsman_training.settings import Settings

PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 2.0
_LONGEST_TEXT = 500
_PARENT = "mlflow.parentRunId"

Answer = TypeVar("Answer")
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tracker:
    """Writes what became of trials."""

    settings: Settings
    client: MlflowClient
    data_digest: str

    def begin(self, number: int, parameters: Mapping[str, Any]) -> str:
        """A run for a trial; gives its id."""
        parent = patiently(lambda: self.client.get_run(self.settings.parent_run), self._where)
        tags = {
            _PARENT: self.settings.parent_run,
            Tag.TRIAL: str(number),
            Tag.TRAINING_RUN_UID: self.settings.uid,
            Tag.DATA_DIGEST: self.data_digest,
        }
        named = {str(name): value for name, value in tags.items()}
        run = patiently(
            lambda: self.client.create_run(
                parent.info.experiment_id, tags=named, run_name=f"trial {number}"
            ),
            self._where,
        )
        run_id = str(run.info.run_id)
        params = [Param(name, str(value)[:_LONGEST_TEXT]) for name, value in parameters.items()]
        patiently(lambda: self.client.log_batch(run_id, params=params), self._where)
        return run_id

    def step(self, run_id: str, metric: str, value: float, step: int) -> None:
        """An intermediate value."""
        patiently(lambda: self.client.log_metric(run_id, metric, value, step=step), self._where)

    def end(
        self, run_id: str, status: str, metrics: Mapping[str, float], error: str | None = None
    ) -> None:
        """The end of a trial: FINISHED, FAILED or KILLED, with its metrics or what went wrong."""
        now = int(time.time() * 1000)
        numbers = [
            Metric(name, value, now, 0)
            for name, value in metrics.items()
            if value == value  # noqa: PLR0124 - not NaN
        ]
        tags = [RunTag("leadsman.error", error[:_LONGEST_TEXT])] if error else []

        def write() -> None:
            self.client.log_batch(run_id, metrics=numbers, tags=tags)
            self.client.set_terminated(run_id, status)

        patiently(write, self._where)

    @property
    def _where(self) -> str:
        return self.settings.tracking_uri


def patiently(work: Callable[[], Answer], where: str) -> Answer:
    """Try again for a minute while MLflow does not answer; then ThisWorker."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return work()
        except (MlflowException, OSError) as error:
            if _is_final(error) or time.monotonic() > deadline:
                message = f"MLflow at {where}: {str(error).partition(chr(10))[0][:300]}"
                raise ThisWorker(Reason.REGISTRY_UNREACHABLE, message) from error
            _logger.warning("MLflow does not answer, trying again: %s", error)
            time.sleep(_PAUSE_SECONDS)


def _is_final(error: Exception) -> bool:
    """Whether the answer will be the same next time."""
    return isinstance(error, MlflowException) and error.error_code in (
        "INVALID_PARAMETER_VALUE",
        "RESOURCE_DOES_NOT_EXIST",
        "PERMISSION_DENIED",
    )
