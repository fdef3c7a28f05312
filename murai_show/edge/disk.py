"""How much room the folders of a show have, and how much they need."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from murai_show.show.planned import Plan, PlannedOutput
from murai_show.show.schema import RecordingOutput

LEAST_FREE = 1_000_000_000  # bytes, where a show says nothing


def writers(plan: Plan) -> list[PlannedOutput]:
    """The outputs that write files."""
    return [output for output in plan.outputs if output.file is not None]


def floors(plan: Plan) -> Mapping[Path, int]:
    """The folders that outputs write into, those that are there already, and the bytes that must
    stay free in each."""
    found: dict[Path, int] = {}
    for output in writers(plan):
        assert output.file is not None
        spec = output.spec
        floor = (spec.free or 0) if isinstance(spec, RecordingOutput) else 0
        folder = existing(output.file)
        found[folder] = max(LEAST_FREE, floor, found.get(folder, 0))
    return found


def existing(path: Path) -> Path:
    """The nearest folder above `path` that is there."""
    return next(folder for folder in path.parents if folder.is_dir())


def tightest(folders: Mapping[Path, int]) -> tuple[int, int] | None:
    """Bytes free and bytes needed in the folder that comes closest to its floor; None without any.

    Raises OSError when a folder cannot be asked.
    """
    rooms = [(shutil.disk_usage(folder).free, floor) for folder, floor in folders.items()]
    return min(rooms, key=lambda room: room[0] - room[1], default=None)
