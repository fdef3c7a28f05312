"""The ladder, over made-up painters: virtual time, no threads."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from murai_show.loop.ladder import (
    BLIND,
    MARGIN,
    Standing,
    Turn,
    expected,
    observe,
    standing_at,
)
from murai_show.show.guard import LadderSpec, Rung, parse_step, rungs_of

STEPS = ("paint 0.75", "paint 0.5", "fps 12", "slate")
AFTER, BACK = 5.0, 30.0

Cost = Callable[[float, Rung], float]


def ladder(*steps: str, budget: float = 20.0) -> LadderSpec:
    return LadderSpec(rungs_of(tuple(map(parse_step, steps))), budget, AFTER, BACK)


LADDER = ladder(*STEPS)


def paint(spec: LadderSpec, cost: Cost, until: float, frames: float = 100.0) -> list[Standing]:
    """A painter that takes `cost(now, rung)` seconds a picture, behind a camera of `frames` a
    second, until `until`: every rung that was taken, in order."""
    now, at = 0.0, standing_at(0.0)
    taken = [at]
    while now < until:
        rung = spec.rungs[at.rung]
        if rung.slate:
            now += 0.25
            at = observe(spec, at, now)
        else:
            worked = cost(now, rung)
            waited = max(0.0, max(1.0 / frames, 1.0 / (rung.fps or 1e9)) - worked)
            now += worked + waited
            at = observe(spec, at, now, Turn(worked, waited))
        if at.rung != taken[-1].rung:
            taken.append(at)
    return taken


def pixels(whole: float, fixed: float = 0.0) -> Cost:
    """What a real painter takes: so long for the whole picture, and a part that never shrinks."""
    return lambda _, rung: fixed + (whole - fixed) * rung.share**2


def test_a_painter_that_keeps_its_budget_is_left_alone() -> None:
    assert [at.rung for at in paint(LADDER, pixels(0.050), 3600)] == [0]


def test_a_short_rush_is_no_reason() -> None:
    def cost(now: float, rung: Rung) -> float:
        return 0.2 if 100 < now < 104 else 0.03

    assert len(paint(LADDER, cost, 300)) == 1


def test_it_goes_down_only_as_far_as_it_must_and_stays() -> None:
    taken = paint(LADDER, pixels(0.078), 20.0)
    assert [at.rung for at in taken] == [0, 1]
    assert AFTER <= taken[1].since <= AFTER + 3
    assert [at.rung for at in paint(LADDER, pixels(0.150), 20.0)] == [0, 1, 2]


def test_a_camera_slower_than_the_budget_is_no_miss() -> None:
    """A picture takes 60 ms, 20 a second are wanted, and the camera films 10."""
    assert len(paint(LADDER, pixels(0.060), 600, frames=10)) == 1


def test_fewer_pictures_are_wanted_where_the_rate_is_capped() -> None:
    """75 ms at half size are 13 a second: too few for 20, enough for 12."""
    taken = paint(LADDER, pixels(0.300), 100)
    assert [at.rung for at in taken] == [0, 1, 2, 3]


def test_the_slate_comes_when_not_even_half_is_painted() -> None:
    assert [at.rung for at in paint(LADDER, pixels(0.64), 45)][-1] == 3  # 6.25 a second of 12
    assert [at.rung for at in paint(LADDER, pixels(0.70), 45)][-1] == 4  # 5.7


def test_it_climbs_back_when_the_load_has_gone_and_one_rung_at_a_time() -> None:
    def cost(now: float, rung: Rung) -> float:
        return (0.200 if now < 60 else 0.040) * rung.share**2

    taken = paint(LADDER, cost, 300)
    assert [at.rung for at in taken] == [0, 1, 2, 1, 0]
    down, up = taken[2].since, [at.since for at in taken[3:]]
    assert up[0] - down >= BACK
    assert up[1] - up[0] >= BACK


def test_no_climb_without_a_margin() -> None:
    """Whole, a picture would take just what it may: the ladder waits for its blind try."""
    spec = ladder("paint 0.5")

    def cost(now: float, rung: Rung) -> float:
        return (0.070 if now < 20 else 0.050 * (MARGIN + 0.05)) * rung.share**2

    taken = paint(spec, cost, 20 + BACK * BLIND)
    assert [at.rung for at in taken] == [0, 1, 0]
    assert taken[2].since - taken[1].since >= BACK * BLIND


def test_a_part_of_the_cost_that_never_shrinks_is_learned() -> None:
    """From pixels alone the whole picture would be expected at four times the cost of half."""
    spec = ladder("paint 0.5")
    at = paint(spec, pixels(0.080, fixed=0.060), 20)[-1]
    for _ in range(30):
        at = observe(spec, at, at.slice.begun + 1.1, Turn(0.065, 0.0))
    assert expected(spec, at) == pytest.approx(0.080)


@settings(max_examples=20, deadline=None)
@given(
    whole=st.floats(0.005, 1.0),
    fixed=st.floats(0.0, 0.9),
    noise=st.floats(0.0, 0.3),
    frames=st.sampled_from([10.0, 25.0, 60.0]),
    steps=st.sampled_from([STEPS, STEPS[:1], STEPS[:2], ("fps 12",), ("slate",)]),
    seed=st.integers(0, 99),
)
def test_a_constant_load_settles(whole, fixed, noise, frames, steps, seed) -> None:
    """An hour of one load: no rung above is taken before its pause is over, the pause grows with
    every try that failed, and so the tries become few."""
    draw, spec = Random(seed), ladder(*steps)

    def cost(_: float, rung: Rung) -> float:
        parts = whole * fixed + whole * (1 - fixed) * rung.share**2
        return parts * draw.uniform(1 - noise, 1 + noise)

    taken = paint(spec, cost, 3600.0, frames)
    for before, after in pairwise(taken):
        assert abs(after.rung - before.rung) == 1
        if after.rung < before.rung:
            assert after.since - before.since >= BACK * 2 ** min(before.fell, 6)
        else:
            assert after.since - before.since >= AFTER
    climbs = sum(after.rung < before.rung for before, after in pairwise(taken))
    assert climbs <= 8 + 2 * len(spec.rungs)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.005, 0.4), st.floats(0.0, 0.5))
def test_where_it_settles_is_as_high_as_the_budget_allows(whole: float, fixed: float) -> None:
    """Of a load without noise: every rung above the last one was too dear, or never left."""
    cost = pixels(whole, whole * fixed)
    spec = ladder(*STEPS[:3])
    highest = max(at.rung for at in paint(spec, cost, 60.0))
    too_dear = [cost(0, rung) > 1.05 / spec.wanted(i) for i, rung in enumerate(spec.rungs)]
    assert highest == next((i for i, dear in enumerate(too_dear) if not dear), 3)
