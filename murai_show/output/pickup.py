"""Pictures for whoever works them off on a thread: a film, a stream, a virtual camera."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from murai_show.frame import Frame
from murai_show.output.stage import Stage
from murai_show.show.planned import CanvasSpec
from murai_show.show.timeline import Look

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Shot(Generic[T]):
    """One picture, mostly (H, W, 4) uint8 RGBA, and its time in seconds of the loop's clock."""

    picture: T
    now: float


class Pickup(Generic[T]):
    """Takes a canvas off the stage at most `fps` times a second, when it changed; a picture that
    does not change is taken again after `still_every` seconds, at 0 each time.  `read` gives what
    was last drawn: the stage's `read_rgba`, or another way off it.

    `drops` counts, by reason, drawings that were replaced before they could be taken.
    """

    def __init__(
        self,
        stage: Stage,
        canvas: CanvasSpec,
        fps: float,
        still_every: float,
        read: Callable[[CanvasSpec], T],
    ) -> None:
        self.drops: Counter[str] = Counter()
        self._stage, self._canvas, self._read = stage, canvas, read
        self._fps, self._still_every = fps, still_every
        self._due = float("-inf")  # when the next picture may be taken
        self._seen = 0  # the newest drawing
        self._sent, self._sent_at = 0, float("-inf")  # the newest that was taken
        self._missed = ""  # why the newest was not

    def take(self, picture: Frame, look: Look, now: float, hindrance: str) -> Shot[T] | None:
        """The picture, if it is due.  `hindrance` is why it cannot be taken, empty when it can."""
        if now < self._due:
            return None
        drawing = self._stage.draw(self._canvas, picture, look.light, look.captions)
        if drawing != self._seen:
            if self._seen != self._sent:
                self.drops[self._missed] += 1
            self._seen = drawing
        if drawing == self._sent and now - self._sent_at < self._still_every:
            return None
        if hindrance:
            self._missed = hindrance
            return None
        shot = Shot(self._read(self._canvas), now)
        self._sent, self._sent_at = drawing, now
        # A call that is late by less than one interval does not lower the rate.
        self._due = max(self._due, now - 1.0 / self._fps) + 1.0 / self._fps
        return shot

    def move(self, canvas: CanvasSpec) -> None:
        """Go on with another canvas of the same size, which the stage has."""
        self._canvas = canvas
        self._seen = self._sent = 0
