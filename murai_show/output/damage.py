"""Whether a file that an output has written can be opened."""

from __future__ import annotations

from pathlib import Path

from murai_show.output.files import plain
from murai_show.output.movie import MUXERS


def damage(path: Path) -> str:
    """Why there is nothing to see in a film or a picture; empty when there is.  Of a film the first
    picture is decoded, of a picture all of it."""
    return _film(path) if path.suffix.lower() in MUXERS else _picture(path)


def _film(path: Path) -> str:
    import av
    from av.error import FFmpegError

    try:
        with av.open(str(path)) as container:
            seen = next(container.decode(video=0), None)
    except (FFmpegError, OSError, IndexError) as error:
        return "it has no film in it" if isinstance(error, IndexError) else _words(error)
    return "" if seen is not None else "it has no picture in it"


def _picture(path: Path) -> str:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            picture.load()
    except UnidentifiedImageError:
        return "it is no picture"
    except (OSError, SyntaxError, ValueError) as error:  # what Pillow raises of a torn file
        return _words(error)
    return ""


def _words(error: Exception) -> str:
    """Without the path, which is said before."""
    return getattr(error, "strerror", None) or plain(error)
