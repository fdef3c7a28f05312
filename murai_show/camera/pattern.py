"""The test pattern: colour bars, a running clock, and a frame counter that machines read."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from murai_show.camera.source import Picture, Pictures, Pixels, Source, Wire, ticks
from murai_show.show.schema import PatternCamera
from murai_show.show.words import Size

BITS = 16

_GREY, _BLACK, _WHITE = (191, 191, 191), (0, 0, 0), (255, 255, 255)
_BARS = (_GREY, (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191))
_REVERSE = (_BARS[6], _BLACK, _BARS[4], _BLACK, _BARS[2], _BLACK, _BARS[0])
_FOOT = ((0, 33, 76), _WHITE, (50, 0, 106), (19, 19, 19), (10, 10, 10), (29, 29, 29), (19, 19, 19))
_COUNTER = (0.86, 0.96, 0.06, 0.94)  # top, bottom, left, right, as parts of the picture
_CLOCK = (0.3, 0.44)  # top, bottom of the clock's plate
_MOST_HOURS = 100


def pattern_source(spec: PatternCamera) -> Source:
    """Colour bars that run at `spec.fps`."""

    def pictures(wire: Wire) -> Pictures:
        chart = Pattern(spec.size, spec.fps)
        for number, moment in ticks(wire, spec.fps):
            yield Picture(partial(chart.picture, number), number / spec.fps, moment)

    return Source(pictures)


class Pattern:
    """Draws the chart once, and for each frame only what runs: the clock and the counter."""

    def __init__(self, size: Size, fps: float) -> None:
        self._size = size
        self._fps = fps
        self._chart = _bars(size)
        top, bottom = (round(share * size.height) for share in _CLOCK)
        self._glyphs = _glyphs(max(1, bottom - top), size.width)
        across = sum(self._glyphs[sign].shape[1] for sign in "00:00:00.00")
        self._corner = (top, max(0, (size.width - across) // 2))

    def picture(self, number: int) -> Pixels:
        """Frame `number` from 0: (H, W, 3) uint8 RGB."""
        pixels = self._chart.copy()
        top, left = self._corner
        for sign in time_code(number / self._fps):
            glyph = self._glyphs[sign]
            place = pixels[top : top + glyph.shape[0], left : left + glyph.shape[1]]
            place[:] = glyph[: place.shape[0], : place.shape[1]]
            left += glyph.shape[1]
        for i, (rows, columns) in enumerate(_blocks(self._size)):
            pixels[rows, columns] = 255 if number >> (BITS - 1 - i) & 1 else 0
        return pixels


def time_code(seconds: float) -> str:
    """`01:02:03.45`: hours, minutes, seconds and hundredths."""
    hundredths = int(seconds * 100 + 1e-6)
    minutes, rest = divmod(hundredths, 6000)
    hours = minutes // 60 % _MOST_HOURS
    return f"{hours:02}:{minutes % 60:02}:{rest // 100:02}.{rest % 100:02}"


def read_counter(pixels: Pixels) -> int:
    """The number that the counter of a pattern shows, modulo 65536, at any size of the picture.

    `pixels` is (H, W, 3) uint8, at least 64 wide, unpainted.
    """
    height, width = pixels.shape[:2]
    number = 0
    for rows, columns in _blocks(Size(width, height)):
        middle = pixels[(rows.start + rows.stop) // 2, (columns.start + columns.stop) // 2]
        number = number << 1 | int(middle.mean() > 127)
    return number


def _blocks(size: Size) -> Iterator[tuple[slice, slice]]:
    """The blocks of the counter, the highest bit first."""
    top, bottom, left, right = _COUNTER
    rows = slice(round(top * size.height), round(bottom * size.height))
    edges = np.rint(np.linspace(left, right, BITS + 1) * size.width).astype(int)
    for begin, end in pairwise(edges.tolist()):
        yield rows, slice(begin, end)


def _bars(size: Size) -> Pixels:
    """Bars of 75 %, the strip in reverse order, and black, white and near-black at the foot."""
    pixels = np.zeros((size.height, size.width, 3), np.uint8)
    edges = np.rint(np.linspace(0, size.width, 8)).astype(int)
    rows = [round(share * size.height) for share in (0, 0.67, 0.75, 1)]
    for strip, colours in enumerate((_BARS, _REVERSE, _FOOT)):
        for i, colour in enumerate(colours):
            pixels[rows[strip] : rows[strip + 1], edges[i] : edges[i + 1]] = colour
    return pixels


def _glyphs(height: int, width: int) -> dict[str, Pixels]:
    """Each sign of a time code as white on black, (height, its width, 3): digits equally wide, and
    a whole time code at most `width`."""
    font = ImageFont.load_default(max(4, min(0.8 * height, width / 7.5)))
    signs = "0123456789:."
    wide = max(1, round(max(font.getlength(sign) for sign in signs[:10])))
    glyphs: dict[str, Pixels] = {}
    for sign in signs:
        across = wide if sign.isdigit() else max(1, round(0.6 * wide))
        plate = Image.new("RGB", (across, height))
        ImageDraw.Draw(plate).text((across / 2, height / 2), sign, "white", font, anchor="mm")
        glyphs[sign] = np.array(plate)
    return glyphs
