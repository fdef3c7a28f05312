"""What a training keeps in its folder: the checkpoint and every loss.  Kill -9 leaves both whole.

The losses are written before the checkpoint, and rows after the checkpoint's step are cut off on
resuming; so the curve goes on without a gap and without a step told twice.
"""

from __future__ import annotations

import csv
import io
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from murai_show.errors import TrainError
from murai_show.train.loss import NAMES
from murai_show.train.student import Student

log = logging.getLogger(__name__)

COLUMNS = ("step", "seconds", *NAMES)


class Losses:
    """`losses.csv`: a row per step, every loss unweighted, empty where a step had none.

    Raises TrainError when the file cannot be opened.
    """

    def __init__(self, path: Path, step: int) -> None:
        """Rows after `step` are forgotten; with 0 all of them."""
        self.path = path
        self._rows: list[str] = []
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            old = path.read_bytes() if step and path.exists() else b""
            self._good = _length_up_to(old, step)
            with path.open("ab") as file:
                file.truncate(self._good)
        except OSError as error:
            raise TrainError(f"{path} cannot be written: {error.strerror}") from None
        if not self._good:
            self._rows.append(",".join(COLUMNS) + "\n")

    def add(self, step: int, seconds: float, losses: Mapping[str, float]) -> None:
        # Nine digits bring a float32 back to the bit.
        values = (f"{losses[name]:.9g}" if name in losses else "" for name in NAMES)
        self._rows.append(",".join([str(step), f"{seconds:.2f}", *values]) + "\n")

    def write(self) -> None:
        """Put the rows since the last time on the disk.  Raises OSError, and keeps them then."""
        data = "".join(self._rows).encode()
        with self.path.open("r+b") as file:
            file.seek(self._good)  # over what a full disk took of an earlier try
            file.write(data)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
        self._good += len(data)
        self._rows.clear()


def _length_up_to(data: bytes, step: int) -> int:
    """How many bytes of a losses.csv hold whole rows of no later than `step`."""
    length = 0
    for line in data.splitlines(keepends=True):
        first = line.split(b",")[0]
        if not line.endswith(b"\n") or (first.isdigit() and int(first) > step):
            break
        length += len(line)
    return length


def read_losses(path: Path) -> dict[str, list[tuple[int, float]]]:
    """(step, value) pairs by the name of the loss.  Raises OSError."""
    found: dict[str, list[tuple[int, float]]] = {name: [] for name in NAMES}
    for row in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))):
        for name in NAMES:
            if row.get(name):
                found[name].append((int(row["step"]), float(row[name])))
    return found


class Records:
    """The folder of one training, `runs/NAME`.  Raises TrainError when it cannot be written."""

    def __init__(self, folder: Path, about: Mapping[str, str]) -> None:
        """`about` names what must be the same on resuming, beside the recipe and the styles."""
        self.folder = folder
        self.about = about
        self.checkpoint = folder / "checkpoint.safetensors"
        self.saved_step = 0
        self._warned = False
        self._losses: Losses | None = None

    def read(self, *, resume: bool) -> bytes:
        """The checkpoint, or nothing when there is none yet.  Raises TrainError when there is one
        that is not to be resumed."""
        try:
            data = self.checkpoint.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise TrainError(f"{self.checkpoint} cannot be read: {error.strerror}") from None
        if not resume:
            raise TrainError(
                f"{self.checkpoint} exists: add --resume to go on, or name another --run"
            )
        return data

    def begin(self, step: int) -> None:
        self.saved_step = step
        self._losses = Losses(self.folder / "losses.csv", step)

    def add(self, student: Student, losses: Mapping[str, float]) -> None:
        assert self._losses is not None
        self._losses.add(student.step, student.seconds, losses)

    def keep(self, student: Student) -> None:
        """Write losses and checkpoint.  A full disk is one warning, and tried again next time."""
        assert self._losses is not None
        try:
            self._losses.write()
            write_whole(self.checkpoint, student.to_bytes(self.about))
        except OSError as error:
            if not self._warned:
                log.warning(
                    "%s cannot be written: %s; the training goes on and will try again",
                    self.checkpoint,
                    error.strerror,
                )
            self._warned = True
            return
        self.saved_step = student.step
        if self._warned:
            log.info("%s is written again", self.checkpoint)
        self._warned = False


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, also when the power fails.  Raises OSError."""
    temporary = path.with_name(path.name + ".new")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)  # half a file takes room that the next try needs
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the rename, too
    finally:
        os.close(folder)
