"""Names of the files that outputs write, and files that never replace another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import BinaryIO


def named(pattern: Path, when: datetime) -> Path:
    """Fill in {date} and {time} of `pattern`; any other brace stays as it is."""
    filled = {"{date}": when.strftime("%Y-%m-%d"), "{time}": when.strftime("%H%M%S")}
    return Path(re.sub(r"\{(?:date|time)\}", lambda m: filled[m[0]], str(pattern)))


def later(started: datetime, seconds: float) -> datetime:
    """`started` and some seconds more, right also when the clocks change in between."""
    if started.tzinfo is None:
        return started + timedelta(seconds=seconds)
    return (started.astimezone(UTC) + timedelta(seconds=seconds)).astimezone(started.tzinfo)


def create_new(path: Path) -> tuple[Path, BinaryIO]:
    """Create `path` and its folders, or `…-2`, `…-3` where that exists.  Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for candidate in _candidates(path):
        try:
            return candidate, candidate.open("xb", buffering=0)
        except FileExistsError:
            continue
    raise AssertionError("candidates never end")


def _candidates(path: Path) -> Iterator[Path]:
    yield path
    for number in count(2):
        yield path.with_stem(f"{path.stem}-{number}")


def plain(error: Exception) -> str:
    """An error of the file system or of FFmpeg in a few words."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__
