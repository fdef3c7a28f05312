"""Where the picture lies on the canvas: plain geometry in float64, no OpenGL.

Points are (x, y) with y downwards.  Three spaces: *canvas*, in pixels, the centre of the first one
at (0.5, 0.5); *pin*, the unit square that `corners` puts on the canvas; *picture*, 0..1 across.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from murai_show.show.planned import CanvasSpec

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
    pin_to_canvas = np.diag([*spec.size, 1.0]) @ homography(spec.corners.points())
    to_pin = np.linalg.inv(pin_to_canvas).astype(np.float64)
    centre = pin_to_canvas @ (0.5, 0.5, 1.0)
    if (to_pin @ (centre / centre[2]))[2] < 0:
        to_pin *= -1.0
    zoom = _zoom(spec, width, height)
    mirrored = np.array([-1.0 if spec.mirror in (way, "both") else 1.0 for way in _WAYS])
    turn = np.array(_TURN_BACK[spec.rotate], np.float64)
    to_picture = _about_centre(turn @ np.diag(mirrored * zoom)) @ to_pin
    return Placement(
        to_picture,
        _edges(np.minimum(1.0, 1.0 / zoom) / 2, to_pin),
        _shrink(to_picture, project(pin_to_canvas, np.array(_UNIT_SQUARE)), (width, height)),
    )


_WAYS = ("horizontal", "vertical")


def _zoom(spec: CanvasSpec, width: int, height: int) -> Matrix:
    """How much of the picture, in x and y, fills the pin: below 1 is cut, above 1 leaves bars."""
    if spec.rotate in (90, 270):
        width, height = height, width
    wider = spec.size.width * height / (spec.size.height * width)  # canvas against picture
    ratio = np.array([wider, 1.0 / wider])
    match spec.fit:
        case "cover":
            return np.minimum(1.0, ratio)
        case "contain":
            return np.maximum(1.0, ratio)
        case "stretch":
            return np.ones(2)


def _about_centre(linear: Matrix) -> Matrix:
    """A linear map of the unit square that leaves its centre where it is, as (3, 3)."""
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = 0.5 - linear @ (0.5, 0.5)
    return matrix


def _edges(half: Matrix, to_pin: Matrix) -> Matrix:
    """The four lines |x - 0.5| = half[0], |y - 0.5| = half[1] of the pin, as `Placement.edges`.

    Lines stay lines under a homography, so their distance is exact on the whole canvas, also
    beyond the horizon of a steep pin, where derivatives of the map would lie.
    """
    pin_lines = [(s, 0.0, half[0] - s * 0.5) for s in (1.0, -1.0)]
    pin_lines += [(0.0, s, half[1] - s * 0.5) for s in (1.0, -1.0)]
    lines = np.array(pin_lines) @ to_pin
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
