"""Where the picture lies on the canvas: plain geometry in float64, no OpenGL.

Points are (x, y) with y downwards.  Four spaces: *canvas*, in pixels, the centre of the first one
at (0.5, 0.5); *pin*, the unit square that `corners` puts on the canvas; *surface*, 0..1 across the
wall, of which the pin shows a region (a canvas without projection is a wall of its own, whole);
*picture*, 0..1 across.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from murai_show.show.planned import CanvasSpec
from murai_show.show.projection import ProjectionSpec
from murai_show.show.surface import Mesh
from murai_show.show.words import Size

Matrix = NDArray[np.float64]

_UNIT_SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
# Clockwise with y downwards, so the inverse (canvas → picture) turns the other way.
_TURN_BACK = {
    0: ((1, 0), (0, 1)),
    90: ((0, 1), (-1, 0)),
    180: ((-1, 0), (0, -1)),
    270: ((0, -1), (1, 0)),
}


@dataclass(frozen=True, eq=False)
class Placement:
    """One picture size on one canvas.

    `to_picture` is (3, 3): canvas → picture, homogeneous, with a positive third coordinate all over
    the picture.  `edges` is (4, 3): times (x, y, 1) it gives the distance in canvas pixels to each
    edge of what is visible, positive inside.  `shrink` is the largest number of texels that one
    step of a pixel skips: above 1 the picture is minified somewhere.

    Where projection lights the canvas, both begin at the pin instead of the canvas, and distances
    are in its units.
    """

    to_picture: Matrix
    edges: Matrix
    shrink: float


def homography(points: Sequence[tuple[float, float]]) -> Matrix:
    """The (3, 3) projective map of the unit square onto four points, clockwise from top left.

    Its last element is 1.  Raises numpy.linalg.LinAlgError when three points lie on a line.
    """
    rows: list[list[float]] = []
    for (u, v), (x, y) in zip(_UNIT_SQUARE, points, strict=True):
        rows.append([u, v, 1, 0, 0, 0, -u * x, -v * x])
        rows.append([0, 0, 0, u, v, 1, -u * y, -v * y])
    wanted = np.asarray(points, np.float64).ravel()
    return np.append(np.linalg.solve(np.array(rows, np.float64), wanted), 1.0).reshape(3, 3)


def project(matrix: Matrix, points: Matrix) -> Matrix:
    """Map (N, 2) points by a (3, 3) projective map."""
    mapped = np.c_[points, np.ones(len(points))] @ matrix.T
    return mapped[:, :2] / mapped[:, 2:]


def place(spec: CanvasSpec, width: int, height: int) -> Placement:
    """Lay a picture of `width` x `height` texels on the canvas: turn, mirror, fit, pin."""
    projection = spec.projection
    wall = projection.surface if projection else spec
    zoom = _zoom(wall, width, height)
    to_surface = pin_to_surface(spec)
    to_picture = _about_centre(_turned(wall) * zoom) @ to_surface
    low, high = _visible(projection, np.minimum(1.0, 1.0 / zoom) / 2)
    corners = project(pin_to_canvas(spec), np.array(_UNIT_SQUARE))
    to_pin = canvas_to_pin(spec)
    shrink = _shrink(to_picture @ to_pin, corners, (width, height))
    if projection and projection.lit:
        to_pin = np.eye(3)
        shrink *= _squeezed(projection.mesh)
    return Placement(to_picture @ to_pin, _edges(low, high, to_surface @ to_pin), shrink)


_FAR = 1e3  # no edge: far beyond any canvas


def _visible(projection: ProjectionSpec | None, half: Matrix) -> tuple[Matrix, Matrix]:
    """The rectangle of the surface, 0..1, that shows a picture of half the size `half`."""
    low, high = 0.5 - half, 0.5 + half
    if projection is None:
        return low, high
    if projection.lit:  # the light map knows where the projector ends
        return np.where(half < 0.5, low, -_FAR), np.where(half < 0.5, high, _FAR)
    region, size = projection.region, np.array(projection.surface.size)
    first, last = np.array(region[:2]) / size, np.array([region.right, region.bottom]) / size
    return np.maximum(low, first), np.minimum(high, last)


def _squeezed(mesh: Mesh | None) -> float:
    """How much smaller than an even cell the smallest of a mesh is; 1 where none is smaller."""
    if mesh is None:
        return 1.0
    grid = np.array(mesh, np.float64)
    rows, columns = grid.shape[:2]
    across = np.linalg.norm(np.diff(grid, axis=1), axis=2) * (columns - 1)
    down = np.linalg.norm(np.diff(grid, axis=0), axis=2) * (rows - 1)
    return float(max(1.0, 1.0 / across.min(), 1.0 / down.min()))


def pin_to_canvas(spec: CanvasSpec) -> Matrix:
    """The (3, 3) map of the unit square onto the canvas, in pixels."""
    return np.diag([*spec.size, 1.0]) @ homography(spec.corners.points())


def canvas_to_pin(spec: CanvasSpec) -> Matrix:
    """The way back, with a positive third coordinate all over the pin."""
    forth = pin_to_canvas(spec)
    back = np.linalg.inv(forth).astype(np.float64)
    centre = forth @ (0.5, 0.5, 1.0)
    return -back if (back @ (centre / centre[2]))[2] < 0 else back


def pin_to_surface(spec: CanvasSpec) -> Matrix:
    """The (3, 3) affine map of the pin onto the region of the surface that it shows, 0..1."""
    projection = spec.projection
    if projection is None:
        return np.eye(3)
    (x, y, width, height), size = projection.region, projection.surface.size
    region = np.array(
        [[width / size.width, 0, x / size.width], [0, height / size.height, y / size.height]]
    )
    return np.vstack([region, (0.0, 0.0, 1.0)]) @ _about_centre(_turned(spec))


class _Wall(Protocol):
    """What a picture is laid on: a canvas, or a surface that canvases share."""

    @property
    def size(self) -> Size: ...
    @property
    def fit(self) -> str: ...
    @property
    def mirror(self) -> str: ...
    @property
    def rotate(self) -> Literal[0, 90, 180, 270]: ...


_WAYS = ("horizontal", "vertical")


def _turned(wall: _Wall) -> Matrix:
    """The (2, 2) map back through turn and mirror."""
    mirrored = np.array([-1.0 if wall.mirror in (way, "both") else 1.0 for way in _WAYS])
    return np.array(_TURN_BACK[wall.rotate], np.float64) @ np.diag(mirrored)


def _zoom(spec: _Wall, width: int, height: int) -> Matrix:
    """How much of the picture, in x and y, fills the wall: below 1 is cut, above 1 leaves bars."""
    if spec.rotate in (90, 270):
        width, height = height, width
    wider = spec.size.width * height / (spec.size.height * width)  # canvas against picture
    ratio = np.array([wider, 1.0 / wider])
    match spec.fit:
        case "cover":
            return np.minimum(1.0, ratio)
        case "contain":
            return np.maximum(1.0, ratio)
        case _:
            return np.ones(2)


def _about_centre(linear: Matrix) -> Matrix:
    """A linear map of the unit square that leaves its centre where it is, as (3, 3)."""
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = 0.5 - linear @ (0.5, 0.5)
    return matrix


def _edges(low: Matrix, high: Matrix, to_surface: Matrix) -> Matrix:
    """The four sides of a rectangle of the wall, as `Placement.edges`.

    Lines stay lines under a homography, so their distance is exact on the whole canvas, also
    beyond the horizon of a steep pin, where derivatives of the map would lie.
    """
    sides = [(1.0, 0.0, -low[0]), (-1.0, 0.0, high[0]), (0.0, 1.0, -low[1]), (0.0, -1.0, high[1])]
    lines = np.array(sides) @ to_surface
    return lines / np.hypot(lines[:, 0], lines[:, 1])[:, None]


def _shrink(to_picture: Matrix, corners: Matrix, texels: tuple[int, int]) -> float:
    """The steepest of the map's four corners, where a homography is steepest."""
    steepest = 0.0
    for x, y in corners:
        along, across, w = to_picture @ (x, y, 1.0)
        at = np.array([along, across]) / w
        jacobian = (to_picture[:2, :2] - np.outer(at, to_picture[2, :2])) / w
        steepest = max(steepest, float(np.linalg.norm(np.diag(texels) @ jacobian, 2)))
    return steepest
