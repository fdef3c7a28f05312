"""What is filmed now: a pure function of the plan and the time, beside `look_at`.

A *shot* is one picture before it is painted: what one camera sees, or a composition of several.  It
says nothing of pixels; `camera.composition` draws it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from murai_show.show.days import show_day
from murai_show.show.hours import Stretch, day_stretches
from murai_show.show.timeline import Mix, blend, fade_into, smooth
from murai_show.show.viewing import InsetView, SideBySideView, View, members

if TYPE_CHECKING:
    from murai_show.show.planned import Plan


@dataclass(frozen=True)
class Filmed:
    """What one camera sees, all over the picture."""

    camera: str


@dataclass(frozen=True)
class Walk:
    """A crossfade: each shot with its weight, above 0, with sum 1."""

    parts: tuple[tuple[Shot, float], ...]


@dataclass(frozen=True)
class Tiles:
    """Equal tiles, row by row.  `gap` is a part of the picture's height."""

    parts: tuple[Shot, ...]
    columns: int
    gap: float
    fit: Literal["cover", "contain"]


@dataclass(frozen=True)
class Inset:
    """A small picture in a corner of a large one.  `share` is a part of the large one's sides,
    `margin` and `border` of its height."""

    ground: Shot
    inset: Shot
    at: str
    share: float
    margin: float
    border: float


Shot = Filmed | Walk | Tiles | Inset


def shot_at(plan: Plan, wall: float, name: str = "") -> Shot:
    """The shot at `wall`, POSIX seconds, of the camera or view called `name`; without a name, of
    what `play` and the schedule film."""
    views = {view.name: view.spec for view in plan.views}
    return _shot(views, ((name, 1.0),) if name else filmed_at(plan, wall), wall)


def filmed_at(plan: Plan, wall: float) -> Mix:
    """The cameras or views that `play` and the schedule film at `wall`, with weights of sum 1.

    Where rules change, cameras walk into each other as long as their styles do.  A dark rule keeps
    the camera that was on: nobody sees a crossfade in the dark, and the light that goes out is not
    disturbed by one.
    """
    if not walks(plan):
        return ((plan.films, 1.0),)
    day = show_day(plan.place.tz, wall)
    ruled = day_stretches(plan.schedule, plan.place, day)
    now = bisect_right(ruled, wall, key=lambda stretch: stretch.begins) - 1
    return _walking(ruled, _named(plan, ruled), now, wall)


def walks(plan: Plan) -> bool:
    """Whether the schedule ever films anything but what `play` names."""
    return any(rule.camera not in ("", plan.films) for rule in plan.schedule)


def composed(plan: Plan) -> frozenset[str]:
    """The cameras and views that may share a picture with others."""
    names = {name for view in plan.views for name in members(view.spec)}
    if walks(plan):
        names |= {plan.films, *(rule.camera for rule in plan.schedule if rule.camera)}
    return frozenset(names)


def _named(plan: Plan, ruled: tuple[Stretch, ...]) -> list[str]:
    """What each stretch films."""
    names: list[str] = []
    for stretch in ruled:
        before = names[-1] if names and not stretch.rule.playlist.lit else plan.films
        names.append(stretch.rule.camera or before)
    return names


def _walking(ruled: tuple[Stretch, ...], names: list[str], now: int, wall: float) -> Mix:
    """As `timeline.scheduled` does for styles: a walk that is not over when the next begins is
    walked on from."""
    first = now
    while first and names[first - 1] == names[now]:
        first -= 1
    here: Mix = ((names[now], 1.0),)
    if first == 0:  # began longer ago than any fade lasts
        return here
    fade, into = fade_into(ruled[first].rule, ruled[first - 1].rule), wall - ruled[first].begins
    if into >= fade:
        return here
    return blend(_walking(ruled, names, first - 1, wall), here, smooth(into / fade))


def turn_of(names: tuple[str, ...], each: float, fade: float, wall: float) -> Mix:
    """Whose turn it is at `wall` when `names` take turns; slots of `each` seconds since 1970."""
    slot, into = divmod(wall, each)
    here = names[int(slot) % len(names)]
    before = names[int(slot - 1) % len(names)]
    if into >= fade or before == here:
        return ((here, 1.0),)
    return blend(((before, 1.0),), ((here, 1.0),), smooth(into / fade))


def cameras_in(shot: Shot) -> Iterator[str]:
    """The cameras that a shot shows, each as often as it does."""
    match shot:
        case Filmed(camera):
            yield camera
        case Walk(parts):
            for part, _ in parts:
                yield from cameras_in(part)
        case Tiles(parts):
            for part in parts:
                yield from cameras_in(part)
        case Inset(ground, inset):
            yield from cameras_in(ground)
            yield from cameras_in(inset)


def _shot(views: Mapping[str, View], mix: Mix, wall: float) -> Shot:
    if len(mix) == 1:
        return _one(views, mix[0][0], wall)
    return Walk(tuple((_one(views, name, wall), weight) for name, weight in mix))


def _one(views: Mapping[str, View], name: str, wall: float) -> Shot:
    view = views.get(name)
    if view is None:
        return Filmed(name)
    if isinstance(view, SideBySideView):
        parts = tuple(_one(views, member, wall) for member in view.cameras)
        return Tiles(parts, view.columns or len(parts), view.gap, view.fit)
    if isinstance(view, InsetView):
        ground, inset = (_one(views, member, wall) for member in (view.camera, view.inset))
        return Inset(ground, inset, view.at, view.share, view.margin, view.border)
    return _shot(views, turn_of(view.cameras, view.each, view.fade, wall), wall)
