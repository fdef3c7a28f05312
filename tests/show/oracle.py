"""Who wins at every minute, found the slow and obvious way: nothing here is shared with the code
that it judges but the sun's place in the sky, and that is looked at minute by minute."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from astral import Observer
from astral.sun import elevation

from murai_show.show.moments import Dates, Moment
from murai_show.show.planned import PlannedPlace, PlannedRule

MINUTE = timedelta(minutes=1)


@lru_cache(maxsize=512)
def minutes_around(tz: str, day: date) -> tuple[tuple[datetime, datetime], ...]:
    """Every minute of a date and some hours around it: (UTC, what the wall clock reads)."""
    zone = ZoneInfo(tz)
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=18)
    every = (begin + i * MINUTE for i in range(66 * 60))
    return tuple((utc, utc.astimezone(zone).replace(tzinfo=None)) for utc in every)


def on_the_clock(tz: str, day: date, seconds: float) -> float:
    """The first minute at which the wall clock has reached the time of that date: in a gap that is
    the jump, in a fold the first of two."""
    wanted = datetime(day.year, day.month, day.day) + timedelta(seconds=seconds)
    return next(utc for utc, read in minutes_around(tz, day) if read >= wanted).timestamp()


@lru_cache(maxsize=256)
def heights(place: PlannedPlace, day: date) -> tuple[float, tuple[float, ...]]:
    """The first of 48 hours around noon of a date, and the sun's elevation at every minute."""
    begin = on_the_clock(place.tz, day, 12 * 3600) - 24 * 3600
    eye = Observer(place.lat, place.lon)
    times = (datetime.fromtimestamp(begin + 60 * i, UTC) for i in range(48 * 60))
    return begin, tuple(elevation(eye, time, with_refraction=False) for time in times)


def by_the_sun(place: PlannedPlace, day: date, moment: Moment) -> float:
    begin, seen = heights(place, day)
    noon = max(range(720, 2160), key=lambda i: seen[i])
    down = [height <= moment.at for height in seen]
    if moment.side == "setting":  # from noon on, for half a day
        way = range(noon, noon + 720)
        if down[noon]:
            return -math.inf  # it has been down all along
        return next((begin + 60 * i for i in way if down[i]), math.inf)
    way = range(noon - 720, noon + 1)
    if down[noon]:
        return math.inf
    if not down[way[0]]:
        return -math.inf
    return next(begin + 60 * i for i in way if seen[i] >= moment.at)


def instant(place: PlannedPlace, day: date, moment: Moment) -> float:
    if moment.side == "clock":
        return on_the_clock(place.tz, day, moment.at) + moment.offset
    return by_the_sun(place, day, moment) + moment.offset


def afternoon(moment: Moment) -> bool:
    if moment.side == "clock":
        return moment.at >= 12 * 3600
    return moment.side in ("setting", "noon")


def same_date(begin: Moment, end: Moment) -> bool:
    """Whether a slot ends on the date on which it begins."""
    if afternoon(begin) and not afternoon(end):
        return False
    if not afternoon(begin) and afternoon(end):
        return True
    if begin.side == end.side == "clock":
        return end.at + end.offset >= begin.at + begin.offset
    return True


def slot(place: PlannedPlace, rule: PlannedRule, day: date) -> tuple[float, float] | None:
    hours = rule.hours
    assert hours is not None
    begin = instant(place, day, hours.begin)
    if hours.not_before:
        begin = max(begin, instant(place, day, hours.not_before))
    ends = []
    for moment in (hours.end, hours.not_after):
        if moment:
            on = day if same_date(hours.begin, moment) else day + timedelta(days=1)
            ends.append(instant(place, on, moment))
    if math.isinf(begin) or math.isinf(min(ends)):
        return None
    return begin, min(ends)


def named(rule: PlannedRule, day: date) -> bool:
    if rule.days and day.weekday() not in rule.days:
        return False
    if not rule.dates:
        return True
    return any(day in walk(dates, day.year) for dates in rule.dates)


def walk(dates: Dates, year: int) -> Iterator[date]:
    """Every day of the dates; of yearly ones those that begin in `year` or the year before."""
    for first in [dates.first[0]] if dates.first[0] else [year - 1, year]:
        day, last = date(first, *dates.first[1:]), dates.last[1:]
        while (day.month, day.day) != last or (dates.last[0] and day.year != dates.last[0]):
            yield day
            day += timedelta(days=1)
        yield day


def winners(
    rules: tuple[PlannedRule, ...], place: PlannedPlace, on: date
) -> Iterator[tuple[float, int]]:
    """(POSIX seconds, number of the rule that wins) for every minute from noon to noon."""
    days = [on + timedelta(days=i) for i in range(-2, 2)]  # no slot of a test is longer
    slots = [
        (rule, day, found)
        for rule in rules
        if rule.hours
        for day in days
        if named(rule, day) and (found := slot(place, rule, day))
    ]
    zone = ZoneInfo(place.tz)
    at = on_the_clock(place.tz, on, 12 * 3600)
    end = on_the_clock(place.tz, on + timedelta(days=1), 12 * 3600)
    while at < end:
        running = [(rule, day) for rule, day, (a, b) in slots if a <= at < b]
        today = datetime.fromtimestamp(at, zone).date()
        evening = min([today, *(day for _, day in running)])
        for number in range(len(rules) - 1, -1, -1):
            rule = rules[number]
            if any(r is rule for r, _ in running) if rule.hours else named(rule, evening):
                yield at, number
                break
        at += 60
