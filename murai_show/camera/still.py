"""A virtual camera that pans and zooms over photographs, with a little sensor noise.

Everything about a frame follows from the seed and its number, so the film is the same on every
machine, and its optical flow is known exactly.
"""

from __future__ import annotations

import importlib.util
import logging
import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from murai_show.camera.source import Picture, Pictures, Pixels, Source, Wire, ticks
from murai_show.errors import CameraError
from murai_show.show.schema import StillCamera
from murai_show.show.words import Size

log = logging.getLogger(__name__)

DEMO = ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "motorcycle_left.png")
DISSOLVE = 0.6  # seconds from one photograph to the next

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
_ZOOM = (0.62, 0.94)  # the view's side, as a part of the largest that fits


def still_source(spec: StillCamera) -> Source:
    """A film over photographs; paths in `spec.photos` are absolute."""

    def pictures(wire: Wire) -> Pictures:
        with Album(find_photos(spec.photos), spec.size, wire.drop) as album:
            film = StillFilm(album, spec.size, spec.fps, spec.each, spec.noise, spec.seed)
            album.photo(0)  # here, an album without a photograph is a camera that is lost
            for number, moment in ticks(wire, spec.fps):
                yield Picture(partial(film.picture, number), number / spec.fps, moment)

    return Source(pictures)


def demo_photos() -> tuple[Path, ...]:
    """The photographs of the `demo` extra that are installed; none without it."""
    found = importlib.util.find_spec("skimage")  # finds it without the cost of importing it
    if found is None or not found.submodule_search_locations:
        return ()
    folder = Path(found.submodule_search_locations[0]) / "data"
    return tuple(path for path in (folder / name for name in DEMO) if path.is_file())


def find_photos(photos: str | tuple[str, ...]) -> tuple[Path, ...]:
    """The files that `photos` of a show means: `demo`, a picture, a folder, or a list of those.

    Raises CameraError where there is none.
    """
    if photos == "demo":
        found = demo_photos()
        if not found:
            raise CameraError(
                "the demo photographs are not installed; pip install 'murai-show[demo]'"
            )
        return found
    files: list[Path] = []
    for path in map(Path, (photos,) if isinstance(photos, str) else photos):
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        files += [p for p in inside if p.suffix.lower() in _SUFFIXES and p.is_file()]
    if not files:
        raise CameraError(
            f"there is no photograph in {photos if isinstance(photos, str) else photos[0]}"
        )
    return tuple(files)


class Album:
    """Photographs, read when needed: the present one, and the next ahead of its time."""

    def __init__(
        self, files: Sequence[Path], size: Size, drop: Callable[[str], None] | None = None
    ) -> None:
        self._files = tuple(files)
        self._size = size
        self._drop = drop
        self._closed = False
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="still-album")
        self._open: dict[int, Future[Image.Image | None]] = {}

    def __len__(self) -> int:
        return len(self._files)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._reader.shutdown(wait=False, cancel_futures=True)

    def photo(self, index: int) -> Image.Image:
        """Photograph `index`, RGB; one that cannot be read is replaced by the next that can.

        Raises CameraError when none can be read.
        """
        for step in range(len(self)):
            photo = self.ahead((index + step) % len(self)).result()
            if photo is not None:
                return photo
        raise CameraError(f"none of {len(self)} photographs can be read")

    def ahead(self, index: int) -> Future[Image.Image | None]:
        """Start reading photograph `index`; three are kept.

        Raises CameraError once the album is closed.
        """
        if index not in self._open:
            while len(self._open) > 2:
                del self._open[next(iter(self._open))]
            if self._closed:
                raise CameraError("the album is closed")
            self._open[index] = self._reader.submit(self._read, self._files[index])
        return self._open[index]

    def _read(self, file: Path) -> Image.Image | None:
        want = [side / _ZOOM[1] for side in self._size]
        try:
            with Image.open(file) as picture:
                picture.draft("RGB", (2 * round(max(want)), 2 * round(max(want))))
                photo = ImageOps.exif_transpose(picture).convert("RGB")
        except (OSError, UnidentifiedImageError, ValueError, Image.DecompressionBombError) as error:
            log.warning("photograph %s cannot be read: %s", file.name, error)
            if self._drop is not None:
                self._drop("unreadable")
            return None
        # Scaled well, once: the widest view then has one photo pixel for each of the film, and the
        # cheap filter of every frame neither aliases nor enlarges by much.
        scale = max(want[0] / photo.width, want[1] / photo.height)
        sides = (math.ceil(photo.width * scale), math.ceil(photo.height * scale))
        return photo.resize(sides, Image.Resampling.LANCZOS, reducing_gap=3.0)


@dataclass(frozen=True)
class View:
    """What the camera sees of a photograph: its left top corner, photo pixels per film pixel."""

    left: float
    top: float
    scale: float

    def box(self, size: Size) -> tuple[float, float, float, float]:
        across, down = size.width * self.scale, size.height * self.scale
        return (self.left, self.top, self.left + across, self.top + down)


