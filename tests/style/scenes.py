"""Frames for tests that build engines."""

from __future__ import annotations

import numpy as np

from murai_show.show.words import Size

SIZE = Size(96, 64)


def scenes(count: int, seed: int) -> tuple[np.ndarray, ...]:
    """Soft gradients with a hard edge: something for a norm to normalise."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[0 : SIZE.height, 0 : SIZE.width]
    found: list[np.ndarray] = []
    for _ in range(count):
        slope = draw.uniform(-2, 2, (2, 3))
        frame = 128 + x[..., None] * slope[0] + y[..., None] * slope[1]
        frame[: draw.integers(10, 50), draw.integers(10, 80) :] *= 0.3
        found.append(np.clip(frame, 0, 255).astype(np.uint8))
    return tuple(found)
