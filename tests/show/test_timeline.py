"""`look_at` is pure: any instant, any order of calls, the same look."""

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from murai_show.show.plan import PlannedPlace, PlannedPlaylist
from murai_show.show.timeline import (
    blend,
    day_before,
    entry_at,
    last_slot,
    look_at,
    show_day,
    smooth,
)
from tests.plans import a_plan

ZONES = ("UTC", "America/Montreal", "Europe/Paris", "Australia/Lord_Howe", "Asia/Kathmandu")
# 2024 to 2034, in POSIX seconds
INSTANTS = st.floats(1_704_067_200, 2_019_686_400)


def listed(*styles: str, each: float = 60.0, fade: float = 10.0, order: str = "listed"):
    entries = tuple(((s, 1.0),) for s in styles)
    return PlannedPlaylist("evening", entries, each, fade, order)  # type: ignore[arg-type]


def at(*parts: int, tz: str = "UTC") -> float:
    return datetime(*parts, tzinfo=ZoneInfo(tz)).timestamp()  # type: ignore[arg-type]


@st.composite
def plans(draw: st.DrawFn):
    count = draw(st.integers(1, 6))
    each = draw(st.floats(1.0, 6 * 3600.0))
    playlist = listed(
        *[f"s{i}" for i in range(count)],
        each=each,
        fade=each * draw(st.floats(0, 1)),
        order=draw(st.sampled_from(("listed", "shuffle"))),
    )
    place = PlannedPlace(0.0, 0.0, draw(st.sampled_from(ZONES)))
    return a_plan(playlist=playlist, place=place, show=draw(st.sampled_from(("a", "b"))))


@given(plans(), INSTANTS)
def test_every_instant_has_a_whole_look(plan, wall: float) -> None:
    look = look_at(plan, wall)
    assert look == look_at(plan, wall)
    assert sum(weight for _, weight in look.mix) == pytest.approx(1.0)
    assert 1 <= len(look.mix) <= 3  # three where noon cut a walk short
    assert all(weight > 0 for _, weight in look.mix)
    assert list(look.mix) == sorted(look.mix)
    assert look.light == 1.0
    assert look.main in look.why or len(look.mix) > 1


@given(plans(), INSTANTS)
def test_weights_walk_and_never_jump(plan, wall: float) -> None:
    if plan.playlist.fade < 0.05:
        return
    step = plan.playlist.fade / 100
    before, after = dict(look_at(plan, wall).mix), dict(look_at(plan, wall + step).mix)
    for style in {*before, *after}:
        # the steepest point of the ease is 1.5 / fade
        assert abs(before.get(style, 0.0) - after.get(style, 0.0)) <= 1.5 * 0.01 + 1e-6


@pytest.mark.parametrize(
    ("styles", "each"), [("ab", 17_500.0), ("abc", 25_000.0), ("abcd", 7_100.0)]
)
@pytest.mark.parametrize("order", ["listed", "shuffle"])
def test_a_walk_that_noon_cuts_short_does_not_jump(styles: str, each: float, order: str) -> None:
    """The last slot before noon is shorter than its walk; the next day walks on from there."""
    plan = a_plan(playlist=listed(*styles, each=each, fade=each, order=order))
    noon = at(2026, 7, 1, 12)
    before, after = (dict(look_at(plan, noon + s).mix) for s in (-0.1, 0.0))
    assert len(before) == 2
    for style in {*before, *after}:
        assert before.get(style, 0.0) == pytest.approx(after.get(style, 0.0), abs=1e-4)


# Tenths of a second: a slot that ends a rounding error before noon is followed by one that no
# instant falls into.
@given(st.integers(2, 6), st.integers(6000, 216_000), st.sampled_from(ZONES), INSTANTS)
def test_shuffle_never_shows_a_style_twice_in_a_row(
    count: int, tenths: int, tz: str, wall: float
) -> None:
    each = tenths / 10
    playlist = listed(*[f"s{i}" for i in range(count)], each=each, fade=0, order="shuffle")
    plan = a_plan(playlist=playlist, place=PlannedPlace(0, 0, tz))
    seen: list[str] = []
    day = day_before(tz, show_day(tz, wall))
    for _ in range(2):
        begins = [day.begins + slot * each for slot in range(last_slot(playlist, day) + 1)]
        seen += [look_at(plan, min(b + 1e-3, day.ends - 1e-6)).main for b in begins]
        day = show_day(tz, day.ends)
    if count > 2:  # slots begin anew at noon
        assert all(a != b for a, b in itertools.pairwise(seen))
    else:
        first = wall - wall % each
        seen = [look_at(plan, first + (slot + 0.5) * each).main for slot in range(300)]
        assert all(a != b for a, b in itertools.pairwise(seen))


