"""How far training has come, as files of its MLflow run, so that it goes on when its pod has died.

Two files take turns: while one is written the other one is whole, whatever dies in between.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

import optuna
from mlflow import MlflowClient

from leadsman_api.studies import TrialAttribute
from leadsman_training.tracking import patiently

FOLDER = "checkpoint"
"""Artifacts of a run below this path are its checkpoints."""
LARGEST = 512 * 2**20
"""Bytes of one checkpoint: it goes through the memory of this pod and of MLflow's server."""
_FILES = ("0", "1")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a function of the user's own said of itself."""

    step: int
    state: bytes


class Checkpoints(Protocol):
    """Where checkpoints are kept."""

    def save(self, step: int, state: bytes) -> None:
        """Keep a checkpoint; ValueError when it is too large."""

    def last(self) -> Checkpoint | None:
        """The one of the highest step that is whole."""


@dataclass(frozen=True, slots=True)
class NoCheckpoints:
    """Nowhere: each try begins from the start."""

    def save(self, step: int, state: bytes) -> None:
        """Only look at its size, so that code fails here as it would in a search."""
        _sealed(step, state)

    def last(self) -> None:
        """None was kept."""


@dataclass
class RunCheckpoints:
    """Those of an MLflow run; asked for the last, it looks into earlier runs too."""

    client: MlflowClient
    run_id: str
    earlier: Sequence[str] = ()
    """Runs of earlier tries, the latest first."""
    folder: str = FOLDER
    """Where they lie in each of these runs."""
    _turn: int = field(default=0, init=False)

    def save(self, step: int, state: bytes) -> None:
        """Write it over the older of the two; raises ThisWorker."""
        sealed = _sealed(step, state)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / _FILES[self._turn]
            file.write_bytes(sealed)
            patiently(
                lambda: self.client.log_artifact(self.run_id, str(file), self.folder),
                self.client.tracking_uri,
            )
        self._turn = 1 - self._turn

    def last(self) -> Checkpoint | None:
        """Of the latest try that has one; raises ThisWorker."""
        for run_id in (self.run_id, *self.earlier):
            found = patiently(partial(self._of, run_id), self.client.tracking_uri)
            if found:
                return max(found, key=lambda one: one.step)
        return None

    def _of(self, run_id: str) -> list[Checkpoint]:
        found = []
        with tempfile.TemporaryDirectory() as folder:
            for artifact in self.client.list_artifacts(run_id, self.folder):
                file = self.client.download_artifacts(run_id, artifact.path, folder)
                found.append(_opened(Path(file).read_bytes()))
        return [one for one in found if one is not None]


def earlier_runs(study: optuna.Study, trial: optuna.Trial) -> tuple[str, ...]:
    """The MLflow runs of the disrupted trials that a trial runs again, the latest first."""
    again = trial.user_attrs.get(TrialAttribute.RETRY_OF)
    if again is None:
        return ()
    attributes = {one.number: one.user_attrs for one in study.get_trials(deepcopy=False)}
    runs = []
    while again in attributes:
        runs.append(attributes[again].get(TrialAttribute.RUN_ID))
        again = attributes[again].get(TrialAttribute.RETRY_OF)
    return tuple(run for run in runs if run is not None)


def _sealed(step: int, state: bytes) -> bytes:
    """A file that says whether it is whole."""
    if len(state) > LARGEST:
        raise ValueError(f"a checkpoint of {len(state)} bytes is more than {LARGEST}")
    content = f"{step}\n".encode() + state
    return hashlib.sha256(content).hexdigest().encode() + b"\n" + content


def _opened(sealed: bytes) -> Checkpoint | None:
    """What was sealed; None when its writer died on the way."""
    digest, _, content = sealed.partition(b"\n")
    if hashlib.sha256(content).hexdigest().encode() != digest:
        return None
    step, _, state = content.partition(b"\n")
    return Checkpoint(int(step), state)
