"""Shots, drawn: the frames of several cameras become one picture, before anything is painted.

Pure, on the CPU, with Pillow's resampling, which weighs every pixel that it leaves out: a picture
that is drawn small does not flicker.  It halves, thirds … by plain means first, which is a quarter
of the time and no difference that anybody sees.  All lengths are rounded to pixels once, at the
size that is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from PIL import Image

from murai_show.camera.source import Pixels
from murai_show.show.shot import Filmed, Inset, Shot, Tiles, Walk
from murai_show.show.words import Size

_WHITE = 255


class Box(NamedTuple):
    """A rectangle of a picture, in pixels from its top left."""

    left: int
    top: int
    width: int
    height: int

    @property
    def size(self) -> Size:
        return Size(self.width, self.height)

    def cut(self, pixels: Pixels) -> Pixels:
        """That part of `pixels`, to write on."""
        return pixels[self.top : self.top + self.height, self.left : self.left + self.width]


def draw(shot: Shot, frames: Mapping[str, Pixels], size: Size, fit: str = "cover") -> Pixels:
    """`shot` at `size`: (H, W, 3), uint8, RGB, contiguous, to be read alone.

    `frames` holds what each camera of the shot sees, (h, w, 3), uint8, RGB, of any size.  A frame
    that fits as it is passes without a copy.
    """
    match shot:
        case Filmed(camera):
            return fitted(frames[camera], size, fit)
        case Walk():
            return _walked(shot, frames, size, fit)
        case Tiles():
            return _tiled(shot, frames, size)
        case Inset():
            return _with_inset(shot, frames, size)


def fitted(pixels: Pixels, size: Size, fit: str = "cover") -> Pixels:
    """`pixels` at `size`, with their own proportions: `cover` cuts what is too much, evenly on both
    sides, `contain` leaves black where it is too little."""
    height, width = pixels.shape[:2]
    if (width, height) == size:
        return np.ascontiguousarray(pixels)
    if fit == "contain":
        inner = contained(Size(width, height), size)
        ground = np.zeros((size.height, size.width, 3), np.uint8)
        box = Box((size.width - inner.width) // 2, (size.height - inner.height) // 2, *inner)
        box.cut(ground)[:] = _scaled(pixels, inner)
        return ground
    seen = contained(size, Size(width, height))
    box = Box((width - seen.width) // 2, (height - seen.height) // 2, *seen)
    return _scaled(box.cut(pixels), size)


def contained(inner: Size, room: Size) -> Size:
    """The largest size of `inner`'s proportions in `room`, at least a pixel a side."""
    scale = min(room.width / inner.width, room.height / inner.height)
    return Size(max(1, round(inner.width * scale)), max(1, round(inner.height * scale)))


def tile_boxes(count: int, columns: int, gap: float, size: Size) -> list[Box]:
    """Where `count` tiles lie, row by row: all of `size` is theirs but the gaps, and the tiles of a
    last row that is not full are wider.  `gap` is a part of the height."""
    between = round(gap * size.height)
    rows = [min(columns, count - begun) for begun in range(0, count, columns)]
    boxes: list[Box] = []
    for across, (top, height) in zip(rows, _spans(size.height, len(rows), between), strict=True):
        boxes += [Box(x, top, w, height) for x, w in _spans(size.width, across, between)]
    return boxes


def inset_box(shot: Inset, inner: Size, size: Size) -> tuple[Box, int]:
    """Where the small picture lies, and how wide its border around that is, in pixels.

    It has the proportions of `inner` and is as large as `share` allows.
    """
    border, margin = round(shot.border * size.height), round(shot.margin * size.height)
    room = Size(round(shot.share * size.width), round(shot.share * size.height))
    width, height = contained(inner, room)
    away = margin + border
    left = away if shot.at.endswith("left") else size.width - width - away
    top = away if shot.at.startswith("top") else size.height - height - away
    # A large one with a wide margin comes nearer to the far edge rather than leaving the picture.
    left = min(max(left, 0), size.width - width)
    top = min(max(top, 0), size.height - height)
    return Box(left, top, width, height), border


def _scaled(pixels: Pixels, size: Size) -> Pixels:
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.array(image.resize(size, Image.Resampling.BILINEAR, reducing_gap=1.0))


def _spans(length: int, count: int, gap: int) -> list[tuple[int, int]]:
    """(begin, length) of `count` equal parts of `length` with `gap` between; no pixel is lost, and
    none is shorter than one, whatever the gap."""
    gap = max(0, min(gap, (length - count) // max(1, count - 1))) if count > 1 else 0
    free = length - gap * (count - 1)
    edges = [round(i * free / count) for i in range(count + 1)]
    return [(edges[i] + i * gap, max(1, edges[i + 1] - edges[i])) for i in range(count)]


def _walked(shot: Walk, frames: Mapping[str, Pixels], size: Size, fit: str) -> Pixels:
    """Each part with its weight.  One after the other, each with its share of what is there yet:
    that is the weighted mean, in the bytes of `Image.blend`."""
    mixed: Image.Image | None = None
    total = 0.0
    for part, weight in shot.parts:
        image = Image.fromarray(draw(part, frames, size, fit))
        total += weight
        mixed = image if mixed is None else Image.blend(mixed, image, weight / total)
    assert mixed is not None
    return np.array(mixed)


def _tiled(shot: Tiles, frames: Mapping[str, Pixels], size: Size) -> Pixels:
    pixels = np.zeros((size.height, size.width, 3), np.uint8)
    boxes = tile_boxes(len(shot.parts), shot.columns, shot.gap, size)
    for part, box in zip(shot.parts, boxes, strict=True):
        box.cut(pixels)[:] = draw(part, frames, box.size, shot.fit)
    return pixels


def _with_inset(shot: Inset, frames: Mapping[str, Pixels], size: Size) -> Pixels:
    ground = np.array(draw(shot.ground, frames, size))  # a camera's own frame is never written on
    box, border = inset_box(shot, _proportions(shot.inset, frames, size), size)
    if border:
        left, top = max(0, box.left - border), max(0, box.top - border)
        ground[top : box.top + box.height + border, left : box.left + box.width + border] = _WHITE
    box.cut(ground)[:] = draw(shot.inset, frames, box.size)
    return ground


def _proportions(shot: Shot, frames: Mapping[str, Pixels], size: Size) -> Size:
    """Those of a camera's own frames; a composition has those of the whole picture."""
    if not isinstance(shot, Filmed):
        return size
    height, width = frames[shot.camera].shape[:2]
    return Size(width, height)
