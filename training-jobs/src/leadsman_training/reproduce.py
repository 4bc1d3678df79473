"""A version trained again from what was recorded of it, and compared with what came out then."""

from __future__ import annotations

import json
import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from leadsman_api.conclusion import Reproduction
from leadsman_api.labels import Tag
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.search import Search
from leadsman_api.v1alpha1.training_run_spec import Reproduce
from leadsman_api.v1alpha1.training_run_status import (
    Provenance,
    ReproductionStatus,
    ReproductionVerdict,
)
from leadsman_training import provenance
from leadsman_training.candidate import Candidate, predict
from leadsman_training.content import content_digest
from leadsman_training.data import Table
from leadsman_training.errors import NoUse
from leadsman_training.logged import save_model
from leadsman_training.scores import Array, Predictions
from leadsman_training.search_space import Space
from leadsman_training.served import from_registry, judged
from leadsman_training.settings import Settings
from leadsman_training.tracking import patiently

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The version as it was made."""

    version: ModelVersion
    inputs: dict[str, Any]
    space: Space | None
    """Where its parameters were found: it says what each of them means."""

    @property
    def seed(self) -> int:
        """Of splits and estimators."""
        return int(self.inputs["seed"])

    @property
    def parameters(self) -> dict[str, Any]:
        """Of the trial that it was made with."""
        return dict(self.inputs["parameters"])


def recorded(settings: Settings, client: MlflowClient, asked: Reproduce) -> Recorded:
    """What was written down of the version; NoUse when there is no such thing."""
    name = settings.resource.spec.model.name
    try:
        version = client.get_model_version(name, str(asked.version))
    except MlflowException as error:
        raise NoUse(Reason.VERSION_NOT_FOUND, f"{name} has no version {asked.version}") from error
    return recorded_of(client, version)


def recorded_of(client: MlflowClient, version: ModelVersion) -> Recorded:
    """What was written down of a version; NoUse when that can't be read."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            file = client.download_artifacts(str(version.run_id), provenance.FILE, folder)
            found = json.loads(Path(file).read_text(encoding="utf-8"))
        return Recorded(version, found["inputs"], _space(found["about"]["search"]))
    except (MlflowException, OSError, ValueError, LookupError) as error:
        raise NoUse(
            Reason.NOT_REPRODUCIBLE,
            f"the run of version {version.version} has no {provenance.FILE} that can be read:"
            " it was not made by Leadsman, or before it wrote this down",
        ) from error


def _space(search: dict[str, Any]) -> Space | None:
    return Search.model_validate({"space": search["space"]}).space if "space" in search else None


@dataclass(frozen=True)
class Again:
    """What is needed to train a version again."""

    settings: Settings
    asked: Reproduce
    known: Recorded
    candidate: Candidate
    table: Table
    client: MlflowClient

    def run(self) -> Reproduction:
        """Train, compare, and tell the operator by the run: it knows the image."""
        model = self.candidate.fit(optuna.trial.FixedTrial(self.known.parameters))
        found = Reproduction(
            reproduction=self._compared(model),
            provenance=Provenance(
                data_digest=self.table.digest,
                data_revision=self.table.revision,
                rows=len(self.table.frame),
            ),
            pod_uid=self.settings.pod_uid or None,
            recorded_image=self.known.version.tags.get(Tag.IMAGE_DIGEST),
        )
        patiently(lambda: self._write(found), self.settings.tracking_uri)
        return found

    def _compared(self, model: Any) -> ReproductionStatus:  # noqa: ANN401 - any estimator
        name, number = self.known.version.name, self.known.version.version
        differs = provenance.first_difference(self.known.inputs, self._made().inputs())
        with tempfile.TemporaryDirectory() as place:
            before = Path(download_artifacts(f"models:/{name}/{number}", dst_path=place))
            now = save_model(model, self.candidate.split, Path(place) / "again")
            is_same = content_digest(before) == content_digest(now)
            original = judged(from_registry(str(before)), self.candidate.split)
        difference = self._difference(original, model)
        verdict = _verdict(is_same, difference, self.asked.tolerance)
        _logger.info("Compared.", extra={"verdict": verdict, "largest_difference": difference})
        return ReproductionStatus(
            verdict=verdict, first_difference=differs, largest_difference=difference
        )

    def _made(self) -> provenance.Made:
        return provenance.Made(
            spec=self.settings.resource.spec,
            data_digest=self.table.digest,
            rows=len(self.table.frame),
            seed=self.candidate.seed,
            parameters=self.known.parameters,
            commit=self.settings.commit,
        )

    def _difference(self, before: Any, now: Any) -> float | None:  # noqa: ANN401 - any estimator
        """Of the predictions of the held-out rows; None where the first can't answer them."""
        rows = self.candidate.split.test_x
        try:
            return largest_difference(predict(before, rows), predict(now, rows))
        except (ValueError, TypeError, LookupError) as error:
            _logger.warning("The version can't answer these rows: %s", error)
            return None

    def _write(self, found: Reproduction) -> None:
        self.client.set_tag(self.settings.parent_run, str(Tag.REPRODUCTION), found.to_text())
        self.client.set_terminated(self.settings.parent_run, "FINISHED")


def largest_difference(one: Predictions, other: Predictions) -> float | None:
    """Of probabilities or numbers; of classes without them 1 where any differs."""
    if one.probabilities is not None and other.probabilities is not None:
        same_classes = np.array_equal(np.asarray(one.classes), np.asarray(other.classes))
        return _largest(one.probabilities, other.probabilities) if same_classes else None
    if one.values.dtype.kind in "fiu" and other.values.dtype.kind in "fiu":
        return _largest(one.values, other.values)
    return 0.0 if np.array_equal(one.values, other.values) else 1.0


def _largest(one: Array, other: Array) -> float | None:
    """None where there is no number to tell."""
    if one.shape != other.shape or not one.size:
        return None
    found = float(np.max(np.abs(one.astype(float) - other.astype(float))))
    return found if np.isfinite(found) else None


def _verdict(
    is_same: bool,  # noqa: FBT001 - the first of two findings
    difference: float | None,
    tolerance: float,
) -> ReproductionVerdict:
    if is_same:
        return ReproductionVerdict.EXACT
    if difference is not None and difference <= tolerance:
        return ReproductionVerdict.STATISTICAL
    return ReproductionVerdict.NOT_REPRODUCIBLE