@dataclass(frozen=True)
class Shot:
    """One visit of the camera to a photograph: slow waves of its own in x, y and zoom."""

    rates: tuple[float, float, float]
    phases: tuple[float, float, float]

    @classmethod
    def drawn(cls, seed: int, visit: int) -> Shot:
        draw = Random(f"{seed}/{visit}")  # noqa: S311 - a film, not a secret
        rates = (draw.uniform(0.04, 0.08), draw.uniform(0.04, 0.08), draw.uniform(0.03, 0.07))
        return cls(rates, (draw.random(), draw.random(), draw.random()))

    def view(self, time: float, photo: tuple[int, int], size: Size) -> View:
        """The view at `time` seconds into the shot; it never leaves the photograph."""
        waves = (r * time + p for r, p in zip(self.rates, self.phases, strict=True))
        x, y, z = (math.sin(2 * math.pi * wave) for wave in waves)
        zoom = (_ZOOM[0] + _ZOOM[1]) / 2 + z * (_ZOOM[1] - _ZOOM[0]) / 2
        scale = zoom * min(photo[0] / size.width, photo[1] / size.height)
        room = (photo[0] - scale * size.width, photo[1] - scale * size.height)
        return View(room[0] * (0.5 + 0.5 * x), room[1] * (0.5 + 0.5 * y), scale)


class StillFilm:
    """The film: any frame by its number, and the exact optical flow between two."""

    def __init__(
        self, album: Album, size: Size, fps: float, each: float, noise: float, seed: int
    ) -> None:
        self.album = album
        self.size = size
        self.fps = fps
        self.each = each
        self.seed = seed
        self._dissolve = min(DISSOLVE, each / 2)
        self._grain = Grain(size, noise, seed) if noise > 0 else None

    def picture(self, number: int) -> Pixels:
        """Frame `number` from 0: (H, W, 3) uint8 RGB.  Raises CameraError without a photograph."""
        visit, time = self.visit(number)
        image = self._seen(visit, time)
        if self._dissolving(visit, time):
            before = self._seen(visit - 1, time + self.each)
            image = Image.blend(before, image, time / self._dissolve)
        self.album.ahead((visit + 1) % len(self.album))
        pixels = np.array(image)
        if self._grain is not None:
            self._grain.add(pixels, number)
        return pixels

    def flow(self, number_a: int, number_b: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Where each pixel of frame a lies in frame b: (H, W, 2) float32, x then y, in pixels, so
        that a[y, x] = b[y + flow_y, x + flow_x]; and the (H, W) mask of pixels for which that is
        inside b.  The mask is empty between two photographs and in a dissolve."""
        width, height = self.size
        (visit, time_a), (visit_b, time_b) = self.visit(number_a), self.visit(number_b)
        flow = np.zeros((height, width, 2), np.float32)
        if visit != visit_b or self._dissolving(visit, time_a) or self._dissolving(visit_b, time_b):
            return flow, np.zeros((height, width), np.bool_)
        a, b = self._seen_through(visit, time_a), self._seen_through(visit, time_b)
        x = np.arange(width) + 0.5  # the middle of a pixel
        y = np.arange(height) + 0.5
        there_x = (a.left + a.scale * x - b.left) / b.scale
        there_y = (a.top + a.scale * y - b.top) / b.scale
        flow[..., 0] = there_x - x
        flow[..., 1] = (there_y - y)[:, None]
        inside_x = np.abs(there_x - width / 2) <= (width - 1) / 2 + 1e-6
        inside_y = np.abs(there_y - height / 2) <= (height - 1) / 2 + 1e-6
        return flow, inside_y[:, None] & inside_x

    def visit(self, number: int) -> tuple[int, float]:
        """(how many photographs came before, seconds into this one) of frame `number`."""
        time = number / self.fps
        visit = math.floor(time / self.each + 1e-9)
        return visit, max(0.0, time - visit * self.each)

    def _dissolving(self, visit: int, time: float) -> bool:
        return visit > 0 and time < self._dissolve and len(self.album) > 1

    def _photo(self, visit: int) -> Image.Image:
        return self.album.photo(visit % len(self.album))

    def _seen_through(self, visit: int, time: float) -> View:
        shot = Shot.drawn(self.seed, visit)
        return shot.view(time, self._photo(visit).size, self.size)

    def _seen(self, visit: int, time: float) -> Image.Image:
        box = self._seen_through(visit, time).box(self.size)
        return self._photo(visit).resize(self.size, Image.Resampling.BILINEAR, box=box)


class Grain:
    """Gaussian sensor noise: one large tile, seen at another place for each frame.

    Its bright and its dark part are kept apart as uint8, so that adding it with saturation is four
    passes over bytes.
    """

    _MARGIN = 160

    def __init__(self, size: Size, deviation: float, seed: int) -> None:
        self._size = size
        self._seed = seed
        shape = (size.height + self._MARGIN, size.width + self._MARGIN, 3)
        noise = np.random.default_rng(seed).standard_normal(shape, np.float32)
        noise = np.clip(np.rint(noise * (255 * deviation)), -255, 255)
        self._bright = np.maximum(noise, 0).astype(np.uint8)
        self._dark = np.maximum(-noise, 0).astype(np.uint8)

    def add(self, pixels: Pixels, number: int) -> None:
        """Add the noise of frame `number` to `pixels` in place."""
        draw = Random(f"{self._seed}/{number}/grain")  # noqa: S311 - a film, not a secret
        top, left = draw.randrange(self._MARGIN), draw.randrange(self._MARGIN)
        part = np.s_[top : top + self._size.height, left : left + self._size.width]
        bright, dark = self._bright[part], self._dark[part]
        np.minimum(pixels, ~bright, out=pixels)  # ~x is 255 - x
        pixels += bright
        np.maximum(pixels, dark, out=pixels)
        pixels -= dark
