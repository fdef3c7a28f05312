"""A view: a camera that is made of cameras, so that one call of the painter paints all of them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping

from murai_show.bell import Bell
from murai_show.camera.composition import draw
from murai_show.frame import Frame
from murai_show.ports import Camera, CameraHealth, CameraState, Clock
from murai_show.show.shot import Shot, cameras_in
from murai_show.show.words import Size

STEP = 0.04  # seconds from one picture of a crossfade to the next where no camera sets the pace
_LOOK_AGAIN = 0.25  # seconds; what comes with time alone, a slate or a crossfade, rings no bell
_WORST_FIRST: tuple[CameraState, ...] = ("connecting", "slate", "held", "live")


class View:
    """A `Camera` that composes the newest frames of `cameras`, whom it neither opens nor closes.

    `shot` says what is seen at a moment, a pure function of the wall's time; its pictures are
    `size`.  A member that is lost shows what it holds, or its slate, in its place, and the others
    go on.  Every camera rings `bell` when it has a newer frame.

    A picture is `captured` when the first of those frames was that are new in it: the latency that
    is measured is that of the oldest news, not of frames that were shown before.  Where only the
    clock changed the picture, in a crossfade of cameras that hold still, it is of now.  Of two
    pictures the later is never captured earlier.
    """

    def __init__(
        self,
        name: str,
        size: Size,
        cameras: Mapping[str, Camera],
        shot: Callable[[float], Shot],
        clock: Clock,
        bell: Bell,
    ) -> None:
        self.name = name
        self._size, self._cameras, self._shot = size, cameras, shot
        self._clock, self._bell = clock, bell
        self._closed = threading.Event()
        self._composing = threading.Lock()  # of who composes; `_shown` is read without it
        self._number = 0
        self._shown: tuple[Shot, Mapping[str, Frame], Frame, float] | None = None

    def newest(self, now: float) -> Frame:
        """The newest frames of the cameras that are seen, composed: a few milliseconds' work, done
        once for each picture.

        Raises DeviceLostError when a member does.
        """
        with self._composing:
            shot = self._shot(self._clock.wall())
            frames = {name: self._cameras[name].newest(now) for name in cameras_in(shot)}
            if self._shown is not None and not self._changed(shot, frames, now):
                return self._shown[2]
            frame = self._composed(shot, frames, now)
            self._shown = (shot, frames, frame, now)
            return frame

    def wait(self, after: int, timeout: float) -> bool:
        """Sleep until a frame with a number above `after` is there: True; else False."""

        def there() -> bool:
            return self._closed.is_set() or self._next_number() > after

        while timeout > 0 and not self._bell.wait_for(there, min(timeout, _LOOK_AGAIN)):
            timeout -= _LOOK_AGAIN
        return not self._closed.is_set() and self._next_number() > after

    def health(self, now: float) -> CameraHealth:
        """Of all that it shows now: the state of the worst, the age of the youngest frame."""
        names = dict.fromkeys(cameras_in(self._shot(self._clock.wall())))
        found = {name: self._cameras[name].health(now) for name in names}
        states: list[CameraState] = [health.state for health in found.values()]
        ages = [health.age for health in found.values() if health.age is not None]
        drops: Counter[str] = Counter()
        for health in found.values():
            drops.update(health.drops)
        return CameraHealth(
            state=min(states, key=_WORST_FIRST.index),
            age=min(ages, default=None),
            frames=sum(health.frames for health in found.values()),
            reconnects=sum(health.reconnects for health in found.values()),
            drops=dict(drops),
            trouble="; ".join(f"{name}: {h.trouble}" for name, h in found.items() if h.trouble),
            frozen=any(health.frozen for health in found.values()),
        )

    def close(self) -> None:
        """Wake whoever waits.  The cameras belong to those who opened them."""
        self._closed.set()
        self._bell.ring()

    def _next_number(self) -> int:
        """The number of the frame that `newest` would give."""
        if self._shown is None:
            return 1
        before, frames, frame, drawn = self._shown
        shot = self._shot(self._clock.wall())
        newer = any(
            name not in frames or self._cameras[name].wait(frames[name].number, 0.0)
            for name in cameras_in(shot)
        )
        walked = shot != before and self._clock.monotonic() - drawn >= STEP
        return frame.number + (newer or walked)

    def _changed(self, shot: Shot, frames: Mapping[str, Frame], now: float) -> bool:
        """Whether a newer picture is due.  A crossfade changes at every moment: it moves on with
        the frames, or by itself where none come."""
        assert self._shown is not None
        before, known, _, drawn = self._shown
        if _news(frames, known):
            return True
        return shot != before and now - drawn >= STEP

    def _composed(self, shot: Shot, frames: Mapping[str, Frame], now: float) -> Frame:
        pixels = draw(shot, {name: frame.pixels for name, frame in frames.items()}, self._size)
        news = _news(frames, self._shown[1] if self._shown else {})
        oldest = min(news, key=lambda frame: frame.captured, default=None)
        self._number += 1
        pts, captured = (oldest.pts, oldest.captured) if oldest else (now, now)
        if self._shown is not None:
            captured = max(captured, self._shown[2].captured)
        return Frame(pixels, pts, captured, self._number, self.name)


def _news(frames: Mapping[str, Frame], known: Mapping[str, Frame]) -> list[Frame]:
    """The frames that were not shown before."""
    return [
        frame
        for name, frame in frames.items()
        if name not in known or known[name].number != frame.number
    ]
