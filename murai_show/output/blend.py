"""Light that several projectors throw on one wall, in NumPy: the only place where it is worked out.

Light is linear, full white of one projector being 1; a projector makes signal ^ gamma of a signal
0..1, and its own black besides.  What it is sent, per pixel of its canvas, is

    light = share * (room * picture + lift)

`share` falls to nothing where a neighbour takes over, and the shares of all projectors at a point
of the wall add up to 1 exactly, because each is a weight divided by the sum of the weights (for two
overlapping projectors the weights themselves do: f(t) + f(1 - t) = 1).  `lift` is what black lacks
where fewer projectors overlap than elsewhere, so that black is even too; `room` keeps white below
the brightest signal.  After Bourke, "Edge blending using commodity projectors" (2004), for gamma
and the s-curve; the normalised weights and the lift are ours.

Points are (…, 2), float, in pixels of the surface.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from murai_show.show.projection import NONE, Beam, ProjectionSpec, Widths
from murai_show.show.surface import Region

Floats = NDArray[np.floating[Any]]

_RIM = 0.01  # pixels: more than float32 loses on the largest surface
_LEAST = 1e-6  # of a weight: where it is alone, even a vanishing one takes all


def _s_curve(t: Floats) -> Floats:
    return np.where(t < 0.5, 2.0 * t * t, 1.0 - 2.0 * (1.0 - t) * (1.0 - t))


CURVES: Mapping[str, Callable[[Floats], Floats]] = {
    "cosine": lambda t: 0.5 - 0.5 * np.cos(np.pi * t),
    "linear": lambda t: t,
    "s-curve": _s_curve,
}


def fall(region: Region, widths: Widths, curve: str, points: Floats) -> Floats:
    """(…): 1 inside `region`, falling to 0 at its edges over `widths` to left, right, top, bottom.
    The curves meet: f(t) + f(1 - t) = 1."""
    left, right, top, bottom = widths
    x, y = points[..., 0], points[..., 1]
    weight = np.ones(points.shape[:-1], points.dtype)
    for width, depth in (
        (left, x - region.x),
        (right, region.right - x),
        (top, y - region.y),
        (bottom, region.bottom - y),
    ):
        if width:
            weight *= CURVES[curve](np.clip(depth / width, 0.0, 1.0))
    return weight


def covers(region: Region, points: Floats) -> NDArray[np.bool_]:
    """(…): whether points lie in `region`."""
    x, y = points[..., 0], points[..., 1]
    return (x >= region.x) & (x < region.right) & (y >= region.y) & (y < region.bottom)


def shares(spec: ProjectionSpec, points: Floats) -> Floats:
    """(…), 0..1: the part of a point's light that this projector gives, its own fades included."""
    share = fall(spec.region, spec.fades, spec.curve, points) if spec.fades != NONE else 1.0
    if spec.beam is None or not spec.neighbours:
        return np.broadcast_to(np.asarray(share, points.dtype), points.shape[:-1])
    own = _weight(spec.beam, points)
    others = [
        np.where(covers(beam.region, points), _weight(beam, points), 0.0)
        for beam in spec.neighbours
    ]
    return share * own / (own + np.sum(others, axis=0))


def _weight(beam: Beam, points: Floats) -> Floats:
    return np.maximum(fall(beam.region, beam.ramps, beam.curve, points), _LEAST)


def lifts(spec: ProjectionSpec, points: Floats) -> Floats:
    """(…, 3), RGB, linear: what black lacks at each point to be as bright as where it adds up."""
    beams = (spec.beam, *spec.neighbours) if spec.beam else ()
    black = np.zeros((*points.shape[:-1], 3), points.dtype)
    for beam in beams:
        black += covers(beam.region, points)[..., None] * np.asarray(beam.black, points.dtype)
    return np.maximum(np.asarray(spec.darkest, points.dtype) - black, 0.0)


def light_map(spec: ProjectionSpec, points: Floats, cover: Floats) -> NDArray[np.float16]:
    """What the canvas's shader needs at each pixel, (H, W, 1 or 4), float16.

    First share ^ (1 / gamma), so that a signal may be multiplied by it; then, where black is
    lifted, the lift in red, green and blue.  `points` are the pixels' places on the surface, and
    `cover`, (H, W), 0..1, says how much of each pixel the projector may light at all.
    """
    points = _inside(spec.region, points)
    share = np.clip(shares(spec, points) * cover, 0.0, 1.0) ** (1.0 / spec.gamma)
    planes: list[Floats] = [share[..., None]]
    if spec.lifted:
        planes.append(lifts(spec, points))
    return np.concatenate(planes, axis=-1).astype(np.float16)


def _inside(region: Region, points: Floats) -> Floats:
    """`points`, those beyond `region` on its rim: the middle of a pixel that is partly covered may
    lie where no neighbour is, and would shine there as if it were alone."""
    low = np.array([region.x + _RIM, region.y + _RIM], points.dtype)
    high = np.array([region.right - _RIM, region.bottom - _RIM], points.dtype)
    return np.clip(points, low, high)


def signal(
    spec: ProjectionSpec, light: NDArray[np.float16], picture: Floats, factor: float = 1.0
) -> Floats:
    """What a projector is sent for the signal `picture`, (…, 3), 0..1: what the shader computes,
    here for its tests.  `factor` is brightness and light."""
    tinted = np.minimum(picture * (factor * np.array(spec.gains)) ** (1.0 / spec.gamma), 1.0)
    if spec.lifted:
        linear = np.array(spec.room) * tinted**spec.gamma + light[..., 1:].astype(np.float64)
        tinted = linear ** (1.0 / spec.gamma)
    return np.clip(light[..., :1].astype(np.float64) * tinted, 0.0, 1.0)
