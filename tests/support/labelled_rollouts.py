"""Many rollouts whose answers get labels: drawn, and judged by the judge's own code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from leadsman_operator.planner.judge.remembering import LABELS_SECONDS
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

WEEK = 7 * 86400.0
SCRAPE = 15.0
"""Labels that come all at once are seen in one look of so many seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """How labels come, and how many answers are wrong by them."""

    wrong: float
    """Share of the stable revision's answers."""
    times: float = 1.0
    """So many times as many of the candidate's are."""
    answers: float = 20.0
    """Answers in 15 s, of both revisions together, that get a label."""
    weight: float = 0.2
    """The candidate's part of them."""
    look: float = 15.0
    """Seconds in one look that is drawn: many at once where a rollout takes days."""
    looks: int = 180
    """Looks in the rollout with its bake."""
    late: int = 0
    """Looks after which an answer gets its label."""
    together: int = 1
    """Looks after which the labels of all of them come at once."""
    hours: float = 0.0
    """How far the share wanders for both alike (coefficient of variation)."""
    own: float = 0.0
    """How far that of each revision wanders by itself."""
    lasts: int = 40
    """Looks for which it stays where it wandered to."""
    alone_after: int | None = None
    """Looks after which only the candidate answers."""
    past: float = WEEK
    """Seconds for which labels came before."""


def found(labels: Labels, ratio: float, rate: float, rollouts: int, seed: int) -> Floats:
    """Seconds until each candidate is taken back; infinite where it never is."""
    draw = np.random.default_rng(seed)
    record, recent = _watched(labels, rollouts, draw), 0.0
    ended = np.full(rollouts, np.inf)
    watched, labelled = np.full(rollouts, labels.past), np.zeros(rollouts)
    windows = labels.looks * labels.look / RECENT_SECONDS
    seen = SCRAPE if labels.together > 1 else labels.look
    for look, slice_ in enumerate(_slices(labels, rollouts, draw), start=1):
        begins = recent >= RECENT_SECONDS
        before = replace(record, recent=Tally()) if begins else record
        record = record_with(before, slice_, labels.look, LABELS_SECONDS)
        recent = labels.look + (0.0 if begins else recent)
        watched = watched + np.where(np.asarray(slice_.stable_total) > 0, seen, 0.0)
        labelled = labelled + np.where(np.asarray(slice_.candidate_total) > 0, seen, 0.0)
        span = Span(labelled, recent, watched, LABELS_SECONDS, of_labels=True)
        against = log_against(record, Limit(ratio=ratio, of_labels=True), span, windows)
        due = np.isinf(ended) & (against >= np.log(1 / rate))
        ended = np.where(due, look * labels.look, ended)
    return ended


def _watched(labels: Labels, rollouts: int, draw: np.random.Generator) -> Record:
    """The labels of the stable revisions' answers that came before."""
    number = round(labels.past / LABELS_SECONDS)
    heap = max(1, round(labels.together * labels.look / LABELS_SECONDS))
    factors = _factors(labels, number, LABELS_SECONDS, rollouts, draw)
    answers = labels.answers * LABELS_SECONDS / SCRAPE
    spread, bad, total = nothing_seen((rollouts,)), np.zeros(rollouts), np.zeros(rollouts)
    waiting = nothing = np.zeros((2, rollouts))
    for window, (common, own, _) in enumerate(factors, start=1):
        waiting = waiting + _answers(answers, labels.wrong * common * own, draw)
        new, waiting = (waiting, nothing) if window % heap == 0 else (nothing, waiting)
        spread = spread_with(spread, new[0], new[1], LABELS_SECONDS, LABELS_SECONDS)
        bad, total = bad + new[0], total + new[1]
    return Record(Tally(), Tally(), bad, total, spread)


def _slices(labels: Labels, rollouts: int, draw: np.random.Generator) -> Iterator[Tally]:
    """What each look of the rollout brings: the labels of answers of so much earlier."""
    factors = _factors(labels, labels.looks, labels.look, rollouts, draw)
    answers = labels.answers * labels.look / SCRAPE
    waiting = nothing = np.zeros((4, rollouts))
    for look, (common, stable, candidate) in enumerate(factors, start=1):
        answered = look - labels.late
        is_alone = labels.alone_after is not None and answered > labels.alone_after
        weight = 0.0 if answered < 1 else 1.0 if is_alone else labels.weight
        share = labels.wrong * common
        waiting = waiting + np.concatenate(
            (
                _answers(answers * (1 - weight), share * stable, draw),
                _answers(answers * weight, share * labels.times * candidate, draw),
            )
        )
        new, waiting = (waiting, nothing) if look % labels.together == 0 else (nothing, waiting)
        yield Tally(*new)


def _answers(number: float, share: Floats, draw: np.random.Generator) -> Floats:
    """Wrong answers, and all of them."""
    total = draw.poisson(number, share.shape)
    return np.array((draw.binomial(total, np.minimum(share, 1.0)), total), dtype=float)


def _factors(
    labels: Labels, number: int, seconds: float, rollouts: int, draw: np.random.Generator
) -> Iterator[tuple[Floats, Floats, Floats]]:
    """How far the share is off for both, and for each revision, in one time after the other."""
    steady = labels.lasts * labels.look
    for time in range(number):
        if time == 0 or time * seconds // steady > (time - 1) * seconds // steady:
            part = max(1.0, seconds / steady)
            common, stable, candidate = (
                _factor(one, part, rollouts, draw) for one in (labels.hours, labels.own, labels.own)
            )
        yield common, stable, candidate


def _factor(variation: float, part: float, rollouts: int, draw: np.random.Generator) -> Floats:
    """A gamma factor of mean 1; of several independent ones the mean."""
    if not variation:
        return np.ones(rollouts)
    shape = part * variation**-2
    return np.asarray(draw.gamma(shape, 1 / shape, rollouts))
