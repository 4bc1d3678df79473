"""When a served model is trained again."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from leadsman_api.contract import Contract
from leadsman_api.rules import Rule, at_least_one_of
from leadsman_api.v1alpha1.training_run_spec import TrainingRunSpec
from leadsman_api.values import Count, Form, PositiveDuration
from leadsman_api.vocabulary import Term

Cron = Annotated[
    str,
    Form(
        r"^(@(hourly|daily|midnight|weekly|monthly|yearly|annually)"
        r"|[-0-9*/,]+ +[-0-9*/,]+ +[-0-9*/,?LW]+ +[-0-9*/,A-Za-z]+ +[-0-9*/,A-Za-z#?]+)$",
        "write five fields such as '0 3 * * 1', or @daily",
        longest=100,
    ),
]
TimeZone = Annotated[
    str,
    Form(
        r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$",
        "write a time zone such as Europe/Berlin or Etc/UTC",
        longest=64,
    ),
]


class Concurrency(Term):
    """What to do when the last run still goes on."""

    FORBID = "Forbid", "leave this one out."
    REPLACE = "Replace", "stop the last one."


class Schedule(Contract):
    """Times at which to train."""

    cron: Cron
    """When, in the five fields of cron."""
    time_zone: TimeZone = "Etc/UTC"
    """Time zone of these times."""
    concurrency: Concurrency = Concurrency.FORBID
    """What to do when the last run still goes on."""
    starting_deadline: PositiveDuration | None = None
    """How late a run may start when its time was missed; for ever when left out."""


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
