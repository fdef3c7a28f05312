"""What is filmed while a camera's device passes from one hand to the next: its last frame."""

from __future__ import annotations

import threading
from dataclasses import replace

from murai_show.frame import Frame
from murai_show.ports import Camera, CameraHealth


class Held:
    """A `Camera` that gives the frame that `before` gave last, and never a newer one.

    `before` may be closed from then on: nothing more is asked of it.
    """

    def __init__(self, before: Camera, now: float) -> None:
        self.name = before.name
        self._frame = before.newest(now)
        self._health = replace(before.health(now), state="held", trouble="it is opened anew")
        self._since = now
        self._closed = threading.Event()

    def newest(self, now: float) -> Frame:  # noqa: ARG002 - the port's
        return self._frame

    def wait(self, after: int, timeout: float) -> bool:
        self._closed.wait(timeout)
        return self._frame.number > after

    def health(self, now: float) -> CameraHealth:
        age = self._health.age
        return replace(self._health, age=None if age is None else age + now - self._since)

    def close(self) -> None:
        self._closed.set()
