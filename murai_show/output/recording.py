"""`recording`: the canvas as an H.264 file."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from av.error import FFmpegError

from murai_show.errors import OutputError
from murai_show.frame import Frame
from murai_show.output.canvas import Pixels
from murai_show.output.files import create_new, later, named, plain
from murai_show.output.movie import Movie
from murai_show.output.nvenc import choose_encoder
from murai_show.output.stage import Stage
from murai_show.output.worker import Worker
from murai_show.show.planned import CanvasSpec, PlannedOutput
from murai_show.show.schema import RecordingOutput
from murai_show.show.timeline import Look

ROOM = 4  # pictures between the loop and the encoder
STILL_EVERY = 0.5  # seconds: a picture that does not change is written again
RETRY_AFTER = 5.0  # seconds until a new file is tried
CLOSE_WITHIN = 2.0  # seconds
FLOOR = 64 << 20  # bytes that must be free for a new file: about a minute
BUSY, DISK = "encoder busy", "disk"

FAILURES = (OSError, FFmpegError)

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Shot:
    """One picture for the encoder, (H, W, 4) uint8 RGBA, and its time."""

    rgba: Pixels
    now: float


class Reel:
    """The encoder thread's side: one file, and after a failure the next.

    `path` is the newest file, `frames` counts the pictures written in all, `lost` those that had no
    file.  `trouble` says why there is none at present, and `retry_at` when one is tried again.
    """

    def __init__(self, planned: PlannedOutput, started: datetime) -> None:
        assert isinstance(planned.spec, RecordingOutput)
        assert planned.canvas is not None
        assert planned.file is not None
        self.frames = 0
        self.lost = 0
        self.trouble = ""
        self.retry_at = float("-inf")
        self._name = planned.name
        self._fps = planned.spec.fps
        self._size = planned.canvas.size
        self._pattern = planned.file
        self._started = started
        self._first: float | None = None  # time of the first picture of all
        self._began: float | None = None  # … and of this file
        self._encoder = choose_encoder(self._name, self._size, self._fps, planned.spec.crf)
        try:
            self._movie: Movie | None = self._new_movie(0.0)
        except FAILURES as error:
            raise OutputError(f"output {self._name}: cannot record: {plain(error)}") from error

    def write(self, shot: Shot) -> None:
        if self._first is None:
            self._first = shot.now
        try:
            if self._movie is None and shot.now >= self.retry_at:
                self._movie = self._new_movie(shot.now - self._first)
            if self._movie is None:
                self.lost += 1
                return
            if self._began is None:
                self._began = shot.now
            self._movie.write(shot.rgba, shot.now - self._began)
        except FAILURES as error:
            self._lose(error, shot.now)
        else:
            self.frames += 1
            self.trouble, self.retry_at = "", float("-inf")

    def finish(self) -> None:
        if self._movie is None:
            return
        try:
            self._movie.close()
        except FAILURES as error:
            log.warning("output %s: %s has no end: %s", self._name, self.path, plain(error))

    def _new_movie(self, seconds: float) -> Movie:
        """A new file, named for `seconds` after the start.  Raises one of FAILURES."""
        wanted = named(self._pattern, later(self._started, seconds))
        path, file = create_new(wanted)
        try:
            if shutil.disk_usage(path.parent).free < FLOOR:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path.parent))
            movie = Movie(path, file, self._size, self._fps, self._encoder)
        except FAILURES:
            file.close()
            path.unlink(missing_ok=True)  # or every retry would leave an empty file
            raise
        self.path, self._began = path, None
        return movie

    def _lose(self, error: Exception, now: float) -> None:
        if not self.trouble:
            log.error("output %s: the recording broke off: %s", self._name, plain(error))
        self.lost += 1
        self.retry_at = now + RETRY_AFTER
        self.trouble = (
            f"output {self._name}: cannot go on recording: {plain(error)}; "
            f"a new file is tried every {RETRY_AFTER:g} s"
        )
        if self._movie is not None:
            self._movie.abandon()
            self._movie = None


class Recording:
    """Encodes on a thread of its own: it may drop pictures, it never stalls the loop.

    A picture is written when it changed, at most `fps` times a second, and again after half a
    second.  When the disk fails in the middle, `show` raises OutputError once and the pictures are
    counted as dropped until a new file, tried every 5 s, can be written.
    """

    over = False

    def __init__(self, planned: PlannedOutput, stage: Stage, started: datetime) -> None:
        assert planned.canvas is not None
        self.name = planned.name
        self.fps = planned.spec.fps
        self._canvas = planned.canvas
        self._stage = stage
        self._drops: Counter[str] = Counter()
        self._due = float("-inf")  # when the next picture may be written
        self._seen = 0  # the newest drawing
        self._sent, self._sent_at = 0, float("-inf")  # the newest that went to the encoder
        self._missed = BUSY  # why the newest did not
        self._told = False
        self._closed = False
        self._reel = Reel(planned, started)
        self._worker = Worker(f"recording {self.name}", ROOM, self._reel.write, self._reel.finish)

    @property
    def path(self) -> Path:
        """The newest file."""
        return self._reel.path

    @property
    def frames(self) -> int:
        """How many pictures were written, in all files."""
        return self._reel.frames

    @property
    def drops(self) -> Mapping[str, int]:
        """`encoder busy`: pictures replaced before it had room; `disk`: pictures without a file."""
        drops = self._drops + Counter({DISK: self._reel.lost})
        return {reason: drops[reason] for reason in (BUSY, DISK) if drops[reason]}

    def show(self, picture: Frame, look: Look, now: float) -> None:
        self._tell()
        if now < self._due:
            return
        drawing = self._stage.draw(self._canvas, picture, look.light, look.captions)
        if drawing != self._seen:
            if self._seen != self._sent:
                self._drops[self._missed] += 1
            self._seen = drawing
        if drawing == self._sent and now - self._sent_at < STILL_EVERY:
            return
        if now < self._reel.retry_at or self._worker.full:
            self._missed = DISK if self._reel.trouble else BUSY
            return
        self._worker.put(Shot(self._stage.read_rgba(self._canvas), now))
        self._sent, self._sent_at = drawing, now
        # A call that is late by less than one interval does not lower the rate.
        self._due = max(self._due, now - 1.0 / self.fps) + 1.0 / self.fps

    def move(self, canvas: CanvasSpec) -> None:
        """Go on with another canvas of the same size, which the stage has, in the same file."""
        self._canvas = canvas
        self._seen = self._sent = 0

    def close(self) -> None:
        """Finish the file; takes 2 s at most."""
        if self._closed:
            return
        self._closed = True
        if not self._worker.close(CLOSE_WITHIN):
            log.warning("output %s: the encoder hangs; %s lacks its end", self.name, self.path)

    def _tell(self) -> None:
        """Raise a new trouble, once."""
        trouble = self._reel.trouble
        if self._worker.failure is not None:
            trouble = f"output {self.name}: the encoder stopped: {plain(self._worker.failure)}"
        told, self._told = self._told, bool(trouble)
        if trouble and not told:
            raise OutputError(trouble)
