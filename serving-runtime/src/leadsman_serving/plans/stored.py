"""A plan as the fetch step leaves it for the server: `plan.json` and the files beside it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from leadsman_serving.flavors import Predictor
from leadsman_serving.plans.unsuited import Unsuited

FOLDER = "plan"
FEATURES = "before"
"""Key of the settings of a plan in two stages: what becomes of the columns."""
LIMIT = "limit"
"""Key of the settings of a plan that has to refuse what its original refuses: which numbers."""
_FILE = "plan.json"
ENGINES = {
    "numpy": "linear",
    "composed": "composed",
    "onnx": "graph",
    "lightgbm": "lightgbm_rows",
    "trees": "tree_rows",
    "xgboost": "xgboost_rows",
}
"""The module of each."""


class PlanFile(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a plan."""

    backend: str
    """Which engine answers, such as `numpy`."""
    flavor: str
    """Flavor of the original."""
    digest: str
    """Of the model that it was compiled from."""
    library: str
    """Name and version of the engine: another one has to be proven anew."""
    rows: int
    """Rows on which it was compared with the original."""
    largest_difference: float
    """Of any number in its answers to the original's."""
    allows_missing: bool
    """Whether the original takes numbers that are missing."""
    row_seconds: float
    """What one row took when it was proven."""
    refused: tuple[str, ...] = ()
    """Why faster ones were refused, one sentence each."""
    settings: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """What the engine needs beside its files."""


class Backend(Protocol):
    """A module of this package that runs plans."""

    def library(self) -> str:
        """Name and version of what runs them."""

    def load(self, folder: Path, settings: Mapping[str, Any]) -> Predictor:
        """A plan from its files."""


def backend_of(name: str) -> Backend:
    """The module of a backend; only that of the plan that serves is imported."""
    module: Any = importlib.import_module(f"leadsman_serving.plans.{ENGINES[name]}")
    return module  # type: ignore[no-any-return]


def load_plan(folder: Path, backend: str, settings: Mapping[str, Any]) -> Predictor:
    """A plan from its files, with what stands before its model if it has that."""
    model = backend_of(backend).load(folder, settings)
    if LIMIT in settings:
        from leadsman_serving.plans.limited import LimitedPlan  # noqa: PLC0415 - few plans do

        model = LimitedPlan(model, settings[LIMIT])
    if FEATURES not in settings:
        return model
    from leadsman_serving.plans import features, staged  # noqa: PLC0415 - not every plan has them

    return staged.StagedPlan(features.load(folder, settings[FEATURES]), model)


def write_plan(folder: Path, plan: PlanFile) -> None:
    """Write the description, as the last of the plan's files."""
    (folder / _FILE).write_bytes(msgspec.json.encode(plan))


def read_plan(folder: Path, digest: str) -> PlanFile | None:
    """The plan of a model; None where there is none that this image can trust.

    An empty digest is any: whoever serves files without one trusts what lies beside them.
    """
    try:
        plan = msgspec.json.decode((folder / _FILE).read_bytes(), type=PlanFile)
    except (OSError, msgspec.DecodeError):
        return None
    if digest not in ("", plan.digest) or plan.backend not in ENGINES:
        return None
    return plan if plan.library == backend_of(plan.backend).library() else None


def classes_of(values: Sequence[Any] | None) -> list[Any] | None:
    """Class labels as JSON has them; Unsuited where it has no exact word for them."""
    if values is None:
        return None
    plain = [value.item() if hasattr(value, "item") else value for value in values]
    kinds = {type(value) for value in plain}
    if len(kinds) != 1 or not kinds <= {int, str, bool, float}:
        raise Unsuited("its classes have labels that are neither texts nor numbers")
    return plain
