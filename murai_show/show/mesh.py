"""A smooth surface through a grid of control points: plain arithmetic, so that `check` can ask.

Catmull and Rom, "A class of local interpolating splines" (1974), as a tensor product with uniform
knots: it goes through every control point, and one point moved bends only the cells beside it.
Beyond the rim the grid goes on straight, so even points give exactly even places.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

Point = tuple[float, float]
Grid = Sequence[Sequence[Point]]

LARGEST = 33  # control points a side
_SAMPLES = 6  # a cell is looked at in so many steps a side when folds are sought


def refine(grid: Grid, across: int, down: int) -> list[list[Point]]:
    """`grid` of R rows and C columns with every cell cut into `across` x `down`: (R - 1) * down + 1
    rows of (C - 1) * across + 1 points.  The control points are among them."""
    rows = [_refine_line(row, across) for row in grid]
    columns = [_refine_line(column, down) for column in zip(*rows, strict=True)]
    return [list(row) for row in zip(*columns, strict=True)]


def _refine_line(points: Sequence[Point], steps: int) -> list[Point]:
    first, last = _beyond(points[0], points[1]), _beyond(points[-1], points[-2])
    padded = [first, *points, last]
    weights = [_weights(step / steps) for step in range(steps)]
    found: list[Point] = []
    for start in range(len(points) - 1):
        around = padded[start : start + 4]
        for share in weights:
            x = sum(w * p[0] for w, p in zip(share, around, strict=True))
            y = sum(w * p[1] for w, p in zip(share, around, strict=True))
            found.append((x, y))
    return [*found, points[-1]]


def _beyond(end: Point, inner: Point) -> Point:
    return (2 * end[0] - inner[0], 2 * end[1] - inner[1])


def _weights(t: float) -> tuple[float, float, float, float]:
    """Of the four points around, at `t` from the second to the third."""
    return (
        t * (-0.5 + t * (1.0 - 0.5 * t)),
        1.0 + t * t * (1.5 * t - 2.5),
        t * (0.5 + t * (2.0 - 1.5 * t)),
        t * t * (0.5 * t - 0.5),
    )


def fold(grid: Grid) -> tuple[int, int] | None:
    """The row and column, from 1, of a cell where the surface folds over or stands still."""
    fine = refine(grid, _SAMPLES, _SAMPLES)
    for j, (upper, lower) in enumerate(pairwise(fine)):
        for i in range(len(upper) - 1):
            a, b, c, d = upper[i], upper[i + 1], lower[i + 1], lower[i]
            if min(_turn(d, a, b), _turn(a, b, c), _turn(b, c, d), _turn(c, d, a)) <= 1e-9:
                return (j // _SAMPLES + 1, i // _SAMPLES + 1)
    return None


def _turn(a: Point, b: Point, c: Point) -> float:
    """Twice the area of a triangle, positive clockwise with y downwards."""
    return (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0])


def even_grid(rows: int, columns: int) -> tuple[tuple[Point, ...], ...]:
    """The grid that changes nothing."""
    across = [i / (columns - 1) for i in range(columns)]
    return tuple(tuple((x, j / (rows - 1)) for x in across) for j in range(rows))
