"""The ladder: what is given up while the painter misses its budget, and when it is taken back.

Pure: observations with their times go in, where the show stands comes out.  Painting is judged in
slices of a second or more by its *cost*, the work for one picture.  A step down is taken when every
slice of `after` seconds was too dear.  A step up is taken after `back` seconds when the cost up
there, worked out from pixels and from what the last change taught, leaves a margin; else, much
later, as a try.  A try that fails doubles the pause, so a constant load ends on one rung.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from murai_show.show.guard import LadderSpec

SLICE = 1.0  # seconds of observation that are judged together
TOLERANCE = 1.05  # of the time that a picture has: less is no miss
MARGIN = 0.85  # of the time that a picture has: what it may be expected to take one rung up
BUSY = 0.85  # of the time: a painter that works less waits for the camera, and misses nothing
HALF = 0.5  # of the budget: while that is kept, a poor picture is better than the slate
BLIND = 4  # pauses after which a rung up is tried against all that is known
LONGEST = 6  # doublings of the pause


@dataclass(frozen=True)
class Turn:
    """One picture: seconds that it took altogether, and seconds that were waited for its frame."""

    worked: float
    waited: float


@dataclass(frozen=True)
class Slice:
    """What was observed since `begun` (monotonic seconds)."""

    begun: float
    pictures: int = 0
    worked: float = 0.0
    waited: float = 0.0

    def plus(self, turn: Turn) -> Slice:
        return Slice(
            self.begun, self.pictures + 1, self.worked + turn.worked, self.waited + turn.waited
        )

    @property
    def cost(self) -> float | None:
        """Seconds of work for a picture; None when nothing was painted."""
        return self.worked / self.pictures if self.pictures else None

    @property
    def busy(self) -> float:
        """The share of the time in which the painter worked."""
        return self.worked / max(self.worked + self.waited, 1e-9)


@dataclass(frozen=True)
class Standing:
    """Where a show stands.  `rung` counts from 0, the whole picture; `since` is when it was taken.

    `cost` is that of the last slice on this rung, `missed` since when slices have been too dear in
    one go.  `left` is the rung before and its cost, until this rung has a cost to compare with;
    `ratios[i]` is then how much dearer rung i was than the next.  `fell` counts tries that failed;
    `tried` says that this rung was climbed to and has not been held yet.
    """

    rung: int
    since: float
    slice: Slice
    cost: float | None = None
    missed: float | None = None
    left: tuple[int, float] | None = None
    ratios: tuple[tuple[int, float], ...] = ()
    fell: int = 0
    tried: bool = False


def standing_at(now: float) -> Standing:
    """At the beginning: on the whole picture."""
    return Standing(0, now, Slice(now))


def observe(spec: LadderSpec, at: Standing, now: float, turn: Turn | None = None) -> Standing:
    """Where the show stands after `turn`, which ended at `now`; without one, where nothing is
    painted any more."""
    if turn is not None:
        at = replace(at, slice=at.slice.plus(turn))
    if now - at.slice.begun < SLICE:
        return at
    seen, at = at.slice, _learned(at, at.slice.cost)
    at = replace(at, slice=Slice(now), cost=seen.cost or at.cost)
    if at.tried and now - at.since >= spec.back:
        at = replace(at, tried=False, fell=max(0, at.fell - 1))
    if _misses(spec, at.rung, seen):
        missed = now if at.missed is None else at.missed
        if now - missed >= spec.after and _may_fall(spec, at):
            return _moved(at, now, at.rung + 1, at.fell + at.tried)
        return replace(at, missed=missed)
    at = replace(at, missed=None)
    if at.rung and _may_climb(spec, at, now):
        return _moved(at, now, at.rung - 1, at.fell)
    return at


def period(spec: LadderSpec, rung: int) -> float:
    """Seconds that a picture has on `rung`."""
    return 1.0 / spec.wanted(rung)


def expected(spec: LadderSpec, at: Standing) -> float | None:
    """What a picture would cost one rung up, in seconds; None where nobody can know.

    As much more as there are more pixels, or less where the last change between the two rungs has
    shown that: a part of the cost is the same at every size.
    """
    if at.rung == 0 or at.cost is None or spec.rungs[at.rung].slate:
        return None
    up = at.rung - 1
    pixels = (spec.rungs[up].share / spec.rungs[at.rung].share) ** 2
    return at.cost * max(1.0, min(pixels, dict(at.ratios).get(up, pixels)))


def pause(spec: LadderSpec, at: Standing) -> float:
    """Seconds that a rung is kept before the one above is taken again."""
    return spec.back * 2.0 ** min(at.fell, LONGEST)


def _misses(spec: LadderSpec, rung: int, seen: Slice) -> bool:
    dear = seen.cost is not None and seen.cost > TOLERANCE * period(spec, rung)
    return dear and seen.busy >= BUSY


def _may_fall(spec: LadderSpec, at: Standing) -> bool:
    """Whether there is a rung below, and it is worth what it gives up."""
    if at.rung + 1 >= len(spec.rungs) or at.cost is None:
        return False
    return not spec.rungs[at.rung + 1].slate or at.cost * HALF > period(spec, at.rung)


def _may_climb(spec: LadderSpec, at: Standing, now: float) -> bool:
    stood, wait = now - at.since, pause(spec, at)
    if stood < wait:
        return False
    cost = expected(spec, at)
    return cost is None or cost <= MARGIN * period(spec, at.rung - 1) or stood >= BLIND * wait


def _moved(at: Standing, now: float, rung: int, fell: int) -> Standing:
    left = None if at.cost is None else (at.rung, at.cost)
    climbs = rung < at.rung
    return Standing(rung, now, Slice(now), None, None, left, at.ratios, fell, climbs)


def _learned(at: Standing, cost: float | None) -> Standing:
    """With what the first slice on a rung says about it and the rung before."""
    if at.left is None or cost is None:
        return at
    rung, before = at.left
    upper = min(rung, at.rung)
    ratio = before / cost if rung == upper else cost / before
    ratios = {**dict(at.ratios), upper: ratio}
    return replace(at, left=None, ratios=tuple(sorted(ratios.items())))
