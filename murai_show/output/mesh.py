"""The cells in which a projector's canvas is drawn: an even grid on the pin, or a bent mesh."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from murai_show.output.homography import pin_to_canvas, project
from murai_show.show.mesh import even_grid, refine
from murai_show.show.planned import CanvasSpec

Floats = NDArray[np.float64]
Grid = NDArray[np.float64]

_FINEST = 16  # steps a cell of the mesh
_EXACT = 0.25  # pixels that a straight edge of a triangle may stray from the curve
_CELL = 48  # pixels: small enough that few cells reach into a soft edge which is not theirs
_MARGIN = 2.0  # pixels beyond the rim, so that the last pixel's edge is smooth on both sides


def cells(spec: CanvasSpec) -> tuple[Grid, Grid]:
    """(R, C, 2) twice, on the pin: where the points of an even grid are, and where they land.

    As fine as the mesh's curve needs on this canvas, and a little larger than the pin all round.
    """
    mesh = spec.projection.mesh if spec.projection else None
    if mesh is None:
        rows, columns = (max(2, round(side / _CELL) + 1) for side in reversed(spec.size))
        landed = np.array(even_grid(rows, columns))
    else:
        landed = np.array(refine(mesh, *_steps(spec)))
        rows, columns = landed.shape[:2]
    across, down = np.linspace(0.0, 1.0, columns), np.linspace(0.0, 1.0, rows)
    even = np.stack(np.meshgrid(across, down), axis=-1)
    margin = [_MARGIN / side for side in spec.size]
    return _enlarged(even, margin), _enlarged(landed, margin)


def _steps(spec: CanvasSpec) -> tuple[int, int]:
    """Into how many steps, across and down, a cell of the mesh is cut, so that straight edges do
    for its curves, and cells are about as small as they should be."""
    assert spec.projection is not None
    assert spec.projection.mesh is not None
    mesh = spec.projection.mesh
    counts = (len(mesh[0]) - 1, len(mesh) - 1)
    steps = [max(1, round(s / n / _CELL)) for s, n in zip(spec.size, counts, strict=True)]
    for axis in (0, 1):
        while steps[axis] < _FINEST:
            finer = [2 * s if number == axis else s for number, s in enumerate(steps)]
            pixels = on_canvas(spec, np.array(refine(mesh, *finer)))
            lines = np.moveaxis(pixels, 1 - axis, 0)
            if np.abs(lines[1::2] - (lines[:-1:2] + lines[2::2]) / 2).max() <= _EXACT:
                break
            steps = finer
    return steps[0], steps[1]


def on_canvas(spec: CanvasSpec, grid: Grid) -> Grid:
    """(R, C, 2): points of the pin in pixels of the canvas."""
    return project(pin_to_canvas(spec), grid.reshape(-1, 2)).reshape(grid.shape)


def _enlarged(grid: Grid, margin: list[float]) -> Grid:
    """`grid` with a ring around it that goes on straight, `margin` of the pin wide in x and y."""
    for axis, width in ((1, margin[0]), (0, margin[1])):
        lines = np.moveaxis(grid, axis, 0)
        part = width * (len(lines) - 1)  # of a step
        before = lines[0] + part * (lines[0] - lines[1])
        after = lines[-1] + part * (lines[-1] - lines[-2])
        grid = np.moveaxis(np.concatenate([before[None], lines, after[None]]), 0, axis)
    return grid


def triangles(rows: int, columns: int) -> NDArray[np.uint32]:
    """(cells, 6): the indices of two triangles for each cell of a grid of points, row by row."""
    first = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    corners = np.array([0, 1, columns, columns, 1, columns + 1])
    return (first[:, None] + corners).astype(np.uint32)


def extremes(share: NDArray[Any], pixels: Grid) -> tuple[Floats, Floats]:
    """The least and the most of `share`, (H, W), in each cell of `pixels`, (R, C, 2) on the canvas:
    two arrays of (R - 1) * (C - 1).  A cell off the canvas has 0."""
    height, width = share.shape
    quads = np.stack([pixels[:-1, :-1], pixels[:-1, 1:], pixels[1:, :-1], pixels[1:, 1:]])
    low = np.floor(quads.min(0)).astype(int) - 1
    high = np.ceil(quads.max(0)).astype(int) + 1
    least, most = np.zeros(low.shape[:2]), np.zeros(low.shape[:2])
    for cell in np.ndindex(low.shape[:2]):
        (left, top), (right, bottom) = np.maximum(low[cell], 0), np.maximum(high[cell], 0)
        inside = share[top : min(bottom, height), left : min(right, width)]
        if inside.size:
            least[cell], most[cell] = inside.min(), inside.max()
    return least.ravel(), most.ravel()
