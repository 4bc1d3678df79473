"""Times at which something is trained, and what happens when the last run still goes on."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from leadsman_api.contract import Contract
from leadsman_api.values import Form, PositiveDuration
from leadsman_api.vocabulary import Term

Cron = Annotated[
    str,
    Form(
        r"^(@(hourly|daily|midnight|weekly|monthly|yearly|annually)"
        r"|[-0-9*/,]+ +[-0-9*/,]+ +[-0-9*/,LW]+ +[-0-9*/,A-Za-z]+ +[-0-9*/,A-Za-z#]+)$",
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

    ALLOW = "Allow", "start the next one beside it."
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


class RunSchedule(Schedule):
    """Times at which a TrainingRun makes another one of its kind, and how many are kept."""

    successful_history_limit: Annotated[int, Field(ge=1, le=100)] = 3
    """Runs that succeeded and are kept."""
    failed_history_limit: Annotated[int, Field(ge=1, le=100)] = 3
    """Runs that failed or were rejected by the gate and are kept."""
