"""Which files of an output are old enough to go, and letting them go."""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from murai_show.show.planned import Plan, PlannedOutput
from murai_show.show.schema import RecordingOutput, SnapshotOutput

_FILLED = {"{date}": r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "{time}": r"[0-9]{6}"}
_PLACES = re.compile("|".join(map(re.escape, _FILLED)))

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stored:
    """A file that an output has written: when it was last written (POSIX seconds), its bytes."""

    path: Path
    modified: float
    size: int


@dataclass(frozen=True)
class Swept:
    """What was let go, for one output."""

    output: str
    files: int
    size: int


def surplus(
    files: Iterable[Stored],
    now: float,
    keep: float | None,
    most: int | None,
    busy: Collection[Path] = (),
) -> tuple[Stored, ...]:
    """The files to delete, oldest first: those last written more than `keep` seconds before `now`,
    and as many more as it takes to have `most` bytes in all.  None is no limit.

    Those in `busy` are being written: they stay, and count.
    """
    stored = sorted(files, key=lambda file: (file.modified, file.path))
    total = sum(file.size for file in stored)
    found: list[Stored] = []
    for file in stored:
        old = keep is not None and now - file.modified > keep
        over = most is not None and total > most
        if (old or over) and file.path not in busy:
            found.append(file)
            total -= file.size
    return tuple(found)


def stored(pattern: Path) -> Iterator[Stored]:
    """The files whose names an output with this `pattern` would have given.  Below the last folder
    that holds no {date} or {time} no link is followed, to a file or to a folder."""
    parts = pattern.parts
    fixed = next((i for i, part in enumerate(parts) if _PLACES.search(part)), len(parts))
    base = min(fixed, len(parts) - 1)
    yield from _below(Path(*parts[:base]), parts[base:])


def matches(pattern: Path, path: Path) -> bool:
    """Whether an output with this `pattern` would have given a file the name `path`."""
    if len(pattern.parts) != len(path.parts):
        return False
    *folders, (last, name) = zip(pattern.parts, path.parts, strict=True)
    return _names(last, numbered=True).fullmatch(name) is not None and all(
        _names(part, numbered=False).fullmatch(found) for part, found in folders
    )


def _below(folder: Path, parts: tuple[str, ...]) -> Iterator[Stored]:
    *folders, _ = parts
    name = _names(parts[0], numbered=not folders)
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:  # it was never made, or is gone
        return
    for entry in entries:
        if not name.fullmatch(entry.name):
            continue
        try:
            if folders and entry.is_dir(follow_symlinks=False):
                yield from _below(Path(entry.path), parts[1:])
            elif not folders and entry.is_file(follow_symlinks=False):
                facts = entry.stat(follow_symlinks=False)
                yield Stored(Path(entry.path), facts.st_mtime, facts.st_size)
        except OSError:  # gone meanwhile
            continue


def _names(part: str, *, numbered: bool) -> re.Pattern[str]:
    """The names that one part of a pattern becomes; a file that was there already has its name
    taken, and the next is called …-2."""
    path = Path(part)
    stem, suffix = (path.stem, path.suffix) if numbered else (part, "")
    literal = [re.escape(text) for text in _PLACES.split(stem)]
    filled = [_FILLED[place] for place in _PLACES.findall(stem)]
    text = "".join(a + b for a, b in zip(literal, [*filled, ""], strict=True))
    return re.compile(text + (r"(?:-[0-9]+)?" if numbered else "") + re.escape(suffix))


def retained(plan: Plan) -> list[PlannedOutput]:
    """The outputs that ask for old files to be deleted."""
    kinds = (RecordingOutput, SnapshotOutput)
    return [
        output
        for output in plan.outputs
        if isinstance(output.spec, kinds) and (output.spec.keep or output.spec.max)
    ]


def sweep(plan: Plan, writing: Callable[[], Collection[Path]], now: float) -> list[Swept]:
    """Delete what `plan` no longer keeps at `now` (POSIX seconds); `writing` gives the files that
    are being written."""
    done: list[Swept] = []
    for output in retained(plan):
        assert isinstance(output.spec, RecordingOutput | SnapshotOutput)
        assert output.file is not None
        files = list(stored(output.file))
        # Asked after the listing: a file begun since is not in it.
        gone = surplus(files, now, output.spec.keep, output.spec.max, writing())
        freed = [file for file in gone if _delete(output, file)]
        if freed:
            size = sum(file.size for file in freed)
            done.append(Swept(output.name, len(freed), size))
            log.info("output %s: %d old files deleted, %s", output.name, len(freed), about(size))
    return done


def _delete(output: PlannedOutput, file: Stored) -> bool:
    """Whether it is gone; its folder goes with the last file in it, if it was named by a date."""
    try:
        file.path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        log.warning("output %s: %s cannot be deleted: %s", output.name, file.path, error.strerror)
        return False
    assert output.file is not None
    if _PLACES.search(output.file.parent.name):
        with contextlib.suppress(OSError):  # others are in it
            file.path.parent.rmdir()
    return True


def about(size: int) -> str:
    """Bytes for a person, who does not want them all: 4.2 GB."""
    for unit, word in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB")):
        if size >= unit:
            return f"{size / unit:.1f} {word}"
    return f"{size / 1000:.1f} KB"
