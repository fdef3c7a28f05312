"""Where captions lie on the wall: plain geometry in float64, no OpenGL.

A wall is what people see as one picture, upright: the surface, or where a canvas is a wall of its
own, that, turned as it hangs but never mirrored, for people read it.  Its pixels are the surface's
or the canvas's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from murai_show.output.homography import Matrix, pin_to_canvas, pin_to_surface
from murai_show.output.lettering import Align
from murai_show.show.caption import OverlaySpec
from murai_show.show.overlay import PLACES
from murai_show.show.planned import CanvasSpec
from murai_show.show.projection import ProjectionSpec, SurfaceSpec
from murai_show.show.surface import Region
from murai_show.show.words import Size

GAP = 0.25  # of a line's height, between captions at one place


@dataclass(frozen=True)
class Box:
    """A rectangle of the wall, in its pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Standing:
    """A caption that wants a place: `width` and `height` in pixels of the wall; `opacity` is how
    much of its room it takes from those behind it, so that they glide when it comes and goes."""

    spec: OverlaySpec
    width: float
    height: float
    opacity: float


def wall_size(spec: CanvasSpec) -> Size:
    """The size of the wall that the canvas shows, or shows a part of."""
    if _named(spec) is not None:
        assert spec.projection is not None
        return spec.projection.surface.size
    return Size(spec.size.height, spec.size.width) if spec.rotate in (90, 270) else spec.size


def pin_to_wall(spec: CanvasSpec) -> Matrix:
    """The (3, 3) affine map of the pin onto the wall, in its pixels."""
    width, height = wall_size(spec)
    surface = _named(spec)
    if surface is None:
        own = SurfaceSpec("", Size(width, height), "stretch", "none", 0)
        whole = ProjectionSpec(own, Region(0, 0, width, height))
        spec = replace(spec, mirror="none", projection=whole)
    return np.diag([width, height, 1.0]) @ pin_to_surface(spec)


def _named(spec: CanvasSpec) -> SurfaceSpec | None:
    """The surface that the canvas shares with others."""
    surface = spec.projection.surface if spec.projection else None
    return surface if surface and surface.name else None


def canvas_scale(spec: CanvasSpec) -> float:
    """How many pixels of the canvas a pixel of the wall is, at the middle of the pin."""
    forth = pin_to_canvas(spec) @ np.linalg.inv(pin_to_wall(spec))
    middle = pin_to_wall(spec) @ (0.5, 0.5, 1.0)
    x, y, w = forth @ middle
    jacobian = (forth[:2, :2] - np.outer((x / w, y / w), forth[2, :2])) / w
    scale = float(np.linalg.norm(jacobian, 2))
    return 1.0 if abs(scale - 1.0) < 1e-6 else scale


def align_of(spec: OverlaySpec) -> Align:
    """How the lines of a text stand to each other: towards the edge that it is at."""
    across = anchor(spec)[0]
    return "center" if not isinstance(spec.at, str) or across == 0.5 else _SIDES[across]


_SIDES: dict[float, Align] = {0.0: "left", 1.0: "right"}


def anchor(spec: OverlaySpec) -> tuple[float, float]:
    """The overlay's place, 0 to 1 across and down the wall."""
    return PLACES[spec.at] if isinstance(spec.at, str) else spec.at


def widest(spec: OverlaySpec, wall: Size) -> float:
    """How wide an overlay may be, in pixels of the wall."""
    return max(1.0, wall.width - 2 * spec.margin * wall.height)


def stand(wall: Size, captions: Iterable[Standing]) -> list[Box]:
    """Where each of `captions` stands: at one place one behind the other, upwards from below and
    downwards from anywhere else; on whole pixels."""
    taken: dict[object, float] = {}
    found: list[Box] = []
    for each in captions:
        spec, size = each.spec, (each.width, each.height)
        margin = spec.margin * wall.height
        across, down = anchor(spec)
        if isinstance(spec.at, str):
            x = margin + across * (wall.width - 2 * margin - size[0])
            y = margin + down * (wall.height - 2 * margin - size[1])
        else:
            x, y = across * wall.width - size[0] / 2, down * wall.height - size[1] / 2
        offset = taken.get(spec.at, 0.0)
        up = isinstance(spec.at, str) and down == 1.0
        found.append(Box(round(x), round(y - offset if up else y + offset), *size))
        gap = 0.0 if spec.shaded else GAP * spec.size * wall.height
        taken[spec.at] = offset + each.opacity * (size[1] + gap)
    return found


def corners_on_pin(box: Box, to_wall: Matrix) -> Matrix:
    """(4, 2): the corners of a box on the pin: top left, top right, bottom left, bottom right."""
    x, y = (box.x, box.x + box.width), (box.y, box.y + box.height)
    points = np.array([(x[0], y[0], 1.0), (x[1], y[0], 1.0), (x[0], y[1], 1.0), (x[1], y[1], 1.0)])
    return (points @ np.linalg.inv(to_wall).T.astype(np.float64))[:, :2]


def pin_to_box(box: Box, to_wall: Matrix) -> Matrix:
    """The (3, 3) affine map of the pin onto a box: 0..1 across it."""
    across = (1 / box.width, 0.0, -box.x / box.width)
    down = (0.0, 1 / box.height, -box.y / box.height)
    return np.array([across, down, (0.0, 0.0, 1.0)]) @ to_wall
