"""No more than three flashes in any one second on the wall: WCAG 2.2, success criterion 2.3.1.

A *general flash* is a pair of opposing changes of the relative luminance by 10 % or more of its
maximum where the darker state is below 0.80.  A *red flash* is such a pair to or from a saturated
red: R / (R + G + B) is 0.8 or more, and (R - G - B) * 320, never below 0, changes by more than 20,
in linear light.  It counts when it covers over a quarter of any rectangle of 341 x 256 pixels of a
picture of 1024 x 768: a third of the picture on each side.  (W3C, WCAG 2.2 and its Understanding
2.3.1; Harding and Binnie, Photosensitive Epilepsy Analysis Tool, for the red.)  Here every red
counts as saturated, which is stricter: a threshold on saturation would make sensor noise flash.

The picture is seen as GRID x GRID cells.  A flash has one *rise* each, so where no rectangle sees
more than three rises a second it sees no more than three flashes.  A fall cannot be prevented by
dimming, a rise can: when a fourth would come, the light is lowered until that rise is none, stays
there while the picture goes on flashing, and comes back slowly.  It is only ever lowered.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from murai_show.frame import Frame

log = logging.getLogger(__name__)

GRID = 15  # cells on each side: a rectangle of 5 x 5 of them is a third of the picture each way
WINDOW = 5
# Cells of a rectangle that count as a quarter of it: less, because a rectangle between those of the
# grid may have a quarter where each of its neighbours has a little less.
QUARTER = WINDOW * WINDOW // 4
MOST = 3  # rises of one rectangle in any one second
SECOND = 1.0 - 1e-6  # three flashes a second, evenly, are no fourth, whatever is rounded
TOGETHER = 0.02  # seconds within which the cells of one flash rise
RISE, BRIGHT = 0.10, 0.80  # of relative luminance: a change, and above which the darker is none
RED_RISE = 20.0 / 320.0
ROOM = 0.97  # of a change: what dimming leaves of it, so that rounding makes it none
CALM = 1.5  # seconds without a flash too many before the light comes back …
RETURN = 3.0  # … in this many seconds
TICK = 1 / 120  # seconds between two judgements of the same picture while the light moves

Cells = NDArray[np.float32]  # (2, GRID, GRID), 0..1: relative luminance, R - G - B where above 0

# sRGB to linear light (IEC 61966-2-1), by code.
_CODES = np.arange(256) / 255.0
_LINEAR = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4).astype(
    np.float32
)
_RED, _GREEN, _BLUE = np.float32(0.2126), np.float32(0.7152), np.float32(0.0722)
_SPOTS = GRID - WINDOW + 1  # places of the rectangle in each direction
_CHANGE = np.array([RISE, RED_RISE], np.float32)[:, None, None]
_CEILING = np.array([BRIGHT, 2.0], np.float32)[:, None, None]  # of the darker; red has none


class Dimmer(Protocol):
    """Says how bright a picture may be shown.  `limited` counts the flashes kept from the wall."""

    limited: int

    def permitted(self, picture: Frame, light: float, now: float) -> float:
        """The light that `picture` may be shown in at `now`: `light`, or less.  Never blocks."""
        ...


class Dimmers(Protocol):
    """A dimmer for each shot, by its name: two cameras in turn are no flash."""

    @property
    def limited(self) -> int:
        """The flashes kept from all walls."""
        ...

    def of(self, shot: str) -> Dimmer: ...


class Undimmed:
    """Shows everything as it is."""

    limited = 0

    def of(self, shot: str) -> Dimmer:  # noqa: ARG002
        return self

    def permitted(self, picture: Frame, light: float, now: float) -> float:  # noqa: ARG002
        return light


def cells(sample: NDArray[np.uint8]) -> Cells:
    """The cells of a picture of which `sample` is every so many-th pixel, (H, W, 3), uint8, RGB."""
    planes: Cells = _LINEAR.take(np.ascontiguousarray(sample.transpose(2, 0, 1)))
    red, green, blue = planes
    seen: Cells = np.empty((2, *red.shape), np.float32)
    seen[0] = _RED * red + _GREEN * green + _BLUE * blue
    np.maximum(red - green - blue, 0.0, out=seen[1])
    found = _averaging(red.shape[0]) @ seen @ _averaging(red.shape[1]).T
    return found.astype(np.float32, copy=False)


@lru_cache(maxsize=16)
def _averaging(side: int) -> NDArray[np.float32]:
    """(GRID, side): each row averages the pixels of a cell; those on a border belong to two."""
    edges = np.linspace(0.0, side, GRID + 1)[:, None]
    pixels = np.arange(side)
    part = np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels)
    part = np.maximum(part, 0.0)
    return (part / part.sum(1, keepdims=True)).astype(np.float32)


class Eye:
    """Sees cells, one picture after the other, and counts the rises of every rectangle."""

    def __init__(self) -> None:
        shape = (2, GRID, GRID)
        self._up = np.zeros(shape, np.bool_)  # whether the last change of a cell was a rise
        self._low = np.full(shape, 2.0, np.float32)  # since the last rise, of a cell that fell
        self._high = np.zeros(shape, np.float32)
        self._rose = np.full(shape, -np.inf)  # when each cell rose last
        self._times = np.full((MOST, 2, _SPOTS, _SPOTS), -np.inf)  # of the last rises, newest first

    def forbids(self, seen: Cells, now: float) -> NDArray[np.bool_] | None:
        """The cells that must not rise at `now` as they would if `seen` were shown; None when it
        may be shown."""
        rising = self._rising(seen)
        if not rising.any():
            return None
        fourth = self._flashing(rising, now) & (self._times[-1] > now - SECOND)
        return rising & _spread(fourth) if fourth.any() else None

    def headroom(self, seen: Cells, which: NDArray[np.bool_]) -> float:
        """The factor on `seen` at which none of the cells in `which` rises."""
        most = self._low[which] + ROOM * np.broadcast_to(_CHANGE, seen.shape)[which]
        return float(np.min(most / np.maximum(seen[which], 1e-6)))

    def see(self, seen: Cells, now: float) -> bool:
        """Take in what is shown at `now`; whether a rectangle has now seen too many flashes."""
        rising = self._rising(seen)
        falling = self._up & (self._high - seen >= _CHANGE) & (seen < _CEILING)
        over = False
        if rising.any():
            flashing = self._flashing(rising, now)
            over = bool((flashing & (self._times[-1] > now - SECOND)).any())
            self._rose[rising] = now
            self._times[:, flashing] = np.concatenate(
                (np.full((1, int(flashing.sum())), now), self._times[:-1, flashing])
            )
        self._up = (self._up | rising) & ~falling
        self._high = np.where(rising, seen, np.maximum(self._high, seen))
        self._low = np.where(falling, seen, np.minimum(self._low, seen))
        return over

    def _rising(self, seen: Cells) -> NDArray[np.bool_]:
        return ~self._up & (seen - self._low >= _CHANGE) & (self._low < _CEILING)

    def _flashing(self, rising: NDArray[np.bool_], now: float) -> NDArray[np.bool_]:
        """The rectangles a quarter of which has risen together, counted once for each rise."""
        rose = np.where(rising, now, self._rose)
        crowded = _counted(rose > now - TOGETHER) >= QUARTER
        if not crowded.any():  # as almost always
            return crowded
        cells = np.lib.stride_tricks.sliding_window_view(rose, (WINDOW, WINDOW), (1, 2))
        since = np.maximum(self._times[0][crowded], now - TOGETHER)[:, None, None]
        fresh = np.count_nonzero(cells[crowded] > since, axis=(1, 2)) >= QUARTER
        crowded[crowded] = fresh
        return crowded


def _counted(which: NDArray[np.bool_]) -> NDArray[np.int32]:
    """How many of the cells in `which` each rectangle has, by a table of sums."""
    sums = np.zeros((2, GRID + 1, GRID + 1), np.int32)
    sums[:, 1:, 1:] = which.cumsum(1, dtype=np.int32).cumsum(2, dtype=np.int32)
    right, left = sums[:, :, WINDOW:], sums[:, :, :-WINDOW]
    across = right - left
    return across[:, WINDOW:] - across[:, :-WINDOW]


def _spread(spots: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The cells of the rectangles in `spots`, (2, n, n)."""
    found = np.zeros((2, GRID, GRID), np.bool_)
    for plane, y, x in zip(*np.nonzero(spots), strict=True):
        found[plane, y : y + WINDOW, x : x + WINDOW] = True
    return found


