"""When the times of a schedule are, in UTC.

As Debian's cron has it where clocks are changed: a time of the day that is left out comes as soon
as the clock goes on, one that there is twice counts the first time; what comes every few minutes
or every hour goes on as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from leadsman_api.v1alpha1.schedule import Schedule

_NAMES: Mapping[str, str] = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_SECOND = timedelta(seconds=1)


class InvalidSchedule(ValueError):
    """The schedule has no times: its message says which field is wrong."""


@dataclass(frozen=True, slots=True)
class Times:
    """The times of one schedule."""

    cron: str
    zone: ZoneInfo

    def latest(self, now: datetime) -> datetime | None:
        """The last one that is not after now."""
        after = now.replace(microsecond=0) + _SECOND
        earlier = CronSim(self.cron, after.astimezone(self.zone), reverse=True)
        found = next((at for at in map(_in_utc, earlier) if at <= now), None)
        # Of an hour that there is twice its second part does not see the times of the first.
        while found and (later := self.following(found)) and later <= now:
            found = later
        return found

    def following(self, now: datetime) -> datetime | None:
        """The first one after now; None when there is none in the next 50 years."""
        later = CronSim(self.cron, now.astimezone(self.zone))
        # The second part of such an hour gives the times of the first once more.
        return next((at for at in map(_in_utc, later) if at > now), None)

    def told(self, at: datetime) -> str:
        """A time as people in its zone read it."""
        return f"{at.astimezone(self.zone):%Y-%m-%d %H:%M %Z}"


def _in_utc(at: datetime) -> datetime:
    # Times of one zone are compared by their clock alone, whatever the clock was changed by.
    return at.astimezone(UTC)


def times_of(schedule: Schedule) -> Times:
    """The times of a schedule; raises InvalidSchedule."""
    try:
        zone = ZoneInfo(schedule.time_zone)
    # What is a folder of the database raises an OSError.
    except (KeyError, ValueError, OSError) as error:
        raise InvalidSchedule(
            f"spec.schedule.timeZone: there is no time zone {schedule.time_zone}:"
            " write one such as Europe/Berlin"
        ) from error
    cron = _NAMES.get(schedule.cron, schedule.cron)
    try:
        CronSim(cron, datetime.min.replace(tzinfo=UTC))
    except CronSimError as error:
        raise InvalidSchedule(f"spec.schedule.cron: {schedule.cron}: {error}") from error
    return Times(cron, zone)
