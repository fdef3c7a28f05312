"""The file of a mask, looked at without opening a picture library."""

from __future__ import annotations

import struct
from pathlib import Path

from murai_show.show.site import Site

_PNG = b"\x89PNG\r\n\x1a\n"
_LARGEST = 16384  # pixels a side
_ENDINGS = (".png", ".svg")


def mask_file(site: Site, written: str, *path: str | int) -> Path | None:
    """The absolute path of the mask written at `path`; None, and a finding, when it is none."""
    file = site.read_path(written, *path)
    if file is None:
        return None
    wrong = _wrong(file)
    if wrong:
        site.blame(f"mask: {site.draft.shown(*path)} {wrong}", *path)
        return None
    return file


def _wrong(file: Path) -> str:
    """Why `file` is no mask, else an empty text."""
    if file.is_dir():
        return "is a folder; name a PNG or an SVG in it"
    if file.suffix.lower() not in _ENDINGS:
        return "is neither a PNG nor an SVG; save the mask as one"
    try:
        with file.open("rb") as stream:
            head = stream.read(4096)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if file.suffix.lower() == ".svg":
        return "" if b"<svg" in head else "is called .svg but holds no <svg>; export it again"
    if not head.startswith(_PNG) or len(head) < 24:
        return "is called .png but is no PNG; export it again"
    width, height = struct.unpack(">II", head[16:24])
    if not (0 < width <= _LARGEST and 0 < height <= _LARGEST):
        return f"is {width}x{height}; a mask has at most {_LARGEST} pixels a side"
    return ""
