"""What a person should know about a schedule that is right, but perhaps not meant so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import groupby
from math import isfinite

from murai_show.show.hours import Instant, instant_at, on_date, span
from murai_show.show.moments import Dates, Moment
from murai_show.show.planned import Hours, PlannedPlace, PlannedRule
from murai_show.show.rules import plan_place
from murai_show.show.site import Site

YEAR = 2027  # stands for every year: the sun's differ by a day at most
MOST_DATES = 800
TILT = 23.45  # of the earth's axis, degrees, rounded up
NO_DATE = "never plays: none of its dates is on one of its days"


def schedule_notes(site: Site, rules: tuple[PlannedRule, ...]) -> tuple[str, ...]:
    """Rules that never play, that change nothing, or that are silent for a while."""
    written = site.draft.schedule
    if not written:
        return ()
    place, notes = plan_place(site), list[str]()
    if any(rule.hours for rule in rules) and "place" not in site.draft.root.members:
        notes.append("schedule: its times are UTC; write place: with lat, lon and tz")
    has_default = written[0] is not None and written[0].default is not None
    for rule in rules if has_default else rules[1:]:
        notes += [f"schedule, line {rule.line}: {said}" for said in _said(rule, rules, place)]
    return tuple(notes)


def _said(rule: PlannedRule, rules: tuple[PlannedRule, ...], place: PlannedPlace) -> Iterator[str]:
    """That it never plays, or else what is odd about it."""
    silent = _shadowed(rule, rules) or _silent(rule, place)
    if silent:
        yield silent
    if not silent.startswith("never") and _idle(rule, rules):
        yield _idle(rule, rules)


def _shadowed(rule: PlannedRule, rules: tuple[PlannedRule, ...]) -> str:
    for later in rules[rule.order + 1 :]:
        if _covers_dates(later, rule) and _covers_hours(later.hours, rule.hours):
            return f"never plays: line {later.line} holds whenever it does, and the last one wins"
    return ""


def _covers_dates(later: PlannedRule, rule: PlannedRule) -> bool:
    days = not later.days or (bool(rule.days) and set(rule.days) <= set(later.days))
    return days and (not later.dates or (bool(rule.dates) and set(rule.dates) <= set(later.dates)))


def _covers_hours(later: Hours | None, hours: Hours | None) -> bool:
    if later is None or later == hours:
        return True
    if hours is None or any(m.solar for m in (*later.moments(), *hours.moments())):
        return False
    outer, inner = (span(h, 0, _plain_clock) for h in (later, hours))
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _plain_clock(moment: Moment, ordinal: int) -> float:
    return ordinal * 86400.0 + moment.at + moment.offset


def _idle(rule: PlannedRule, rules: tuple[PlannedRule, ...]) -> str:
    """A rule that plays what already plays: somebody thought that the rest would be dark."""
    if rule.order == 0 or any(r.playlist != rule.playlist for r in rules[: rule.order]):
        return ""
    return (
        f"changes nothing: {rule.playlist.words} plays at all other times too; "
        "for a dark wall begin with - default: dark"
    )


def _silent(rule: PlannedRule, place: PlannedPlace) -> str:
    """Dates on which the rule's hours come to nothing."""
    dates, hours, instant = _dates_of(rule), rule.hours, instant_at(place)
    if not dates:
        return NO_DATE
    if hours is None:
        return ""
    # A whole year of suns takes a tenth of a second: only where one may fail.
    samples = [date(YEAR, month, 15).toordinal() for month in range(1, 13)]
    if not (_extreme(hours, place) or any(_why_not(hours, day, instant) for day in samples)):
        return ""
    found = [(day, _why_not(hours, day, instant)) for day in dates]
    groups = [(why, [day for day, _ in group]) for why, group in groupby(found, lambda f: f[1])]
    silent = [(why, days) for why, days in groups if why]
    if not silent:
        return ""
    if len(groups) == 1:
        return f"never plays: {silent[0][0]}"
    yearly = all(dates.yearly for dates in rule.dates)
    first, last = groups[0], groups[-1]
    if yearly and first[0] and first[0] == last[0]:  # a winter goes on in the new year
        silent = [(first[0], last[1] + first[1]), *silent[1:-1]]
    told = [f"{_write(days, yearly)} ({why})" for why, days in silent]
    return f"silent on {', '.join(told)}" + (", each year" if yearly else "")


def _write(days: list[int], yearly: bool) -> str:
    ends = dict.fromkeys((date.fromordinal(days[0]), date.fromordinal(days[-1])))
    return "..".join(day.isoformat()[5:] if yearly else day.isoformat() for day in ends)


def _dates_of(rule: PlannedRule) -> list[int]:
    """Dates that the rule names, by ordinal; those of one year where it names none."""
    found: set[int] = set()
    for dates in rule.dates or (Dates((0, 1, 1), (0, 12, 31)),):
        first, last = ((YEAR, 1, 1), (YEAR, 12, 31)) if dates.yearly else (dates.first, dates.last)
        begin, end = date(*first).toordinal(), date(*last).toordinal()
        found |= {
            day for day in range(begin, min(end, begin + MOST_DATES) + 1) if on_date(rule, day)
        }
    return sorted(found)


def _extreme(hours: Hours, place: PlannedPlace) -> bool:
    """Whether there may be a day on which the sun does not get where the hours want it."""
    heights = [abs(m.at) for m in hours.moments() if m.side in ("rising", "setting")]
    return any(abs(place.lat) + TILT + height >= 90.0 for height in heights)


def _why_not(hours: Hours, ordinal: int, instant: Instant) -> str:
    begins, ends = span(hours, ordinal, instant)
    for found, moment in ((begins, hours.begin), (ends, hours.end)):
        if not isfinite(found):
            return f"no {moment.event}"
    return "" if begins < ends else "it would end before it begins"
