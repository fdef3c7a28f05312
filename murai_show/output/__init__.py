"""Where pictures go: the canvas, and every kind of output that the show language knows.

Importing this loads neither OpenGL, GLFW nor FFmpeg; each kind brings what it needs when opened.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from murai_show.output.monitors import list_monitors
from murai_show.output.stage import Stage
from murai_show.ports import Output
from murai_show.show.planned import PlannedOutput

__all__ = ["KINDS", "Stage", "list_monitors", "open_output"]

KINDS = (
    "display",
    "offscreen",
    "recording",
    "snapshot",
    "stream",
    "virtual_camera",
    "memory",
)


def open_output(
    planned: PlannedOutput,
    stage: Stage,
    title: str,
    started: datetime,
    pressed: Callable[[str], None] = lambda _key: None,
) -> Output:
    """Open one output on `stage`; `title` is for windows, `started` names files, `pressed` is told
    the keys that people press in windows.

    Raises OutputError when the display is not there or the file cannot be written.
    """
    match planned.spec.kind:
        case "display":
            from murai_show.output.display import Display

            return Display(planned, stage, title, pressed)
        case "offscreen":
            from murai_show.output.offscreen import Offscreen

            return Offscreen(planned, stage)
        case "recording":
            from murai_show.output.recording import Recording

            return Recording(planned, stage, started)
        case "snapshot":
            from murai_show.output.snapshot import Snapshot

            return Snapshot(planned, stage, started)
        case "stream":
            from murai_show.output.stream import Stream

            return Stream(planned, stage)
        case "virtual_camera":
            from murai_show.output.virtual_camera import VirtualCamera

            return VirtualCamera(planned, stage)
        case "memory":
            from murai_show.output.memory import Memory

            return Memory(planned)
