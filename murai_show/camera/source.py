"""What stands between a camera's thread and the kinds of camera: a source and its wire.

A source is a generator of pictures.  Running it opens the device, closing it frees the device,
and raising `CameraError` says that the device is lost and worth another try; returning says that
the film is over for good.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from murai_show.ports import Clock

Pixels = NDArray[np.uint8]


def _unknown() -> None:
    return None


class Picture:
    """One moment of a source, developed when somebody takes it and not before: where the painter is
    slower than the camera, most pictures are never looked at.

    `pts` is in seconds of the source's own time, `captured` in seconds of the monotonic clock, as
    near to the lens as the source can tell.  `fingerprint` is the same for two that are the same to
    the bit, None where nobody needs to know; it may be asked until the source goes on.
    """

    def __init__(self, develop: Callable[[], Any], pts: float, captured: float) -> None:
        self.pts = pts
        self.captured = captured
        self.fingerprint: Callable[[], int | None] = _unknown
        self._develop = develop
        self._pixels: Any = None

    @property
    def pixels(self) -> Any:
        """(H, W, 3) uint8 RGB: an array of the host, or of the GPU that decoded it.  Raises
        CameraError when it cannot be had."""
        if self._pixels is None:
            self._pixels = self._develop()
        return self._pixels


Pictures = Generator[Picture, None, None]


class Wire(Protocol):
    """What a source may ask of the camera that runs it."""

    @property
    def clock(self) -> Clock: ...

    @property
    def closing(self) -> bool:
        """True once the source should come to its end."""
        ...

    @property
    def behind(self) -> bool:
        """True while pictures come faster than they are taken: those that no other picture is
        predicted from need not even be decoded."""
        ...

    def wait_until(self, due: float) -> bool:
        """Sleep until `due` (monotonic), when the next picture is to be shown: silence until then
        is no fault.  False once the camera is closing."""
        ...

    def rest(self, seconds: float) -> bool:
        """Sleep because there is nothing to read.  False once the camera is closing."""
        ...

    def drop(self, reason: str, count: int = 1) -> None:
        """Count pictures that were thrown away."""
        ...


def _as_it_is(text: str) -> str:
    return text


@dataclass(frozen=True)
class Source:
    """One kind of camera, ready to be run.  `patience` is how many seconds without a due picture
    mean that it is lost; `redact` takes the secrets out of any text about it.  One picture for
    `frozen_after` seconds means that it is frozen; None for what may stand still."""

    pictures: Callable[[Wire], Pictures]
    patience: float = 2.0
    redact: Callable[[str], str] = _as_it_is
    frozen_after: float | None = None


def ticks(wire: Wire, fps: float) -> Iterator[tuple[int, float]]:
    """(number, moment) at `fps`, from 0, until the camera closes.

    A slow machine skips numbers rather than slowing time down; the skipped ones count as `late`.
    """
    began = wire.clock.monotonic()
    number = 0
    while wire.wait_until(began + number / fps):
        yield number, began + number / fps
        elapsed = wire.clock.monotonic() - began
        following = max(number + 1, int(elapsed * fps))
        if following > number + 1:
            wire.drop("late", following - number - 1)
        number = following
