"""TrainingRun: searches, trains, gates and registers a model."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from leadsman_api.custom_resource import Column, Resource, ResourceNames, Scale
from leadsman_api.rules import Immutable, Rule
from leadsman_api.v1alpha1.search import Pruner, Sampler, SearchMode
from leadsman_api.v1alpha1.training_run_spec import TrainingRunSpec
from leadsman_api.v1alpha1.training_run_status import TrainingRunStatus

# What was found belongs to these; trials, parallelism, times, patience, suspend and the
# approval may change while the run goes on. A value is what an absent field means.
_DECIDED: dict[str, str | int | None] = {
    "model": None,
    "data": None,
    "trainer": None,
    "objective": None,
    "gate": None,
    "promotion.alias": None,
    "reproduce": None,
    "queue": None,
    "search.sampler": Sampler.TPE.value,
    "search.samplerOptions": None,
    "search.pruner": Pruner.HYPERBAND.value,
    "search.prunerOptions": None,
    "search.seed": 0,
    "search.mode": SearchMode.WORKERS.value,
    "search.space": None,
    "search.storage": None,
}


LONGEST_SCHEDULED_NAME = 27
"""Of the 40 characters of a name, the runs of a schedule take 13 for their time."""


class TrainingRun(Resource):
    """Searches, trains, gates and registers a version of a model."""

    invariants: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel=f"!has(self.spec.schedule) || size(self.metadata.name) <= {LONGEST_SCHEDULED_NAME}",
            check=lambda run: (
                run.spec.schedule is None or len(run.metadata.name) <= LONGEST_SCHEDULED_NAME
            ),
            message=f"a run with a schedule needs a name of at most {LONGEST_SCHEDULED_NAME}"
            " characters: the names of the runs that it makes end with their time",
            field="spec.schedule",
        ),
    )
    names: ClassVar[ResourceNames] = ResourceNames(
        kind="TrainingRun", plural="trainingruns", short=("tr",)
    )
    # Workers may come and go while a search runs: kubectl scale sets how many.
    scale: ClassVar[Scale] = Scale(
        spec=".spec.search.parallelism", status=".status.workers", selector=".status.selector"
    )
    columns: ClassVar[tuple[Column, ...]] = (
        Column("Model", ".spec.model.name"),
        Column("Phase", ".status.phase"),
        Column("Trials", ".status.trials.progress"),
        Column("Best", ".status.best.value", type="number"),
        Column("Gain", ".status.improvementOverBaseline", type="number"),
        Column("Gate", ".status.gate.passed", type="boolean"),
        Column("Version", ".status.modelVersion", type="integer"),
        Column("Left", ".status.timings.remaining"),
        Column("Age", ".metadata.creationTimestamp", type="date"),
        Column("Message", ".status.message", wide=True),
        Column("Metric", ".spec.objective.metric", wide=True),
        Column("Workers", ".status.workers", type="integer", wide=True),
        Column("Next", ".status.schedule.nextAt", wide=True),
    )
    immutable: ClassVar[tuple[Immutable, ...]] = (
        *(
            Immutable(
                field=f"spec.{part}",
                advice="make another TrainingRun with the new value",
                default=meaning,
            )
            for part, meaning in _DECIDED.items()
        ),
        Immutable(
            field="spec.schedule",
            advice="make another TrainingRun, with or without a schedule",
            only_presence=True,
        ),
    )

    kind: Literal["TrainingRun"] = "TrainingRun"
    """Kind of the resource."""
    spec: TrainingRunSpec
    """What the run is asked to do."""
    status: TrainingRunStatus = Field(default_factory=TrainingRunStatus)
    """What the operator reports."""
