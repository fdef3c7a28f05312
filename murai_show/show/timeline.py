"""What the picture should look like now: a pure function of the plan and the time.

Nothing fires and nothing is remembered, so restarts, clock steps, missed frames and daylight
saving need no handling: the next call gives the right answer.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from murai_show.show.cueing import NONE, Calls, cued
from murai_show.show.days import ShowDay, day_before, show_day
from murai_show.show.hours import Stretch, day_stretches
from murai_show.show.mix import Mix, blend, mix_words, smooth
from murai_show.show.playing import PLAIN

if TYPE_CHECKING:
    from murai_show.show.caption import Caption
    from murai_show.show.planned import Plan, PlannedArea, PlannedPlaylist, PlannedRule


@dataclass(frozen=True)
class MaskFile:
    """The file of a mask; `digest` tells it from another of the same name."""

    file: Path
    digest: str


@dataclass(frozen=True)
class Wipe:
    """An edge on its way: `passed` is the share of the picture behind it, 0 to 1."""

    towards: Literal["right", "left", "down", "up"]
    passed: float


@dataclass(frozen=True)
class AreaLook:
    """What a part of the picture looks like: `shape` says which part, `soft` how wide its edge is,
    as a share of the picture's width; `mix` and `light` as those of a Look."""

    shape: MaskFile | Wipe
    soft: float
    mix: Mix
    light: float = 1.0


@dataclass(frozen=True)
class Look:
    """Which styles, in what mix, how bright, and why.

    `mix` is (style, weight) sorted by name, weights above 0 with sum 1; it is empty only when
    `light` is 0.  `light` runs from 0 (dark) to 1.  `areas` look otherwise, the last on top.
    `captions` are written over the picture where it is shown, and painted by nobody.
    """

    mix: Mix
    light: float = 1.0
    why: str = ""
    areas: tuple[AreaLook, ...] = ()
    captions: tuple[Caption, ...] = ()

    @property
    def lit(self) -> bool:
        return self.light > 0.0

    @property
    def painting(self) -> tuple[Mix, tuple[AreaLook, ...]]:
        """All that the painter goes by: the same frame in the same painting is the same picture."""
        return (self.mix, self.areas)

    @property
    def main(self) -> str:
        """The style with the largest weight, or `dark`."""
        return max(self.mix, key=lambda part: part[1])[0] if self.lit else "dark"


# How a picture is shown that no painter made: a card, a slate in a window.
LIT = Look(((PLAIN, 1.0),), why="as it is")


def look_of_all(styles: Sequence[str]) -> Look:
    """All of `styles` in equal parts: a painter of several networks makes every one ready for it,
    where a look of one style would leave the others for the show."""
    return Look(tuple((style, 1.0 / len(styles)) for style in styles), why="warm-up")


def look_at(plan: Plan, wall: float, calls: Calls = NONE) -> Look:
    """The look at `wall`, in POSIX seconds, with what was called by then."""

    def rotate(playlist: PlannedPlaylist) -> tuple[Mix, str]:
        return rotation(plan, playlist, wall)

    look = _look(*cued(plan, wall, calls, uncued(plan, wall), rotate))
    if not (plan.areas and look.lit):
        return look
    return replace(look, areas=tuple(area_look(plan, area, wall) for area in plan.areas))


def uncued(plan: Plan, wall: float) -> tuple[Mix, str]:
    """What the schedule shows at `wall`, and why."""
    if not plan.schedule:
        return rotation(plan, plan.playlist, wall)
    day = show_day(plan.place.tz, wall)
    ruled = day_stretches(plan.schedule, plan.place, day)
    now = bisect_right(ruled, wall, key=lambda stretch: stretch.begins) - 1
    return scheduled(plan, ruled, now, wall)


def scheduled(plan: Plan, ruled: tuple[Stretch, ...], now: int, wall: float) -> tuple[Mix, str]:
    """The mix at `wall` in stretch number `now` of `ruled`, and why.

    Where another playlist takes over the picture walks from what the earlier one would show to what
    the later one shows, while both rotate on; a walk that is not over when the next begins is
    walked on from, so no change of rules is ever a jump.
    """
    playlist = ruled[now].rule.playlist
    mix, why = rotation(plan, playlist, wall)
    why = f"line {ruled[now].rule.line}, {why}"
    first = now
    while first and ruled[first - 1].rule.playlist == playlist:
        first -= 1
    if first == 0:  # began longer ago than any fade lasts
        return mix, why
    before = ruled[first - 1].rule
    fade, into = fade_into(ruled[first].rule, before), wall - ruled[first].begins
    if into >= fade:
        return mix, why
    left, _ = scheduled(plan, ruled, first - 1, wall)
    if left == mix:
        return mix, why
    share = smooth(into / fade)
    return blend(left, mix, share), f"{why}, {share:.0%} of the walk from line {before.line}"


def fade_into(rule: PlannedRule, before: PlannedRule) -> float:
    """How long the walk from one rule to the next takes: dark comes as slowly as what ends."""
    return rule.fade if rule.fade is not None else before.fade or 0.0


def rotation(plan: Plan, playlist: PlannedPlaylist, wall: float) -> tuple[Mix, str]:
    """The mix that `playlist` has at `wall`, whichever rule plays it, and why."""
    day = rotation_day(plan, playlist, wall)
    slot, into = divmod(wall - day.begins, playlist.each)
    entry = entry_at(plan, playlist, day, int(slot))
    why = _named(playlist, entry)
    if into >= playlist.fade:
        return entry, why
    before = mix_before(plan, playlist, day, int(slot))
    if before == entry:
        return entry, why
    share = smooth(into / playlist.fade)
    return (
        blend(before, entry, share),
        f"{why}, {share:.0%} of the walk from {mix_words(before)}",
    )


