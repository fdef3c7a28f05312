"""`recording`: the canvas as an H.264 file."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from av.error import FFmpegError
from av.video.frame import VideoFrame

from murai_show.errors import OutputError
from murai_show.frame import Frame
from murai_show.output.canvas import Pixels
from murai_show.output.files import create_new, later, named, plain
from murai_show.output.movie import Encoder, Movie
from murai_show.output.nvenc import choose_encoder
from murai_show.output.pickup import Pickup, Shot
from murai_show.output.stage import Stage
from murai_show.output.worker import Worker
from murai_show.show.planned import CanvasSpec, PlannedOutput
from murai_show.show.schema import RecordingOutput
from murai_show.show.sending import write_bytes
from murai_show.show.timeline import Look

ROOM = 4  # pictures between the loop and the encoder
STILL_EVERY = 0.5  # seconds: a picture that does not change is written again
RETRY_AFTER = 5.0  # seconds until a new file is tried
CLOSE_WITHIN = 2.0  # seconds
FLOOR = 64 << 20  # bytes that must be free for a new file: about a minute
LOOK_EVERY = 1.0  # seconds between two looks at what is free
BUSY, DISK = "encoder busy", "disk"

FAILURES = (OSError, FFmpegError)

log = logging.getLogger(__name__)


class NoRoomError(OSError):
    """Less is free on the disk than the show wants to stay free."""


class Lift:
    """Brings a canvas off the stage for NVENC: a surface in the GPU's memory while that works
    (`surfaces`), from then on through the computer's, and one line says why."""

    def __init__(self, output: str, stage: Stage, canvas: CanvasSpec, encoder: Encoder) -> None:
        self.surfaces = encoder.surfaces
        self._output, self._stage = output, stage
        if self.surfaces:  # known before the first picture: the film is opened for its kind
            self(canvas)

    def __call__(self, canvas: CanvasSpec) -> VideoFrame | Pixels:
        """What was last drawn: NV12 on the GPU, or (H, W, 4) uint8 RGBA."""
        if self.surfaces:
            try:
                return self._stage.surface(canvas)
            except OutputError as error:
                self.refuse(str(error))
        return self._stage.read_rgba(canvas)

    def refuse(self, why: str) -> None:
        log.warning(
            "output %s: pictures reach NVENC through host memory, because %s", self._output, why
        )
        self.surfaces = False


class Reel:
    """The encoder thread's side: one file, after a failure the next, and the next after each
    segment, which begins with the very picture that the one before did not get.

    `files` are those begun, the newest last, `frames` counts the pictures written in all, `lost`
    those that had no file.  `trouble` says why there is none at present, `full` that it is for lack
    of room, and `retry_at` when one is tried again.  With `surfaces` it is given pictures in the
    GPU's memory; `refused` says why the encoder would not have them.
    """

    def __init__(
        self, planned: PlannedOutput, started: datetime, encoder: Encoder, *, surfaces: bool
    ) -> None:
        assert isinstance(planned.spec, RecordingOutput)
        assert planned.canvas is not None
        assert planned.file is not None
        self.frames = 0
        self.lost = 0
        self.trouble = ""
        self.full = False
        self.refused = ""
        self.files: tuple[Path, ...] = ()
        self.retry_at = float("-inf")
        self._name = planned.name
        self._fps = planned.spec.fps
        self._segment = planned.spec.segment or float("inf")
        self._free = planned.spec.free or 0
        self._looked_at = float("-inf")
        self._size = planned.canvas.size
        self._pattern = planned.file
        self._started = started
        self._first: float | None = None  # time of the first picture of all
        self._began: float | None = None  # … and of this file
        self._encoder, self._surfaces = encoder, surfaces
        self._movie: Movie | None = None
        try:
            self._movie = self._new_movie(0.0)
        except NoRoomError as error:
            self._wait_for_room(error)
        except FAILURES as error:
            raise OutputError(f"output {self._name}: cannot record: {plain(error)}") from error

    def write(self, shot: Shot[VideoFrame | Pixels]) -> None:
        if self._first is None:
            self._first = shot.now
        try:
            if self._began is not None and shot.now - self._began >= self._segment:
                self.finish()
            self._keep_free(shot.now)
            if self._movie is None and shot.now >= self.retry_at:
                self._movie = self._new_movie(shot.now - self._first)
                self._tell_room()
            if self._movie is None:
                self.lost += 1
                return
            if self._began is None:
                self._began = shot.now
            self._movie.write(shot.picture, shot.now - self._began)
        except NoRoomError as error:
            self.lost += 1
            self.retry_at = shot.now + RETRY_AFTER
            self._wait_for_room(error)
        except FAILURES as error:
            self._lose(error, shot.now)
        else:
            self.frames += 1
            self.trouble, self.retry_at = "", float("-inf")

    def finish(self) -> None:
        """End the file, if there is one."""
        movie, self._movie, self._began = self._movie, None, None
        if movie is None:
            return
        try:
            movie.close()
        except FAILURES as error:
            log.warning("output %s: %s has no end: %s", self._name, movie.path, plain(error))

    def _keep_free(self, now: float) -> None:
        """End the film while the disk has room for what else is written there.

        Raises NoRoomError.
        """
        if self._movie is None or now - self._looked_at < LOOK_EVERY:
            return
        self._looked_at = now
        try:
            self._check_free(self._movie.path.parent)
        except NoRoomError:
            self.finish()
            raise

    def _check_free(self, folder: Path) -> None:
        if self._free and shutil.disk_usage(folder).free < self._free:
            raise NoRoomError(f"less than {write_bytes(self._free)} is free in {folder}")

    def _wait_for_room(self, error: NoRoomError) -> None:
        """Said once: a disk stays full for long."""
        if not self.full:
            log.warning("output %s: %s; nothing is recorded until there is room", self._name, error)
        self.full = True

    def _tell_room(self) -> None:
        if self.full and self._movie is not None:
            log.info("output %s: there is room again; %s", self._name, self._movie.path)
        self.full = False

    def _new_movie(self, seconds: float) -> Movie:
        """A new file, named for `seconds` after the start.  Raises one of FAILURES."""
        wanted = named(self._pattern, later(self._started, seconds))
        path, file = create_new(wanted)
        try:
            self._check_free(path.parent)
            if shutil.disk_usage(path.parent).free < FLOOR:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path.parent))
            late = self._surfaces and not self.refused
            movie = Movie(path, file, self._size, self._fps, self._encoder, late=late)
        except FAILURES:
            file.close()
            path.unlink(missing_ok=True)  # or every retry would leave an empty file
            raise
        self.files, self._began = (*self.files, path), None
        return movie

    def _lose(self, error: Exception, now: float) -> None:
        if self._surfaces and not isinstance(error, OSError):  # no disk's: the encoder's own
            self.refused = self.refused or plain(error)
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
            self._movie = self._began = None


