"""Photographs in, batches out: a pure function of the number, so a resumed run is the same run."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from murai_show.errors import TrainError

SMALLEST = 32  # pixels: a relu4 feature looks at about three times as many
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
log = logging.getLogger(__name__)


def list_photos(folder: Path) -> list[Path]:
    """Every picture below `folder`, sorted.  Raises TrainError when there is none."""
    if not folder.is_dir():
        raise TrainError(f"{folder}: no such folder; --content names a folder of photographs")
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    if not found:
        raise TrainError(f"{folder}: no photographs (.jpg, .png, .webp) in it")
    return found


Crop = tuple[int, int, int, int]


def open_picture(path: Path, short_side: int | None = None, crop: Crop | None = None) -> Tensor:
    """Read a picture as (3, H, W), RGB, 0..1.

    `crop` is x, y, width, height in pixels of the file; with `short_side` the picture is then
    scaled to that many pixels.  Raises TrainError when the file is not a picture, when the crop
    does not lie inside it, or when it is smaller than `SMALLEST`.
    """
    try:
        with Image.open(path) as file:
            picture = file.convert("RGB")
    except FileNotFoundError:
        raise TrainError(f"{path}: no such picture") from None
    except UnidentifiedImageError:
        raise TrainError(f"{path}: not a picture, or a damaged one") from None
    except (OSError, Image.DecompressionBombError) as error:
        raise TrainError(f"{path}: the picture cannot be read: {error}") from None
    if crop is not None:
        x, y, width, height = crop
        if x < 0 or y < 0 or x + width > picture.width or y + height > picture.height:
            raise TrainError(
                f"{path}: the crop {x},{y},{width},{height} does not lie inside the picture, "
                f"which is {picture.width}x{picture.height}"
            )
        picture = picture.crop((x, y, x + width, y + height))
    if min(picture.size) < SMALLEST:
        raise TrainError(
            f"{path}: {picture.width}x{picture.height} is too small to learn from; "
            f"the short side should have {SMALLEST} pixels at least"
        )
    if short_side is not None:
        factor = short_side / min(picture.size)
        width, height = (max(short_side, round(side * factor)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255.0


class Photos:
    """Crops of photographs.  `batch(number)` depends on nothing but `number` and the seed."""

    def __init__(self, paths: list[Path], seed: int) -> None:
        self.paths = paths
        self.seed = seed
        self.broken: set[Path] = set()

    def batch(self, number: int, count: int, crop: int) -> Tensor:
        """`count` crops as (count, 3, crop, crop), RGB, 0..1.

        A file that cannot be read is named once and skipped.  Raises TrainError when none can.
        """
        draw = np.random.default_rng((self.seed, number))
        crops: list[Tensor] = []
        while len(crops) < count:
            if len(self.broken) == len(self.paths):
                raise TrainError(f"none of the {len(self.paths)} photographs can be read")
            path = self.paths[draw.integers(len(self.paths))]
            if path in self.broken:
                continue
            try:
                crops.append(self._crop(path, crop, draw))
            except TrainError as error:
                self.broken.add(path)
                log.warning("skipped: %s", error)
        return torch.stack(crops)

    def _crop(self, path: Path, crop: int, draw: np.random.Generator) -> Tensor:
        picture = open_picture(path, int(draw.integers(crop, crop * 2)))
        top = int(draw.integers(picture.shape[1] - crop + 1))
        left = int(draw.integers(picture.shape[2] - crop + 1))
        picture = picture[:, top : top + crop, left : left + crop]
        if draw.random() < 0.5:
            picture = picture.flip(2)
        # A crowd at night is darker than any photo album: every fourth crop is under-exposed.
        if draw.random() < 0.25:
            picture = picture ** draw.uniform(1.2, 2.2) * draw.uniform(0.25, 1.0)
        return picture


def prefetched(
    photos: Photos, first: int, count: int, crop_at: Callable[[int], int]
) -> Iterator[Tensor]:
    """Endless batches from number `first` on, the next one read while this one is learned.

    `crop_at(number)` is the side of the crops of that batch.
    """
    with ThreadPoolExecutor(1, "photos") as pool:
        waiting = pool.submit(photos.batch, first, count, crop_at(first))
        for number in itertools.count(first + 1):
            ready = waiting.result()
            waiting = pool.submit(photos.batch, number, count, crop_at(number))
            yield ready
