"""What a training run is asked to do."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import Field

from leadsman_api.contract import Contract, nested
from leadsman_api.rules import Rule, at_most_one_of, value_at
from leadsman_api.v1alpha1.data import Data
from leadsman_api.v1alpha1.model_source import Registry
from leadsman_api.v1alpha1.objective import Gate, Objective, Promotion
from leadsman_api.v1alpha1.schedule import RunSchedule
from leadsman_api.v1alpha1.search import Pruner, Sampler, Search, SearchMode
from leadsman_api.v1alpha1.trainer import Algorithm, Trainer
from leadsman_api.values import Duration, Fraction, ModelName, ObjectName, VersionNumber


class TrainedModel(Contract):
    """The registered model that gets the new version."""

    name: ModelName
    """Name of the registered model; it is made when there is none."""
    registry: Registry | None = None
    """Registry of the model; the operator's when left out."""


class Reproduce(Contract):
    """A version that is trained again from what was recorded, and compared."""

    version: VersionNumber
    """Version to train again."""
    tolerance: Fraction = 0.0
    """Largest difference of a prediction that still counts as equal."""
    seed: Annotated[int, Field(ge=0, le=4294967295)] | None = None
    """Seed in place of the recorded one, to see how much of the model is chance."""


class Queue(Contract):
    """The Kueue queue that admits the pods."""

    name: ObjectName
    """Name of the LocalQueue."""
    priority_class: ObjectName | None = None
    """Name of a WorkloadPriorityClass."""
    min_parallelism: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Fewest workers to start with; all of them when left out."""


def _needed(field: str) -> Rule:
    """A field that only a version which is trained again has on record."""
    return Rule(
        cel=f"has(self.{field}) || has(self.reproduce)",
        check=lambda spec: value_at(spec, field) is not None or spec.reproduce is not None,
        message=f"{field} is needed: only a reproduction takes it from what was recorded",
        field=field,
    )


def _has_several_objectives(spec: TrainingRunSpec) -> bool:
    objective = spec.asked_objective
    return objective is not None and bool(objective.additional)


def _keeps_pareto(spec: TrainingRunSpec) -> bool:
    if not _has_several_objectives(spec) or spec.search is None:
        return True
    return spec.search.pruner is Pruner.NONE


def _samples_pareto(spec: TrainingRunSpec) -> bool:
    if not _has_several_objectives(spec) or spec.search is None:
        return True
    return spec.search.sampler is not Sampler.CMA_ES


def _queue_fits(spec: TrainingRunSpec) -> bool:
    minimum = spec.queue.min_parallelism if spec.queue else None
    return minimum is None or spec.search is None or minimum <= spec.search.parallelism


def _queue_admits_together(spec: TrainingRunSpec) -> bool:
    minimum = spec.queue.min_parallelism if spec.queue else None
    return minimum is None or spec.search is None or spec.search.mode is SearchMode.WORKERS


_DEFAULT_TRAINER = Trainer(algorithm=Algorithm.AUTO)

Part = TypeVar("Part")


def _known(part: Part | None) -> Part:
    if part is None:
        raise LookupError("the record of the version has to be read first")
    return part


class TrainingRunSpec(Contract):
    """What a training run is asked to do."""

    invariants = (
        _needed("data"),
        _needed("objective"),
        at_most_one_of(
            "reproduce",
            "search",
            because="a reproduction takes its parameters from what was recorded",
        ),
        Rule(
            cel="!has(self.objective) || !has(self.objective.additional)"
            " || size(self.objective.additional) == 0"
            " || !has(self.search) || !has(self.search.pruner) || self.search.pruner == 'None'",
            check=_keeps_pareto,
            message="pruning knows a single objective: with objective.additional write "
            "search.pruner None",
            field="search.pruner",
        ),
        Rule(
            cel="!has(self.objective) || !has(self.objective.additional)"
            " || size(self.objective.additional) == 0"
            " || !has(self.search) || !has(self.search.sampler) || self.search.sampler != 'CmaEs'",
            check=_samples_pareto,
            message="sampler CmaEs knows a single objective: with objective.additional take TPE or"
            " NSGAII",
            field="search.sampler",
        ),
        Rule(
            cel="!has(self.queue) || !has(self.queue.minParallelism) || !has(self.search)"
            " || !has(self.search.parallelism)"
            " || self.queue.minParallelism <= self.search.parallelism",
            check=_queue_fits,
            message="queue.minParallelism must not be above search.parallelism: lower it",
            field="queue.minParallelism",
        ),
        Rule(
            cel="!has(self.queue) || !has(self.queue.minParallelism) || !has(self.search)"
            " || !has(self.search.mode) || self.search.mode != 'JobPerTrial'",
            check=_queue_admits_together,
            message="queue.minParallelism is for the pods of one Job: with search.mode JobPerTrial"
            " the queue admits each trial by itself, leave it out",
            field="queue.minParallelism",
        ),
    )

    model: TrainedModel
    """The registered model that gets the new version."""
    asked_data: Data | None = Field(default=None, alias="data")
    """What the model is trained on; with reproduce what was recorded, when left out."""
    trainer: Trainer = _DEFAULT_TRAINER
    """What is trained and the pods that train it; with reproduce what was recorded, when left out
    or as it is by default."""
    asked_objective: Objective | None = Field(default=None, alias="objective")
    """What training aims at; with reproduce what was recorded, when left out."""
    search: Search | None = None
    """How parameters are searched; with the defaults of its fields when left out."""
    gate: Gate = nested(Gate)
    """What the version must show before it may carry the alias."""
    promotion: Promotion = nested(Promotion)
    """What happens when it passed the gate."""
    reproduce: Reproduce | None = None
    """A version to train again, instead of a search."""
    queue: Queue | None = None
    """The Kueue queue; pods start at once when left out."""
    schedule: RunSchedule | None = None
    """Times at which another run is made with the rest of this spec; this one trains nothing."""
    suspend: bool = False
    """Stop the pods and keep what was found, until this is false again; with a schedule: make no
    more runs."""
    keep_pods_for: Duration = Field(default="1h", validate_default=True)
    """Time that the pods of a finished run are kept, for their logs."""

    @property
    def is_whole(self) -> bool:
        """Whether it says itself what is trained, and needs no record of a version for it."""
        asked = (self.asked_data, self.asked_trainer, self.asked_objective)
        return self.reproduce is None or None not in asked

    @property
    def data(self) -> Data:
        """What the model is trained on; LookupError where only a record says it."""
        return _known(self.asked_data)

    @property
    def asked_trainer(self) -> Trainer | None:
        """The trainer that was asked for; None for the default, which the API server writes too."""
        return None if self.trainer == _DEFAULT_TRAINER else self.trainer

    @property
    def objective(self) -> Objective:
        """What training aims at; LookupError where only a record says it."""
        return _known(self.asked_objective)

    @property
    def effective_search(self) -> Search | None:
        """The search that is meant: the defaults when it was left out, none to reproduce."""
        if self.search is not None or self.reproduce is not None:
            return self.search
        return Search(pruner=Pruner.NONE) if self.objective.additional else Search()
