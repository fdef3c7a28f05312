"""Overlays in a plan: on whose canvases, what a newer version of them builds anew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from murai_show.show.changes import Changes, changes, plan_files
from murai_show.show.overlay import parse_at, parse_colour, write_colour
from murai_show.show.plan import Plan, plan_show
from murai_show.show.plan_overlays import credit_lines
from murai_show.show.planned import PlannedBank
from murai_show.show.report import plan_to_json, plan_to_text
from murai_show.show.words import UnfitError
from tests.show.machine import GOOD, machine, shipped_machine, write

OUTPUTS = """\
  left: { kind: offscreen, size: 640x360 }
  film: { kind: recording, of: wall }
  again: { kind: snapshot, of: film }
  tap: { kind: memory }
"""


def plan_of(folder: Path, overlays: str, outputs: str = OUTPUTS) -> Plan:
    text = f"{GOOD}{outputs}overlays:\n{overlays}"
    return plan_show(write(folder, text), machine(), {})


def names(plan: Plan) -> dict[str, list[str]]:
    """Which overlays each canvas knows."""
    return {o.name: [s.name for s in o.canvas.overlays] for o in plan.outputs if o.canvas}


def test_every_canvas_shows_an_overlay_that_does_not_say_where(tmp_path) -> None:
    plan = plan_of(tmp_path, "  now: { kind: clock }\n")
    assert names(plan) == {n: ["now"] for n in ("wall", "left", "film", "again")}


def test_what_shows_another_output_shows_its_overlays(tmp_path) -> None:
    plan = plan_of(
        tmp_path, "  now: { kind: clock, on: wall }\n  who: { kind: credit, on: [left] }\n"
    )
    assert names(plan) == {"wall": ["now"], "left": ["who"], "film": ["now"], "again": ["now"]}
    canvases = {o.name: o.canvas for o in plan.outputs}
    assert canvases["wall"] == canvases["film"] == canvases["again"]  # drawn once


def test_a_plan_without_overlays_is_what_it_was(tmp_path) -> None:
    plan = plan_show(write(tmp_path, GOOD), machine(), {})
    assert plan.overlays == ()
    assert all(o.canvas.overlays == () for o in plan.outputs if o.canvas)
    assert "\noverlay " not in plan_to_text(plan)


def test_the_plan_tells_of_overlays_in_the_words_of_the_language(tmp_path) -> None:
    plan = plan_of(
        tmp_path,
        '  end: { kind: countdown, to: "22:00", at: [0.5, 0.2], color: "#fc0", on: left }\n',
    )
    (told,) = json.loads(json.dumps(plan_to_json(plan)))["overlays"]
    assert told["to"] == "22:00"
    assert told["at"] == [0.5, 0.2]
    assert told["color"] == "#ffcc00"
    assert told["on"] == ["left"]
    assert "overlay end\n  kind          countdown" in plan_to_text(plan)


def test_another_text_is_another_look_and_builds_nothing(tmp_path) -> None:
    old = plan_of(tmp_path, '  t: { kind: title, text: "one" }\n')
    new = plan_of(tmp_path, '  t: { kind: title, text: "two" }\n')
    assert changes(old, new) == Changes(looks=True)


def test_another_dress_moves_canvases_and_opens_nothing(tmp_path) -> None:
    old = plan_of(tmp_path, "  t: { kind: title }\n")
    new = plan_of(tmp_path, "  t: { kind: title, at: bottom, size: 0.2 }\n")
    assert changes(old, new) == Changes(moved=("wall", "left", "film", "again"), looks=True)
    gone = plan_show(write(tmp_path, GOOD + OUTPUTS), machine(), {})
    assert changes(old, gone) == Changes(moved=("wall", "left", "film", "again"), looks=True)


def test_a_font_that_is_saved_anew_is_read_anew(tmp_path) -> None:
    from murai_show.output.lettering import SHIPPED

    (tmp_path / "own.ttf").write_bytes(SHIPPED["bold"].read_bytes())
    plan = plan_of(tmp_path, "  t: { kind: title, font: own.ttf, on: wall }\n")
    font = tmp_path / "own.ttf"
    assert font in plan_files(plan)
    assert changes(plan, plan, {font}) == Changes(moved=("wall", "film", "again"))


def test_a_fade_that_nobody_wrote_fits_what_is_shown_briefly(tmp_path) -> None:
    plan = plan_of(tmp_path, "  t: { kind: title, for: 1s }\n  c: { kind: credit, for: 10s }\n")
    assert [o.fade for o in plan.overlays] == [0.5, 1.0]


@pytest.mark.parametrize(
    ("credit", "lines"),
    [
        ("Edvard Munch (1863-1944), The Scream, 1893", "Edvard Munch\nThe Scream, 1893"),
        ("Katsushika Hokusai (c. 1760–1849), Wave, c. 1831", "Katsushika Hokusai\nWave, c. 1831"),
        ("Anna Weber (born 1971), Licht (Fassung 2), 2019", "Anna Weber\nLicht (Fassung 2), 2019"),
        ("unknown", "unknown"),
    ],
)
def test_a_credit_leaves_the_artist_s_years_to_the_catalogue(credit, lines) -> None:
    bank = PlannedBank("one", Path("/one"), "identity", ("a", "b"), (credit, ""))
    assert credit_lines(bank, 2) == (("a", lines),)
    assert credit_lines(bank, 1) == (("a", lines.replace("\n", ", ")),)


def test_every_style_of_the_shipped_banks_can_be_credited(tmp_path) -> None:
    for bank in ("first", "montreal"):
        facts = shipped_machine().banks[bank]
        planned = PlannedBank(bank, facts.file, "identity", facts.styles, facts.credits)
        assert [style for style, _ in credit_lines(planned, 2)] == list(facts.styles)
        assert all(text.count("\n") == 1 for _, text in credit_lines(planned, 2))


def test_colours_are_read_as_they_are_written() -> None:
    for text in ("#ffcc00", "#000000", "#12ab9f"):
        assert write_colour(parse_colour(text)) == text
    assert write_colour(parse_colour("#fc0")) == "#ffcc00"
    assert parse_colour("white") == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("found", [None, True, "top-left", [0, 0, 0], [True, 0], ["a", 1], {}, 3])
def test_what_is_no_place_is_said(found) -> None:
    with pytest.raises(UnfitError, match="is not a place"):
        parse_at(found)
