"""Where one condition stands: what was counted of it, beside what is tolerated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import log

import numpy as np

from leadsman_api.v1alpha1.evidence import Memory, Verdict
from leadsman_operator.planner.judge.excess import log_mean
from leadsman_operator.planner.judge.remembering import limit_of, record_of, series_of, span_of
from leadsman_operator.planner.judge.sequential import (
    Limit,
    Number,
    Record,
    Span,
    log_against,
    log_cleared,
)

CLEARED = log(20)
"""Evidence of health by which a condition is called good: wrong at most once in twenty times."""


@dataclass(frozen=True)
class Standing:
    """One condition as the test weighs it: its limits, and what was counted beside each."""

    records: tuple[Record, ...]
    limits: tuple[Limit, ...]
    spans: tuple[Span, ...]
    windows: Number
    """How many recent windows there are at most."""

    @cached_property
    def log_each(self) -> list[float]:
        """Logarithm of the evidence that each limit is broken."""
        return [float(log_against(*one, self.windows)) for one in self._each()]

    @cached_property
    def log_evidence(self) -> float:
        """That of all limits together: they count alike."""
        return float(log_mean(np.array(self.log_each)))

    def verdict(self) -> Verdict:
        """Of this condition by itself; whether it is bad depends on all of them."""
        if not any(one.whole.candidate_total for one in self.records):
            return Verdict.BLIND
        cleared = all(log_cleared(*one) >= CLEARED for one in self._each())
        return Verdict.GOOD if cleared and self.log_evidence <= 0 else Verdict.UNDECIDED

    def _each(self) -> Iterator[tuple[Record, Limit, Span]]:
        return zip(self.records, self.limits, self.spans, strict=True)


def standing_of(name: str, memory: Memory, windows: Number) -> Standing | None:
    """Where a condition stands; None while nothing can be held against its limits."""
    series = series_of(memory, name)
    if not series:
        return None
    return Standing(
        records=tuple(map(record_of, series)),
        limits=tuple(map(limit_of, series)),
        spans=tuple(span_of(memory, one) for one in series),
        windows=windows,
    )
