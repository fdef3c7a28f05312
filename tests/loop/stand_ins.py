"""Hand-written parts of a loop, with the real parts' signatures and a fault to switch on."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

import numpy as np

from murai_show.errors import OutputError
from murai_show.frame import Frame
from murai_show.ports import CameraHealth
from murai_show.show.timeline import Look


class CountingCamera:
    """A new frame each time one is taken, up to `last`; the frame's number is its grey level."""

    name = "counter"

    def __init__(self, last: int = 10**9) -> None:
        self.last = last
        self.number = 0

    def newest(self, now: float) -> Frame:
        self.number = min(self.last, self.number + 1)
        pixels = np.full((9, 16, 3), self.number % 256, np.uint8)
        return Frame(pixels, now, now, self.number, self.name)

    def wait(self, after: int, timeout: float) -> bool:
        time.sleep(min(timeout, 0.001))
        return self.number > after

    def health(self, now: float) -> CameraHealth:
        return CameraHealth("live", 0.0, self.number, 0, {"superseded": 2})

    def close(self) -> None: ...


class SlowStylizer:
    """Paints nothing, and takes `seconds` for it; raises `fault` while one is set."""

    engine = "slow"
    styles = ("a", "b")

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.fault: Exception | None = None
        self.painted: list[tuple[int, Look]] = []

    def __call__(self, frame: Frame, look: Look) -> Frame:
        if self.fault is not None:
            raise self.fault
        time.sleep(self.seconds)
        self.painted.append((frame.number, look))
        return frame.painted(frame.pixels)

    def close(self) -> None: ...


class ListOutput:
    """Remembers what it showed; lost while `lost` is set."""

    def __init__(self, name: str = "wall", fps: float = 200.0, enough: int = 10**9) -> None:
        self.name, self.fps, self.enough = name, fps, enough
        self.lost = False
        self.shown: list[tuple[Frame, float]] = []
        self.closed = False
        self.seen = threading.Condition()

    def show(self, picture: Frame, look: Look, now: float) -> None:
        if self.lost:
            raise OutputError("the cable is out")
        with self.seen:
            self.shown.append((picture, look.light))
            self.seen.notify_all()

    @property
    def drops(self) -> Mapping[str, int]:
        return {"late": 1}

    @property
    def over(self) -> bool:
        return len(self.shown) >= self.enough

    def close(self) -> None:
        self.closed = True

    def wait_for(self, count: int, timeout: float = 10.0) -> bool:
        """Until `count` pictures were shown."""
        with self.seen:
            return self.seen.wait_for(lambda: len(self.shown) >= count, timeout)


class RealClock:
    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()
