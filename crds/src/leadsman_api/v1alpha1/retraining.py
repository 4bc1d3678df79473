"""When a served model is trained again."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from leadsman_api.contract import Contract
from leadsman_api.rules import Rule, at_least_one_of
from leadsman_api.v1alpha1.schedule import Schedule
from leadsman_api.v1alpha1.training_run_spec import TrainingRunSpec
from leadsman_api.values import Count, PositiveDuration


class Drift(Contract):
    """Inputs or predictions that are no longer those of the training data."""

    invariants = (
        Rule(
            cel="self.windows <= self.of",
            check=lambda drift: drift.windows <= drift.of,
            message="windows ({windows}) must not be above of ({of}): lower windows or raise of",
            field="windows",
        ),
    )

    psi: Annotated[float, Field(gt=0, le=10)] = 0.2
    """Population stability index above which a window counts as drifted."""
    window: PositiveDuration = Field(default="1h", validate_default=True)
    """Length of a window."""
    windows: Annotated[int, Field(ge=1, le=100)] = 3
    """Drifted windows that are needed."""
    of: Annotated[int, Field(ge=1, le=100)] = 5
    """Latest windows among which they are counted."""
    min_requests: Annotated[int, Field(ge=1, le=2**31 - 1)] = 1000
    """Requests that a window must hold to count."""


class Degraded(Contract):
    """A stable revision that breaks its own health conditions."""

    for_: PositiveDuration = Field(default="30m", alias="for", validate_default=True)
    """How long the conditions must be broken."""


class DataChange(Contract):
    """Data whose content is no longer the one that was trained on."""

    every: PositiveDuration = Field(default="15m", validate_default=True)
    """Time between two looks at the data."""
    min_new_rows: Count = 0
    """Rows that must have been added."""


class Triggers(Contract):
    """What starts a training."""

    invariants = (
        at_least_one_of(
            "schedule", "drift", "degraded", "dataChange", because="nothing else starts a training"
        ),
    )

    schedule: Schedule | None = None
    """Train at these times."""
    drift: Drift | None = None
    """Train when inputs or predictions drift."""
    degraded: Degraded | None = None
    """Train when the stable revision is no longer healthy."""
    data_change: DataChange | None = None
    """Train when the data has changed."""


class Retraining(Contract):
    """When the model is trained again, and how."""

    invariants = (
        Rule(
            cel="!has(self.template.schedule)",
            check=lambda retraining: retraining.template.schedule is None,
            message="a template has no schedule of its own: write triggers.schedule",
            field="template.schedule",
        ),
    )

    template: TrainingRunSpec
    """The training run that is made each time."""
    # Not `on`: YAML 1.1 reads an unquoted on as true, and kubectl with it.
    triggers: Triggers
    """What starts a training."""
    cooldown: PositiveDuration = Field(default="6h", validate_default=True)
    """Shortest time between two starts."""
    max_rejected: Annotated[int, Field(ge=1, le=100)] = 3
    """Rejected versions in a row after which only a person starts the next training."""
    history_limit: Annotated[int, Field(ge=1, le=100)] = 5
    """Finished training runs that are kept."""
    suspend: bool = False
    """Start no training, until this is false again."""
