"""What the loop asks of a camera, a stylizer, an output and a clock.  A backend is any class that
answers one of these; `tests/contract/` holds the tests that each must pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from murai_show.frame import Frame
from murai_show.show.timeline import Look
from murai_show.show.words import Size

CameraState = Literal["connecting", "live", "held", "slate"]


@dataclass(frozen=True)
class CameraHealth:
    """How a camera is.  `age` is seconds since its last new frame, None before the first;
    `drops` counts frames that were thrown away, by reason; `trouble` has no password in it.
    `frozen` while a live source sends one picture over and over."""

    state: CameraState
    age: float | None
    frames: int
    reconnects: int
    drops: Mapping[str, int] = field(default_factory=dict)
    trouble: str = ""
    frozen: bool = False


class Camera(Protocol):
    """A source of frames that never blocks the loop and never ends: it fills a slot from a thread
    of its own, holds the last frame when the source is lost, then shows its slate."""

    name: str

    def newest(self, now: float) -> Frame:
        """The newest frame, the held one or the slate.  Never blocks.

        Raises nothing but DeviceLostError, when the GPU is lost to this process.
        """
        ...

    def wait(self, after: int, timeout: float) -> bool:
        """Sleep until a frame with a number above `after` is there: True; else False."""
        ...

    def health(self, now: float) -> CameraHealth: ...

    def close(self) -> None:
        """Stop the thread and free the device.  Safe to call twice; takes at most 2 s."""
        ...


class Stylizer(Protocol):
    """Paints frames.  Called from one thread."""

    engine: str
    styles: tuple[str, ...]

    def __call__(self, frame: Frame, look: Look) -> Frame:
        """Paint `frame` in the mix of `look`, at the size of the plan.

        The result keeps number, pts, capture time and camera.  Raises KeyError for no such style.
        """
        ...

    def close(self) -> None: ...


@runtime_checkable
class Batching(Protocol):
    """A stylizer that can paint several frames in one call of its engine."""

    def paint_all(self, frames: Sequence[Frame], look: Look) -> Sequence[Frame]:
        """What painting each of `frames` by itself gives, in their order.  Raises as that does."""
        ...


@runtime_checkable
class Resizable(Stylizer, Protocol):
    """A stylizer whose `paint`, the size that it paints inside, may be set between two frames."""

    @property
    def paint(self) -> Size: ...

    @paint.setter
    def paint(self, size: Size) -> None: ...


class Output(Protocol):
    """Where pictures go.  Created, used and closed on the main thread."""

    name: str
    fps: float

    def show(self, picture: Frame, look: Look, now: float) -> None:
        """Present `picture` at the light of `look`.  Must not wait for slow consumers.

        Raises OutputError when the output is lost; the loop goes on with the others.
        """
        ...

    @property
    def drops(self) -> Mapping[str, int]:
        """Pictures that did not make it, by reason."""
        ...

    @property
    def over(self) -> bool:
        """True once a person has closed it (a window): the show then ends."""
        ...

    def close(self) -> None:
        """Finish files, close windows.  Safe to call twice."""
        ...


@runtime_checkable
class Connected(Protocol):
    """What an output that is sent to a server tells besides."""

    @property
    def connected(self) -> bool:
        """Whether the server takes pictures at present."""
        ...

    @property
    def reconnects(self) -> int:
        """How often it did so again after a loss."""
        ...


class Clock(Protocol):
    """Time, as an argument: `monotonic` for frames, `wall` (POSIX seconds) for looks."""

    def monotonic(self) -> float: ...

    def wall(self) -> float: ...
