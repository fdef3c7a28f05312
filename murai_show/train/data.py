"""Photographs in, batches out: a pure function of the number, so a resumed run is the same run."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from murai_show.errors import TrainError

SMALLEST = 32  # pixels: a relu4 feature looks at about three times as many
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
READERS = 4  # threads; decoding releases the interpreter
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


def read_image(path: Path, crop: Crop | None = None) -> Image.Image:
    """Read a picture as RGB, upright as its camera says, cut to `crop`: x, y, width, height in
    pixels of the upright picture.

    Raises TrainError when the file is not a picture, when the crop does not lie inside it, or when
    it is smaller than `SMALLEST`.
    """
    try:
        with Image.open(path) as file:
            picture = ImageOps.exif_transpose(file).convert("RGB")
    except FileNotFoundError:
        raise TrainError(f"{path}: no such picture") from None
    except UnidentifiedImageError:
        raise TrainError(f"{path}: not a picture, or a damaged one") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        # Pillow's readers raise SyntaxError and ValueError for some damaged headers.
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
    return picture


def open_picture(path: Path, short_side: int | None = None, crop: Crop | None = None) -> Tensor:
    """Read a picture as (3, H, W), RGB, 0..1, scaled to `short_side` pixels when that is given.

    Upright and cut to `crop` as in `read_image`, which says what is raised.
    """
    picture = read_image(path, crop)
    return _pixels(picture if short_side is None else _scaled(picture, short_side))


def _scaled(picture: Image.Image, short_side: int) -> Image.Image:
    factor = short_side / min(picture.size)
    width, height = (max(short_side, round(side * factor)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def _pixels(picture: Image.Image) -> Tensor:
    """(3, H, W), RGB, 0..1."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255.0


class Photos:
    """Crops of photographs.  Each depends on nothing but its number, its place in the batch and the
    seed: not on the places that other processes fill, nor on which files were found broken."""

    def __init__(self, paths: Sequence[Path], seed: int) -> None:
        self.paths = paths
        self.seed = seed
        self.broken: set[Path] = set()
        self._lock = threading.Lock()

    def batch(self, number: int, count: int, crop: int) -> Tensor:
        """`count` crops as (count, 3, crop, crop), RGB, 0..1; see `picture`."""
        return torch.stack([self.picture(number, place, crop) for place in range(count)])

    def picture(self, number: int, place: int, crop: int) -> Tensor:
        """The crop at `place` of batch `number`, (3, crop, crop), RGB, 0..1.

        A file that cannot be read is named once and skipped.  Raises TrainError when none can.
        """
        for attempt in itertools.count():
            if len(self.broken) == len(self.paths):
                raise TrainError(f"none of the {len(self.paths)} photographs can be read")
            draw = np.random.default_rng((self.seed, number, place, attempt))
            path = self.paths[int(draw.integers(len(self.paths)))]
            if path in self.broken:
                continue
            try:
                return _cut(path, crop, draw)
            except TrainError as error:
                with self._lock:
                    new = path not in self.broken
                    self.broken.add(path)
                if new:
                    log.warning("skipped: %s", error)
        raise AssertionError("counting ends at no number")


def _cut(path: Path, crop: int, draw: np.random.Generator) -> Tensor:
    image = read_image(path)
    # Up to twice as large as the crop, but no larger than it is: an enlarged photograph is blurred
    # as no camera's frame is.
    largest = max(crop, min(2 * crop - 1, *image.size))
    picture = _pixels(_scaled(image, int(draw.integers(crop, largest + 1))))
    top = int(draw.integers(picture.shape[1] - crop + 1))
    left = int(draw.integers(picture.shape[2] - crop + 1))
    picture = picture[:, top : top + crop, left : left + crop]
    if draw.random() < 0.5:
        picture = picture.flip(2)
    # A crowd at night is darker than any photo album: every fourth crop is under-exposed.
    if draw.random() < 0.25:
        picture = picture ** draw.uniform(1.2, 2.2) * draw.uniform(0.25, 1.0)
    return picture


class Loader:
    """Reads the batch that was asked for while another is learned.  A context manager."""

    def __init__(self, photos: Photos, places: range) -> None:
        """`places` are those of the batch that this process fills."""
        self.photos = photos
        self.places = places
        self._pool = ThreadPoolExecutor(min(READERS, len(places)), "photos")
        self._waiting: list[Future[Tensor]] = []

    def ask(self, number: int, crop: int) -> None:
        """Begin to read batch `number`, as crops of `crop` pixels a side."""
        self._waiting = [
            self._pool.submit(self.photos.picture, number, place, crop) for place in self.places
        ]

    def take(self, device: torch.device) -> Tensor:
        """The batch that was asked for, (len(places), 3, crop, crop), RGB, 0..1, on `device`."""
        batch = torch.stack([reading.result() for reading in self._waiting])
        if device.type == "cuda":
            batch = batch.pin_memory()  # so that the copy runs beside the painter
        return batch.to(device, non_blocking=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
