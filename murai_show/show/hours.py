"""When the rules of a schedule hold: slots of single rules, and the stretches that they leave.

A rule with hours makes one slot for each date it names; the slot belongs to that date though it
may end on the next.  A rule without hours holds for its whole dates, and where a slot of the
evening before is still running, the night is still that evening's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from murai_show.show.days import ShowDay, clock_instant
from murai_show.show.moments import Moment
from murai_show.show.sun import sun_instant

if TYPE_CHECKING:
    from murai_show.show.planned import Hours, PlannedPlace, PlannedRule
    from murai_show.show.planned_cues import CueTime

LONGEST_FADE = 6 * 3600.0  # a fade is at most as long as a playlist's `each`
# A slot of a date can begin half a day before it (offset) and end two and a half after it began.
REACH = 4

Instant = Callable[[Moment, int], float]


@dataclass(frozen=True)
class Slot:
    """A rule of one date: from `begins` up to `ends`, POSIX seconds."""

    rule: PlannedRule
    ordinal: int
    begins: float
    ends: float

    def __contains__(self, wall: float) -> bool:
        return self.begins <= wall < self.ends


@dataclass(frozen=True)
class Stretch:
    """A stretch of time in which one rule wins; `others` match too and are overridden by it, the
    strongest first."""

    begins: float
    ends: float
    rule: PlannedRule
    others: tuple[PlannedRule, ...] = ()


def instant_at(place: PlannedPlace) -> Instant:
    """Resolves moments at `place`: (moment, date's ordinal) → POSIX seconds, or ±inf as
    `sun_instant` has it."""

    def instant(moment: Moment, ordinal: int) -> float:
        if moment.side == "clock":
            return clock_instant(place.tz, ordinal, moment.at) + moment.offset
        found = sun_instant(place.lat, place.lon, place.tz, ordinal, moment.side, moment.at)
        return found + moment.offset

    return instant


def span(hours: Hours, ordinal: int, instant: Instant) -> tuple[float, float]:
    """Begin and end of `hours` on a date; inf where a bound never comes or always was.

    An event that never comes is later than everything, one that has always been is earlier than
    everything: so in the polar night `from: dusk` begins at its `not_before`, and under the
    midnight sun not at all.
    """
    begins = [instant(m, ordinal) for m in (hours.begin, hours.not_before) if m]
    ends = [
        instant(m, ordinal + next_day(hours.begin, m)) for m in (hours.end, hours.not_after) if m
    ]
    return max(begins), min(ends)


def next_day(begin: Moment, end: Moment) -> bool:
    """Whether `end` is on the date after that of `begin`.

    By the clock, when it comes earlier there.  With the sun, when it is in a morning and `begin` in
    an afternoon: dusk may be later than `to: "22:00"` in June, and that is no show of 24 hours.
    """
    if begin.late != end.late:
        return begin.late
    return not (begin.solar or end.solar) and end.at + end.offset < begin.at + begin.offset


def slot(rule: PlannedRule, ordinal: int, instant: Instant) -> Slot | None:
    """The slot of a rule with hours on a date; None when there is none."""
    if rule.hours is None or not on_date(rule, ordinal):
        return None
    begins, ends = span(rule.hours, ordinal, instant)
    if not (abs(begins) < float("inf") and begins < ends < float("inf")):
        return None
    return Slot(rule, ordinal, begins, ends)


def on_date(rule: PlannedRule | CueTime, ordinal: int) -> bool:
    """Whether the rule names the date."""
    day = date.fromordinal(ordinal)
    if rule.days and day.weekday() not in rule.days:
        return False
    return not rule.dates or any(day in dates for dates in rule.dates)


@lru_cache(maxsize=64)
def stretches(
    rules: tuple[PlannedRule, ...], place: PlannedPlace, begins: float, ends: float
) -> tuple[Stretch, ...]:
    """Who wins when, without a gap from `begins` to `ends`, POSIX seconds.

    `rules` stand in the order of the file: the first always holds, the last match wins.
    """
    zone = ZoneInfo(place.tz)
    first = datetime.fromtimestamp(begins, zone).toordinal()
    last = datetime.fromtimestamp(ends, zone).toordinal()
    resolve = instant_at(place)
    dates = range(first - REACH, last + 2)
    slots = [s for rule in rules for day in dates if (s := slot(rule, day, resolve))]
    midnights = {clock_instant(place.tz, day, 0.0): day for day in dates}
    edges = {begins, ends, *midnights, *(e for s in slots for e in (s.begins, s.ends))}
    inside = sorted(edge for edge in edges if begins <= edge <= ends)
    calendar = sorted(midnights)
    found: list[Stretch] = []
    for begin, end in pairwise(inside):
        today = midnights[calendar[bisect_right(calendar, begin) - 1]]
        winner, *others = _matching(rules, slots, today, begin)
        same = found and (found[-1].rule, found[-1].others) == (winner, tuple(others))
        begun = found.pop().begins if same else begin
        found.append(Stretch(begun, end, winner, tuple(others)))
    return tuple(found)


def _matching(
    rules: Iterable[PlannedRule], slots: list[Slot], today: int, wall: float
) -> list[PlannedRule]:
    """The rules that match at `wall`, the strongest first."""
    running = [s for s in slots if wall in s]
    belongs = min([today, *(s.ordinal for s in running)])
    holding = {s.rule.order for s in running}
    return [
        rule
        for rule in reversed(tuple(rules))
        if rule.order in holding or (rule.hours is None and on_date(rule, belongs))
    ]


def day_stretches(
    rules: tuple[PlannedRule, ...], place: PlannedPlace, day: ShowDay
) -> tuple[Stretch, ...]:
    """The stretches of a show day, and as much before it as a fade may reach back."""
    return stretches(rules, place, day.begins - LONGEST_FADE, day.ends)
