"""What the operator's judge has read of many rollouts, as its memory keeps it of one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from leadsman_operator.forecast.asked import Asked
from leadsman_operator.forecast.traffic import Counts, Look, Traffic, Truths
from leadsman_operator.planner.judge.sequential import Number, Record, Tally, record_with
from leadsman_operator.planner.judge.spread import LONGEST_LOOK, nothing_seen, spread_with


class Records:
    """All records by the row of their counts, and the seconds that they stand for."""

    def __init__(self, asked: Sequence[Asked], traffic: Traffic, window_seconds: float) -> None:
        """Begin after a history; recent is what the latest window has."""
        number = traffic.rollouts
        self._look, self._window = traffic.forecast.scrape_interval, window_seconds
        self.shortest_seconds = self._look * traffic.forecast.looks_at_once
        rows = {row for row, _ in asked}
        self.by_row = _before(traffic.history(), rows, number, self.shortest_seconds)
        self.whole_seconds, self.recent_seconds = np.zeros(number), np.zeros(number)
        self._unread: tuple[Counts, Counts] | None = None
        self._unread_seconds = np.zeros(number)

    @property
    def stable_counted(self) -> Truths:
        """Whether anything was counted of the stable revision since the rollout began."""
        return np.asarray(self._whole.stable_total) > 0

    @property
    def candidate_counted(self) -> Truths:
        """Whether anything was counted of the candidate."""
        return np.asarray(self._whole.candidate_total) > 0

    @property
    def _whole(self) -> Tally:
        return next(iter(self.by_row.values())).whole

    def read(self, look: Look) -> Truths:
        """Add what the counters have gained since they were read last; where they have any.

        As long as they have gained nothing there is nothing to read.
        """
        self._unread_seconds = self._unread_seconds + self._look
        arms = (look.stable, look.candidate)
        if self._unread is not None:
            arms = (self._unread[0] + look.stable, self._unread[1] + look.candidate)
        seen = np.asarray(look.scraped & look.answering & (arms[0].total + arms[1].total > 0))
        stable, candidate = (arm.where(seen) for arm in arms)
        self._unread = None if np.all(seen) else (arms[0].where(~seen), arms[1].where(~seen))
        seconds = np.where(seen, self._unread_seconds, 0.0)
        self._unread_seconds = self._unread_seconds - seconds
        renewed = seen & (self.recent_seconds >= self._window)
        # Time without a request of the candidate shows nothing of it; neither does a long gap.
        known = np.minimum(seconds, LONGEST_LOOK * self.shortest_seconds)
        counted = np.where(candidate.total > 0, known, 0.0)
        self.whole_seconds = self.whole_seconds + counted
        self.recent_seconds = np.where(renewed, 0.0, self.recent_seconds) + counted
        self.by_row = {
            row: record_with(
                _windowed(record, renewed),
                Tally(stable.bad[row], stable.total, candidate.bad[row], candidate.total),
                seconds,
                self.shortest_seconds,
            )
            for row, record in self.by_row.items()
        }
        return seen


def _before(
    history: Iterable[Counts], rows: set[int], number: int, seconds: float
) -> dict[int, Record]:
    """What is known of the stable revision when the rollout begins."""
    spreads = {row: nothing_seen((number,)) for row in rows}
    bad = {row: np.zeros(number) for row in rows}
    total = np.zeros(number)
    for counts in history:
        total = total + counts.total
        for row in rows:
            bad[row] = bad[row] + counts.bad[row]
            spreads[row] = spread_with(
                spreads[row], counts.bad[row], counts.total, seconds, seconds
            )
    return {row: Record(Tally(), Tally(), bad[row], total, spreads[row]) for row in rows}


def _windowed(record: Record, renewed: Truths) -> Record:
    """Forget the window where a new one begins."""
    recent = record.recent
    kept: list[Number] = [
        np.where(renewed, 0.0, number)
        for number in (
            recent.stable_bad, recent.stable_total, recent.candidate_bad, recent.candidate_total
        )
    ]  # fmt: skip
    return Record(record.whole, Tally(*kept), record.past_bad, record.past_total, record.spread)
