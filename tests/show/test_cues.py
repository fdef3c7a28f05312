"""Cues over the schedule: who wins when, and that the picture never jumps."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from murai_show.show.cueing import (
    NONE,
    PANIC_IN,
    PANIC_OUT,
    Call,
    Calls,
    Panic,
    Trigger,
    now_on,
    run_of,
    scheduled_runs,
)
from murai_show.show.moments import Moment
from murai_show.show.plan import PlannedPlace, PlannedPlaylist
from murai_show.show.planned_cues import CueTime, PlannedCue, PlannedStep
from murai_show.show.timeline import Look, look_at
from tests.plans import a_plan

TEN = datetime(2026, 11, 20, 22, 0, tzinfo=ZoneInfo("America/Montreal")).timestamp()
MONTREAL = PlannedPlace(45.5, -73.55, "America/Montreal")
QUIET = PlannedPlaylist("quiet", ((("a", 1.0),),), 3600.0, 10.0, "listed", 1)


def only(style: str) -> tuple[tuple[tuple[str, float], ...], ...]:
    return (((style, 1.0),),)


def style(name: str, delay: float = 0.0, fade: float = 2.0) -> PlannedStep:
    return PlannedStep(9, "style", name, delay, fade, fade, only(name))


def hold(seconds: float, delay: float = 0.0) -> PlannedStep:
    return PlannedStep(9, "hold", "hold", delay, seconds)


def wait(name: str, timeout: float, delay: float = 0.0, ends: bool = False) -> PlannedStep:
    return PlannedStep(9, "wait", f"waits for {name}", delay, timeout, wait=name, ends=ends)


def blackout(seconds: float, delay: float = 0.0) -> PlannedStep:
    return PlannedStep(9, "blackout", "blackout", delay, seconds, seconds, only("dark"))


def morph(*names: str, over: float, delay: float = 0.0, fade: float = 2.0) -> PlannedStep:
    mixes = tuple(((name, 1.0),) for name in names)
    return PlannedStep(9, "morph", "morph", delay, max(over, fade), fade, mixes, over)


def cue(*steps: PlannedStep, name: str = "finale", fade: float = 4.0, stays: bool = False):
    return PlannedCue(name, 8, steps, fade, stays)


def plan_of(*cues: PlannedCue, times: tuple[CueTime, ...] = ()):
    return a_plan(playlist=QUIET, place=MONTREAL, cues=cues, cue_times=times)


def seen(look: Look) -> dict[str, float]:
    """Each style's part of the light."""
    return {name: weight * look.light for name, weight in look.mix}


def apart(one: Look, two: Look) -> float:
    a, b = seen(one), seen(two)
    return max((abs(a.get(s, 0.0) - b.get(s, 0.0)) for s in {*a, *b}), default=0.0)


def mix(plan, wall: float, calls: Calls) -> dict[str, float]:
    return {name: round(share, 3) for name, share in seen(look_at(plan, wall, calls)).items()}


# ---- what happens when ---------------------------------------------------------------------------

FINALE = cue(
    style("b", fade=2.0),
    style("c", delay=10.0, fade=4.0),
    morph("c", "d", "b", over=20.0, delay=10.0),
    blackout(3.0, delay=20.0),
    hold(5.0, delay=3.0),
)


@pytest.mark.parametrize(
    ("into", "expected"),
    [
        (-1, {"a": 1.0}),
        (0, {"a": 1.0}),
        (1, {"a": 0.5, "b": 0.5}),
        (2, {"b": 1.0}),
        (12, {"b": 0.5, "c": 0.5}),
        (14, {"c": 1.0}),
        (25, {"c": 0.5, "d": 0.5}),
        (30, {"d": 1.0}),
        (40, {"b": 1.0}),
        (41.5, {"b": 0.5}),
        (44, {}),
        (48, {}),
        (50, {"a": 0.5}),
        (52, {"a": 1.0}),
    ],
)
def test_a_cue_goes_through_its_steps_and_back(into: float, expected: dict[str, float]) -> None:
    calls = Calls((Call("finale", TEN),))
    assert mix(plan_of(FINALE), TEN + into, calls) == expected


