"""The counting of Argo Rollouts and of Flagger, one measurement after the other.

Read in the sources of Argo Rollouts 1.10 (analysis/analysis.go) and Flagger 1.44
(pkg/controller/scheduler.go). Where a measurement comes from, and when it is due, is for those
who ask; the operator's judge and the simulation count by this very code.

All numbers may be arrays of any one shape: the simulation leads thousands of rollouts at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadsman_operator.planner.judge.sequential import Number

Truths = NDArray[np.bool_]
Phases = NDArray[np.int_]


class Phase(IntEnum):
    """What a measurement says, and what all of them say of a metric of Argo Rollouts."""

    RUNNING = 0
    """Nothing was measured; nothing is decided."""
    SUCCESSFUL = 1
    FAILED = 2
    INCONCLUSIVE = 3
    """Neither good nor bad: a person has to look."""
    ERROR = 4
    """The query got no answer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a metric of Argo Rollouts bears; their defaults."""

    failures: int = 0
    inconclusive: int = 0
    errors: int = 4
    """Queries in vain, one after the other."""
    count: int | None = None
    """Measurements after which it is successful; None: there is no end of them."""


@dataclass(frozen=True, slots=True)
class Metric:
    """The measurements of one metric so far. Those that failed are never forgotten."""

    successful: Number = 0
    failed: Number = 0
    inconclusive: Number = 0
    errors: Number = 0
    """Queries in vain since the latest answer; they don't count as measurements."""


def measured(before: Metric, phase: ArrayLike) -> Metric:
    """Add one measurement; nothing where it is RUNNING."""
    found = np.asarray(phase)
    errors = np.where(found == Phase.ERROR, before.errors + 1, 0)
    return Metric(
        before.successful + (found == Phase.SUCCESSFUL),
        before.failed + (found == Phase.FAILED),
        before.inconclusive + (found == Phase.INCONCLUSIVE),
        np.where(found == Phase.RUNNING, before.errors, errors),
    )


def assessed(metric: Metric, limits: Limits) -> Phases:
    """What becomes of a metric after a measurement: more than a limit ends it, and its rollout."""
    made = np.asarray(metric.successful + metric.failed + metric.inconclusive)
    found = np.full(made.shape, Phase.RUNNING, dtype=int)
    if limits.count is not None:
        found = np.where(made >= limits.count, Phase.SUCCESSFUL, found)
    for counted, limit, phase in (
        (metric.failed, limits.failures, Phase.FAILED),
        (metric.inconclusive, limits.inconclusive, Phase.INCONCLUSIVE),
        (metric.errors, limits.errors, Phase.ERROR),
    ):
        found = np.where(np.asarray(counted) > limit, phase, found)
    return found


def ticked(failed: Number, failing: ArrayLike, threshold: int) -> tuple[Number, Truths]:
    """One tick of a Flagger canary: its failed checks after it, and whether it goes back.

    The counter is looked at before anything is checked: so a canary goes back one tick after the
    check that failed last. It is never reset, and one tick adds one failed check at most.
    """
    goes_back = np.asarray(failed) >= threshold
    counted = np.asarray(failing) & ~goes_back
    return np.asarray(failed + counted, dtype=float), goes_back
