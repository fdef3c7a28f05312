"""Times, days and dates as people write them, and the sun that some of them follow."""

from __future__ import annotations

import math
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from astral import Observer, SunDirection
from astral.sun import time_at_elevation
from hypothesis import given
from hypothesis import strategies as st

from murai_show.show.moments import (
    DAYS,
    SUN_WORDS,
    Dates,
    Moment,
    parse_dates,
    parse_days,
    parse_moment,
    write_days,
)
from murai_show.show.sun import sun_instant
from murai_show.show.words import UnfitError


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("23:00", Moment("clock", 23 * 3600)),
        ("7:05:30", Moment("clock", 7 * 3600 + 330)),
        ("00:00+1h30m", Moment("clock", 0, 5400)),
        ("sunset", Moment("setting", -0.833)),
        ("dusk+10m", Moment("setting", -6, 600)),
        ("dusk + 10m", Moment("setting", -6, 600)),
        ("dawn-500ms", Moment("rising", -6, -0.5)),
        ("noon-1h", Moment("noon", 0, -3600)),
        ("sun -4°", Moment("setting", -4)),
        ("sun -4", Moment("setting", -4)),
        ("sun 12.5 deg rising", Moment("rising", 12.5)),
        ("sun -4° rising-1h30m", Moment("rising", -4, -5400)),
        ("sun -4-10m", Moment("setting", -4, -600)),
    ],
)
def test_a_time(written: str, meant: Moment) -> None:
    assert parse_moment(written) == meant
    assert parse_moment(str(meant)) == meant


moments = st.builds(
    Moment,
    st.just("clock"),
    st.integers(0, 86399).map(float),
    st.integers(-43200, 43200).map(float),
) | st.sampled_from(sorted(SUN_WORDS.values())).flatmap(
    lambda side: st.builds(Moment, st.just(side[0]), st.just(side[1]), st.just(90.0))
)


@given(moments)
def test_a_time_is_written_as_it_is_read(moment: Moment) -> None:
    assert parse_moment(str(moment)) == moment


@given(st.text() | st.sampled_from(["sun", "sun+", "dusk+", "12:3", "1e3:00", "+10m", "sun°"]))
def test_anything_else_is_refused_in_a_sentence(text: str) -> None:
    for parse in (parse_moment, parse_days, parse_dates):
        try:
            parse(text)
        except UnfitError as error:
            assert "; " in str(error)  # noqa: PT017 - most texts are refused, a few are right


@pytest.mark.parametrize(
    ("written", "meant", "back"),
    [
        ("fri", (4,), "fri"),
        ("mon-thu", (0, 1, 2, 3), "mon-thu"),
        ("fri-mon", (0, 4, 5, 6), "mon, fri-sun"),
        (["sat", "sun", "sat"], (5, 6), "sat, sun"),
        (("mon-wed", "sat"), (0, 1, 2, 5), "mon-wed, sat"),
    ],
)
def test_days(written: object, meant: tuple[int, ...], back: str) -> None:
    assert parse_days(written) == meant
    assert write_days(meant) == back


@given(st.sampled_from(DAYS), st.sampled_from(DAYS))
def test_a_span_of_days_ends_where_it_says(first: str, last: str) -> None:
    days = parse_days(f"{first}-{last}")
    assert {DAYS.index(first), DAYS.index(last)} <= set(days)
    assert len(days) == (DAYS.index(last) - DAYS.index(first)) % 7 + 1


@pytest.mark.parametrize(
    ("written", "inside", "outside"),
    [
        ("2026-12-24", ["2026-12-24"], ["2026-12-23", "2026-12-25", "2027-12-24"]),
        ("2026-12-24..2027-01-02", ["2026-12-24", "2026-12-31", "2027-01-02"], ["2027-01-03"]),
        ("12-24", ["2026-12-24", "2031-12-24"], ["2026-12-25"]),
        ("12-24..01-02", ["2026-12-24", "2027-01-01", "2028-01-02"], ["2026-12-23", "2026-01-03"]),
        ("02-29", ["2028-02-29"], ["2027-02-28", "2027-03-01"]),
    ],
)
def test_dates(written: str, inside: list[str], outside: list[str]) -> None:
    (dates,) = parse_dates(written)
    assert all(date.fromisoformat(day) in dates for day in inside)
    assert not any(date.fromisoformat(day) in dates for day in outside)
    assert str(dates) == written


