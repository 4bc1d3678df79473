"""What the process knows about itself, and the health that follows from it.

Written by the event loop of the model port, read by the thread of the side port as
well: each fact is a single attribute, so that a reader needs no lock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus

from leadsman_serving.work_counts import LATENESS, Tally

BEAT_SECONDS = 0.5
"""How often the event loop shows that it runs."""


class Reason(StrEnum):
    """Why the process is not healthy."""

    NO_MODEL = "NoModel"
    DRAINING = "Draining"
    STUCK = "Stuck"


@dataclass(slots=True)
class Lifecycle:
    """The state of one server process."""

    beat_at: float
    """When the event loop last showed that it runs, on the monotonic clock."""

    model_loaded: bool = False
    """Whether a model is there that has answered once."""

    draining: bool = False
    """Whether the process was asked to end."""

    in_flight: int = field(default=0, init=False)
    """Requests on the model port that have begun and not ended."""

    lateness: Tally = field(default_factory=lambda: Tally(LATENESS), init=False)
    """How late each sign of life was."""


def loop_lag_seconds(lifecycle: Lifecycle, *, now: float) -> float:
    """How late the event loop is with its next sign of life."""
    return max(0.0, now - lifecycle.beat_at - BEAT_SECONDS)


@dataclass(frozen=True, slots=True)
class Health:
    """The answer to a probe."""

    code: HTTPStatus
    body: dict[str, str]


def liveness(lifecycle: Lifecycle, *, now: float, stuck_after_seconds: float) -> Health:
    """Only a restart helps against a loop that stands still: nothing else fails liveness."""
    silent_for_seconds = now - lifecycle.beat_at
    if silent_for_seconds > stuck_after_seconds:
        message = f"The event loop has not moved for {silent_for_seconds:.1f} s."
        return Health(
            HTTPStatus.SERVICE_UNAVAILABLE,
            {"status": "NotLive", "reason": Reason.STUCK, "message": message},
        )
    return Health(HTTPStatus.OK, {"status": "Live"})


NO_MODEL_MESSAGE = "No model is loaded: LEADSMAN_MODEL_DIR names none."


def readiness(lifecycle: Lifecycle) -> Health:
    """The process may get traffic when it has a model and is not about to end."""
    if lifecycle.draining:
        reason, message = Reason.DRAINING, "The process was asked to end and finishes its requests."
    elif lifecycle.model_loaded:
        return Health(HTTPStatus.OK, {"status": "Ready"})
    else:
        reason, message = Reason.NO_MODEL, NO_MODEL_MESSAGE
    return Health(
        HTTPStatus.SERVICE_UNAVAILABLE,
        {"status": "NotReady", "reason": reason, "message": message},
    )
