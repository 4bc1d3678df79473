"""A model that was loaded: what predicts, what it takes, and rows to try it with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.model_source import Loading
from leadsman_serving import flavors, policy
from leadsman_serving.errors import BadRequest, ModelRefused
from leadsman_serving.extras import lacking
from leadsman_serving.flavors import Predictor
from leadsman_serving.model_file import ModelFile, read_model_file
from leadsman_serving.outputs import Output, outputs_of
from leadsman_serving.plans.stored import PlanFile, load_plan
from leadsman_serving.protocols import invocations
from leadsman_serving.protocols.params import Param, params_of
from leadsman_serving.schema import Schema, schema_of
from leadsman_serving.table import Table

_LONGEST = 900


@dataclass(frozen=True, slots=True)
class Model:
    """A model and what is known of it."""

    predictor: Predictor
    schema: Schema
    flavor: str
    body: object = None
    """A body for `/invocations` that the model was logged with."""
    example: tuple[Any, ...] = ()
    """Rows that it should be able to answer: those it was logged with, or one made up."""
    is_made_up: bool = False
    """Whether the example was made from the signature."""
    plan: PlanFile | None = None
    """The plan that predicts in place of the original; None where the original does."""
    outputs: tuple[Output, ...] = ()
    """What the signature says of its answers; empty where it says nothing."""
    params: tuple[Param, ...] = ()
    """What a request may set beside its rows."""

    @property
    def backend(self) -> str:
        """Which engine answers."""
        return self.plan.backend if self.plan else self.flavor

    @property
    def is_code(self) -> bool:
        """Whether predicting runs code of the model's own."""
        return self.flavor == "python_function"

    def predict(self, table: Table, params: Mapping[str, Any] | None = None) -> object:
        """Whatever the library gives: an array, a list, a frame."""
        return self.predictor.predict(table, params)

    def probabilities(self, table: Table) -> list[Any] | None:
        """The probability of each class for each row; None for a model without any."""
        found = self.predictor.probabilities(table)
        return None if found is None else list(found.tolist())


def load_model(folder: Path, loading: Loading) -> Model:
    """Load the model; ModelRefused says why it can't be."""
    threadpool_limits(1)
    file = read_model_file(folder)
    flavor = policy.check(file, loading)
    predictor = _load(file, flavor, loading)
    try:
        schema = schema_of(file.inputs)
        outputs, params = outputs_of(file.outputs), params_of(file.params)
    except (KeyError, TypeError, ValueError) as error:
        raise failed("its signature can't be read", error) from error
    rows, is_made_up = _example(file.example, schema)
    return Model(
        predictor, schema, flavor, file.example, rows, is_made_up, outputs=outputs, params=params
    )


def load_planned(folder: Path, loading: Loading, plan: PlanFile, place: Path) -> Model:
    """The plan of a model, without the libraries of the original."""
    threadpool_limits(1)
    file = read_model_file(folder)
    policy.check(file, loading)
    schema = replace(schema_of(file.inputs), allows_missing=plan.allows_missing)
    predictor = load_plan(place, plan.backend, plan.settings)
    rows, is_made_up = _example(file.example, schema)
    return Model(
        predictor, schema, plan.flavor, file.example, rows, is_made_up, plan,
        outputs=outputs_of(file.outputs), params=params_of(file.params),
    )  # fmt: skip


def _load(file: ModelFile, flavor: str, loading: Loading) -> Predictor:
    try:
        return flavors.load(file, flavor, loading)
    except ModelRefused:
        raise
    except ModuleNotFoundError as error:
        raise lacking(str(error.name), "the model") from error
    except Exception as error:
        raise failed("it can't be loaded", error) from error


def failed(what: str, error: Exception) -> ModelRefused:
    """What to say when a library or the model's code raised something."""
    message = f"the model failed: {what}: {type(error).__name__}: {error}"
    return ModelRefused(Reason.LOAD_FAILED, message[:_LONGEST])


def _example(body: object, schema: Schema) -> tuple[tuple[Any, ...], bool]:
    """The rows that the model was logged with, or else one made from the signature."""
    try:
        rows = invocations.of_json(body, schema).rows
        schema.table(rows)
    except BadRequest:  # none, or in a form of its own
        made = schema.sample()
        return ((made,) if made is not None else ()), True
    return tuple(rows), False