def test_its_reason_names_cue_step_and_line() -> None:
    plan, calls = plan_of(FINALE), Calls((Call("finale", TEN),))
    assert look_at(plan, TEN + 5, calls).why == "line 9, cue finale, step 1: b"
    assert look_at(plan, TEN + 1, calls).why == "line 9, cue finale, step 1: b, 50% of the walk"
    assert look_at(plan, TEN + 45, calls).why == "line 9, cue finale, step 5: hold"
    back = look_at(plan, TEN + 50, calls).why
    assert back == "playlist quiet, entry a, 50% of the walk back from cue finale"


def test_a_cue_that_stays_does_so_until_it_is_released() -> None:
    plan = plan_of(cue(style("b"), stays=True))
    calls = Calls((Call("finale", TEN),))
    assert mix(plan, TEN + 40_000, calls) == {"b": 1.0}
    let_go = replace(calls, releases=(TEN + 100,))
    assert mix(plan, TEN + 100, let_go) == {"b": 1.0}
    assert mix(plan, TEN + 102, let_go) == {"a": 0.5, "b": 0.5}
    assert look_at(plan, TEN + 104, let_go) == look_at(plan, TEN + 104)


def test_the_latest_called_wins_and_hands_back_to_what_still_runs() -> None:
    long = cue(style("b"), name="long", stays=True)
    short = cue(style("c"), hold(6.0, delay=2.0), name="short")
    plan = plan_of(long, short)
    calls = Calls((Call("long", TEN), Call("short", TEN + 10)))
    assert mix(plan, TEN + 11, calls) == {"b": 0.5, "c": 0.5}
    assert mix(plan, TEN + 14, calls) == {"c": 1.0}
    assert now_on(plan, TEN + 14, calls).run.cue.name == "short"
    assert mix(plan, TEN + 20, calls) == {"b": 0.5, "c": 0.5}
    assert mix(plan, TEN + 30, calls) == {"b": 1.0}
    assert now_on(plan, TEN + 30, calls).run.cue.name == "long"


def test_a_wait_ends_at_its_trigger_or_at_its_timeout() -> None:
    plan = plan_of(
        cue(style("b"), wait("applause", 60.0, delay=2.0), style("c", fade=1.0), hold(100.0))
    )
    called = (Call("finale", TEN),)
    assert mix(plan, TEN + 61, Calls(called)) == {"b": 1.0}
    assert mix(plan, TEN + 64, Calls(called)) == {"c": 1.0}
    assert now_on(plan, TEN + 30, Calls(called)).waits == ("applause",)
    assert now_on(plan, TEN + 1, Calls(called)).waits == ()
    came = (
        Trigger("applause", TEN + 1),
        Trigger("laughter", TEN + 5),
        Trigger("applause", TEN + 20),
    )
    heard = Calls(called, came)
    assert mix(plan, TEN + 20, heard) == {"b": 1.0}  # what came before the wait is not heard
    assert mix(plan, TEN + 21, heard) == {"c": 1.0}
    assert now_on(plan, TEN + 30, heard).waits == ()


def test_a_wait_may_end_its_cue() -> None:
    steps = (style("b"), wait("applause", 10.0, delay=2.0, ends=True), style("c"), hold(50.0))
    plan = plan_of(cue(*steps, stays=True))
    called = (Call("finale", TEN),)
    assert mix(plan, TEN + 14, Calls(called)) == {"a": 0.5, "b": 0.5}
    assert mix(plan, TEN + 16, Calls(called)) == {"a": 1.0}
    heard = Calls(called, (Trigger("applause", TEN + 5),))
    assert mix(plan, TEN + 1000, heard) == {"c": 1.0}


