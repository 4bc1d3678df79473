"""When the times of a schedule are, in days when clocks are changed too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from leadsman_api.v1alpha1.schedule import RunSchedule
from leadsman_operator.planner.schedule.times import InvalidSchedule, Times, times_of

DAYS = {
    "Europe/Berlin forward": ("Europe/Berlin", datetime(2026, 3, 28, 12, tzinfo=UTC)),
    "Europe/Berlin back": ("Europe/Berlin", datetime(2026, 10, 24, 12, tzinfo=UTC)),
    "America/New_York back": ("America/New_York", datetime(2026, 10, 31, 12, tzinfo=UTC)),
    "Pacific/Auckland forward": ("Pacific/Auckland", datetime(2026, 9, 26, 3, tzinfo=UTC)),
    "no change": ("Etc/UTC", datetime(2026, 3, 28, 12, tzinfo=UTC)),
}
CRONS = ("30 2 * * *", "*/20 * * * *", "15 */3 * * *", "0 1,2,3 * * *", "5 2 * * SUN", "@daily")


def times(cron: str, zone: str = "Europe/Berlin") -> Times:
    """The times of a schedule."""
    return times_of(RunSchedule(cron=cron, time_zone=zone))


def between(found: Times, begin: datetime, end: datetime) -> list[datetime]:
    """All times of a span, one after the other."""
    listed = []
    at = found.following(begin)
    while at is not None and at <= end:
        listed.append(at)
        at = found.following(at)
    return listed


@pytest.mark.parametrize("cron", CRONS)
@pytest.mark.parametrize("day", DAYS)
def test_looking_back_finds_what_looking_ahead_foretold(cron: str, day: str) -> None:
    """All through two days."""
    zone, begin = DAYS[day]
    found = times(cron, zone)
    foretold = between(found, begin - timedelta(days=8), begin + timedelta(days=2))
    assert all(one < other for one, other in pairwise(foretold))
    for minutes in range(0, 2 * 24 * 60, 15):
        now = begin + timedelta(minutes=minutes, seconds=1, microseconds=5)
        assert found.latest(now) == max(at for at in foretold if at <= now), now


@pytest.mark.parametrize(
    ("cron", "begin", "expected"),
    [
        pytest.param("30 2 * * *", "2026-03-29", ["01:00"], id="left out: when it goes on"),
        pytest.param("30 2 * * *", "2026-10-25", ["00:30"], id="twice: the first time"),
        pytest.param(
            "*/30 2 * * *", "2026-10-25", ["00:00", "00:30", "01:00", "01:30"], id="every 30 min"
        ),
        pytest.param("0 3 * * *", "2026-03-28", ["02:00"], id="winter"),
        pytest.param("0 3 * * *", "2026-07-01", ["01:00"], id="summer"),
    ],
)
def test_days_when_clocks_are_changed(cron: str, begin: str, expected: list[str]) -> None:
    """As Debian's cron has it; times are those of UTC."""
    day = datetime.fromisoformat(begin).replace(tzinfo=UTC) - timedelta(hours=2)
    found = between(times(cron), day, day + timedelta(hours=23))
    assert [f"{at:%H:%M}" for at in found] == expected


def test_a_time_that_is_now_has_come() -> None:
    """To the second, and the next one is another."""
    now = datetime(2026, 11, 2, 3, tzinfo=UTC)
    found = times("0 3 * * *", "Etc/UTC")
    assert found.latest(now) == now
    assert found.latest(now - timedelta(microseconds=1)) == now - timedelta(days=1)
    assert found.following(now) == now + timedelta(days=1)


def test_people_read_the_time_of_their_zone() -> None:
    """With the zone's own name for it."""
    assert times("@daily").told(datetime(2026, 7, 1, 1, tzinfo=UTC)) == "2026-07-01 03:00 CEST"


@pytest.mark.parametrize(
    ("cron", "zone", "message"),
    [
        pytest.param("0 3 * * 1", "Europe/Atlantis", "no time zone Europe/Atlantis", id="nowhere"),
        pytest.param("0 3 * * 1", "America", "no time zone America", id="a continent"),
        pytest.param("61 * * * *", "Etc/UTC", "61 * * * *: Bad minute", id="no such minute"),
        pytest.param("0 0 31 2 *", "Etc/UTC", "Bad day-of-month", id="no such day"),
        pytest.param("0 0 * * MOO", "Etc/UTC", "Bad day-of-week", id="no such word"),
    ],
)
def test_what_has_no_times(cron: str, zone: str, message: str) -> None:
    """The CRD can't tell; the message names the field."""
    field = "timeZone" if "zone" in message else "cron"
    with pytest.raises(InvalidSchedule, match=f"spec.schedule.{field}"):
        times(cron, zone)
    with pytest.raises(InvalidSchedule) as caught:
        times(cron, zone)
    assert message in str(caught.value)


def test_a_time_that_never_comes() -> None:
    """The first or the twenty-first, if it is the last Monday of its month."""
    found = times("* * */20 * 1L", "Etc/UTC")
    now = datetime(2026, 11, 2, tzinfo=UTC)
    assert found.following(now) is None
    assert found.latest(now) is None
