"""The version in production: what it says of the held-out rows, and what its clients send."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts, list_artifacts
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature

from leadsman_api.reasons import Reason
from leadsman_api.reference_profile import PROFILE_FILE, ReferenceProfile
from leadsman_api.v1alpha1.objective import Champion
from leadsman_api.v1alpha1.training_run_status import GateCheck
from leadsman_training.candidate import predict
from leadsman_training.data import Split
from leadsman_training.errors import NoUse
from leadsman_training.scores import Predictions
from leadsman_training.served import from_registry, judged

_WIDER = ("boolean", "integer", "long", "float", "double")
"""MLflow's number types: a column of one of them takes values of those before it."""
_MOST_NAMED = 5


def champion_version(client: MlflowClient, name: str, against: Champion) -> int | None:
    """The version that the gate compares with; None when there is none."""
    try:
        if against.version is not None:
            return int(client.get_model_version(name, str(against.version)).version)
        return int(client.get_model_version_by_alias(name, str(against.alias)).version)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def reference_profile(name: str, version: int) -> ReferenceProfile | None:
    """How the data was spread that a version has learnt from; None where nobody wrote it down."""
    place = f"models:/{name}/{version}"
    if all(one.path != PROFILE_FILE for one in list_artifacts(artifact_uri=place)):
        return None
    with tempfile.TemporaryDirectory() as folder:
        file = download_artifacts(artifact_uri=f"{place}/{PROFILE_FILE}", dst_path=folder)
        return ReferenceProfile.from_text(Path(file).read_text(encoding="utf-8"))


def answers(name: str, version: int, split: Split) -> Predictions:
    """What a version says of the held-out rows; NoUse when it can't say anything of them."""
    model = from_registry(f"models:/{name}/{version}")
    try:
        return predict(judged(model, split), split.test_x)
    except (ValueError, TypeError, LookupError, AttributeError, MlflowException) as error:
        raise NoUse(
            Reason.DATA_INVALID,
            f"version {version}, which spec.gate.against names, can't judge these rows, so that"
            f" nothing can be compared with it: {error}"[:900],
        ) from error


# The signature


@dataclass(frozen=True, slots=True)
class _Column:
    kind: str
    required: bool


def check_signature(known: ModelSignature | None, new: ModelSignature | None) -> GateCheck:
    """Whether clients of the champion could ask the new version, and read what it answers."""
    if known is None or known.inputs is None:
        return _signature(passed=True, message="the champion has no signature to compare with")
    if new is None or new.inputs is None:
        return _signature(passed=False, message="the new version has no signature")
    complaints = [*_inputs(_columns(known.inputs), _columns(new.inputs)), *_outputs(known, new)]
    if complaints:
        return _signature(passed=False, message="; ".join(complaints[:_MOST_NAMED]))
    return _signature(passed=True, message="the new version takes and gives what the champion does")


def _signature(*, passed: bool, message: str) -> GateCheck:
    return GateCheck(metric="signature", passed=passed, message=message[:1024])


def _inputs(known: dict[str, _Column], new: dict[str, _Column]) -> list[str]:
    found = []
    for name, column in new.items():
        before = known.get(name)
        if before is None:
            if column.required:
                found.append(f"clients of the champion do not send {name}")
        elif not _takes(column.kind, before.kind):
            found.append(f"{name} was {before.kind} and would have to be {column.kind}")
        elif column.required and not before.required:
            found.append(f"{name} may be left out by clients of the champion, and is needed now")
    return found


def _outputs(known: ModelSignature, new: ModelSignature) -> list[str]:
    if known.outputs is None or new.outputs is None:
        return []
    before, now = (
        [_family(str(kind)) for kind in one.outputs.input_types()] for one in (known, new)
    )
    if len(before) != len(now):
        return [f"there are {len(now)} outputs where the champion has {len(before)}"]
    pairs = zip(before, now, strict=True)
    return [f"the output was {was} and would be {would}" for was, would in pairs if was != would]


def _family(kind: str) -> str:
    """Words or numbers: both MLflow's names and NumPy's are met, and no client tells them apart."""
    is_text = kind.startswith(("<U", "object", "DataType.string", "str"))
    return "words" if is_text else "numbers"


def _columns(schema: Any) -> dict[str, _Column]:  # noqa: ANN401 - mlflow has no types for it
    return {
        str(name): _Column(str(one.type).rpartition(".")[2], bool(getattr(one, "required", True)))
        for name, one in zip(schema.input_names(), schema.inputs, strict=True)
    }


def _takes(kind: str, value: str) -> bool:
    if kind in _WIDER and value in _WIDER:
        return _WIDER.index(kind) >= _WIDER.index(value)
    return kind == value
