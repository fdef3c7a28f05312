"""The file of a font, looked at without opening a font library."""

from __future__ import annotations

from pathlib import Path

from murai_show.show.hints import nearest
from murai_show.show.overlay import FONTS
from murai_show.show.site import Site

_ENDINGS = (".ttf", ".otf", ".ttc")
# TrueType, OpenType with PostScript outlines, a collection, and Apple's TrueType.
_MAGIC = (b"\x00\x01\x00\x00", b"OTTO", b"ttcf", b"true")
_WEB = (b"wOFF", b"wOF2")


def font_file(site: Site, written: str, *path: str | int) -> Path | None:
    """The absolute path of the font written at `path`; None, and a finding, when it is none."""
    if not Path(written).suffix:
        near = nearest(written, FONTS)
        hint = f"did you mean {near}?" if near else f"write {' or '.join(FONTS)}, or a .ttf file"
        site.blame(f"font: {site.draft.shown(*path)} is no font that ships along; {hint}", *path)
        return None
    file = site.read_path(written, *path)
    if file is None:
        return None
    wrong = _wrong(file)
    if wrong:
        site.blame(f"font: {site.draft.shown(*path)} {wrong}", *path)
        return None
    return file


def _wrong(file: Path) -> str:
    """Why `file` is no font, else an empty text."""
    if file.is_dir():
        return "is a folder; name a .ttf or .otf in it"
    try:
        with file.open("rb") as stream:
            head = stream.read(4)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if head in _WEB:
        return "is a font for web pages; take the .ttf or .otf of it"
    if file.suffix.lower() not in _ENDINGS:
        return "is no font file; name a .ttf or .otf"
    if head not in _MAGIC:
        return f"is called {file.suffix} but is no font; download it again"
    return ""
