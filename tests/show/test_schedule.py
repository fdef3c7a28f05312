"""A schedule from its words to the picture: rules, fades, notes, the evening and why."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from murai_show.show.days import show_day
from murai_show.show.evening import dark_words, evening_of, evening_to_json, why_at, why_to_json
from murai_show.show.hours import day_stretches
from murai_show.show.plan import Plan, plan_show
from murai_show.show.report import plan_to_json, plan_to_text
from murai_show.show.timeline import look_at, smooth, turn_at
from tests.show.machine import GOOD, machine, write

TZ = "America/Montreal"
PLACE = f"place: {{ lat: 45.5088, lon: -73.5540, tz: {TZ} }}\n"
BASE = GOOD.replace(
    "  evening: { styles: [wave, starry] }\n",
    "  evening: { styles: [wave, starry, kandinsky], each: 4m, fade: 6s, order: shuffle }\n"
    "  finale: { styles: [delaunay, wave], each: 1m, fade: 20s }\n",
)
FULL = """\
  - default: dark
  - { from: dusk+10m, to: "23:00", not_before: "17:30", play: evening }
  - { from: "22:00", to: "22:15", play: finale }
  - { days: fri, from: "23:00", to: "00:30", style: { wave: 3, starry: 1 }, fade: 1m }