class FlashLimiter:
    """A `Dimmer` that lets at most three flashes a second pass.

    `sample` gives some pixels of a picture, evenly spaced, as (H, W, 3) uint8 in the host's memory,
    or None where it cannot; it knows where pictures lie.  Switched by `on`, between two pictures.
    """

    def __init__(self, sample: Callable[[Any], NDArray[np.uint8] | None]) -> None:
        self.on = True
        self.limited = 0
        self._sample = sample
        self._wall, self._unlimited = Eye(), Eye()  # what is shown, what would be
        self._picture: Frame | None = None
        self._cells: Cells | None = None
        self._light = 0.0
        self._factor = 1.0
        self._at = 0.0  # of the last judgement
        self._flashed: float | None = None  # the last flash too many; None when it is calm
        self._incident = (0.0, 0)  # when it began, and what was counted before

    def permitted(self, picture: Frame, light: float, now: float) -> float:
        """See Dimmer.  Costs next to nothing where picture and light are those of the last call."""
        if not self.on:
            return light
        same = picture is self._picture
        if same and light == self._light and (self._flashed is None or now - self._at < TICK):
            return light * self._factor
        if not same:
            sample = self._sample(picture.pixels)
            self._cells = None if sample is None else cells(sample)
        self._picture, self._light = picture, light
        if self._cells is None:
            return light * self._factor
        wanted = self._cells * np.float32(light)
        if self._unlimited.see(wanted, now):
            self._flash(now)
        self._factor = self._dimmed(wanted, now)
        self._wall.see(wanted * np.float32(self._factor), now)
        self._at = now
        return light * self._factor

    def _dimmed(self, wanted: Cells, now: float) -> float:
        """The factor on the light, which falls at once and returns slowly."""
        factor = self._returning(now)
        for _ in range(4):  # a darker picture may bring other rectangles to their limit, no further
            shown = wanted * np.float32(factor)
            forbidden = self._wall.forbids(shown, now)
            if forbidden is None:
                break
            if self._flashed is None:
                self._flash(now)
            factor *= min(1.0, max(0.0, self._wall.headroom(shown, forbidden)))
        return factor

    def _returning(self, now: float) -> float:
        if self._flashed is None:
            return 1.0
        if now - self._flashed < CALM:
            return self._factor
        factor = self._factor + (now - self._at) / RETURN
        if factor < 1.0:
            return factor
        began, before = self._incident
        self._flashed = None
        log.info(
            "flashes: calm after %.1f s; %d were kept from the wall",
            now - began,
            self.limited - before,
        )
        return 1.0

    def _flash(self, now: float) -> None:
        """One more than is allowed."""
        if self._flashed is None:
            self._incident = (now, self.limited)
            log.warning(
                "flashes: the picture flashes more than %d times a second; it is dimmed until it "
                "is calm",
                MOST,
            )
        self.limited += 1
        self._flashed = now


class FlashLimiters:
    """`Dimmers` that limit flashes, one for each shot that was ever shown.  `on` switches all."""

    def __init__(self, sample: Callable[[Any], NDArray[np.uint8] | None]) -> None:
        self._sample = sample
        self._on = True
        self._shots: dict[str, FlashLimiter] = {}

    @property
    def limited(self) -> int:
        return sum(limiter.limited for limiter in list(self._shots.values()))

    @property
    def on(self) -> bool:
        return self._on

    @on.setter
    def on(self, on: bool) -> None:
        self._on = on
        for limiter in list(self._shots.values()):
            limiter.on = on

    def of(self, shot: str) -> FlashLimiter:
        if shot not in self._shots:
            self._shots[shot] = FlashLimiter(self._sample)
            self._shots[shot].on = self._on
        return self._shots[shot]
