"""Many rollouts whose answers get labels: drawn, and judged by the judge's own code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from leadsman_operator.planner.judge.sequential import (
    RECENT_SECONDS,
    Floats,
    Limit,
    Record,
    Span,
    Tally,
    log_against,
    record_with,
)
from leadsman_operator.planner.judge.spread import nothing_seen, spread_with

LOOK = 15.0
PAST, ROLLOUT = 480, 180
"""Looks in the two hours before a rollout, and in one with its bake: 45 minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """How labels come, and how many answers are wrong by them."""

    wrong: float
    """Share of the stable revision's answers."""
    times: float = 1.0
    """So many times as many of the candidate's are."""
    answers: float = 20.0
    """Answers a look, of both revisions together, that get a label."""
    weight: float = 0.2
    """The candidate's part of them."""
    together: int = 1
    """Looks after which the labels of all of them come at once."""
    hours: float = 0.0
    """How far the share wanders for both alike (coefficient of variation)."""
    own: float = 0.0
    """How far that of each revision wanders by itself."""
    lasts: int = 40
    """Looks for which it stays where it wandered to."""
    alone_after: int = ROLLOUT
    """Looks after which only the candidate answers, and no label of the other comes."""


def found(labels: Labels, ratio: float, rate: float, rollouts: int, seed: int) -> Floats:
    """Looks until each candidate is taken back; infinite where it never is."""
    slices = _slices(labels, rollouts, np.random.default_rng(seed))
    record, seconds = _watched(slices, rollouts), 0.0
    ended, recent = np.full(rollouts, np.inf), 0.0
    for look, slice_ in enumerate(slices, start=1):
        begins = recent >= RECENT_SECONDS
        record = record_with(
            replace(record, recent=Tally()) if begins else record, slice_, LOOK, LOOK
        )
        seconds, recent = seconds + LOOK, LOOK + (0.0 if begins else recent)
        span = Span(whole=seconds, recent=recent, past=PAST * LOOK, shortest=LOOK)
        windows = ROLLOUT * LOOK / RECENT_SECONDS
        against = log_against(record, Limit(ratio=ratio, of_labels=True), span, windows)
        ended = np.where(np.isinf(ended) & (against >= np.log(1 / rate)), look, ended)
    return ended


def _watched(slices: Iterator[Tally], rollouts: int) -> Record:
    """What the stable revisions did before."""
    spread, bad, total = nothing_seen((rollouts,)), np.zeros(rollouts), np.zeros(rollouts)
    for _ in range(PAST):
        slice_ = next(slices)
        spread = spread_with(spread, slice_.stable_bad, slice_.stable_total, LOOK, LOOK)
        bad, total = bad + slice_.stable_bad, total + slice_.stable_total
    return Record(Tally(), Tally(), bad, total, spread)


def _slices(labels: Labels, rollouts: int, draw: np.random.Generator) -> Iterator[Tally]:
    """What each look brings: first those before the rollout, in which nothing is tried."""
    common, stable_own, own = np.ones(rollouts), np.ones(rollouts), np.ones(rollouts)
    waiting = nothing = Tally(*(np.zeros(rollouts) for _ in range(4)))
    for look in range(-PAST, ROLLOUT):
        if look % labels.lasts == 0:
            common = _factor(labels.hours, rollouts, draw)
            stable_own, own = (_factor(labels.own, rollouts, draw) for _ in range(2))
        weight = 0.0 if look < 0 else 1.0 if look >= labels.alone_after else labels.weight
        stable = _answers(labels, 1 - weight, common * stable_own, draw)
        candidate = _answers(labels, weight, labels.times * common * own, draw)
        waiting += Tally(*stable, *candidate)
        due = (look + 1) % labels.together == 0
        yield waiting if due else nothing
        waiting = nothing if due else waiting


def _answers(
    labels: Labels, part: float, factor: Floats, draw: np.random.Generator
) -> tuple[Floats, Floats]:
    """Wrong answers of one arm, and all of them."""
    total = draw.poisson(labels.answers * part, factor.shape)
    wrong = draw.binomial(total, np.minimum(labels.wrong * factor, 1.0))
    return wrong.astype(float), total.astype(float)


def _factor(variation: float, rollouts: int, draw: np.random.Generator) -> Floats:
    if not variation:
        return np.ones(rollouts)
    shape = variation**-2
    return np.asarray(draw.gamma(shape, 1 / shape, rollouts))
