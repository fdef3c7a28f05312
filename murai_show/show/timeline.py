"""What the picture should look like now: a pure function of the plan and the time.

Nothing fires and nothing is remembered, so restarts, clock steps, missed frames and daylight
saving need no handling: the next call gives the right answer.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from murai_show.show.plan import Plan, PlannedPlaylist

Mix = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Look:
    """Which styles, in what mix, how bright, and why.

    `mix` is (style, weight) sorted by name, weights above 0 with sum 1; it is empty only when
    `light` is 0.  `light` runs from 0 (dark) to 1.
    """

    mix: Mix
    light: float = 1.0
    why: str = ""

    @property
    def lit(self) -> bool:
        return self.light > 0.0

    @property
    def main(self) -> str:
        """The style with the largest weight, or `dark`."""
        return max(self.mix, key=lambda part: part[1])[0] if self.lit else "dark"


def look_at(plan: Plan, wall: float) -> Look:
    """The look at `wall`, in POSIX seconds."""
    playlist = plan.playlist
    day = rotation_day(plan, wall)
    slot, into = divmod(wall - day.begins, playlist.each)
    entry = entry_at(plan, day, int(slot))
    why = f"playlist {playlist.name}, entry {_words(entry)}"
    if into >= playlist.fade:
        return _look(entry, why)
    before = entry_before(plan, day, int(slot))
    if before == entry:
        return _look(entry, why)
    share = smooth(into / playlist.fade)
    return _look(
        blend(before, entry, share), f"{why}, {share:.0%} of the walk from {_words(before)}"
    )


@dataclass(frozen=True)
class ShowDay:
    """One day of a show, from local noon to local noon: an evening is never cut at midnight.

    `begins` and `ends` are POSIX seconds, 23 to 25 hours apart.
    """

    date: str
    begins: float
    ends: float


@lru_cache(maxsize=64)
def _day(tz: str, ordinal: int) -> ShowDay:
    zone = ZoneInfo(tz)
    date = datetime.fromordinal(ordinal).date()
    begins = datetime.combine(date, time(12), zone)
    ends = datetime.combine(date + timedelta(days=1), time(12), zone)
    return ShowDay(date.isoformat(), begins.timestamp(), ends.timestamp())


def show_day(tz: str, wall: float) -> ShowDay:
    """The show day that `wall` (POSIX seconds) falls into, in time zone `tz`."""
    local = datetime.fromtimestamp(wall, ZoneInfo(tz))
    day = _day(tz, local.toordinal())
    return day if day.begins <= wall else _day(tz, local.toordinal() - 1)


# Two styles in turn are the only shuffle of two without a repeat; a new start at noon could repeat.
ALWAYS = ShowDay("always", 0.0, math.inf)


def rotation_day(plan: Plan, wall: float) -> ShowDay:
    """The stretch of time whose slots are counted from its beginning."""
    pair = plan.playlist.order == "shuffle" and len(plan.playlist.entries) == 2
    return ALWAYS if pair else show_day(plan.place.tz, wall)


def day_before(tz: str, day: ShowDay) -> ShowDay:
    return show_day(tz, day.begins - 1.0)


def last_slot(playlist: PlannedPlaylist, day: ShowDay) -> int:
    """The number of the last slot that begins in `day`."""
    return math.ceil((day.ends - day.begins) / playlist.each) - 1


def entry_before(plan: Plan, day: ShowDay, slot: int) -> Mix:
    """What was on just before `slot` of `day`."""
    if slot > 0:
        return entry_at(plan, day, slot - 1)
    before = day_before(plan.place.tz, day)
    return entry_at(plan, before, last_slot(plan.playlist, before))


def entry_at(plan: Plan, day: ShowDay, slot: int) -> Mix:
    """What is on in `slot` of `day`."""
    playlist = plan.playlist
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
        repeats = entries[order[0]] == entry_before(plan, day, 0)
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


def smooth(share: float) -> float:
    """Ease in and out: 3t² - 2t³, so a fade neither starts nor stops with a jerk."""
    share = min(1.0, max(0.0, share))
    return share * share * (3.0 - 2.0 * share)


def blend(before: Mix, after: Mix, share: float) -> Mix:
    """The mix that is `share` (0..1) of the way from `before` to `after`; weights keep sum 1."""
    weights: dict[str, float] = {}
    for mix, factor in ((before, 1.0 - share), (after, share)):
        for style, weight in mix:
            weights[style] = weights.get(style, 0.0) + factor * weight
    return tuple(sorted((s, w) for s, w in weights.items() if w > 0.0))


def _look(mix: Mix, why: str) -> Look:
    """Turn the reserved style `dark` into missing light; the rest is brought to sum 1."""
    light = 1.0 - sum(weight for style, weight in mix if style == "dark")
    rest = tuple((style, weight) for style, weight in mix if style != "dark")
    total = sum(weight for _, weight in rest)
    if not rest or light <= 0.0:
        return Look((), 0.0, why)
    return Look(tuple((style, weight / total) for style, weight in rest), min(1.0, light), why)


def _words(mix: Mix) -> str:
    return " + ".join(s if w == 1.0 else f"{s} {w:.0%}" for s, w in mix)
