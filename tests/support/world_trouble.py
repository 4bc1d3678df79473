"""What goes wrong while others act too, beside parts that are down and the operator's death."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from typing_extensions import override

from leadsman_api.reasons import Reason
from support.world_clock import Faults

API, MLFLOW, STUDIES = "the Kubernetes API", "MLflow", "the study database"


@dataclass
class Trouble(Faults):
    """Faults, and what others do between two calls."""

    meanwhile: tuple[int, Callable[[], None]] | None = None
    """After so many more calls somebody else does something."""
    only_ours: set[str] = field(default_factory=set)
    """Parts that are down for the operator alone, while pods reach them."""

    @override
    def gate(self, part: str, reason: Reason) -> None:
        """Every call comes through here before its effect."""
        if self.meanwhile is not None:
            calls, deed = self.meanwhile
            self.meanwhile = (calls - 1, deed) if calls else None
            if not calls:
                deed()
        super().gate(part, reason)

    def is_down(self, part: str) -> bool:
        """Whether pods can't reach a part either."""
        return part in self.down - self.only_ours

    @property
    def is_quiet(self) -> bool:
        """Nothing is wrong, and nothing is about to go wrong."""
        waiting = (self.crash_in, self.lose_in, self.meanwhile)
        return not self.down and waiting == (None, None, None)

    @override
    def heal(self) -> None:
        """Everything works again."""
        super().heal()
        self.meanwhile = None