def test_panic_wins_and_gives_back_what_would_have_been_shown() -> None:
    plan = plan_of(cue(style("b"), style("c", delay=20.0), stays=True))
    calls = Calls((Call("finale", TEN),), panics=(Panic(TEN + 10),))
    assert mix(plan, TEN + 10 + PANIC_IN / 2, calls) == {"b": 0.5}
    dark = look_at(plan, TEN + 10 + PANIC_IN, calls)
    assert (dark.lit, dark.why) == (False, "panic, 100% dark")
    over = replace(calls, panics=(Panic(TEN + 10, TEN + 60),))
    assert mix(plan, TEN + 60 + PANIC_OUT / 2, over) == {"c": 0.5}
    assert look_at(plan, TEN + 60 + PANIC_OUT, over) == look_at(
        plan, TEN + 60 + PANIC_OUT, replace(calls, panics=())
    )
    assert calls.panicking
    assert not over.panicking


def test_a_cue_that_a_newer_version_does_not_have_is_not_shown() -> None:
    calls = Calls((Call("gone", TEN),))
    assert look_at(plan_of(FINALE), TEN + 3, calls) == look_at(plan_of(FINALE), TEN + 3)


# ---- called by the schedule ----------------------------------------------------------------------

AT_TEN = Moment("clock", 22 * 3600.0)


def test_the_schedule_calls_a_cue_on_its_days() -> None:
    plan = plan_of(FINALE, times=(CueTime(30, FINALE, AT_TEN, days=(4, 5)),))  # fri, sat
    assert mix(plan, TEN + 30, NONE) == {"d": 1.0}
    assert mix(plan, TEN + 86400 + 30, NONE) == {"d": 1.0}
    assert mix(plan, TEN + 2 * 86400 + 30, NONE) == {"a": 1.0}
    assert now_on(plan, TEN + 30, NONE).run.by == 30


def test_one_that_stays_does_so_until_noon_and_not_beyond_a_release() -> None:
    stays = cue(style("b"), stays=True)
    plan = plan_of(stays, times=(CueTime(30, stays, AT_TEN),))
    assert mix(plan, TEN + 13.9 * 3600, NONE) == {"b": 1.0}
    assert mix(plan, TEN + 14 * 3600 + 4, NONE) == {"a": 1.0}
    assert mix(plan, TEN + 60, Calls(releases=(TEN + 50,))) == {"a": 1.0}


def test_a_trigger_is_heard_by_what_the_schedule_called() -> None:
    waiting = cue(style("b"), wait("go", 600.0), style("c"), stays=True)
    plan = plan_of(waiting, times=(CueTime(30, waiting, AT_TEN),))
    heard = Calls(triggers=(Trigger("go", TEN + 10),))
    assert mix(plan, TEN + 12, heard) == {"c": 1.0}
    assert mix(plan, TEN + 14 * 3600 + 4, heard) == {"a": 1.0}


# ---- properties ----------------------------------------------------------------------------------

FADES = st.floats(1.0, 20.0)
GAPS = st.floats(0.0, 15.0)
STYLES = st.sampled_from(("a", "b", "c", "dark"))


@st.composite
def steps(draw: st.DrawFn) -> PlannedStep:
    delay, fade = draw(GAPS), draw(FADES)
    match draw(st.sampled_from(("style", "morph", "blackout", "hold", "wait"))):
        case "style":
            return style(draw(STYLES), delay, fade)
        case "morph":
            names = draw(st.lists(STYLES, min_size=2, max_size=3))
            return morph(*names, over=draw(st.floats(2.0, 30.0)), delay=delay, fade=fade)
        case "blackout":
            return blackout(fade, delay)
        case "hold":
            return hold(draw(GAPS), delay)
        case _:
            return wait("go", draw(GAPS) + 0.1, delay, ends=draw(st.booleans()))


@st.composite
def cues(draw: st.DrawFn, name: str):
    chosen = draw(st.lists(steps(), min_size=1, max_size=4))
    return cue(*chosen, name=name, fade=draw(FADES), stays=draw(st.booleans()))


INSTANTS = st.floats(0.0, 60.0).map(lambda s: TEN + s)


