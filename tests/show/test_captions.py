"""What is written over the picture at a moment: pure, whole, and never a jump."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from murai_show.show.captions import captioned_look, captions_at, window, write_left
from murai_show.show.cueing import Call, Calls
from murai_show.show.plan import BankFacts, Plan, plan_show
from murai_show.show.timeline import Look, blend
from tests.show.machine import STYLES, machine, write

CREDITS = (
    "Katsushika Hokusai (1760-1849), The Great Wave off Kanagawa, c. 1831",
    "Vincent van Gogh (1853-1890), The Starry Night, 1889",
    "Wassily Kandinsky (1866-1944), Composition VII, 1913",
    "",
)
WAVE = "Katsushika Hokusai\nThe Great Wave off Kanagawa, c. 1831"
STARRY = "Vincent van Gogh\nThe Starry Night, 1889"
SHOW = """\
murai: 1
show: wall
title: A wall
place: { lat: 45.5, lon: -73.55, tz: America/Montreal }
cameras: { hall: { kind: pattern } }
bank: first
playlists:
  evening: { styles: [wave, starry], each: 60s, fade: 10s }
  late: { styles: [kandinsky, { wave: 0.6, starry: 0.4 }], each: 60s, fade: 0s }
play: evening
outputs: { wall: { kind: offscreen } }
"""
HOURS = """\
schedule:
  - default: dark
  - { from: "20:00", to: "22:00", play: evening, fade: 0s }
  - { from: "22:00", to: "01:00", play: late, fade: 0s }
