"""Clocks, wires and films that the cameras' tests share."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


class WallClock:
    """The machine's own."""

    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()


class FakeWire:
    """A wire on which time passes only when the source waits, or when a test says so."""

    def __init__(self, end: float = 1e9) -> None:
        self.now = 100.0
        self.end = self.now + end
        self.drops: Counter[str] = Counter()
        self.closing = False
        self.behind = False
        self.clock = self

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now

    def wait_until(self, due: float) -> bool:
        self.now = max(self.now, due)
        self.closing = self.closing or self.now >= self.end
        return not self.closing

    def rest(self, seconds: float) -> bool:
        return self.wait_until(self.now + seconds)

    def drop(self, reason: str, count: int = 1) -> None:
        self.drops[reason] += count


def write_film(
    path: Path,
    frames: int = 20,
    fps: int = 20,
    size: tuple[int, int] = (64, 48),
    codec: str = "libx264",
    rotation: int = 0,
    bframes: int = 0,
) -> Path:
    """A film whose frame i is a grey of brightness 20 + 10 i (modulo 200)."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if codec == "libx264":
            stream.options = {
                "preset": "ultrafast",
                "g": "5",
                "bf": str(bframes),
                "b_strategy": "0",
            }
        if rotation:
            stream.set_display_rotation(rotation)
        for i in range(frames):
            picture = np.full((size[1], size[0], 3), 20 + 10 * i % 200, np.uint8)
            picture[: size[1] // 4, : size[0] // 4] = (255, 0, 0)
            frame = av.VideoFrame.from_ndarray(picture).reformat(format=stream.pix_fmt)
            frame.pts, frame.time_base = i, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def until(happens: Callable[[], object], within: float = 10.0) -> bool:
    """Whether `happens()` comes true `within` seconds; looks every 5 ms."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        if happens():
            return True
        time.sleep(0.005)
    return False