@st.composite
def evenings(draw: st.DrawFn):
    """A plan with two cues, one of them called by the schedule, and what else was called."""
    one, two = draw(cues("one")), draw(cues("two"))
    plan = plan_of(one, two, times=(CueTime(30, one, AT_TEN),))
    called = draw(st.lists(st.tuples(st.sampled_from(("one", "two")), INSTANTS), max_size=3))
    since = draw(INSTANTS)
    panics = (Panic(since, since + draw(st.floats(0.0, 30.0))),) if draw(st.booleans()) else ()
    calls = Calls(
        tuple(sorted((Call(*c) for c in called), key=lambda c: c.at)),
        tuple(Trigger("go", at) for at in sorted(draw(st.lists(INSTANTS, max_size=3)))),
        tuple(sorted(draw(st.lists(INSTANTS, max_size=2)))),
        panics,
    )
    return plan, calls


def edges(plan, calls: Calls) -> list[float]:
    """Every instant at which something begins or ends."""
    known = {c.name: c for c in plan.cues}
    runs = [run_of(known[call.cue], call.at, calls) for call in calls.cues]
    runs += scheduled_runs(plan, TEN, calls)
    found = [run.begins for run in runs] + [run.ends for run in runs if run.ends < TEN + 1e6]
    found += [run.gone for run in runs if run.ends < TEN + 1e6]
    found += [edge for run in runs for leg in run.legs for edge in (leg.begins, leg.ends)]
    found += [leg.begins + leg.step.fade for run in runs for leg in run.legs]
    found += [at for p in calls.panics for at in (p.since, p.until, p.until + PANIC_OUT)]
    found += [at + run.cue.fade for at in calls.releases for run in runs]
    return sorted({*found, *calls.releases, *(t.at for t in calls.triggers)})


@settings(derandomize=True, deadline=None, max_examples=150)
@given(evenings())
def test_no_edge_of_anything_is_a_jump(evening) -> None:
    """Fades are 1 s at least and so 1.5 a second at their steepest; a morph of two legs in 2 s is
    slower.  Twenty of them at once would move a weight by 0.006 in the 0.2 ms around an edge."""
    plan, calls = evening
    for edge in edges(plan, calls):
        before, after = (look_at(plan, edge + dt, calls) for dt in (-1e-4, 1e-4))
        assert apart(before, after) < 0.007, (edge - TEN, before.why, after.why)


@settings(derandomize=True, deadline=None, max_examples=25)
@given(cues("one"), INSTANTS)
def test_from_frame_to_frame_one_cue_moves_as_slowly_as_its_fades(one, at: float) -> None:
    """At 30 frames a second: a weight moves by 0.05 at most for each walk that is under way."""
    plan, calls = plan_of(one), Calls((Call("one", at),))
    run = run_of(one, at)
    last = look_at(plan, at, calls)
    for frame in range(1, 30 * 30):
        wall = at + frame / 30
        walks = sum(leg.begins <= wall <= leg.begins + leg.step.fade + 1 / 30 for leg in run.legs)
        walks += sum(leg.step.does == "morph" and leg.begins <= wall for leg in run.legs)
        walks += run.ends <= wall
        look = look_at(plan, wall, calls)
        assert apart(last, look) <= 0.05 * walks + 1e-6
        last = look


@settings(derandomize=True, deadline=None, max_examples=100)
@given(evenings(), st.floats(0.0, 86400.0))
def test_when_all_is_over_the_schedule_is_left_exactly(evening, later: float) -> None:
    plan, calls = evening
    over = replace(calls, releases=(*calls.releases, TEN + 1000))
    wall = TEN + 1021 + later % 80_000
    if wall < TEN + 86400:
        assert look_at(plan, wall, over) == look_at(a_plan(playlist=QUIET, place=MONTREAL), wall)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(evenings(), st.lists(st.floats(-50_000.0, 130_000.0), min_size=2, max_size=6))
def test_what_the_schedule_calls_depends_on_the_time_alone(evening, instants) -> None:
    """In whatever order instants are asked for, from whatever day on: a process that starts in
    the middle of a cue shows what one does that saw it begin."""
    from murai_show.show import cueing

    plan, _ = evening
    asked = [look_at(plan, TEN + into) for into in instants]
    for into, look in reversed(list(zip(instants, asked, strict=True))):
        cueing._day_runs.cache_clear()
        assert look_at(plan, TEN + into) == look
