"""Days: a show's, from noon to noon, and the instants that a wall clock means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class ShowDay:
    """One day of a show, from local noon to local noon: an evening is never cut at midnight.

    `begins` and `ends` are POSIX seconds, 23 to 25 hours apart.
    """

    date: str
    begins: float
    ends: float


@lru_cache(maxsize=64)
def show_day_of(tz: str, ordinal: int) -> ShowDay:
    """The show day that begins at noon of the date with this proleptic ordinal."""
    zone = ZoneInfo(tz)
    begin = date.fromordinal(ordinal)
    begins = datetime.combine(begin, time(12), zone)
    ends = datetime.combine(begin + timedelta(days=1), time(12), zone)
    return ShowDay(begin.isoformat(), begins.timestamp(), ends.timestamp())


def show_day(tz: str, wall: float) -> ShowDay:
    """The show day that `wall` (POSIX seconds) falls into, in time zone `tz`."""
    local = datetime.fromtimestamp(wall, ZoneInfo(tz))
    day = show_day_of(tz, local.toordinal())
    return day if day.begins <= wall else show_day_of(tz, local.toordinal() - 1)


def day_before(tz: str, day: ShowDay) -> ShowDay:
    return show_day(tz, day.begins - 1.0)


def clock_instant(tz: str, ordinal: int, seconds: float) -> float:
    """When the clocks of `tz` show `seconds` since midnight on a date, in POSIX seconds.

    A time that daylight saving skips is the instant at which the clocks jump over it; a time that
    comes twice is the first of the two.
    """
    zone = ZoneInfo(tz)
    wanted = datetime.combine(date.fromordinal(ordinal), time()) + timedelta(seconds=seconds)
    # fold=0 reads a skipped time with the offset before the jump, fold=1 with the one after it:
    # the first lands behind the jump, the second ahead of it.
    late = wanted.replace(tzinfo=zone).timestamp()
    early = wanted.replace(tzinfo=zone, fold=1).timestamp()
    if datetime.fromtimestamp(late, zone).replace(tzinfo=None) == wanted:
        return late
    return _jump(zone, early, late)


def _jump(zone: ZoneInfo, early: float, late: float) -> float:
    """The instant in (early, late] at which the offset of `zone` changes, to the second."""
    before = datetime.fromtimestamp(early, UTC).astimezone(zone).utcoffset()
    low, high = int(early), int(late)
    while high - low > 1:
        middle = (low + high) // 2
        same = datetime.fromtimestamp(middle, UTC).astimezone(zone).utcoffset() == before
        low, high = (middle, high) if same else (low, middle)
    return float(high)
