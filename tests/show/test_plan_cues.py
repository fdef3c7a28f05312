"""From the words of cues and tokens to what is planned, and evenings that have cues."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from murai_show.errors import ShowError
from murai_show.show.cue import KEYS, After, parse_after, parse_key
from murai_show.show.evening import evening_of, evening_to_json, why_at, why_to_json
from murai_show.show.plan import Plan, plan_show
from murai_show.show.report import plan_to_json, plan_to_text
from murai_show.show.words import Address, UnfitError
from murai_show.strip import CUE, FILM, GAP, HEAD, MARGIN, SKY, WIDTH, draw_evening, frame_of
from tests.show.machine import GOOD, machine, write

PLACED = GOOD.replace("bank:", "place: { lat: 45.5, lon: -73.55, tz: America/Montreal }\nbank:")
CUES = """\
tokens:
  noir: kandinsky
  hero: { wave: 3, starry: 1 }
  both: { hero: 0.5, noir: 0.5 }
cues:
  applause:
    - { at: 5s, style: noir, fade: 2s }
    - { at: +45s, style: both, fade: 10s }
    - { at: 2m, morph: [hero, wave, { noir: 1, dark: 1 }], over: 60s }
    - { hold: 10s }
    - { at: +1s, blackout: 3s }
    - { wait: go, timeout: 2m, then: end }
    - { at: +1s, play: evening }
  break: { end: stay, key: F9, fade: 1s, steps: [{ play: dark }] }
"""
HERO = (("starry", 0.25), ("wave", 0.75))
BOTH = (("kandinsky", 0.5), ("starry", 0.125), ("wave", 0.375))


def plan_of(folder: Path, text: str) -> Plan:
    return plan_show(write(folder, text), machine(folder), {})


def test_steps_are_resolved_with_their_times_lines_and_looks(tmp_path: Path) -> None:
    applause, pause = plan_of(tmp_path, GOOD + CUES).cues
    assert (applause.name, applause.line, applause.fade, applause.stays) == (
        "applause",
        16,
        5,
        False,
    )
    told = [(s.line, s.does, s.words, s.delay, s.lasts, s.fade) for s in applause.steps]
    assert told == [
        (17, "style", "noir", 5, 2, 2),
        (18, "style", "both", 45, 10, 10),
        (19, "morph", "morph hero, wave, dark 50% + kandinsky 50%", 70, 60, 5),
        (20, "hold", "hold", 60, 10, 0),
        (21, "blackout", "blackout", 1, 3, 3),
        (22, "wait", "waits for go", 3, 120, 0),
        (23, "play", "evening", 1, 5, 5),
    ]
    assert applause.steps[1].mixes == (BOTH,)
    assert applause.steps[2].mixes == (
        HERO,
        (("wave", 1.0),),
        (("dark", 0.5), ("kandinsky", 0.5)),
    )
    assert applause.steps[5].ends
    assert applause.steps[6].playlist.name == "evening"
    assert applause.lasts == 5 + 45 + 70 + 60 + 10 + 1 + 3 + 120 + 1 + 5
    assert (pause.key, pause.stays, pause.steps[0].playlist.lit) == ("f9", True, False)


def test_a_token_stands_wherever_a_look_does(tmp_path: Path) -> None:
    text = GOOD.replace("[wave, starry]", "[hero, { both: 1, wave: 1 }]") + CUES
    text += 'schedule:\n  - { from: "20:00", to: "21:00", style: both }\n'
    plan = plan_of(tmp_path, text)
    assert plan.playlist.entries == (
        HERO,
        (("kandinsky", 0.25), ("starry", 0.0625), ("wave", 0.6875)),
    )
    assert plan.schedule[1].playlist.entries == (BOTH,)


def test_a_key_is_no_secret_and_a_style_may_be_called_one(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, GOOD + "cues: { now: { key: 7, steps: [{ blackout: 1s }] } }\n")
    assert plan.cues[0].key == "7"


def test_what_was_perhaps_not_meant_is_said(tmp_path: Path) -> None:
    text = (
        PLACED + "cues:\n  one: [{ style: wave }]\n  two: { end: stay, steps: [{ style: wave }] }\n"
    )
    text += 'schedule: [{ at: "22:00", cue: two }]\ncontrol: 0.0.0.0:9476\n'
    plan = plan_of(tmp_path, text)
    assert plan.control == Address("0.0.0.0", 9476)
    notes = [note for note in plan.notes if not note.startswith("bank")]
    said = (
        "cue one, line 13: its last step, wave, is left as soon as it is there; write "
        "- { hold: 30s } behind it, or end: stay\n"
        "schedule, line 15: cue two stays on, past what the schedule says then, until it is "
        "released or until the next noon\n"
        "control: 0.0.0.0:9476 is reached from the network, without encryption; write 127.0.0.1 "
        "for this machine alone"
    )
    assert notes == said.split("\n")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_a_control_for_this_machine_alone_needs_no_word(tmp_path: Path, host: str) -> None:
    plan = plan_of(tmp_path, GOOD + f"control: '{host}:9476'\n")
    assert not any("control" in note for note in plan.notes)


def test_the_plan_tells_its_cues(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path, PLACED + CUES + 'schedule: [{ days: fri, at: "22:00", cue: applause }]\n'
    )
    found = json.loads(json.dumps(plan_to_json(plan)))
    assert found["cue_times"] == [{"line": 26, "when": "fri, at 22:00", "cue": "applause"}]
    assert [cue["name"] for cue in found["cues"]] == ["applause", "break"]
    assert found["cues"][0]["steps"][1] == {
        "line": 19,
        "after": "45s",
        "does": "style",
        "shows": "both",
        "fade": "10s",
        "lasts": "10s",
    }
    text = plan_to_text(plan)
    assert "  line 26       fri, at 22:00: cue applause" in text
    assert "cue break\n  line 25       0s      dark, 1s\n  then          stays, key f9" in text


AN_EVENING = (
    PLACED
    + CUES
    + """\
