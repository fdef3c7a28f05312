"""`snapshot`: a still picture of the canvas, every so often."""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PIL import Image

from murai_show.errors import OutputError
from murai_show.frame import Frame
from murai_show.output.canvas import Pixels
from murai_show.output.files import later, named, plain
from murai_show.output.stage import Stage
from murai_show.output.worker import Worker
from murai_show.show.planned import CanvasSpec, PlannedOutput
from murai_show.show.schema import SnapshotOutput
from murai_show.show.timeline import Look

CLOSE_WITHIN = 2.0  # seconds
BUSY, DISK = "disk busy", "disk"
_JPEG = {"format": "JPEG", "quality": 92}
_HOW = {".png": {"format": "PNG", "compress_level": 4}, ".jpg": _JPEG, ".jpeg": _JPEG}

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Still:
    """A picture, (H, W, 4) uint8 RGBA, and the file that it becomes."""

    rgba: Pixels
    path: Path


class Snapshot:
    """Writes on a thread of its own.  A file appears whole or not at all, and replaces an older one
    of the same name, so a name without {time} always holds the newest.

    `path` is the newest file, `pictures` how many were written.
    """

    over = False

    def __init__(self, planned: PlannedOutput, stage: Stage, started: datetime) -> None:
        assert isinstance(planned.spec, SnapshotOutput)
        assert planned.canvas is not None
        assert planned.file is not None
        self.name = planned.name
        self.fps = planned.spec.fps
        self.pictures = 0
        self.path: Path | None = None
        self._every = planned.spec.every
        self._canvas = planned.canvas
        self._stage = stage
        self._pattern = planned.file
        self._started = started
        self._first: float | None = None
        self._due = float("-inf")
        self._drops: Counter[str] = Counter()
        self._trouble = ""
        self._told = False
        self._closed = False
        self._make_folder(named(self._pattern, started).parent)
        clear_parts(self._pattern, named(self._pattern, started).parent)
        self._worker = Worker(f"snapshot {self.name}", 1, self._write, lambda: None)

    @property
    def drops(self) -> Mapping[str, int]:
        """`disk busy`: the picture before was not written yet; `disk`: it could not be written."""
        return dict(self._drops)

    def show(self, picture: Frame, look: Look, now: float) -> None:
        self._tell()
        if now < self._due:
            return
        if self._first is None:
            self._first = now
        self._due = now + self._every
        if self._worker.full:
            self._drops[BUSY] += 1
            return
        self._stage.draw(self._canvas, picture, look.light, look.captions)
        path = named(self._pattern, later(self._started, now - self._first))
        self._worker.put(Still(self._stage.read_rgba(self._canvas), path))

    def move(self, canvas: CanvasSpec) -> None:
        """Write another canvas of the same size, which the stage has."""
        self._canvas = canvas

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if not self._worker.close(CLOSE_WITHIN):
            log.warning("output %s: the disk hangs; the last picture may be missing", self.name)

    def _make_folder(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(13, os.strerror(13), str(folder))
        except OSError as error:
            raise OutputError(f"output {self.name}: cannot write there: {plain(error)}") from error

    def _write(self, still: Still) -> None:
        try:
            write_whole(still)
        except OSError as error:
            self._lose(error)
        else:
            self.path, self._trouble = still.path, ""
            self.pictures += 1

    def _lose(self, error: OSError) -> None:
        self._drops[DISK] += 1
        trouble = f"output {self.name}: cannot write a picture: {plain(error)}"
        if not self._trouble:
            log.error(trouble)
        self._trouble = trouble

    def _tell(self) -> None:
        """Raise a new trouble, once."""
        told, self._told = self._told, bool(self._trouble)
        if self._trouble and not told:
            raise OutputError(self._trouble)


def clear_parts(pattern: Path, folder: Path) -> None:
    """Remove what a show that was killed left half written in `folder`: no later picture has the
    same name, so nothing would ever replace it."""
    name = re.sub(r"\\{(?:date|time)\\}", "[0-9-]+", re.escape(pattern.name))
    part = re.compile(rf"\.{name}\.part")
    for found in folder.iterdir():
        if part.fullmatch(found.name):
            with contextlib.suppress(OSError):
                found.unlink()


def write_whole(still: Still) -> None:
    """Write beside, sync, rename: a reader, or a power cut, never meets half a picture."""
    still.path.parent.mkdir(parents=True, exist_ok=True)
    part = still.path.with_name(f".{still.path.name}.part")
    suffix = still.path.suffix.lower()
    with part.open("wb") as file:
        Image.fromarray(still.rgba).convert("RGB").save(file, **_HOW[suffix])
        file.flush()
        os.fsync(file.fileno())
    part.replace(still.path)
