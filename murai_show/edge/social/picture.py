"""A picture as small as a network wants it."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path

from murai_show.errors import MuraiError

_QUALITIES = (92, 85, 76)
_SMALLER = 0.8  # of each side, when quality is not enough
_SMALLEST = 64  # pixels
_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg"}


@dataclass(frozen=True)
class Fitted:
    """A file's bytes, `type` as MIME calls it, the size in pixels."""

    data: bytes = field(repr=False)
    type: str
    width: int
    height: int


def fitted(path: Path, most: int) -> Fitted:
    """The picture at `path`, as it is if it has at most `most` bytes, else as a JPEG that has.

    Raises MuraiError when it cannot be read.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        data = path.read_bytes()
        with Image.open(io.BytesIO(data)) as found:
            if len(data) <= most and found.format in _TYPES:
                return Fitted(data, _TYPES[found.format], *found.size)
            picture = found.convert("RGB")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no picture"
        raise MuraiError(f"the picture {path.name} cannot be read: {why}") from None
    while True:
        for quality in _QUALITIES:
            buffer = io.BytesIO()
            picture.save(buffer, "JPEG", quality=quality, optimize=True)
            if buffer.tell() <= most:
                return Fitted(buffer.getvalue(), "image/jpeg", *picture.size)
        if min(picture.size) * _SMALLER < _SMALLEST:
            raise MuraiError(f"the picture {path.name} cannot be made as small as {most} bytes")
        size = (round(picture.width * _SMALLER), round(picture.height * _SMALLER))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
