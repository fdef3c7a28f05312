"""Masks: pictures that say where a wall may be lit."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from murai_show.errors import OutputError
from murai_show.show.words import Size

Shares = NDArray[np.float32]

NO_SVG = "SVG masks need the library resvg-py; pip install resvg-py, or save the mask as PNG"


def read_mask(file: Path, size: Size) -> Shares:
    """The mask in `file`, stretched to `size`: (H, W), float32, 0 dark to 1 lit.

    White is lit; black, and what is transparent, is dark.  Raises OutputError.
    """
    try:
        picture = _svg(file, size) if file.suffix.lower() == ".svg" else Image.open(file)
        with picture:
            resized = picture.convert("LA").resize(size, Image.Resampling.BILINEAR)
            grey, solid = (np.asarray(band, np.float32) for band in resized.split())
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise OutputError(f"mask {file.name} cannot be read: {error}") from error
    return grey * solid / np.float32(255.0 * 255.0)


def _svg(file: Path, size: Size) -> Image.Image:
    """An SVG as RGBA, drawn at a size near the one it is wanted in."""
    try:
        import resvg_py
    except ImportError:
        raise OutputError(f"mask {file.name}: {NO_SVG}") from None
    how: dict[str, Any] = {"svg_string": file.read_text("utf-8"), "width": size.width}
    try:
        drawn = resvg_py.svg_to_bytes(**how)
    except ValueError as error:
        raise OutputError(f"mask {file.name} is no SVG that can be drawn: {error}") from None
    return Image.open(io.BytesIO(bytes(drawn)))


def sample(mask: Shares, points: NDArray[np.floating[Any]], size: Size) -> Shares:
    """The mask, stretched over a surface of `size`, at `points`, (…, 2), in pixels of the surface:
    bilinear between the middles of its pixels, its rim going on for ever."""
    height, width = mask.shape
    x = np.clip(points[..., 0] * (width / size.width) - 0.5, 0, width - 1)
    y = np.clip(points[..., 1] * (height / size.height) - 0.5, 0, height - 1)
    left, top = x.astype(np.intp), y.astype(np.intp)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = (x - left).astype(np.float32), (y - top).astype(np.float32)
    upper = mask[top, left] * (1 - across) + mask[top, right] * across
    lower = mask[bottom, left] * (1 - across) + mask[bottom, right] * across
    return upper * (1 - down) + lower * down
