"""The arithmetic of the promised rate."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from murai_show.show.guard import LadderSpec, Promise, parse_step, rungs_of
from murai_show.show.plan import PlannedBank, PlannedPlaylist
from murai_show.show.planned import PlannedArea
from murai_show.show.proof import SPARE, largest, paintings, prove
from murai_show.show.words import Size
from tests.plans import a_plan

WHOLE = Size(640, 360)


def a_show(painted: float | None, *steps: str):
    bank = replace(a_plan().bank, engine="openvino")
    assert isinstance(bank, PlannedBank)
    rungs = rungs_of(tuple(map(parse_step, steps)))
    ladder = LadderSpec(rungs, painted or 24.0, 5.0, 30.0) if steps else None
    return a_plan(paint=WHOLE, bank=bank, expect=Promise(painted), degrade=ladder)


def test_a_promise_that_cannot_be_kept_is_one_sentence_with_the_arithmetic() -> None:
    proof = prove(a_show(30.0), 78.0)
    assert not proof.keeps
    assert not proof.kept
    assert proof.sentence == (
        "painted: 30 a second wanted, this machine paints 640x360 with openvino in 78 ms: "
        "12.8 a second; write paint: 384x216, expect painted: 12, or --force"
    )


def test_a_promise_that_is_kept() -> None:
    proof = prove(a_show(12.0), 78.0)
    assert proof.keeps
    assert proof.sentence.endswith("in 78 ms: 12.8 a second")


def test_nothing_promised_is_only_told() -> None:
    proof = prove(a_show(None), 78.0)
    assert proof.keeps
    assert proof.sentence == (
        "painted: this machine paints 640x360 with openvino in 78 ms, that is 12.8 a second"
    )


def test_what_nobody_measured_refuses_nothing() -> None:
    proof = prove(a_show(30.0), None, "its engines are not built yet")
    assert proof.keeps
    assert proof.sentence.endswith("is not known: its engines are not built yet")
    assert proof.to_json()["rate"] is None


def test_the_step_of_the_ladder_that_keeps_it() -> None:
    proof = prove(a_show(30.0, "paint 0.75", "paint 0.5", "slate"), 78.0)
    assert not proof.keeps
    assert proof.kept
    assert proof.sentence.endswith("; the ladder keeps it at paint 0.5")
    assert not prove(a_show(30.0, "paint 0.75", "fps 12", "slate"), 78.0).kept


def test_a_very_slow_machine_is_still_told_something() -> None:
    assert "write expect painted: 0.3, or --force" in prove(a_show(30.0), 3000.0).sentence


@given(
    st.integers(4, 512).map(lambda n: n * 4),
    st.integers(4, 512).map(lambda n: n * 4),
    st.floats(0.01, 1.0),
)
def test_what_is_suggested_would_be_enough(width: int, height: int, share: float) -> None:
    paint = Size(width, height)
    found = largest(paint, share)
    if found is not None:
        assert found.width % 4 == found.height % 4 == 0
        exact = paint.height / paint.width * found.width
        assert abs(found.height - exact) <= 2 + 1e-6  # half a step of the painter's grid
        slack = 2 * found.width  # of that rounding, in pixels
        assert found.width * found.height <= SPARE * share * width * height + slack


def test_every_look_of_an_area_and_every_shot_is_a_painting() -> None:
    def area(*styles: str) -> PlannedArea:
        entries = tuple(((style, 1.0),) for style in styles)
        playlist = PlannedPlaylist("", entries, 60.0, 5.0, "listed")
        return PlannedArea("a", 1, playlist, 0.0, None, "up", 20.0)

    assert paintings(a_plan()) == 1
    assert paintings(a_plan(areas=(area("a"), area("plain", "dark"), area("b", "plain")))) == 3
    aside = replace(a_plan().outputs[0], name="side", camera="stage")
    plan = a_plan(areas=(area("a"),), outputs=(*a_plan().outputs, aside))
    assert paintings(plan) == 4
    proof = prove(replace(plan, expect=Promise(10.0, None, None)), 40.0)
    assert not proof.keeps
    assert "in 40 ms, 4 times a picture: 6.2 a second" in proof.sentence


@pytest.mark.parametrize(
    ("share", "size"), [(1.0, "576x324"), (0.427, "384x216"), (0.25, "256x144"), (0.001, "None")]
)
def test_the_shape_is_kept(share: float, size: str) -> None:
    assert str(largest(WHOLE, share)) == size
