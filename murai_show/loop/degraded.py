"""A painter and a camera that go down and up the ladder of a show.

They stand around those that the loop would have otherwise, and the loop does not know: the stylizer
paints smaller, the camera lets the painter rest, or gives it the slate, which is painted once.  A
show without a ladder has neither.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from murai_show.frame import Frame
from murai_show.loop.ladder import Standing, Turn, expected, observe, standing_at
from murai_show.loop.mailbox import Degraded
from murai_show.loop.pacing import next_due
from murai_show.ports import Batching, Camera, CameraHealth, Clock, Resizable, Stylizer
from murai_show.show.guard import LadderSpec, Rung
from murai_show.show.sizes import inside
from murai_show.show.timeline import Look, look_of_all
from murai_show.show.words import Size

log = logging.getLogger(__name__)

SLATE_REST = 0.25  # seconds between two looks at the ladder while nothing is painted


class Relief:
    """Where a painter stands on `spec`.  Its thread writes; anyone may read `degraded`."""

    def __init__(self, spec: LadderSpec, paint: Size, clock: Clock) -> None:
        self.spec, self.paint, self.clock = spec, paint, clock
        self.at = standing_at(clock.monotonic())
        self._idle: float | None = None  # since when there is nothing to paint
        self._waited = 0.0  # in the turn at hand
        self._ended: float | None = None  # of the last turn; None after a fault or a change
        self._due = 0.0  # when the next picture may be begun

    @property
    def rung(self) -> Rung:
        return self.spec.rungs[self.at.rung]

    @property
    def degraded(self) -> Degraded:
        return Degraded(self.at.rung, tuple(rung.words for rung in self.spec.rungs))

    def rest(self) -> float:
        """Seconds until the next picture may be begun."""
        if self.rung.fps is None:
            return 0.0
        return max(0.0, self._due - self.clock.monotonic())

    def nothing_new(self) -> None:
        """There is no frame to paint, or it is too early: the painter waits, until it begins."""
        if self._idle is None:
            self._idle = self.clock.monotonic()

    def begin(self) -> None:
        """The painter takes up a frame."""
        if self._idle is not None:
            self._waited += self.clock.monotonic() - self._idle
            self._idle = None

    def painted(self) -> None:
        """A picture is finished."""
        now = self.clock.monotonic()
        if self.rung.fps is not None:
            self._due = next_due(self._due or now, now, self.rung.fps)
        if self._ended is not None:
            self._see(now, Turn(max(0.0, now - self._ended - self._waited), self._waited))
        self._ended, self._waited = now, 0.0

    def idle(self) -> None:
        """On the slate: nothing is painted, and time passes."""
        self._see(self.clock.monotonic(), None)

    def forget(self) -> None:
        """What comes next says nothing about the cost of a picture."""
        self._ended, self._idle, self._waited = None, None, 0.0

    def _see(self, now: float, turn: Turn | None) -> None:
        before, self.at = self.at, observe(self.spec, self.at, now, turn)
        if self.at.rung != before.rung:
            log.warning("%s", self._told(before, self.at, now))
            self._due = 0.0

    def _told(self, before: Standing, after: Standing, now: float) -> str:
        """`degrade: step 1 of 4, paint 0.75: a picture takes 78 ms at 640x360, that is …`"""
        old, new = self.spec.rungs[before.rung], self.spec.rungs[after.rung]
        size, wanted = old.size(self.paint), self.spec.wanted(before.rung)
        cost = after.left[1] if after.left else None
        takes = f"a picture takes {1e3 * (cost or 0.0):.0f} ms at {size}"
        if after.rung > before.rung and cost:
            step = f"step {after.rung} of {len(self.spec.rungs) - 1}, {new.words}"
            return f"degrade: {step}: {takes}, that is {1 / cost:.1f} a second of {wanted:g} wanted"
        guess = expected(self.spec, replace(before, cost=cost))
        if guess is None:
            why = f"it is tried again after {now - before.since:.0f} s"
        else:
            wanted = self.spec.wanted(after.rung)
            why = f"{takes}, {1e3 * guess:.0f} ms are expected of {1e3 / wanted:.0f} that it has"
        return f"degrade: back to {new.words if after.rung else 'the whole picture'}: {why}"


class DegradedStylizer:
    """`stylizer`, painting at the size of the rung.  The sizes of all rungs are made ready before
    they are needed: those of the frames in `foreseen` at once, on the thread that builds this one;
    those of others, a size a picture, when such a frame is first met.
    """

    def __init__(self, stylizer: Resizable, relief: Relief, foreseen: Iterable[Size]) -> None:
        self.engine, self.styles = stylizer.engine, stylizer.styles
        self.relief = relief
        self.paint = relief.paint
        self._stylizer = stylizer
        self._ready: set[Size] = set()
        self._wanted: list[tuple[Size, Size]] = []  # of frames, of the painter
        self._slate: Frame | None = None
        for size in foreseen:
            self._meet(size)
        while self._wanted:
            self._make_ready()

    @property
    def recoveries(self) -> int:
        return getattr(self._stylizer, "recoveries", 0)

    @property
    def degraded(self) -> Degraded:
        return self.relief.degraded

    def __call__(self, frame: Frame, look: Look) -> Frame:
        return self.paint_all([frame], look)[0]

    def paint_all(self, frames: Sequence[Frame], look: Look) -> Sequence[Frame]:
        """See `Batching`.  What several cameras film at once is one turn: the budget is for all."""
        rung = self.relief.rung
        if rung.slate and self._slate is not None:
            slate = self._slate
            return [frame.painted(slate.pixels) for frame in frames]
        if self._wanted:
            self._make_ready()  # before this picture, while the wall shows the last one
            self.relief.forget()
        for frame in frames:
            self._meet(Size(frame.width, frame.height))
        self.relief.begin()
        try:
            self._stylizer.paint = rung.size(self.paint)
            pictures = self._painted(frames, look)
        except BaseException:
            self.relief.forget()
            raise
        self._slate = pictures[0] if rung.slate else None
        if not rung.slate:
            self.relief.painted()
        return pictures

    def _painted(self, frames: Sequence[Frame], look: Look) -> Sequence[Frame]:
        if len(frames) > 1 and isinstance(self._stylizer, Batching):
            return self._stylizer.paint_all(frames, look)
        return [self._stylizer(frame, look) for frame in frames]

    def close(self) -> None:
        self._stylizer.close()

    def _meet(self, frame: Size) -> None:
        """Have the sizes that a `frame` of this size is painted at made ready."""
        for share in self.relief.spec.shares:
            paint = Rung(share).size(self.paint)
            painted = inside(frame, paint)
            if painted not in self._ready:
                self._ready.add(painted)
                self._wanted.append((frame, paint))

    def _make_ready(self) -> None:
        frame, self._stylizer.paint = self._wanted.pop(0)
        blank = np.zeros((frame.height, frame.width, 3), np.uint8)
        self._stylizer(Frame(blank, 0.0, 0.0, 0, "blank"), look_of_all(self.styles))


class DegradedCamera:
    """`camera`, which gives a frame when the painter may begin the next, and on the last rung the
    slate; `slate` paints that picture, (H, W, 3) uint8 RGB, when it is needed.

    It waits in `newest` until the rung's rate allows another picture: only there is the frame that
    is taken afterwards the newest, and the cadence even.
    """

    def __init__(
        self, camera: Camera, relief: Relief, slate: Callable[[], NDArray[np.uint8]]
    ) -> None:
        self.name = camera.name
        self.camera = camera
        self._relief, self._paint_slate = relief, slate
        self._slate: Frame | None = None
        self._given = 0  # the number of the frame that was given last
        self._more = 0  # added to the camera's numbers, so that they grow past the slate's
        self._closing = threading.Event()

    def newest(self, now: float) -> Frame:
        if self._relief.rung.slate:
            return self._slate_frame(now)
        if (rest := self._relief.rest()) > 0.0:
            self._relief.nothing_new()
            self._wait(rest)
            now = self._relief.clock.monotonic()
        if self._slate is not None:
            self._slate = None
            self._more += 2
        frame = self.camera.newest(now)
        if frame.number == self._given:
            self._relief.nothing_new()
        self._given = frame.number
        return frame if self._more == 0 else replace(frame, number=frame.number + self._more)

    def wait(self, after: int, timeout: float) -> bool:
        if self._relief.rung.slate:
            self._wait(timeout)
            return False
        return self.camera.wait(after - self._more, timeout)

    def health(self, now: float) -> CameraHealth:
        return self.camera.health(now)

    def close(self) -> None:
        self._closing.set()
        self.camera.close()

    def _slate_frame(self, now: float) -> Frame:
        """The slate; while it is shown there is nothing to hurry for."""
        if self._slate is None:
            number = self.camera.newest(now).number + self._more + 1
            self._slate = Frame(self._paint_slate(), 0.0, now, number, self.name)
        else:
            self._wait(SLATE_REST)
            self._relief.idle()
        self._relief.forget()
        return self._slate

    def _wait(self, seconds: float) -> None:
        """Sleep, but not while the camera closes."""
        self._closing.wait(seconds)


def relieved(camera: Camera, stylizer: Stylizer, slate: Callable[[], NDArray[np.uint8]]) -> Camera:
    """What the loop films with when `stylizer` paints: `camera` itself, freed of what another
    painter's ladder asked of it, or one that does what this painter's asks."""
    bare = camera.camera if isinstance(camera, DegradedCamera) else camera
    if isinstance(stylizer, DegradedStylizer):
        return DegradedCamera(bare, stylizer.relief, slate)
    return bare
