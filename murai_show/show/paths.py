"""Where a show may read and write: below its own folder, below the working folder."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Literal

from murai_show.show.hints import nearest

PICTURES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"))
PLACEHOLDERS = ("show", "date", "time")
_BRACED = re.compile(r"\{([^{}]*)\}")


def what_is(path: Path) -> Literal["file", "folder", "nothing"]:
    """What is there; whatever cannot be looked at is nothing."""
    try:
        if path.is_dir():
            return "folder"
        return "file" if path.exists() else "nothing"
    except (OSError, ValueError):
        return "nothing"


def is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURES


def has_picture(folder: Path) -> bool:
    return any(is_picture(path) for path in _listing(folder))


def strays(written: str) -> str:
    """Why a path may leave its folder, else an empty text.  Links are the owner's choice."""
    if not written.strip():
        return "is empty; write a path"
    if PurePosixPath(written).is_absolute() or written.startswith("~"):
        return "is not inside {}; write a relative path"
    if ".." in PurePosixPath(written).parts:
        return "leaves {} through ..; write a path without .."
    return ""


def nearby(folder: Path, written: str) -> str:
    """`; did you mean clips/hall.mp4?`: an existing path that `written` misspells."""
    here, known = folder, PurePosixPath()
    for part in PurePosixPath(written).parts:
        near = part
        if what_is(here / part) == "nothing":
            near = nearest(part, [path.name for path in _listing(here)])
        if not near:
            return ""
        here, known = here / near, known / near
    return f"; did you mean {known}?"


def _listing(folder: Path) -> list[Path]:
    try:
        return sorted(islice(folder.iterdir(), 2000))
    except OSError:
        return []


def bad_pattern(
    pattern: str, suffixes: tuple[str, ...], shown: str, known: tuple[str, ...] = PLACEHOLDERS
) -> str:
    """Why nothing can be written to `pattern`, which goes by `shown`, else an empty text; `known`
    are the placeholders."""
    stray = strays(pattern)
    if stray:
        return f"{shown} {stray.format('the working folder')}"
    for name in _BRACED.findall(pattern):
        if name not in known:
            near = nearest(name, known)
            *most, last = (f"{{{word}}}" for word in known)
            hint = f"did you mean {{{near}}}?" if near else f"there is {', '.join(most)} and {last}"
            which = f" {{{name}}}" if f"{{{name}}}" in shown else ""
            return f"{shown} has an unknown placeholder{which}; {hint}"
    if any(brace in _BRACED.sub("", pattern) for brace in "{}"):
        return f"{shown} has a single brace; write {{show}}, {{date}} or {{time}}"
    if PurePosixPath(pattern).suffix not in suffixes or pattern.endswith("/"):
        return f"{shown} has the wrong ending; write {' or '.join(suffixes)}"
    return ""
