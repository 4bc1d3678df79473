"""Thousands of rollouts side by side: where each stands, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from leadsman_operator.forecast.traffic import Floats, Look, Truths


class Outcome(IntEnum):
    """How a rollout ended, within the time that was simulated."""

    RUNNING = 0
    """It waits for evidence, or for a person."""
    PROMOTED = 1
    ROLLED_BACK = 2


@dataclass(slots=True)
class Rollouts:
    """Where each of many rollouts stands. Its arrays change as the time goes on."""

    weight: Floats
    """Share of the requests that the candidate gets."""
    outcome: NDArray[np.int8]
    ended: Floats
    """Seconds since the rollout began; infinite while it runs."""

    serving: Floats
    """1 where some revision serves, 0 in the middle of a Swap."""
    unserved: Floats
    """Seconds in which nothing served."""

    @property
    def running(self) -> Truths:
        """Those that have not ended."""
        return np.asarray(self.outcome == Outcome.RUNNING)

    def set_weight(self, chosen: Truths, weight: Floats | float) -> None:
        """Give another weight to some of those that run."""
        self.weight = np.where(chosen & self.running, weight, self.weight)

    def end(self, chosen: Truths, outcome: Outcome, at: float) -> None:
        """End some of those that run."""
        ending = chosen & self.running
        self.outcome[ending] = outcome
        self.ended[ending] = at
        self.weight[ending] = 1.0 if outcome is Outcome.PROMOTED else 0.0


def started(number: int, weight: float) -> Rollouts:
    """All at the beginning."""
    return Rollouts(
        np.full(number, weight),
        np.zeros(number, dtype=np.int8),
        np.full(number, np.inf),
        np.ones(number),
        np.zeros(number),
    )


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What a judge says of many rollouts after a look."""

    bad: Truths
    good: Truths
    blind: Truths
    stable_counted: Truths
    """Whether anything was counted of the stable revision since the rollout began."""


class Course(Protocol):
    """A rule that leads many rollouts through the same traffic."""

    rollouts: Rollouts
    horizon: float
    """Seconds after which nothing is left to decide."""

    def after(self, look: Look) -> None:
        """Decide what one look gives to decide."""