schedule:
  - default: dark
  - { from: "18:00", to: "23:00", play: evening }
  - { at: "22:00", cue: applause }
  - { days: fri, at: "23:30", cue: applause }
"""
)


def test_an_evening_shows_the_cues_that_the_schedule_calls(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, AN_EVENING)
    evening = evening_of(plan, date(2026, 11, 20))  # a friday
    rows = [
        (evening.clock(r.begins), evening.clock(r.ends), r.plays, r.line) for r in evening.rows()
    ]
    assert rows == [
        ("12:00", "18:00", "dark", 27),
        ("18:00", "23:00", "evening", 28),
        ("22:00", "22:05", "cue applause", 29),
        ("23:00", "12:00", "dark", 27),
        ("23:30", "23:35", "cue applause", 30),
    ]
    assert [evening.clock(edge) for edge in evening.span] == ["18:00", "23:35"]
    assert evening.entries() == (
        (("wave", 1.0),),
        (("starry", 1.0),),
        (("kandinsky", 1.0),),
        BOTH,
        HERO,
        (("dark", 0.5), ("kandinsky", 0.5)),
    )
    found = json.loads(json.dumps(evening_to_json(evening)))["cues"]
    assert [(cue["cue"], cue["line"], cue["from"][11:19]) for cue in found] == [
        ("applause", 29, "22:00:00"),
        ("applause", 30, "23:30:00"),
    ]
    assert [step["at"][14:19] for step in found[0]["steps"]][:4] == [
        "00:05",
        "00:50",
        "02:00",
        "03:00",
    ]
    assert len(evening_of(plan, date(2026, 11, 21)).runs) == 1


def test_why_names_the_cue_and_the_rule_that_called_it(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, AN_EVENING)
    wall = evening_of(plan, date(2026, 11, 20)).runs[0].begins + 70
    why = why_at(plan, wall)
    assert why.look.why == "line 19, cue applause, step 2: both"
    assert (why.now.run.by, why.now.leg, why.rule.line) == (29, 1, 28)
    assert why_to_json(plan, why)["cue"]["step"] == 2
    assert why_to_json(plan, why_at(plan, wall + 3600))["cue"] is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [("45s", After(45, False)), ("+2m", After(120, True)), ("+ 1m30s", After(90, True))],
)
def test_when_a_step_begins(written: str, meant: After) -> None:
    assert parse_after(written) == meant
    assert parse_after(str(meant)) == meant


@pytest.mark.parametrize(
    "found", ["Q", "esc", "Backspace", "delete", True, "ff", "f13", 12, None, ""]
)
def test_no_key(found: object) -> None:
    with pytest.raises(UnfitError):
        parse_key(found)


def test_every_key_is_read() -> None:
    assert [parse_key(key.upper()) for key in KEYS] == list(KEYS)
    assert parse_key(7) == "7"


def test_the_strip_flies_a_flag_for_each_cue(tmp_path: Path) -> None:
    """A white bar under the film from the beginning of a cue to its end, a white flag over it."""
    plan = plan_of(tmp_path, AN_EVENING)
    evening = evening_of(plan, date(2026, 11, 20))
    sheet = np.asarray(draw_evening(evening, {}))
    first, last = frame_of(evening)
    film = HEAD + SKY + GAP
    for run in evening.runs:
        left, right = (
            round(MARGIN + (at - first) / (last - first) * (WIDTH - 2 * MARGIN))
            for at in (run.begins, run.ends)
        )
        assert (sheet[film + FILM + 4, left : right - 1] == CUE).all()
        assert (sheet[film + FILM + 4, left - 2] != CUE).any()
        assert (sheet[film + 1, left : left + 60] == CUE).all()


def test_many_tokens_that_lead_to_many_are_followed_once_each(tmp_path: Path) -> None:
    """Every way through them, one by one, would be 2 to the power of 60."""
    pairs = [(f"a{n}", f"b{n}", f"{{ a{n + 1}: 1, b{n + 1}: 3 }}") for n in range(60)]
    lines = [f"  {name}: {look}\n" for *names, look in pairs for name in names]
    text = GOOD.replace("[wave, starry]", "[a0]") + "tokens:\n" + "".join(lines)
    plan = plan_of(tmp_path, text + "  a60: wave\n  b60: starry\n")
    assert dict(plan.playlist.entries[0]) == pytest.approx({"wave": 0.25, "starry": 0.75})
    with pytest.raises(ShowError) as caught:
        plan_of(tmp_path, text + "  a60: wave\n  b60: b17\n")
    (said,) = caught.value.problems
    assert said.text == (
        "token a18 leads back to itself: a18 → a19 → a20 → a21 → … → b17 → a18; "
        "write a style for one of them"
    )


def test_what_is_too_long_to_follow_is_refused(tmp_path: Path) -> None:
    chain = "".join(f"  t{n}: t{n + 1}\n" for n in range(300))
    steps = "    - { hold: 1s }\n" * 300
    with pytest.raises(ShowError) as caught:
        plan_of(tmp_path, GOOD + "tokens:\n" + chain + "cues:\n  long:\n" + steps)
    assert [problem.text for problem in caught.value.problems] == [
        "tokens: 300 are too many; a show has at most 200",
        "cue long: 300 steps are too many; a cue has at most 200, make it two",
    ]
