"""What a version keeps of the spec that it was trained by, so that it can be trained again.

It says what is trained, never what runs. Whoever may write to the registry must not choose images,
variables, Secrets, nodes or devices of a namespace by it, so those are taken out whenever one is
made: by the writer, and again by the reader.
"""

from __future__ import annotations

from typing import Self

from pydantic import field_validator

from leadsman_api.text import Text
from leadsman_api.v1alpha1.data import Data
from leadsman_api.v1alpha1.objective import Objective
from leadsman_api.v1alpha1.pods import Resources
from leadsman_api.v1alpha1.trainer import Trainer
from leadsman_api.v1alpha1.training_run_spec import TrainingRunSpec

_OF_TRAINING = frozenset(
    {"algorithm", "entrypoint", "task", "class_weights", "calibration", "early_stopping"}
    | {"parameters"}
)
_SIZES = frozenset({"cpu", "memory"})
"""What a model needs to be trained at all; other resources are devices, or room on a node."""


class RecordedSpec(Text):
    """The value of the tag `leadsman.spec` of a version."""

    data: Data
    """What it was trained on."""
    trainer: Trainer
    """What was trained."""
    objective: Objective
    """What training aimed at."""

    @field_validator("data")
    @classmethod
    def _without_secret(cls, data: Data) -> Data:
        source = data.source.model_copy(update={"secret_ref": None})
        return data.model_copy(update={"source": source})

    @field_validator("trainer")
    @classmethod
    def _without_rights(cls, trainer: Trainer) -> Trainer:
        kept = {name: value for name, value in trainer if name in _OF_TRAINING}
        sizes = {
            kind: {name: amount for name, amount in amounts.items() if name in _SIZES}
            for kind, amounts in trainer.resources
        }
        return Trainer(**kept, resources=Resources(**sizes))

    @classmethod
    def of(cls, spec: TrainingRunSpec, uri: str) -> Self:
        """What is kept of a spec, with the address of the data as it was read then."""
        source = spec.data.source.model_copy(update={"uri": uri})
        data = spec.data.model_copy(update={"source": source})
        return cls(data=data, trainer=spec.trainer, objective=spec.objective)

    def completed(self, spec: TrainingRunSpec) -> TrainingRunSpec:
        """A spec with what it leaves out as it is kept here."""
        return spec.model_copy(
            update={
                "asked_data": spec.asked_data or self.data,
                "trainer": spec.asked_trainer or self.trainer,
                "asked_objective": spec.asked_objective or self.objective,
            }
        )
