"""From a model to the plan that serves it: the first candidate that is proven and faster."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from leadsman_serving.flavors import Predictor
from leadsman_serving.model import Model
from leadsman_serving.plans.candidates import Candidate, candidates
from leadsman_serving.plans.hints import hints_of
from leadsman_serving.plans.proof import (
    Answer,
    Different,
    Proof,
    answers_of,
    prove,
    tables_for,
)
from leadsman_serving.plans.stored import FOLDER, PlanFile, backend_of, load_plan, write_plan
from leadsman_serving.plans.unsuited import Unsuited
from leadsman_serving.table import Table

_logger = logging.getLogger(__name__)
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Compiled:
    """What came of it."""

    plan: PlanFile | None
    refused: tuple[str, ...]
    """Why others were refused, a sentence each, the fastest first."""


def compile_model(model: Model, digest: str, folder: Path) -> Compiled:
    """Write the best plan into a folder of its own; the original serves where there is none."""
    place = folder / FOLDER
    shutil.rmtree(place, ignore_errors=True)
    refused: list[str] = []
    if model.is_code or not model.example or model.schema.tensors or not model.schema.columns:
        return Compiled(None, ("no plan: its inputs are not known by columns and an example",))
    against = _Against(model)
    for candidate in candidates(model.predictor, model.schema, model.example):
        place.mkdir(exist_ok=True)
        try:
            plan = _tried(candidate, model, digest, place, against)
        except (Unsuited, Different) as error:
            refused.append(f"{candidate.backend}: {error}"[:_LONGEST])
        except Exception as error:  # noqa: BLE001 - a plan that fails must not fail the model
            refused.append(f"{candidate.backend}: {type(error).__name__}: {error}"[:_LONGEST])
        else:
            # Of the engine that serves, another form was refused: no reason against the engine.
            reasons = tuple(one for one in refused if not one.startswith(f"{plan.backend}: "))
            plan = msgspec.structs.replace(plan, refused=reasons)
            write_plan(place, plan)
            return Compiled(plan, reasons)
        shutil.rmtree(place)
    if not refused:
        kind = type(getattr(model.predictor, "original", model.predictor)).__name__
        refused.append(f"no plan is built for {kind}")
    return Compiled(None, tuple(refused))


class _Against:
    """The rows of the proof and the original's answers: made at the first need, and only once."""

    def __init__(self, model: Model) -> None:
        self._model = model

    @cached_property
    def tables(self) -> list[Table]:
        model = self._model
        hints = hints_of(model.predictor, model.schema, model.example)
        return tables_for(model.schema, model.example, hints, model.predictor)

    @cached_property
    def answers(self) -> list[Answer]:
        return answers_of(self._model.predictor, self.tables)

    def proof(self, plan: Predictor, candidate: Candidate) -> Proof:
        """The proof of a candidate's plan; Different where it is none."""
        proof = prove(plan, self._model.predictor, self.tables, self.answers, candidate.within)
        _logger.info(
            "Proven equal.",
            extra={
                "backend": candidate.backend,
                "rows": proof.rows,
                "largest_difference": proof.largest_difference,
                "row": _ms(proof.row_seconds),
                "row_of_the_original": _ms(proof.original_seconds),
            },
        )
        return proof


def _tried(
    candidate: Candidate,
    model: Model,
    digest: str,
    place: Path,
    against: _Against,
) -> PlanFile:
    settings = candidate.write(place)
    plan = load_plan(place, candidate.backend, settings)
    proof = against.proof(plan, candidate)
    if proof.row_seconds >= proof.original_seconds:
        raise Unsuited(
            f"equal, but a row takes {_ms(proof.row_seconds)},"
            f" and {_ms(proof.original_seconds)} with the original"
        )
    return PlanFile(
        backend=candidate.backend,
        flavor=model.flavor,
        digest=digest,
        library=backend_of(candidate.backend).library(),
        rows=proof.rows,
        largest_difference=proof.largest_difference,
        allows_missing=model.schema.allows_missing,
        row_seconds=proof.row_seconds,
        settings=settings,
    )


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms"
