"""Counts the flashes of a film afterwards, in another way than the limiter does: whole time series,
cell by cell, over a finer grid, with plain loops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FINE = 24  # cells on each side; a third of the picture is 8


def luminance(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Relative luminance of sRGB codes, (H, W)."""
    code = picture / 255.0
    linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


def redness(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """R - G - B in linear light, never below 0."""
    code = picture / 255.0
    linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    return np.maximum(2 * linear[..., 0] - linear.sum(-1), 0.0)


def turns(series: Sequence[float], least: float, ceiling: float) -> list[tuple[int, int]]:
    """The opposing changes of one cell as (frame, +1 or -1): every swing of `least` or more whose
    darker end is below `ceiling`."""
    found: list[tuple[int, int]] = []
    low = high = series[0]
    direction = 0
    for frame, value in enumerate(series):
        low, high = min(low, value), max(high, value)
        if direction <= 0 and value - low >= least and low < ceiling:
            found.append((frame, 1))
            direction, high = 1, value
        elif direction >= 0 and high - value >= least and value < ceiling:
            found.append((frame, -1))
            direction, low = -1, value
        if direction == 1:
            low = value
            high = max(high, value)
        elif direction == -1:
            high = value
            low = min(low, value)
    return found


def flashes(planes: Sequence[NDArray[np.float64]], fps: float, least: float, ceiling: float) -> int:
    """The most flashes that any rectangle sees in any one second."""
    film = np.stack([_reduced(plane) for plane in planes])
    signs = np.zeros(film.shape, int)
    for y in range(FINE):
        for x in range(FINE):
            for frame, sign in turns(film[:, y, x].tolist(), least, ceiling):
                signs[frame, y, x] = sign
    side, worst = FINE // 3, 0
    for y in range(0, FINE - side + 1, 2):
        for x in range(0, FINE - side + 1, 2):
            window = signs[:, y : y + side, x : x + side].reshape(len(film), -1)
            if window.any():
                worst = max(worst, _pairs(window, fps))
    return worst


def _reduced(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    rows = [part.mean(0) for part in np.array_split(plane, FINE, 0)]
    return np.stack([part.mean(1) for part in np.array_split(np.stack(rows), FINE, 1)], 1)


def _pairs(window: NDArray[np.int_], fps: float) -> int:
    """Opposing changes of more than a quarter of the cells in one frame, paired, in any second."""
    quarter = window.shape[1] / 4
    changes: list[tuple[float, int]] = []
    for frame, cells in enumerate(window):
        for sign in (1, -1):
            enough = np.count_nonzero(cells == sign) > quarter
            if enough and (not changes or changes[-1][1] != sign):
                changes.append((frame / fps, sign))
    times = [time for time, _ in changes]
    return max((sum(a <= t < a + 1.0 - 1e-6 for t in times) // 2 for a in times), default=0)
