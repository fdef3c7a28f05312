"""A wall that several projectors light: what an audience sees, summed up in linear light.

Each projector makes signal ^ gamma of light and its own black besides, wherever its region lies;
nothing here is shared with the code that works out what projectors are sent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from murai_show.output.homography import homography
from murai_show.show.mesh import refine
from murai_show.show.planned import CanvasSpec
from murai_show.show.projection import ProjectionSpec

FINE = 64  # steps a cell of the mesh


@dataclass(frozen=True)
class Projected:
    """What one projector is sent: (H, W, 3) uint8, through the canvas of `spec`."""

    spec: CanvasSpec
    pixels: np.ndarray

    @property
    def projection(self) -> ProjectionSpec:
        assert self.spec.projection is not None
        return self.spec.projection


def wall(projectors: list[Projected], gamma: float = 2.2, black: float = 0.0) -> np.ndarray:
    """The light of every pixel of the surface, (H, W, 3), linear, one projector's white being 1.
    `black` is the light of one projector's black."""
    width, height = projectors[0].projection.surface.size
    across, down = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    total = np.zeros((height, width, 3))
    for projector in projectors:
        x, y, w, h = projector.projection.region
        inside = (across >= x) & (across < x + w) & (down >= y) & (down < y + h)
        pixel = on_canvas(projector.spec, (across - x) / w, (down - y) / h)
        light = bilinear((projector.pixels / 255.0) ** gamma, pixel)
        total += np.where(inside[..., None], light + black, 0.0)
    return total


def on_canvas(spec: CanvasSpec, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """(…, 2): the canvas's pixel for a place (u, v) of the region, 0..1, not turned."""
    assert spec.projection is not None
    assert spec.rotate == 0
    assert spec.mirror == "none"
    pin = np.stack([u, v], axis=-1)
    mesh = spec.projection.mesh
    if mesh:
        fine = np.array(refine(mesh, FINE, FINE))
        steps = np.array([fine.shape[1] - 1, fine.shape[0] - 1])
        pin = bilinear(fine, np.clip(pin, 0.0, 1.0) * steps + 0.5)
    matrix = homography(spec.corners.points())
    mapped = np.concatenate([pin, np.ones((*pin.shape[:-1], 1))], axis=-1) @ matrix.T
    return mapped[..., :2] / mapped[..., 2:] * spec.size


def bilinear(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """`values`, (H, W, C), at pixels (x, y), the middle of the first at (0.5, 0.5)."""
    height, width = values.shape[:2]
    x = np.clip(at[..., 0] - 0.5, 0, width - 1)
    y = np.clip(at[..., 1] - 0.5, 0, height - 1)
    left, top = x.astype(int), y.astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    fx, fy = (x - left)[..., None], (y - top)[..., None]
    upper = values[top, left] * (1 - fx) + values[top, right] * fx
    lower = values[bottom, left] * (1 - fx) + values[bottom, right] * fx
    return upper * (1 - fy) + lower * fy


def photograph(light: np.ndarray, gamma: float = 2.2) -> Image.Image:
    """The wall as a picture to look at."""
    signal = np.clip(light, 0.0, 1.0) ** (1.0 / gamma)
    return Image.fromarray(np.rint(255 * signal).astype(np.uint8))


def unevenness(light: np.ndarray, rim: int = 0) -> float:
    """By how much columns and rows differ, as a part of their mean: single pixels are dithered, and
    nobody sees those."""
    inner = light[rim or None : -rim or None, rim or None : -rim or None]
    found = 0.0
    for axis in (0, 1):
        means = inner.mean(axis=axis)
        found = max(found, float((means.max(0) - means.min(0)).max() / inner.mean()))
    return found