@dataclass(frozen=True)
class Turn:
    """An entry's turn in a rotation, from `begins` to `ends`, POSIX seconds."""

    entry: Mix
    begins: float
    ends: float


def turn_at(plan: Plan, playlist: PlannedPlaylist, wall: float) -> Turn:
    """Whose turn it is at `wall` when `playlist` plays."""
    day = rotation_day(plan, playlist, wall)
    slot = int((wall - day.begins) // playlist.each)
    begins = day.begins + slot * playlist.each
    ends = min(begins + playlist.each, day.ends)
    return Turn(entry_at(plan, playlist, day, slot), begins, ends)


def area_look(plan: Plan, area: PlannedArea, wall: float) -> AreaLook:
    """What an area looks like at `wall`, POSIX seconds, whatever is around it."""
    mix, _ = rotation(plan, area.playlist, wall)
    look = _look(mix, "")
    shape = area.mask
    if shape is None:
        assert area.wipe is not None
        shape = Wipe(area.wipe, passed(wall / area.every))
    return AreaLook(shape, area.soft, look.mix, look.light)


def passed(turns: float) -> float:
    """How far a wipe is after so many times there and back: it rests an eighth of the way at
    either end, so that both pictures are seen whole."""
    there = 1.0 - abs(2.0 * (turns % 1.0) - 1.0)
    return smooth((there - 0.125) / 0.75)


def _named(playlist: PlannedPlaylist, entry: Mix) -> str:
    named = f"playlist {playlist.name}, entry " if playlist.name else ""
    return f"{named}{mix_words(entry)}"


# Two styles in turn are the only shuffle of two without a repeat; a new start at noon could repeat.
ALWAYS = ShowDay("always", 0.0, math.inf)


def rotation_day(plan: Plan, playlist: PlannedPlaylist, wall: float) -> ShowDay:
    """The stretch of time whose slots are counted from its beginning."""
    pair = playlist.order == "shuffle" and len(playlist.entries) == 2
    return ALWAYS if pair else show_day(plan.place.tz, wall)


def last_slot(playlist: PlannedPlaylist, day: ShowDay) -> int:
    """The number of the last slot that begins in `day`."""
    return math.ceil((day.ends - day.begins) / playlist.each) - 1


def entry_before(plan: Plan, playlist: PlannedPlaylist, day: ShowDay, slot: int) -> Mix:
    """What was on just before `slot` of `day`."""
    if slot > 0:
        return entry_at(plan, playlist, day, slot - 1)
    before = day_before(plan.place.tz, day)
    return entry_at(plan, playlist, before, last_slot(playlist, before))


def mix_before(plan: Plan, playlist: PlannedPlaylist, day: ShowDay, slot: int) -> Mix:
    """What the picture walks from in `slot` of `day`: the entry before it, or, in a day's first
    slot, as far as the walk to that entry had come when noon cut it short."""
    entry = entry_before(plan, playlist, day, slot)
    if slot > 0:
        return entry
    yesterday = day_before(plan.place.tz, day)
    last = last_slot(playlist, yesterday)
    into = yesterday.ends - yesterday.begins - last * playlist.each
    if into >= playlist.fade:
        return entry
    share = smooth(into / playlist.fade)
    return blend(entry_before(plan, playlist, yesterday, last), entry, share)


def entry_at(plan: Plan, playlist: PlannedPlaylist, day: ShowDay, slot: int) -> Mix:
    """What is on in `slot` of `day`."""
    entries = playlist.entries
    around, place = divmod(slot, len(entries))
    if playlist.order == "listed" or len(entries) < 3:
        return entries[place]
    order = shuffled(len(entries), plan.show, playlist.name, day.date, around)
    if place > 1:
        return entries[order[place]]
    # Only the first two of a round can change places, and only to keep the last of the round
    # before from coming twice; the last of a round of three or more is therefore never moved.
    if around > 0:
        last = shuffled(len(entries), plan.show, playlist.name, day.date, around - 1)[-1]
        repeats = order[0] == last
    else:
        repeats = entries[order[0]] == entry_before(plan, playlist, day, 0)
    return entries[order[1 - place if repeats else place]]


@lru_cache(maxsize=256)
def shuffled(count: int, *seed: object) -> tuple[int, ...]:
    """0 … count-1 in an order that depends on `seed` alone, on every machine and Python."""
    order = list(range(count))
    # Seeding by text is stable (SHA-512); a shuffle is no secret.
    draw = random.Random("/".join(map(str, seed)))  # noqa: S311
    for i in range(count - 1, 0, -1):
        j = int(draw.random() * (i + 1))
        order[i], order[j] = order[j], order[i]
    return tuple(order)


def _look(mix: Mix, why: str) -> Look:
    """Turn the reserved style `dark` into missing light; the rest is brought to sum 1."""
    light = 1.0 - sum(weight for style, weight in mix if style == "dark")
    rest = tuple((style, weight) for style, weight in mix if style != "dark")
    total = sum(weight for _, weight in rest)
    if not rest or light <= 0.0:
        return Look((), 0.0, why)
    return Look(tuple((style, weight / total) for style, weight in rest), min(1.0, light), why)
