"""Time and trouble of the in-memory world."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from leadsman_api.reasons import Reason
from leadsman_operator.errors import Unreachable


class Crash(BaseException):
    """The operator's process ends here, as by SIGKILL: nobody can catch it."""


@dataclass
class FakeClock:
    """A clock that only the test moves."""

    time: datetime = datetime(2026, 11, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        """The time in UTC."""
        return self.time

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.time += timedelta(seconds=seconds)


@dataclass
class Faults:
    """What goes wrong: parts that are down, a crash before a coming call, and a lost answer."""

    down: set[str] = field(default_factory=set)
    crash_in: int | None = None
    """So many more calls are answered, then the operator's process ends."""
    lose_in: int | None = None
    """So many more writes are answered; the next has its effect, and its answer is lost."""
    calls: int = 0

    def gate(self, part: str, reason: Reason) -> None:
        """Every call of a port comes through here."""
        self.calls += 1
        if self.crash_in is not None:
            if self.crash_in == 0:
                self.crash_in = None
                raise Crash
            self.crash_in -= 1
        if part in self.down:
            raise Unreachable(reason, f"{part} is down")

    def answer(self, part: str, reason: Reason) -> None:
        """Every write comes through here after its effect."""
        if self.lose_in is None:
            return
        self.lose_in = self.lose_in - 1 if self.lose_in else None
        if self.lose_in is None:
            raise Unreachable(reason, f"the answer of {part} is lost")

    def heal(self) -> None:
        """Everything works again."""
        self.down.clear()
        self.crash_in = self.lose_in = None
