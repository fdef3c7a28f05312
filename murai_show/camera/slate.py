"""The slate: the picture that a camera shows when it has no other."""

from __future__ import annotations

import logging
from functools import lru_cache

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from murai_show.camera.source import Pixels
from murai_show.show.words import Size

log = logging.getLogger(__name__)

_SKY = ((250, 226, 190), (126, 164, 188))  # at the horizon, at the top
_SUN = (252, 240, 214)
_SEA = ((190, 206, 196), (16, 44, 84))  # the farthest wave, the nearest
_FOAM = (244, 240, 226)
_WAVES = 7


def slate(path: str | None, size: Size) -> Pixels:
    """(H, W, 3) uint8 RGB: the picture at `path`, cut to `size`; without one, or where it cannot
    be read, waves."""
    if path is not None:
        try:
            with Image.open(path) as picture:
                upright = ImageOps.exif_transpose(picture).convert("RGB")
            return np.array(ImageOps.fit(upright, size, Image.Resampling.LANCZOS))
        except (OSError, UnidentifiedImageError, ValueError, Image.DecompressionBombError) as error:
            log.warning("the slate %s cannot be read (%s); waves take its place", path, error)
    return waves(size)


@lru_cache(maxsize=4)
def waves(size: Size) -> Pixels:
    """A low sun over long soft waves: wide shapes that any style paints well."""
    width, height = 400, max(16, round(400 * size.height / size.width))
    x = np.linspace(0.0, 1.0, width, dtype=np.float32)
    y = np.linspace(0.0, 1.0, height, dtype=np.float32)[:, None]
    picture = _sky(x, y)
    for i in range(_WAVES):
        near = i / (_WAVES - 1)
        crest = 0.5 + 0.4 * near + _swell(x, i, near)
        depth = (y - crest) / (0.05 + 0.1 * near)  # 0 at the crest, 1 a wave's depth below it
        water = _between(_SEA[0], _SEA[1], np.clip(near + 0.16 * depth, 0, 1)[..., None])
        foam = np.exp(-np.square((depth - 0.06) / 0.07))[..., None] * (0.25 + 0.6 * near)
        water = water + foam * (_light(_FOAM) - water)
        inside = np.clip((y - crest) * height + 0.5, 0, 1)[..., None]
        picture = picture + inside * (water - picture)
    small = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    return np.array(small.resize(size, Image.Resampling.BICUBIC))


def _sky(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    sky = _between(_SKY[0], _SKY[1], np.clip((0.55 - y) / 0.55, 0, 1)[..., None])
    sky = np.broadcast_to(sky, (y.shape[0], x.shape[0], 3))
    away = np.hypot((x - 0.68) * 16 / 9, y - 0.3)
    glow = np.exp(-np.square(away / 0.34))[..., None] * 0.75
    disc = np.clip((0.105 - away) * 120, 0, 1)[..., None]
    lit = np.maximum(glow, disc)
    return sky + lit * (_light(_SUN) - sky)


def _swell(x: np.ndarray, i: int, near: float) -> np.ndarray:
    """The height of wave `i` over its base along `x`, in parts of the picture."""
    long = np.sin(2 * np.pi * ((1.3 - 0.5 * near) * x + 0.37 * i))
    short = np.sin(2 * np.pi * ((3.1 - 0.9 * near) * x + 0.61 * i + 0.2))
    return -(0.012 + 0.045 * near) * (long + 0.45 * short).astype(np.float32)


def _light(colour: tuple[int, int, int]) -> np.ndarray:
    return np.array(colour, np.float32)


def _between(a: tuple[int, int, int], b: tuple[int, int, int], share: np.ndarray) -> np.ndarray:
    return _light(a) + share * (_light(b) - _light(a))
