"""Who hears of a reconcile: the log, the metrics, and of a bug also the resource's status."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from leadsman_operator.errors import EdgeError
from leadsman_operator.facts import ObjectRef
from leadsman_operator.internal_errors import write_internal_error
from leadsman_operator.metrics import OperatorMetrics
from leadsman_operator.plan_log import PlanLog, title
from leadsman_operator.ports import World
from leadsman_operator.reconcile import Reconciled

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reports:
    """Tells all of them."""

    world: World
    metrics: OperatorMetrics
    log: PlanLog

    async def reconciled(self, ref: ObjectRef, outcome: Reconciled, seconds: float) -> None:
        """One has ended, perhaps with an error that was foreseen."""
        self.metrics.reconciled(ref, outcome, seconds)
        self.log.reconciled(ref, outcome, seconds)

    async def failed(self, ref: ObjectRef, error: Exception) -> None:
        """One has ended in a way that nobody foresaw."""
        self.metrics.failed(ref)
        self.log.failed(ref, error)
        try:
            await write_internal_error(ref, error, self.world)
        except EdgeError as unsaid:
            text = "The status does not tell of the bug: %s"
            _logger.warning(text, unsaid, extra={"resource": title(ref)})

    def gone(self, ref: ObjectRef) -> None:
        """The resource is no more."""
        self.metrics.gone(ref)
        self.log.gone(ref)
