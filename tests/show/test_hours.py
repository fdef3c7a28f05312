"""When rules hold: against an oracle that looks at every minute, in seven zones over ten years."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from murai_show.show.days import clock_instant, show_day_of
from murai_show.show.hours import stretches
from murai_show.show.moments import SUN_WORDS, Dates, Moment, parse_moment
from murai_show.show.planned import Hours, PlannedPlace, PlannedPlaylist, PlannedRule
from tests.show import oracle

PLACES = (
    PlannedPlace(45.5088, -73.5540, "America/Montreal"),
    PlannedPlace(51.5074, -0.1278, "Europe/London"),
    PlannedPlace(35.6762, 139.6503, "Asia/Tokyo"),
    PlannedPlace(-31.5553, 159.0821, "Australia/Lord_Howe"),  # half an hour of daylight saving
    PlannedPlace(-33.4489, -70.6693, "America/Santiago"),  # its clocks jump at midnight
    PlannedPlace(33.5731, -7.5898, "Africa/Casablanca"),  # two jumps a Ramadan
    PlannedPlace(69.6492, 18.9553, "Europe/Oslo"),  # Tromsø: no sunset in summer, no rise in winter
)
FIRST, LAST = date(2024, 1, 1), date(2033, 12, 31)
A = PlannedPlaylist("a", ((("a", 1.0),),), 60, 5, "listed")


def changes(tz: str) -> tuple[date, ...]:
    """The dates of ten years on which the clocks of `tz` are changed."""
    zone = ZoneInfo(tz)
    days = [FIRST + timedelta(days=i) for i in range((LAST - FIRST).days)]
    noons = [datetime(d.year, d.month, d.day, 12, tzinfo=zone).utcoffset() for d in days]
    return tuple(day for day, a, b in zip(days[1:], noons, noons[1:], strict=False) if a != b)


CHANGES = {place.tz: changes(place.tz) for place in PLACES}


def rule(order: int, hours: str = "", days: tuple[int, ...] = ()) -> PlannedRule:
    """`hours`: from, to and not_before, with ` to ` between them."""
    parts = [parse_moment(part) for part in hours.split(" to ")] if hours else []
    return PlannedRule(order, order + 1, A, 5.0, Hours(*parts) if parts else None, days)


# --- the property ---------------------------------------------------------------------------------


def clocks(until: int) -> st.SearchStrategy[Moment]:
    """Quarters of an hour on the clock, from midnight on."""
    quarters = st.integers(0, until).map(lambda n: n * 900.0)
    return st.builds(Moment, st.just("clock"), quarters, st.just(0.0))


offsets = st.integers(-24, 24).map(lambda n: n * 300.0)
HEIGHTS = sorted({*(m for m in SUN_WORDS.values() if m[0] != "noon"),
                  ("setting", -18.0), ("rising", -4.0), ("setting", 10.0)})  # fmt: skip
suns = st.sampled_from(HEIGHTS).flatmap(
    lambda side: st.builds(Moment, st.just(side[0]), st.just(side[1]), offsets)
)
moments = st.one_of(clocks(95), suns)
bounds = st.none() | moments
hours = st.builds(Hours, moments, moments, bounds, bounds)
weekdays = st.just(()) | st.sets(st.integers(0, 6), max_size=5).map(
    lambda days: tuple(sorted(days))
)


@st.composite
def calendars(draw: st.DrawFn, around: date) -> tuple[Dates, ...]:
    """Dates near `around`, single or a range, of one year or of every year."""
    if draw(st.booleans()):
        return ()
    begin = around + timedelta(days=draw(st.integers(-3, 3)))
    end = begin + timedelta(days=draw(st.sampled_from((0, 0, 1, 10, 200))))
    if draw(st.booleans()) and (begin.month, begin.day) != (2, 29) != (end.month, end.day):
        return (Dates((0, begin.month, begin.day), (0, end.month, end.day)),)
    return (Dates((begin.year, begin.month, begin.day), (end.year, end.month, end.day)),)


@st.composite
def evenings(draw: st.DrawFn) -> tuple[PlannedPlace, date, tuple[PlannedRule, ...]]:
    """A place, a date (every other time near a change of clocks) and up to four rules."""
    place = draw(st.sampled_from(PLACES))
    changed = CHANGES[place.tz] and draw(st.booleans())
    if changed:
        on = draw(st.sampled_from(CHANGES[place.tz])) - timedelta(days=draw(st.integers(0, 1)))
    else:
        on = FIRST + timedelta(days=draw(st.integers(0, (LAST - FIRST).days)))
    rules = [rule(0)]
    if changed:  # in the small hours, when that happens
        night = draw(st.builds(Hours, clocks(14), clocks(14)))
        rules.append(PlannedRule(1, 2, A, 5.0, night))
    for _ in range(draw(st.integers(1, 4))):
        order = len(rules)
        timed = draw(st.none() | hours if order > 1 else hours)
        named = draw(calendars(on))
        rules.append(PlannedRule(order, order + 1, A, 5.0, timed, draw(weekdays), named))
    return place, on, tuple(rules)


often = settings(derandomize=True, deadline=None, max_examples=120)


@often
@given(evenings())
def test_every_minute_is_as_the_oracle_has_it(evening) -> None:
    place, on, rules = evening
    day = show_day_of(place.tz, on.toordinal())
    found = stretches(rules, place, day.begins, day.ends)
    begins = [stretch.begins for stretch in found]
    assert begins[0] == day.begins
    assert found[-1].ends == day.ends
    for at, number in oracle.winners(rules, place, on):
        stretch = found[bisect_right(begins, at) - 1]
        assert stretch.rule.order == number, datetime.fromtimestamp(at, ZoneInfo(place.tz))
        assert number not in {other.order for other in stretch.others}


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.tz)
def test_every_change_of_clocks_in_ten_years(place: PlannedPlace) -> None:
    """A skipped time is the jump, a time that comes twice is the first of the two."""
    tz = place.tz
    assert bool(CHANGES[tz]) == (tz != "Asia/Tokyo")
    for day in CHANGES[tz] or (date(2026, 3, 29),):
        for quarter in range(20):
            clock = quarter * 900.0
            assert clock_instant(tz, day.toordinal(), clock) == oracle.on_the_clock(tz, day, clock)


# --- single cases, by hand ------------------------------------------------------------------------


def told(place: PlannedPlace, on: str, *rules: PlannedRule) -> list[tuple[str, str, int]]:
    """(from, to, rule) from noon to noon, on the clock."""
    zone = ZoneInfo(place.tz)
    day = show_day_of(place.tz, date.fromisoformat(on).toordinal())

    def clock(at: float) -> str:
        return datetime.fromtimestamp(at, zone).strftime("%H:%M")

    found = stretches((rule(0), *rules), place, day.begins, day.ends)
    return [(clock(s.begins), clock(s.ends), s.rule.order) for s in found]


MONTREAL, LONDON, TROMSO = PLACES[0], PLACES[1], PLACES[-1]


def test_a_gap_moves_to_the_jump_and_a_fold_takes_the_first() -> None:
    late = rule(1, "01:30 to 02:30")
    assert told(LONDON, "2026-03-28", late)[1] == ("02:00", "02:30", 1)  # 01:30 does not exist
    zone = ZoneInfo("Europe/London")
    day = show_day_of("Europe/London", date(2026, 10, 24).toordinal())
    begins = stretches((rule(0), late), LONDON, day.begins, day.ends)[1].begins
    assert datetime.fromtimestamp(begins, UTC).isoformat() == "2026-10-25T00:30:00+00:00"
    assert datetime.fromtimestamp(begins, zone).fold == 0


def test_a_slot_belongs_to_the_date_on_which_it_begins() -> None:
    friday = rule(1, "22:00 to 02:00", days=(4,))
    assert told(MONTREAL, "2026-06-19", friday) == [
        ("12:00", "22:00", 0), ("22:00", "02:00", 1), ("02:00", "12:00", 0),
    ]  # fmt: skip
    assert told(MONTREAL, "2026-06-20", friday) == [("12:00", "12:00", 0)]


def test_a_rule_without_hours_takes_its_dates_and_their_nights() -> None:
    """Closed on Mondays: Sunday's show goes on past midnight, Monday's does not take place."""
    evening, closed = rule(1, "18:00 to 02:00"), rule(2, days=(0,))
    assert told(MONTREAL, "2026-06-21", evening, closed) == [
        ("12:00", "18:00", 0), ("18:00", "02:00", 1), ("02:00", "12:00", 2),
    ]  # fmt: skip
    assert told(MONTREAL, "2026-06-22", evening, closed) == [
        ("12:00", "18:00", 2), ("18:00", "02:00", 2), ("02:00", "12:00", 0),
    ]  # fmt: skip


def test_dusk_after_the_end_is_no_show_and_no_day_and_night() -> None:
    assert told(LONDON, "2026-06-21", rule(1, "dusk to 22:00")) == [("12:00", "12:00", 0)]
    assert told(LONDON, "2026-12-21", rule(1, "dusk to 22:00"))[1] == ("16:33", "22:00", 1)


def test_under_the_midnight_sun_and_in_the_polar_night() -> None:
    """An event that never comes is later than everything, one that always was is earlier."""
    june, december = "2026-06-21", "2026-12-21"
    plain, bound = rule(1, "sunset to 23:00"), rule(1, "sunset to 23:00 to 17:30")
    for on in (june, december):
        assert told(TROMSO, on, plain) == [("12:00", "12:00", 0)]
    assert told(TROMSO, june, bound) == [("12:00", "12:00", 0)]
    assert told(TROMSO, december, bound)[1] == ("17:30", "23:00", 1)
    until = Hours(*(parse_moment(m) for m in ("20:00", "sunrise")), None, parse_moment("07:00"))
    long = PlannedRule(1, 2, A, 5.0, until)
    assert told(TROMSO, december, long)[1] == ("20:00", "07:00", 1)
    assert told(TROMSO, june, long) == [("12:00", "12:00", 0)]


def test_the_evening_of_the_far_north_may_end_tomorrow() -> None:
    """In Reykjavík the sun of 21 June sets after midnight, on the clock of the 22nd."""
    reykjavik = PlannedPlace(64.1466, -21.9426, "Atlantic/Reykjavik")
    found = told(reykjavik, "2026-06-21", rule(1, "sunset to 02:00"))
    assert found[1] == ("00:04", "02:00", 1)