@given(st.integers(3, 6), INSTANTS)
def test_shuffle_gives_each_style_once_a_round(count: int, wall: float) -> None:
    playlist = listed(*[f"s{i}" for i in range(count)], order="shuffle")
    plan = a_plan(playlist=playlist)
    day = show_day("UTC", wall)
    for around in (0, 1, 7):
        slots = range(around * count, (around + 1) * count)
        assert len({entry_at(plan, plan.playlist, day, slot) for slot in slots}) == count


def test_shuffle_is_the_same_after_a_restart_and_differs_by_show_and_date() -> None:
    """The order is written down: a change of the draw would change every running show."""
    playlist = listed("a", "b", "c", "d", "e", order="shuffle")
    day, tomorrow = show_day("UTC", at(2026, 11, 22, 20)), show_day("UTC", at(2026, 11, 23, 20))

    def order(show: str, of) -> str:
        plan = a_plan(playlist=playlist, show=show)
        return "".join(entry_at(plan, plan.playlist, of, slot)[0][0] for slot in range(10))

    assert order("up375", day) == EXPECTED_ORDER
    assert order("up375", day) != order("other", day)
    assert order("up375", day) != order("up375", tomorrow)


EXPECTED_ORDER = "debcaecadb"


def test_the_day_turns_at_noon_so_an_evening_is_whole() -> None:
    evening = show_day("America/Montreal", at(2026, 7, 1, 23, 30, tz="America/Montreal"))
    night = show_day("America/Montreal", at(2026, 7, 2, 1, 30, tz="America/Montreal"))
    assert evening == night
    assert evening.date == "2026-07-01"


@pytest.mark.parametrize(
    ("date", "hours"), [((2026, 3, 28), 23), ((2026, 10, 24), 25), ((2026, 6, 1), 24)]
)
def test_days_of_daylight_saving_are_as_long_as_they_are(date, hours: int) -> None:
    day = show_day("Europe/Paris", at(*date, 13, tz="Europe/Paris"))
    assert (day.ends - day.begins) / 3600 == hours


def test_rotation_walks_through_the_gap_and_the_fold_without_a_jump() -> None:
    """Every minute of the two nights when clocks change: styles follow in order, 60 s each."""
    plan = a_plan(playlist=listed("a", "b", "c", fade=0), place=PlannedPlace(0, 0, "Europe/Paris"))
    for night in (datetime(2026, 3, 28, 22, tzinfo=UTC), datetime(2026, 10, 24, 22, tzinfo=UTC)):
        seen = [
            look_at(plan, (night + timedelta(minutes=m, seconds=30)).timestamp()).main
            for m in range(300)
        ]
        assert "".join(seen) in "abc" * 101


def test_a_fade_eases_from_the_style_before() -> None:
    plan = a_plan(playlist=listed("a", "b", each=60, fade=10))
    noon = at(2026, 11, 22, 12)
    assert look_at(plan, noon + 30).mix == (("a", 1.0),)
    assert look_at(plan, noon + 60).mix == (("a", 1.0),)
    assert look_at(plan, noon + 65).mix == (("a", 0.5), ("b", 0.5))
    assert look_at(plan, noon + 62).mix[1][1] == pytest.approx(smooth(0.2))
    assert look_at(plan, noon + 71).mix == (("b", 1.0),)


def test_dark_dims_instead_of_mixing() -> None:
    plan = a_plan(playlist=listed("a", "dark", each=60, fade=10))
    noon = at(2026, 11, 22, 12)
    half = look_at(plan, noon + 65)
    assert half.mix == (("a", 1.0),)
    assert half.light == 0.5
    dark = look_at(plan, noon + 90)
    assert (dark.mix, dark.lit, dark.main) == ((), False, "dark")


@given(st.floats(0, 1))
def test_a_blend_keeps_its_sum(share: float) -> None:
    mixed = blend((("a", 0.3), ("b", 0.7)), (("b", 0.5), ("c", 0.5)), share)
    assert sum(weight for _, weight in mixed) == pytest.approx(1.0)


def test_why_tells_the_walk() -> None:
    plan = a_plan(playlist=listed("a", "b", each=60, fade=10))
    assert look_at(plan, at(2026, 11, 22, 12) + 65).why == (
        "playlist evening, entry b, 50% of the walk from a"
    )


def test_plans_are_values(tmp_path: Path) -> None:
    assert a_plan() == a_plan()
