"""The time, the one place that asks for it."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """The time in UTC."""
        return datetime.now(tz=UTC)  # noqa: TID251 - the clock that everybody else is handed
