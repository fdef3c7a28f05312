"""What is written over the picture now: a pure function of the plan, the look and the time.

As with looks, nothing fires and nothing is remembered.  The painter never sees a caption.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from murai_show.show.caption import Caption
from murai_show.show.cueing import NONE, Calls, Leg, Now, now_on, scheduled_runs
from murai_show.show.days import show_day
from murai_show.show.hours import day_stretches, instant_at
from murai_show.show.overlay import LEFT
from murai_show.show.playing import DARK
from murai_show.show.timeline import Look, Mix, look_at, smooth, turn_at

if TYPE_CHECKING:
    from murai_show.show.caption import PlannedOverlay
    from murai_show.show.moments import Moment
    from murai_show.show.planned import Plan

# A style is credited in full from this part of the heaviest in the mix, and not at all below that.
NAMED, UNNAMED = 0.6, 0.2


def captioned_look(plan: Plan, wall: float, calls: Calls = NONE) -> Look:
    """The look at `wall`, POSIX seconds, with what was called by then and is written over it."""
    look = look_at(plan, wall, calls)
    if not plan.overlays:
        return look
    return replace(look, captions=captions_at(plan, look, wall, calls))


def captions_at(plan: Plan, look: Look, wall: float, calls: Calls = NONE) -> tuple[Caption, ...]:
    """The captions over `look` at `wall`, those of one overlay together, in the order of the file.

    What cannot be seen is left out.
    """
    return tuple(
        Caption(overlay.name, text, seen)
        for overlay in plan.overlays
        for text, shown in _says(plan, overlay, look, wall, calls)
        if (seen := _in_steps(shown * overlay.opacity * _lit(overlay, look)))
    )


def _in_steps(opacity: float) -> float:
    """As 8 bits tell it: what looks the same is the same, and need not be drawn anew."""
    return round(255 * opacity) / 255


def _lit(overlay: PlannedOverlay, look: Look) -> float:
    return 1.0 if overlay.in_the_dark else look.light


def _says(
    plan: Plan, overlay: PlannedOverlay, look: Look, wall: float, calls: Calls
) -> Iterator[tuple[str, float]]:
    """Each text of an overlay at `wall`, and how much of it is to be seen, 0 to 1."""
    if overlay.kind == "countdown":
        yield from _countdown(plan, overlay, wall)
        return
    mix, shown = look.mix, 1.0
    if overlay.lasts is not None:
        mix, since = last_change(plan, wall, calls)
        shown = window(wall - since, overlay.lasts, overlay.fade)
    if shown <= 0.0:
        return
    if overlay.kind == "credit":
        for text, part in credits_of(overlay, mix):
            yield text, part * shown
    elif overlay.kind == "clock":
        yield datetime.fromtimestamp(wall, ZoneInfo(plan.place.tz)).strftime(overlay.text), shown
    else:
        yield overlay.text, shown


def window(age: float, lasts: float, fade: float) -> float:
    """How much is seen of what came `age` seconds ago, stays for `lasts` and fades at both ends."""
    if not 0.0 <= age < lasts:
        return 0.0
    return smooth(min(age, lasts - age) / fade) if fade else 1.0


def credits_of(overlay: PlannedOverlay, mix: Mix) -> Iterator[tuple[str, float]]:
    """The credit of each style of `mix` that has one, and how much of it is seen.

    From the weights alone, so that a fade, a standing mix and a cue are all the same to it: in a
    walk from one style to another the first goes while the second comes.
    """
    lines = dict(overlay.credits)
    most = max((weight for _, weight in mix), default=0.0)
    for style, weight in mix:
        part = smooth((weight / most - UNNAMED) / (NAMED - UNNAMED))
        if part and style in lines:
            yield lines[style], part


def last_change(plan: Plan, wall: float, calls: Calls = NONE) -> tuple[Mix, float]:
    """The look whose turn it is at `wall`, without any walk into it, and since when."""
    leg = showing(now_on(plan, wall, calls))
    playlist, since = plan.playlist, -math.inf
    if leg is not None and leg.step.playlist is None:
        return _unlit(leg.step.mixes[-1]), leg.begins
    if leg is not None and leg.step.playlist is not None:
        playlist, since = leg.step.playlist, leg.begins
    elif plan.schedule:
        ruled = day_stretches(plan.schedule, plan.place, show_day(plan.place.tz, wall))
        now = bisect_right(ruled, wall, key=lambda stretch: stretch.begins) - 1
        playlist = ruled[now].rule.playlist
        while now and ruled[now - 1].rule.playlist == playlist:
            now -= 1
        since = ruled[now].begins
    turn = turn_at(plan, playlist, wall)
    return _unlit(turn.entry), max(since, turn.begins)


def showing(now: Now) -> Leg | None:
    """The leg of a cue that made the picture what it is at `now`; a hold or a wait makes none."""
    legs = now.run.legs[: now.leg + 1] if now.run else ()
    return next((leg for leg in reversed(legs) if not leg.step.stays), None)


def _unlit(mix: Mix) -> Mix:
    """The styles of `mix` without the dark."""
    return tuple(part for part in mix if part[0] != DARK)


def _countdown(plan: Plan, overlay: PlannedOverlay, wall: float) -> Iterator[tuple[str, float]]:
    assert overlay.lasts is not None
    ends = next_time(plan, overlay.to, wall) if overlay.to else next_change(plan, wall)
    left = ends - wall
    if 0.0 < left <= overlay.lasts:
        # It ends at its fullest: what it counts down to is the next thing to be seen.
        shown = smooth((overlay.lasts - left) / overlay.fade) if overlay.fade else 1.0
        yield overlay.text.replace(LEFT, write_left(left)), shown


def write_left(seconds: float) -> str:
    """`1:05:09`, `9:59`, `0:01`: whole seconds, the last of them 1."""
    minutes, rest = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def next_time(plan: Plan, to: Moment, wall: float) -> float:
    """The next instant after `wall` that `to` names, POSIX seconds; inf where the sun gives none
    within two days."""
    instant = instant_at(plan.place)
    today = datetime.fromtimestamp(wall, ZoneInfo(plan.place.tz)).toordinal()
    found = (instant(to, day) for day in range(today - 1, today + 3))
    return min((when for when in found if wall < when < math.inf), default=math.inf)


def next_change(plan: Plan, wall: float) -> float:
    """When another rule of the schedule takes over or it calls a cue, POSIX seconds; inf where
    none does within this show day and the next."""
    if not plan.schedule:
        return math.inf
    day = show_day(plan.place.tz, wall)
    days = (day, show_day(plan.place.tz, day.ends))
    ruled = [s for each in days for s in day_stretches(plan.schedule, plan.place, each)]
    now = next(s for s in ruled if s.begins <= wall < s.ends)
    others = (s.begins for s in ruled if s.begins > wall and s.rule.playlist != now.rule.playlist)
    cues = (r.begins for each in days for r in scheduled_runs(plan, each.begins))
    return min((*others, *(begins for begins in cues if begins > wall)), default=math.inf)