def test_a_list_of_dates() -> None:
    assert parse_dates(["12-24", "2026-02-01"]) == (
        Dates((0, 12, 24), (0, 12, 24)),
        Dates((2026, 2, 1), (2026, 2, 1)),
    )


# --- the sun --------------------------------------------------------------------------------------


def local(place: tuple[float, float, str], on: str, word: str) -> str:
    lat, lon, tz = place
    found = sun_instant(lat, lon, tz, date.fromisoformat(on).toordinal(), *SUN_WORDS[word])
    return datetime.fromtimestamp(round(found / 60) * 60, ZoneInfo(tz)).strftime("%d %H:%M")


MONTREAL = (45.5088, -73.5540, "America/Montreal")
LONDON = (51.5074, -0.1278, "Europe/London")
TOKYO = (35.6762, 139.6503, "Asia/Tokyo")
SYDNEY = (-33.8688, 151.2093, "Australia/Sydney")


@pytest.mark.parametrize(
    ("place", "on", "word", "expected"),
    [  # as almanacs print them
        (MONTREAL, "2026-12-24", "sunset", "24 16:15"),
        (LONDON, "2026-06-21", "sunset", "21 21:22"),
        (LONDON, "2026-06-21", "sunrise", "21 04:43"),
        (TOKYO, "2026-06-21", "sunset", "21 19:00"),
        (SYDNEY, "2026-12-21", "sunset", "21 20:05"),
    ],
)
def test_the_sun_is_where_almanacs_have_it(place, on: str, word: str, expected: str) -> None:
    assert local(place, on, word) == expected


@pytest.mark.parametrize("place", [MONTREAL, LONDON, TOKYO, SYDNEY], ids=lambda p: p[2])
@pytest.mark.parametrize("on", ["2026-03-20", "2026-06-21", "2026-09-22", "2026-12-21"])
def test_the_sun_agrees_with_astral(place, on: str) -> None:
    """Its own search for a crossing is a little coarser than ours, and east of Greenwich it answers
    a morning with the next day's: the time of day has to agree, within 120 s."""
    lat, lon, tz = place
    day = date.fromisoformat(on)
    for side, direction in (("setting", SunDirection.SETTING), ("rising", SunDirection.RISING)):
        for degrees in (-4.0, -12.0, 6.0):
            ours = sun_instant(lat, lon, tz, day.toordinal(), side, degrees)  # type: ignore[arg-type]
            theirs = time_at_elevation(
                Observer(lat, lon), degrees, day, direction, ZoneInfo(tz), with_refraction=False
            )
            apart = (ours - theirs.timestamp() + 43200) % 86400 - 43200
            assert abs(apart) < 120


def test_the_order_of_a_day() -> None:
    words = ("dawn", "sunrise", "noon", "sunset", "dusk")
    ordinal = date(2026, 4, 1).toordinal()
    times = [sun_instant(*MONTREAL, ordinal, *SUN_WORDS[word]) for word in words]
    assert times == sorted(times)
    assert len(set(times)) == 5


def test_a_sun_that_never_comes_and_one_that_always_was() -> None:
    tromso = (69.6492, 18.9553, "Europe/Oslo")
    june, december = date(2026, 6, 21).toordinal(), date(2026, 12, 21).toordinal()
    sunset, sunrise = SUN_WORDS["sunset"], SUN_WORDS["sunrise"]
    assert sun_instant(*tromso, june, *sunset) == math.inf
    assert sun_instant(*tromso, june, *sunrise) == -math.inf
    assert sun_instant(*tromso, december, *sunset) == -math.inf
    assert sun_instant(*tromso, december, *sunrise) == math.inf
    assert math.isfinite(sun_instant(*tromso, december, *SUN_WORDS["dusk"]))


def test_a_clock_that_is_far_from_its_meridian() -> None:
    """Kiribati's clocks are 25 hours ahead of its sun's: noon is still that date's noon."""
    kiritimati = (1.87, -157.4, "Pacific/Kiritimati")
    assert local(kiritimati, "2026-06-21", "noon").startswith("21 12:")
    assert local(kiritimati, "2026-06-21", "sunset").startswith("21 18:")


def test_the_poles_have_answers_too() -> None:
    for lat in (90.0, -90.0):
        for month in range(1, 13):
            ordinal = date(2026, month, 20).toordinal()
            found = [sun_instant(lat, 0.0, "UTC", ordinal, *side) for side in SUN_WORDS.values()]
            assert not any(math.isnan(at) for at in found)