"""


def plan_of(folder: Path, rules: str, place: str = PLACE) -> Plan:
    text = BASE + place + (f"schedule:\n{rules}" if rules else "")
    return plan_show(write(folder, text), machine(folder), {})


def at(*parts: int) -> float:
    return datetime(*parts, tzinfo=ZoneInfo(TZ)).timestamp()  # type: ignore[arg-type]


# --- the plan -------------------------------------------------------------------------------------


def test_rules_are_resolved_with_their_lines(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, FULL)
    lines = (tmp_path / "wall.yaml").read_text().splitlines()
    assert [lines[rule.line - 1].strip()[:20] for rule in plan.schedule] == [
        "- default: dark",
        "- { from: dusk+10m, ",
        '- { from: "22:00", t',
        "- { days: fri, from:",
    ]
    dark, evening, finale, friday = plan.schedule
    assert (dark.playlist.lit, dark.when, dark.fade) == (False, "otherwise", None)
    assert (evening.playlist, evening.fade) == (plan.playlist, 6.0)
    assert evening.when == "dusk+10m to 23:00, not before 17:30"
    assert finale.playlist.name == "finale"
    assert lines[finale.playlist.line - 1].startswith("  finale:")
    assert friday.playlist.entries == ((("starry", 0.25), ("wave", 0.75)),)
    assert (friday.days, friday.fade) == ((4,), 60.0)
    assert len(plan.playlists) == 4
    assert plan.notes == ()
    assert plan_to_json(plan)["schedule"][1]["when"] == evening.when
    assert f"\nschedule\n  line {dark.line} " in plan_to_text(plan)
    assert json.loads(json.dumps(plan_to_json(plan))) == plan_to_json(plan)


def test_without_a_schedule_everything_is_as_ever(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "")
    assert plan.notes == ()
    assert "\nschedule\n" not in plan_to_text(plan)
    for hour in range(24):
        wall = at(2026, 12, 24, hour, 2)
        look = look_at(plan, wall)
        assert (look.light, look.mix) == (1.0, turn_at(plan, plan.playlist, wall).entry)


def test_without_a_default_the_rest_is_what_play_names(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, '  - { from: "22:00", to: "22:15", play: finale }\n')
    assert [rule.playlist.name for rule in plan.schedule] == ["evening", "finale"]
    written = (tmp_path / "wall.yaml").read_text().splitlines()
    assert written[plan.schedule[0].line - 1] == "play: evening"


def test_a_time_may_come_from_the_environment(tmp_path: Path) -> None:
    text = BASE + PLACE + "schedule:\n  - { from: '${OPEN}', to: '23:00', play: finale }\n"
    plan = plan_show(write(tmp_path, text), machine(tmp_path), {"OPEN": "21:00"})
    assert str(plan.schedule[1].hours) == "21:00 to 23:00"


# --- notes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "note"),
    [
        ('- { from: "18:00", to: "18:00", play: finale }', "it would end before it begins"),
        ("- { from: dusk, to: sunset, play: finale }", "it would end before it begins"),
        ('- { from: "18:00", to: "20:00", not_before: "21:00", play: finale }', "never plays: it"),
        ("- { dates: 2026-12-24, days: fri, play: finale }", "none of its dates is on one of its"),
        (
            '- { from: "22:00", to: "22:15", play: finale }\n  - { play: evening }',
            "never plays: line 15 holds whenever it does",
        ),
        (
            (
                '- { days: fri, from: "22:00", to: "22:15", play: finale }\n  '
                '- { days: [fri, sat], from: "20:00", to: "23:00", style: wave }'
            ),
            "never plays: line 15 holds whenever it does",
        ),
        ("- { from: dusk, to: '23:00', play: evening }", "changes nothing: evening plays at all"),
    ],
)
def test_what_is_right_but_hardly_meant(tmp_path: Path, rules: str, note: str) -> None:
    notes = plan_of(tmp_path, f"  {rules}\n").notes
    assert any(n.startswith("schedule, line 14: ") and note in n for n in notes), notes


@pytest.mark.parametrize(
    "rules",
    [
        '- { from: "22:00", to: "22:15", play: finale }\n  - { days: fri, play: evening }',
        (
            '- { from: "20:00", to: "23:00", play: finale }\n  '
            '- { from: "20:00", to: "22:59", style: wave }'
        ),
        "- { days: fri, play: finale }\n  - { dates: 12-24, play: dark }",
    ],
)
def test_what_is_meant_is_not_remarked_on(tmp_path: Path, rules: str) -> None:
    assert plan_of(tmp_path, f"  {rules}\n").notes == ()


def test_the_note_names_the_dates_without_dusk(tmp_path: Path) -> None:
    tromso = "place: { lat: 69.6492, lon: 18.9553, tz: Europe/Oslo }\n"
    rules = '  - default: dark\n  - { from: dusk, to: "23:30", play: evening }\n'
    (note,) = plan_of(tmp_path, rules, tromso).notes
    assert note.startswith("schedule, line 15: silent on ")
    assert "(no dusk)" in note
    assert note.endswith(", each year")
    # In the polar night sunset has always been: a bound makes it a time, midsummer stays silent.
    rules = rules.replace("dusk", "sunset")
    (note,) = plan_of(tmp_path, rules, tromso).notes
    assert note.count("(no sunset)") == 2
    rules = rules.replace("to:", 'not_before: "17:00", to:')
    (note,) = plan_of(tmp_path, rules, tromso).notes
    assert note.count("(no sunset)") == 1


def test_the_note_names_the_dates_when_dusk_is_too_late(tmp_path: Path) -> None:
    london = "place: { lat: 51.5074, lon: -0.1278, tz: Europe/London }\n"
    rules = '  - default: dark\n  - { from: dusk, to: "22:00", play: evening }\n'
    (note,) = plan_of(tmp_path, rules, london).notes
    assert "06-" in note
    assert "(it would end before it begins), each year" in note


def test_hours_without_a_place_are_utc_and_say_so(tmp_path: Path) -> None:
    rules = '  - default: dark\n  - { from: "18:00", to: "23:00", play: evening }\n'
    assert plan_of(tmp_path, rules, "").notes == (
        "schedule: its times are UTC; write place: with lat, lon and tz",
    )


# --- the picture ----------------------------------------------------------------------------------


def test_the_evening_fades_in_and_out(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, FULL)
    opening, closing = at(2026, 12, 23, 17, 30), at(2026, 12, 23, 23)
    assert look_at(plan, opening - 1).light == 0.0
    assert look_at(plan, opening).light == 0.0
    assert look_at(plan, opening + 3).light == pytest.approx(0.5)
    assert look_at(plan, opening + 6).light == 1.0
    assert look_at(plan, closing).light == 1.0
    assert look_at(plan, closing + 1.5).light == pytest.approx(1 - smooth(0.25))
    assert look_at(plan, closing + 6).light == 0.0
    assert look_at(plan, opening + 3).why.startswith("line 15, playlist evening, entry ")
    assert look_at(plan, opening + 3).why.endswith("50% of the walk from line 14")


def test_the_finale_walks_from_the_evening_and_back(tmp_path: Path) -> None:
    """Both rotate on under the walk, and the evening comes back where it would have been."""
    plan = plan_of(tmp_path, FULL)
    begin = at(2026, 12, 23, 22)
    finale = plan.schedule[2].playlist
    before = turn_at(plan, plan.playlist, begin + 10).entry[0][0]
    # The finale's own turns begin on whole minutes: at 22:00 it walks too.
    look = dict(look_at(plan, begin + 15).mix)
    assert look[before] == pytest.approx(1 - smooth(0.75), abs=0.35)
    assert turn_at(plan, finale, begin + 15).entry[0][0] in look
    after = at(2026, 12, 23, 22, 15) + 7
    assert look_at(plan, after).mix == turn_at(plan, plan.playlist, after).entry


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 364), st.floats(0, 86400))
def test_light_and_mix_never_jump(tmp_path_factory, day: int, second: float) -> None:
    plan = cached_plan(tmp_path_factory)
    begins = show_day(TZ, at(2026, 1, 1, 13) + day * 86400).begins
    edges = [s.begins for s in day_stretches(plan.schedule, plan.place, show_day(TZ, begins))]
    for wall in (begins + second, *(edge + second / 86400 * 90 for edge in edges[1:])):
        assert_close(plan, wall, wall + 0.02)


def test_a_rule_shorter_than_its_fade_is_walked_on_from(tmp_path: Path) -> None:
    rules = """\
  - default: dark
  - { from: "20:00", to: "21:00", play: evening }
  - { from: "20:30", to: "20:30:10", style: delaunay, fade: 1m }