"""


def plan_of(folder: Path, overlays: str, more: str = "") -> Plan:
    bank = BankFacts(Path("/banks/first.safetensors"), STYLES, credits=CREDITS)
    text = f"{SHOW}{more}overlays:\n{overlays}"
    return plan_show(write(folder, text), machine(banks={"first": bank}), {})


def at(clock: str, date: str = "2026-11-23") -> float:
    moment = datetime.fromisoformat(f"{date} {clock}").replace(tzinfo=ZoneInfo("America/Montreal"))
    return moment.timestamp()


def said(plan: Plan, wall: float) -> dict[str, float]:
    """The texts at `wall`, and how opaque they are."""
    return {c.text: c.opacity for c in captioned_look(plan, wall).captions}


def test_a_show_without_overlays_has_no_captions(tmp_path) -> None:
    plan = plan_show(write(tmp_path, SHOW), machine(), {})
    assert captioned_look(plan, at("21:00")).captions == ()


def test_a_title_is_the_show_s_or_its_own(tmp_path) -> None:
    plan = plan_of(
        tmp_path, '  a: { kind: title }\n  b: { kind: title, text: "Vers l’aube", opacity: 0.5 }\n'
    )
    assert said(plan, at("21:00")) == {"A wall": 1.0, "Vers l’aube": 128 / 255}


@pytest.mark.parametrize(
    ("weights", "named"),
    [
        ((1.0, 0.0), {WAVE: 1.0}),
        ((0.5, 0.5), {WAVE: 1.0, STARRY: 1.0}),
        ((0.6, 0.4), {WAVE: 1.0, STARRY: 1.0}),
        ((0.85, 0.15), {WAVE: 1.0}),
    ],
)
def test_a_mix_names_whoever_has_a_part_in_it(tmp_path, weights, named) -> None:
    plan = plan_of(tmp_path, "  c: { kind: credit }\n")
    mix = tuple((s, w) for s, w in zip(("wave", "starry"), weights, strict=True) if w)
    found = captions_at(plan, Look(tuple(sorted(mix))), at("21:00"))
    assert {c.text: c.opacity for c in found} == named


def test_a_walk_carries_the_credit_over_without_a_jump(tmp_path) -> None:
    """Nobody is named alone while the other has half; nobody who has nothing."""
    plan = plan_of(tmp_path, "  c: { kind: credit, lines: 1 }\n")
    steps = 400
    before = None
    for step in range(steps + 1):
        mix = blend((("wave", 1.0),), (("starry", 1.0),), step / steps)
        found = {c.text: c.opacity for c in captions_at(plan, Look(mix), 0.0)}
        assert max(found.values()) == 1.0
        if before is not None:
            for text in {*before, *found}:
                assert abs(before.get(text, 0.0) - found.get(text, 0.0)) < 0.05
        before = found
    assert found == {"Vincent van Gogh, The Starry Night, 1889": 1.0}


def test_a_style_without_a_credit_is_named_by_nobody_and_noted(tmp_path) -> None:
    plan = plan_of(tmp_path, "  c: { kind: credit }\n")
    assert captions_at(plan, Look((("delaunay", 1.0),)), 0.0) == ()
    assert not any("credits nobody" in note for note in plan.notes)  # it never plays
    text = (
        SHOW.replace("[wave, starry]", "[wave, delaunay]") + "overlays: { c: { kind: credit } }\n"
    )
    bank = BankFacts(Path("/banks/first.safetensors"), STYLES, credits=CREDITS)
    plan = plan_show(write(tmp_path, text), machine(banks={"first": bank}), {})
    assert "overlay c: the card of bank first credits nobody for delaunay" in plan.notes


def test_for_a_while_after_each_change_the_next_is_named(tmp_path) -> None:
    plan = plan_of(tmp_path, "  c: { kind: credit, for: 8s, fade: 2s }\n", HOURS)
    turn = at("21:00")  # the playlist's each is a minute: wave in even minutes from noon
    first = next(iter(said(plan, turn + 4)))
    assert said(plan, turn + 4) == {first: 1.0}
    assert said(plan, turn + 1) == {first: 128 / 255}
    assert said(plan, turn + 7) == {first: 128 / 255}
    assert said(plan, turn + 8) == {}
    assert said(plan, turn + 30) == {}
    second = next(iter(said(plan, turn + 64)))
    assert {first, second} == {WAVE, STARRY}


def test_a_change_of_rules_is_a_change_too(tmp_path) -> None:
    plan = plan_of(
        tmp_path,
        "  t: { kind: title, for: 5s, fade: 0s }\n",
        HOURS.replace('"22:00", to: "01:00"', '"22:00:20", to: "01:00"').replace(
            'to: "22:00",', 'to: "22:00:20",'
        ),
    )
    assert said(plan, at("22:00:19")) == {}
    assert said(plan, at("22:00:21")) == {"A wall": 1.0}


def test_the_dark_hides_what_is_not_meant_for_it(tmp_path) -> None:
    overlays = "  a: { kind: title }\n  b: { kind: clock, in_the_dark: true }\n"
    plan = plan_of(tmp_path, overlays, HOURS)
    assert said(plan, at("19:30")) == {"19:30": 1.0}
    assert said(plan, at("20:30")) == {"A wall": 1.0, "20:30": 1.0}
    half = captions_at(plan, Look((("wave", 1.0),), 0.5), at("20:30"))
    assert [c.opacity for c in half] == [128 / 255, 1.0]


def test_a_clock_is_the_place_s_and_knows_daylight_saving(tmp_path) -> None:
    plan = plan_of(tmp_path, '  c: { kind: clock, format: "%A %-d %H:%M:%S %Z" }\n')
    gap = at("01:59:59", "2026-03-08")
    assert said(plan, gap) == {"Sunday 8 01:59:59 EST": 1.0}
    assert said(plan, gap + 1) == {"Sunday 8 03:00:00 EDT": 1.0}


def test_a_countdown_is_there_for_its_time_and_ends_at_its_fullest(tmp_path) -> None:
    plan = plan_of(
        tmp_path,
        '  c: { kind: countdown, to: "20:00", text: "Opens in {left}", in_the_dark: true }\n',
        HOURS,
    )
    ends = at("20:00")
    assert said(plan, ends - 601) == {}
    assert said(plan, ends - 599.5) == {"Opens in 10:00": 128 / 255}
    assert said(plan, ends - 61) == {"Opens in 1:01": 1.0}
    assert said(plan, ends - 0.2) == {"Opens in 0:01": 1.0}
    assert said(plan, ends) == {}


def test_a_countdown_to_the_next_change_follows_the_schedule(tmp_path) -> None:
    plan = plan_of(
        tmp_path,
        "  c: { kind: countdown, to: next, for: 12h, fade: 0s, in_the_dark: true }\n",
        HOURS,
    )
    assert said(plan, at("19:59:30")) == {"0:30": 1.0}
    assert said(plan, at("21:00")) == {"1:00:00": 1.0}
    assert said(plan, at("22:00")) == {"3:00:00": 1.0}
    assert said(plan, at("01:00")) == {}  # 19 hours of dark
    assert said(plan, at("11:59:59")) == {"8:00:01": 1.0}  # the next show day begins at noon


def test_a_countdown_to_a_time_that_is_past_is_for_tomorrow(tmp_path) -> None:
    plan = plan_of(tmp_path, '  c: { kind: countdown, to: "00:30", for: 12h, fade: 0s }\n')
    assert said(plan, at("23:59:59")) == {"30:01": 1.0}
    assert said(plan, at("00:29:59", "2026-11-24")) == {"0:01": 1.0}


def test_a_countdown_to_a_sunset_that_never_comes_counts_nothing(tmp_path) -> None:
    north = SHOW.replace("lat: 45.5", "lat: 78.2").replace(
        "America/Montreal", "Arctic/Longyearbyen"
    )
    text = north + "overlays: { c: { kind: countdown, to: sunset, for: 12h } }\n"
    plan = plan_show(write(tmp_path, text), machine(), {})
    assert said(plan, at("20:00", "2026-06-21")) == {}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "0:01"),
        (1.0, "0:01"),
        (59.5, "1:00"),
        (600, "10:00"),
        (3600, "1:00:00"),
        (86399, "23:59:59"),
    ],
)
def test_the_time_that_is_left(seconds, text) -> None:
    assert write_left(seconds) == text


@given(st.floats(-1, 20), st.floats(0.1, 10), st.floats(0, 5))
def test_a_window_opens_and_closes_softly(age, lasts, fade) -> None:
    fade = min(fade, lasts / 2)
    seen = window(age, lasts, fade)
    assert 0.0 <= seen <= 1.0
    if not 0.0 <= age < lasts:
        assert seen == 0.0
    elif fade <= age <= lasts - fade:
        assert seen == pytest.approx(1.0)


EVERYTHING = """\
  title: { kind: title, for: 20s }
  credit: { kind: credit }
  now: { kind: clock, in_the_dark: true }
  code: { kind: qr, text: "https://example.org", opacity: 0.9 }
  next: { kind: countdown, to: next, for: 1h }
  sun: { kind: countdown, to: dusk, for: 1h, in_the_dark: true }
