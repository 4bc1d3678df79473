"""The thread that sends what the event loop hands it, apart from all that answers requests."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, Protocol

from prometheus_client.core import CounterMetricFamily, Metric

from leadsman_api.metrics import MetricLabel, ServingMetric
from leadsman_serving.outbox.ring import Item, Ring

PAUSES = (0.0, 0.5, 1.0, 2.0)
"""Seconds before each further try; the first at once, for a kept connection may have ended."""
_FULL, _REFUSED, _FAILED = "Full", "Refused", "Unreachable"
_logger = logging.getLogger(__name__)


class Outcome(Enum):
    """What became of one try."""

    TAKEN = "taken"
    REFUSED = "refused"
    """The sink does not want this: another try would change nothing."""
    FAILED = "failed"


class Sink(Protocol[Item]):
    """Where things are sent to; used by the one thread."""

    def open(self) -> None:
        """Get ready, before anything is sent."""

    def take(self, items: list[Item]) -> Outcome:
        """Try once to send these."""

    def close(self) -> None:
        """Leave no connection behind."""


@dataclass(frozen=True, slots=True)
class Told:
    """How metrics tell of what is sent."""

    sent: ServingMetric
    dropped: ServingMetric
    each: int = 1
    """What one item counts for."""


class Delivery(Generic[Item]):
    """Takes things from the event loop without ever making it wait; counts what it drops."""

    def __init__(
        self,
        sink: Sink[Item],
        told: Told,
        pauses: Sequence[float] = PAUSES,
        ring: Ring[Item] | None = None,
    ) -> None:
        """Start the thread; it ends with `close`, or with the process."""
        self._sink, self._told, self._pauses = sink, told, pauses
        self._ring: Ring[Item] = Ring() if ring is None else ring
        self._ending = threading.Event()
        self._sent = 0
        self._dropped = dict.fromkeys((_FULL, _REFUSED, _FAILED), 0)
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()

    def offer(self, item: Item) -> None:
        """Send this when there is time, or drop it when too much waits."""
        if not self._ring.put(item):
            self._dropped[_FULL] += self._told.each

    def close(self) -> None:
        """Take nothing more and send what waits, without pauses."""
        self._ring.close()
        self._ending.set()

    @property
    def is_done(self) -> bool:
        """Whether, after `close`, nothing is left to be sent."""
        return not self._thread.is_alive()

    @property
    def waiting(self) -> int:
        """Items that are not yet being sent."""
        return len(self._ring)

    def collect(self) -> Iterator[Metric]:
        """What became of all items, for the registry of metrics."""
        sent, dropped = self._told.sent, self._told.dropped
        yield CounterMetricFamily(sent.value, sent.sentence, value=self._sent)
        family = CounterMetricFamily(dropped.value, dropped.sentence, labels=[MetricLabel.REASON])
        for reason, count in self._dropped.items():
            family.add_metric([reason], count)
        yield family

    def _run(self) -> None:
        self._sink.open()
        while items := self._ring.take():
            try:
                self._deliver(items)
            except Exception:  # a fault of ours in one batch must not end all others
                _logger.exception("A batch is lost.", extra={"metric": self._told.dropped})
                self._dropped[_FAILED] += self._told.each * len(items)
        self._sink.close()

    def _deliver(self, items: list[Item]) -> None:
        """Try until the sink takes the batch, refuses it, or has failed too often."""
        outcome = self._sink.take(items)
        for pause in self._pauses:
            if outcome is not Outcome.FAILED:
                break
            self._ending.wait(pause)
            outcome = self._sink.take(items)
        number = self._told.each * len(items)
        if outcome is Outcome.TAKEN:
            self._sent += number
            return
        reason = _REFUSED if outcome is Outcome.REFUSED else _FAILED
        if not self._dropped[reason]:
            # Once: a sink that is down for hours would fill the log.
            _logger.warning(
                "A sink does not take what is sent.",
                extra={"reason": reason, "metric": self._told.dropped},
            )
        self._dropped[reason] += number