"""
    plan = plan_of(tmp_path, rules)
    begin = at(2026, 12, 23, 20, 30)
    for step in range(-50, 1200):
        assert_close(plan, begin + step / 10, begin + step / 10 + 0.02)
    most = dict(look_at(plan, begin + 9.99).mix)["delaunay"]
    assert most == pytest.approx(smooth(1 / 6), abs=0.001)
    assert 0 < dict(look_at(plan, begin + 13).mix)["delaunay"] < most
    assert "delaunay" not in dict(look_at(plan, begin + 16.1).mix)


_PLANS: list[Plan] = []


def cached_plan(factory: pytest.TempPathFactory) -> Plan:
    if not _PLANS:
        _PLANS.append(plan_of(factory.mktemp("schedule"), FULL))
    return _PLANS[0]


def assert_close(plan: Plan, before: float, after: float) -> None:
    """In 20 ms nothing moves by more than the steepest fade, 1.5 / 6 s, twice over."""
    one, two = look_at(plan, before), look_at(plan, after)
    assert abs(one.light - two.light) < 0.011

    def lit(look) -> dict[str, float]:
        return {style: weight * look.light for style, weight in look.mix}

    for style in {*lit(one), *lit(two)}:
        assert abs(lit(one).get(style, 0.0) - lit(two).get(style, 0.0)) < 0.022


def test_hours_are_cheap_to_ask(tmp_path: Path) -> None:
    """A frame asks what to show: the rules of its day are worked out once."""
    from murai_show.show.hours import stretches

    plan = plan_of(tmp_path, FULL)
    stretches.cache_clear()
    for frame in range(300):
        look_at(plan, at(2026, 12, 23, 18) + frame / 30)
    assert stretches.cache_info().misses == 1


# --- the evening and why --------------------------------------------------------------------------


def test_an_evening(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, FULL)
    evening = evening_of(plan, date(2026, 12, 25))  # a Friday
    assert [(evening.clock(s.begins), s.rule.order) for s in evening.stretches] == [
        ("12:00", 0), ("17:30", 1), ("22:00", 2), ("22:15", 1), ("23:00", 3), ("00:30", 0),
    ]  # fmt: skip
    assert [m.word for m in evening.sun] == ["sunset", "dusk", "dawn", "sunrise"]
    assert evening.span == (at(2026, 12, 25, 17, 30), at(2026, 12, 26, 0, 30))
    told = evening_to_json(evening)
    assert told["lit"] == ["2026-12-25T17:30:00-05:00", "2026-12-26T00:30:00-05:00"]
    assert told["stretches"][4]["plays"] == "starry 25% + wave 75%"
    assert json.loads(json.dumps(told)) == told
    assert len(evening.entries()) == 5  # each look once: wave is in both playlists


def test_a_dark_evening_has_no_span(tmp_path: Path) -> None:
    evening = evening_of(plan_of(tmp_path, "  - default: dark\n"), date(2026, 12, 25))
    assert (evening.span, evening.lit, evening.entries()) == (None, (), ())


def test_why(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, FULL)
    why = why_at(plan, at(2026, 12, 25, 22, 5, 30))
    assert why.rule == plan.schedule[2]
    assert [rule.order for rule in why.others] == [1, 0]
    assert (why.begins, why.ends) == (at(2026, 12, 25, 22), at(2026, 12, 25, 22, 15))
    assert why.after == plan.schedule[1]
    assert (why.turn.begins, why.turn.ends) == (at(2026, 12, 25, 22, 5), at(2026, 12, 25, 22, 6))
    assert why.next_turn.entry != why.turn.entry
    told = why_to_json(plan, why)
    assert told["rule"]["line"] == plan.schedule[2].line
    assert [rule["line"] for rule in told["overridden"]] == [15, 14]
    assert json.loads(json.dumps(told)) == told


def test_why_of_a_show_that_never_changes(tmp_path: Path) -> None:
    why = why_at(plan_of(tmp_path, ""), at(2026, 12, 25, 22, 5))
    assert (why.begins, why.ends, why.after, why.others) == (None, None, None, ())


def test_who_starts_a_show_in_the_dark_is_told(tmp_path: Path) -> None:
    rules = '  - default: dark\n  - { from: "18:00", to: "23:00", play: evening }\n'
    plan = plan_of(tmp_path, rules)
    noon, night = at(2026, 12, 24, 12), at(2026, 12, 24, 20)
    words = dark_words(plan, noon, "plaza")
    assert words.startswith("the wall is dark until Thu 18:00 (")
    assert words.endswith("murai-show rehearse plaza plays the evening now")
    assert dark_words(plan, night, "plaza") == ""
    assert dark_words(plan_of(tmp_path, ""), noon, "plaza") == ""
