"""`offscreen`: the canvas drawn as for a projector, shown nowhere."""

from __future__ import annotations

from collections.abc import Mapping

from murai_show.frame import Frame
from murai_show.output.stage import Stage
from murai_show.show.planned import CanvasSpec, PlannedOutput
from murai_show.show.schema import OffscreenOutput
from murai_show.show.timeline import Look


class Offscreen:
    """Draws and reads nothing back.  `presented` counts the pictures."""

    over = False

    def __init__(self, planned: PlannedOutput, stage: Stage) -> None:
        assert isinstance(planned.spec, OffscreenOutput)
        assert planned.canvas is not None
        self.name = planned.name
        self.fps = planned.spec.fps
        self.presented = 0
        self._canvas = planned.canvas
        self._stage = stage

    @property
    def drops(self) -> Mapping[str, int]:
        return {}

    def show(self, picture: Frame, look: Look, now: float) -> None:  # noqa: ARG002  the port's
        self._stage.draw(self._canvas, picture, look.light, look.captions)
        self.presented += 1

    def move(self, canvas: CanvasSpec) -> None:
        """Draw another canvas of the same size, which the stage has."""
        self._canvas = canvas

    def close(self) -> None:
        """Nothing is its own; the stage frees the canvas."""
