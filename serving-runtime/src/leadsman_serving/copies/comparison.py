"""The thread that compares answers, apart from all that answers requests.

One question at a time goes to the stable revision, however many copies come: what has no room
to wait is dropped, and counted.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, Metric

from leadsman_api.metrics import Compared, MetricLabel, ServingMetric
from leadsman_serving.copies.agreement import agree
from leadsman_serving.copies.stable import MOST_BYTES, Copy, StableRevision
from leadsman_serving.outbox.ring import Ring

_MOST_WAITING = 64
_logger = logging.getLogger(__name__)


class Comparison:
    """Takes copies from the event loop without making it wait, and counts what came of them."""

    def __init__(self, stable: StableRevision, tolerance: float) -> None:
        """Start the thread; it ends with `close`, or with the process."""
        self._stable, self._tolerance = stable, tolerance
        self._ring: Ring[Copy] = Ring(_MOST_WAITING)
        self._counts = dict.fromkeys(Compared, 0)
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="comparison", daemon=True)
        self._thread.start()

    def offer(self, copy: Copy) -> None:
        """Compare this when there is time."""
        small = max(len(copy.asked), len(copy.answered)) <= MOST_BYTES
        if not (small and self._ring.put(copy)):
            self._dropped += 1

    def close(self) -> None:
        """Take nothing more, and return once what waits was compared."""
        self._ring.close()
        self._thread.join()

    def collect(self) -> Iterator[Metric]:
        """What came of all copies, for the registry of metrics."""
        metric = ServingMetric.COPIES
        family = CounterMetricFamily(metric.value, metric.sentence, labels=[MetricLabel.RESULT])
        for result, count in {**self._counts, Compared.DROPPED: self._dropped}.items():
            family.add_metric([result.value], count)
        yield family

    def _run(self) -> None:
        while copies := self._ring.take():
            for copy in copies:
                self._counts[self._compared(copy)] += 1
        self._stable.close()

    def _compared(self, copy: Copy) -> Compared:
        try:
            answer = self._stable.answer(copy)
            same = None if answer is None else agree(copy.answered, answer, self._tolerance)
        except Exception:  # a fault of ours with one answer must not end all others
            _logger.exception("A copy could not be compared.")
            return Compared.ALONE
        if same is None:
            return Compared.ALONE
        return Compared.SAME if same else Compared.DIFFERENT
