"""The preview sheet: what the painter makes of a few photographs, style by style."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont, ImageOps
from torch import Tensor

from murai_show.errors import TrainError
from murai_show.train.data import list_photos, read_image
from murai_show.train.lesson import Painting
from murai_show.train.student import Student

PHOTOS = 4
CELL = (320, 200)
GAP, LABEL, TEXT = 6, 34, 22  # pixels
PAPER, INK = (24, 24, 26), (236, 236, 230)
log = logging.getLogger(__name__)


def choose_photos(content: Path, wanted: Sequence[Path]) -> list[Image.Image]:
    """The `wanted` photographs, then others spread over the folder until there are `PHOTOS`.

    Each is cut to fill a cell.  Raises TrainError when a wanted one cannot be read.
    """
    chosen = [_cell(path) for path in wanted]
    paths = list_photos(content)
    for path in paths[:: max(1, len(paths) // PHOTOS)]:
        if len(chosen) >= PHOTOS:
            break
        try:
            chosen.append(_cell(path))
        except TrainError:
            continue  # the loader names it when it meets it
    return chosen


def _cell(path: Path, crop: tuple[int, int, int, int] | None = None) -> Image.Image:
    # Faces are near the top of most portraits.
    return ImageOps.fit(
        read_image(path, crop), CELL, Image.Resampling.LANCZOS, centering=(0.5, 0.2)
    )


class Sheet:
    """Photographs on the left, a column for each style under its name and its painting.

    Raises TrainError when a painting cannot be read.
    """

    def __init__(self, paintings: Sequence[Painting], photos: Sequence[Image.Image]) -> None:
        self.photos = photos
        self._blank = self._page(paintings)

    def _page(self, paintings: Sequence[Painting]) -> Image.Image:
        columns, rows = len(paintings) + 1, len(self.photos) + 1
        width = GAP + columns * (CELL[0] + GAP)
        page = Image.new("RGB", (width, LABEL + rows * (CELL[1] + GAP)), PAPER)
        write, font = ImageDraw.Draw(page), ImageFont.load_default(TEXT)
        for column, painting in enumerate(paintings, start=1):
            x, y = _corner(column, 0)
            page.paste(_cell(painting.file, painting.card.crop), (x, y))
            name = painting.card.name
            while len(name) > 1 and write.textlength(name, font) > CELL[0]:
                name = name[:-2] + "…"
            write.text((x + CELL[0] // 2, LABEL // 2), name, INK, font, anchor="mm")
        for row, photo in enumerate(self.photos, start=1):
            page.paste(photo, _corner(0, row))
        return page

    @torch.no_grad()
    def draw(self, student: Student) -> Image.Image:
        """The sheet, painted as the student paints now."""
        page = self._blank.copy()
        for row, photo in enumerate(self.photos, start=1):
            picture = torch.from_numpy(np.array(photo)).permute(2, 0, 1).float() / 255.0
            picture = picture[None].to(student.styles.device)
            for column, vector in enumerate(student.styles, start=1):
                page.paste(_image(student.painter(picture, vector[None])[0]), _corner(column, row))
        return page


def _corner(column: int, row: int) -> tuple[int, int]:
    return GAP + column * (CELL[0] + GAP), LABEL + row * (CELL[1] + GAP)


def _image(picture: Tensor) -> Image.Image:
    flat = (picture * 255.0).round().to(torch.uint8).permute(1, 2, 0).cpu()
    return Image.fromarray(flat.numpy())
