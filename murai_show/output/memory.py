"""`memory`: the last painted pictures, without OpenGL: for tests and for embedding."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from murai_show.frame import Frame
from murai_show.show.planned import PlannedOutput
from murai_show.show.schema import MemoryOutput
from murai_show.show.timeline import Look


class Memory:
    """`pictures` holds the last `keep` different frames, the newest last; `light` is its light.

    `presented` counts every call, the same picture shown again included.
    """

    over = False

    def __init__(self, planned: PlannedOutput) -> None:
        assert isinstance(planned.spec, MemoryOutput)
        self.name = planned.name
        self.fps = planned.spec.fps
        self.pictures: deque[Frame] = deque(maxlen=planned.spec.keep)
        self.light = 0.0
        self.presented = 0

    @property
    def drops(self) -> Mapping[str, int]:
        return {}

    def show(self, picture: Frame, look: Look, now: float) -> None:  # noqa: ARG002  the port's
        if not self.pictures or self.pictures[-1] is not picture:
            self.pictures.append(picture)
        self.light = look.light
        self.presented += 1

    def close(self) -> None:
        """The pictures stay, for whoever asks after the show."""