class Recording:
    """Encodes on a thread of its own: it may drop pictures, it never stalls the loop.

    A picture is written when it changed, at most `fps` times a second, and again after half a
    second.  When the disk fails in the middle, `show` raises OutputError once and the pictures are
    counted as dropped until a new file, tried every 5 s, can be written.  With `free`, recording
    stops while there is less room than that, which is said in one line and is no fault.
    """

    over = False

    def __init__(self, planned: PlannedOutput, stage: Stage, started: datetime) -> None:
        assert planned.canvas is not None
        self.name = planned.name
        self.fps = planned.spec.fps
        self._told = False
        self._closed = False
        assert isinstance(planned.spec, RecordingOutput)
        encoder = choose_encoder(self.name, planned.canvas.size, self.fps, planned.spec.crf)
        self._lift = Lift(self.name, stage, planned.canvas, encoder)
        self._pickup = Pickup(stage, planned.canvas, self.fps, STILL_EVERY, self._lift)
        self._reel = Reel(planned, started, encoder, surfaces=self._lift.surfaces)
        self._worker = Worker(f"recording {self.name}", ROOM, self._reel.write, self._reel.finish)

    @property
    def files(self) -> tuple[Path, ...]:
        """Those begun by this output, the newest last."""
        return self._reel.files

    @property
    def path(self) -> Path:
        """The newest file.  Raises IndexError before the first."""
        return self._reel.files[-1]

    @property
    def frames(self) -> int:
        """How many pictures were written, in all files."""
        return self._reel.frames

    @property
    def drops(self) -> Mapping[str, int]:
        """`encoder busy`: pictures replaced before it had room; `disk`: pictures without a file."""
        drops = self._pickup.drops + Counter({DISK: self._reel.lost})
        return {reason: drops[reason] for reason in (BUSY, DISK) if drops[reason]}

    def show(self, picture: Frame, look: Look, now: float) -> None:
        self._tell()
        if self._lift.surfaces and self._reel.refused:
            self._lift.refuse(self._reel.refused)
        shot = self._pickup.take(picture, look, now, self._hindrance(now))
        if shot is not None:
            self._worker.put(shot)

    def move(self, canvas: CanvasSpec) -> None:
        """Go on with another canvas of the same size, which the stage has, in the same file."""
        self._pickup.move(canvas)

    def close(self) -> None:
        """Finish the file; takes 2 s at most."""
        if self._closed:
            return
        self._closed = True
        if not self._worker.close(CLOSE_WITHIN):
            last = self.files[-1] if self.files else "the film"
            log.warning("output %s: the encoder hangs; %s lacks its end", self.name, last)

    def _hindrance(self, now: float) -> str:
        """Why the encoder cannot take a picture, empty when it can."""
        if now >= self._reel.retry_at and not self._worker.full:
            return ""
        return DISK if self._reel.trouble or self._reel.full else BUSY

    def _tell(self) -> None:
        """Raise a new trouble, once."""
        trouble = self._reel.trouble
        if self._worker.failure is not None:
            trouble = f"output {self.name}: the encoder stopped: {plain(self._worker.failure)}"
        told, self._told = self._told, bool(trouble)
        if trouble and not told:
            raise OutputError(trouble)
