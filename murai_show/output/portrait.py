"""A portrait as a file: the painted picture as large as it was painted, and a label below it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from murai_show.errors import OutputError
from murai_show.output.files import plain
from murai_show.output.lettering import letter
from murai_show.output.snapshot import Still, write_whole
from murai_show.output.upload import on_device
from murai_show.show.caption import OverlaySpec

PAPER, INK, FAINT = (244, 241, 234), (38, 35, 31), (122, 116, 106)  # RGB
_LINE = 0.034  # of the height of a picture of 4 to 3: a line of the label
_LEAST = 9.0  # pixels of a line that can be read
_ABOVE, _LEADING, _SIDE = 0.75, 1.35, 1.1  # in heights of a line

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Label:
    """What stands below a portrait: the work on the left, the occasion on the right, a line each
    for what is not empty."""

    work: tuple[str, ...]
    occasion: tuple[str, ...]


def develop(pixels: Any, label: Label | None, path: Path) -> None:
    """Write `pixels`, (H, W, 3) uint8 RGB wherever they lie, as the file `path`: .png or .jpg,
    whole or not at all.  With a label the file is higher, and the picture is not covered.

    Raises OutputError when the GPU or the disk fails.
    """
    try:
        picture = pixels.cpu().numpy() if on_device(pixels) else np.asarray(pixels)
    except RuntimeError as error:
        raise OutputError(f"a portrait cannot be read from the GPU: {error}") from error
    if label is not None:
        picture = labelled(picture, label)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(Still(picture, path))
    except OSError as error:
        raise OutputError(f"a portrait cannot be written: {plain(error)}") from error


def labelled(picture: Pixels, label: Label) -> Pixels:
    """`picture` with a strip of paper below it, on which `label` is set."""
    height, width = picture.shape[:2]
    line = max(_LEAST, round(_LINE * min(height, 0.75 * width)))
    rows = max(len(label.work), len(label.occasion))
    high = round((2 * _ABOVE + _LEADING * (rows - 1) + 1.2) * line)
    paper = np.empty((high, width, 3), np.uint8)
    paper[:] = PAPER
    side = round(_SIDE * line)
    middle = round(0.66 * width)
    for row in range(rows):
        top = round((_ABOVE + _LEADING * row) * line)
        ink = INK if row == 0 else FAINT
        font = "bold" if row == 0 else "regular"
        if row < len(label.work) and label.work[row]:
            _set(paper, label.work[row], font, line, ink, (side, middle - side, top), "left")
        if row < len(label.occasion) and label.occasion[row]:
            room = (middle, width - side, top)
            _set(paper, label.occasion[row], "regular", line, ink, room, "right")
    return np.concatenate([picture, paper])


def _set(
    paper: Pixels,
    text: str,
    font: str,
    line: float,
    ink: tuple[int, int, int],
    room: tuple[int, int, int],
    side: str,
) -> None:
    """Write `text` between the columns `room[0]` and `room[1]`, its line's top at `room[2]`."""
    left, right, top = room
    at = "bottom_left" if side == "left" else "bottom_right"
    spec = OverlaySpec("label", False, at, 0.05, 0.0, (1.0, 1.0, 1.0), font, False)
    wide = float(max(8, right - left))
    found = letter(spec, text, line, (wide, 3 * line), 1.0, "left")
    cover = found.coverage[..., :1].astype(np.float32) / 255
    high, across = cover.shape[:2]
    x = left if side == "left" else right - across
    x, y = max(0, x), top + round((1.2 * line - high) / 2)
    y = max(0, min(y, paper.shape[0] - high))
    cover = cover[: paper.shape[0] - y, : paper.shape[1] - x]
    below = paper[y : y + cover.shape[0], x : x + cover.shape[1]]
    below[:] = np.rint(below * (1 - cover) + np.array(ink, np.float32) * cover).astype(np.uint8)