"""


@pytest.fixture(scope="module")
def busy(tmp_path_factory) -> Plan:
    return plan_of(tmp_path_factory.mktemp("busy"), EVERYTHING, HOURS)


@settings(max_examples=200, deadline=None)
@given(wall=st.floats(1_704_067_200, 2_019_686_400))
def test_any_instant_has_its_captions_and_always_the_same(busy, wall) -> None:
    look = captioned_look(busy, wall)
    assert look == captioned_look(busy, wall)
    assert all(c.text and 0.0 < c.opacity <= 1.0 for c in look.captions)
    assert all(float(255 * c.opacity).is_integer() for c in look.captions)
    order = [o.name for o in busy.overlays]
    places = [order.index(c.overlay) for c in look.captions]
    assert places == sorted(places)


CUED = """\
cues:
  bow:
    - { style: starry, fade: 2s }
    - { at: 20s, hold: 40s }
    - { at: 60s, style: wave, fade: 2s }
    - { hold: 30s }
schedule:
  - default: dark
  - { from: "20:00", to: "22:00", play: late, fade: 0s }
  - { at: "21:00", cue: bow }
"""


def test_a_cue_is_a_change_too(tmp_path) -> None:
    plan = plan_of(tmp_path, "  c: { kind: credit, for: 10s, fade: 0s }\n", CUED)
    assert said(plan, at("21:00:03")) == {STARRY: 1.0}
    assert said(plan, at("21:00:25")) == {}  # a hold changes nothing
    assert said(plan, at("21:01:05")) == {WAVE: 1.0}


def test_a_cue_that_a_person_calls_is_a_change_too(tmp_path) -> None:
    plan = plan_of(tmp_path, "  c: { kind: credit, for: 10s, fade: 0s }\n", CUED)
    wall = at("20:30:30")
    assert said(plan, wall) == {}
    called = captioned_look(plan, wall, Calls((Call("bow", wall - 5.0),)))
    assert [c.text for c in called.captions] == [STARRY]


def test_a_countdown_to_the_next_change_counts_to_a_cue(tmp_path) -> None:
    overlays = '  c: { kind: countdown, to: next, for: 5m, text: "{left}", fade: 0s }\n'
    plan = plan_of(tmp_path, overlays, CUED)
    assert said(plan, at("20:58:00")) == {"2:00": 1.0}
