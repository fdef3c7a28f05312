"""What cues make of the picture: a pure function of the plan, the time and what was called when.

A run is one cue from the moment at which it was called.  Runs lie over the schedule and over each
other, the latest on top: each walks from what would be shown without it into its first step, and
at its end back to what is shown without it then.  So however runs begin, meet and end, the picture
never jumps, and when all are over nothing is left of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from math import inf, isfinite
from typing import TYPE_CHECKING

from murai_show.show.days import ShowDay, show_day, show_day_of
from murai_show.show.hours import instant_at, on_date
from murai_show.show.mix import Mix, blend, smooth

if TYPE_CHECKING:
    from murai_show.show.planned import Plan, PlannedPlace, PlannedPlaylist
    from murai_show.show.planned_cues import CueTime, PlannedCue, PlannedStep

LONGEST = 12 * 3600.0  # of a cue, its timeouts included
PANIC_IN, PANIC_OUT = 1.0, 3.0  # seconds into the dark of a panic, and back
_DARK: Mix = (("dark", 1.0),)

Shown = tuple[Mix, str]  # a mix and why
Rotate = Callable[["PlannedPlaylist"], Shown]


@dataclass(frozen=True)
class Call:
    """A cue that was called by its name, at `at` in POSIX seconds."""

    cue: str
    at: float


@dataclass(frozen=True)
class Trigger:
    """A trigger that came, at `at` in POSIX seconds."""

    name: str
    at: float


@dataclass(frozen=True)
class Panic:
    """The dark that wins over everything, from `since` until it was released; POSIX seconds."""

    since: float
    until: float = inf

    def share(self, wall: float) -> float:
        """How dark it makes the wall, 0 to 1."""
        into = smooth((wall - self.since) / PANIC_IN)
        return into * (1.0 - smooth((wall - self.until) / PANIC_OUT))


@dataclass(frozen=True)
class Calls:
    """All that was called, each in the order of time.  `releases` are the moments at which every
    cue that was on was let go."""

    cues: tuple[Call, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    releases: tuple[float, ...] = ()
    panics: tuple[Panic, ...] = ()

    @property
    def panicking(self) -> bool:
        """Whether a panic was called and not released yet."""
        return any(panic.until == inf for panic in self.panics)


NONE = Calls()


@dataclass(frozen=True)
class Leg:
    """A step in time, POSIX seconds."""

    step: PlannedStep
    begins: float
    ends: float


@dataclass(frozen=True)
class Run:
    """A cue that was called at `begins`.  From `ends` on it walks back; inf is not yet known.

    `by` is the line of the schedule's rule that called it, 0 for a person.
    """

    cue: PlannedCue
    begins: float
    legs: tuple[Leg, ...]
    ends: float
    by: int = 0

    @property
    def gone(self) -> float:
        """When nothing is left of it."""
        return self.ends + self.cue.fade

    def number(self, wall: float) -> int:
        """Which leg is on at `wall`, counted from 0; -1 before the first."""
        return sum(leg.begins <= wall for leg in self.legs) - 1


@dataclass(frozen=True)
class Now:
    """What is on besides the schedule.  `run` is the cue that wins, None for the schedule; `leg`
    counts from 0, -1 before the first; `waits` names the triggers that would be heard."""

    run: Run | None
    leg: int
    panic: bool
    waits: tuple[str, ...]

    @property
    def step(self) -> PlannedStep | None:
        return self.run.legs[self.leg].step if self.run and self.leg >= 0 else None


def cued(plan: Plan, wall: float, calls: Calls, below: Shown, rotate: Rotate) -> Shown:
    """What is shown at `wall`: `below` with all that was called by then over it."""
    for run in runs_at(plan, wall, calls):
        below = _over(run, wall, below, rotate)
    for panic in calls.panics:
        if share := panic.share(wall):
            below = blend(below[0], _DARK, share), f"panic, {share:.0%} dark"
    return below


def now_on(plan: Plan, wall: float, calls: Calls) -> Now:
    """Which cue is on at `wall`, and what is waited for."""
    on = [run for run in runs_at(plan, wall, calls) if wall < run.ends]
    here = [(run, run.number(wall)) for run in on]
    waits = (run.legs[n] for run, n in here if n >= 0 and wall < run.legs[n].ends)
    names = dict.fromkeys(leg.step.wait for leg in waits if leg.step.wait)
    run, leg = here[-1] if here else (None, -1)
    return Now(run, leg, calls.panicking, tuple(names))


def runs_at(plan: Plan, wall: float, calls: Calls) -> list[Run]:
    """The runs that the picture has something of at `wall`, the latest last."""
    if not plan.cues:
        return []
    found = [_released(run, calls) for run in scheduled_runs(plan, wall, calls)]
    known = {cue.name: cue for cue in plan.cues}
    for call in calls.cues:  # a cue that a newer version of the show no longer has is not known
        if call.cue in known:
            run = run_of(known[call.cue], call.at, calls)
            found.append(_released(run, calls))
    return sorted((r for r in found if r.begins <= wall < r.gone), key=lambda run: run.begins)


def run_of(cue: PlannedCue, begins: float, calls: Calls = NONE, by: int = 0) -> Run:
    """The run of a cue that was called at `begins`, not counting releases."""
    return _run(cue, begins, calls.triggers, by)


@lru_cache(maxsize=128)
def _run(cue: PlannedCue, begins: float, triggers: tuple[Trigger, ...], by: int) -> Run:
    legs: list[Leg] = []
    anchor, cut = begins, False
    for step in cue.steps:
        start = anchor + step.delay
        end = start + step.lasts
        came = [t.at for t in triggers if t.name == step.wait and start <= t.at < end]
        end = min([end, *came])
        legs.append(Leg(step, start, end))
        anchor = end if step.stays else start
        if step.ends and not came:
            cut = True
            break
    ends = inf if cue.stays and not cut else legs[-1].ends
    return Run(cue, begins, tuple(legs), ends, by)


def _released(run: Run, calls: Calls) -> Run:
    ended = [at for at in calls.releases if run.begins <= at < run.ends]
    return replace(run, ends=min(ended)) if ended else run


def scheduled_runs(plan: Plan, wall: float, calls: Calls = NONE) -> tuple[Run, ...]:
    """The runs that the schedule calls in the show day of `wall`, and those before it that may
    reach into it, not counting releases."""
    if not plan.cue_times:
        return ()
    found = _day_runs(plan.cue_times, plan.place, show_day(plan.place.tz, wall))
    if not calls.triggers:
        return found
    tz = plan.place.tz
    return tuple(_until_noon(run_of(r.cue, r.begins, calls, r.by), tz) for r in found)


@lru_cache(maxsize=16)
def _day_runs(times: tuple[CueTime, ...], place: PlannedPlace, day: ShowDay) -> tuple[Run, ...]:
    instant, ordinal = instant_at(place), date.fromisoformat(day.date).toordinal()
    found: list[Run] = []
    for when in range(ordinal - 2, ordinal + 3):  # an offset may lead half a day off the date
        for time in times:
            begins = instant(time.at, when) if on_date(time, when) else inf
            if isfinite(begins) and day.begins - 86400.0 <= begins < day.ends:
                found.append(_until_noon(run_of(time.cue, begins, by=time.line), place.tz))
    return tuple(sorted(found, key=lambda run: run.begins))


def _until_noon(run: Run, tz: str) -> Run:
    """A cue that stays, once the schedule has called it, does so until the next noon: where a show
    is started anew, nobody could know whether it was released."""
    return replace(run, ends=show_day(tz, run.begins).ends) if run.ends == inf else run


def evening_runs(plan: Plan, ordinal: int) -> tuple[Run, ...]:
    """The runs that the schedule calls in the show day of a date."""
    day = show_day_of(plan.place.tz, ordinal)
    return tuple(r for r in scheduled_runs(plan, day.begins) if r.begins >= day.begins)


def _over(run: Run, wall: float, below: Shown, rotate: Rotate) -> Shown:
    """What is shown with `run` over `below`."""
    mix, why = _walked(run, run.number(wall), wall, below, rotate)
    if wall < run.ends:
        return mix, why
    share = smooth((wall - run.ends) / run.cue.fade)
    back = f"{below[1]}, {share:.0%} of the walk back from cue {run.cue.name}"
    return blend(mix, below[0], share), back


def _walked(run: Run, number: int, wall: float, below: Shown, rotate: Rotate) -> Shown:
    """What leg `number` shows: its own look, or on the way to it from what the one before shows."""
    if number < 0:
        return below
    leg = run.legs[number]
    step, into = leg.step, wall - leg.begins
    why = f"line {step.line}, cue {run.cue.name}, step {number + 1}: {step.words}"
    if step.stays:
        mix, before = _walked(run, number - 1, wall, below, rotate)
        return mix, f"{why}; {before}" if number == 0 else why
    mix = rotate(step.playlist)[0] if step.playlist else _morphed(step, into)
    if into >= step.fade:
        return mix, why
    left, _ = _walked(run, number - 1, wall, below, rotate)
    share = smooth(into / step.fade)
    return blend(left, mix, share), f"{why}, {share:.0%} of the walk"


def _morphed(step: PlannedStep, into: float) -> Mix:
    """Where an even walk through the step's looks is; a style is a walk through one."""
    last = len(step.mixes) - 1
    if last == 0 or into >= step.over:
        return step.mixes[last]
    place = into / step.over * last
    number = min(int(place), last - 1)
    return blend(step.mixes[number], step.mixes[number + 1], place - number)
