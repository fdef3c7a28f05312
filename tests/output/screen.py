"""Run in a child under Xvfb: windows, and what the screen really shows.  See test_display.py."""

from __future__ import annotations

import os
import time
from typing import Any

import av
import glfw
import numpy as np

from murai_show.errors import OutputError
from murai_show.output import Stage, list_monitors, open_output
from murai_show.output.display import Display
from murai_show.show.timeline import LIT
from tests.output.planning import (
    BLACK,
    BLUE,
    GREEN,
    RED,
    STARTED,
    WHITE,
    a_canvas,
    an_output,
    flat,
    quarters,
    until,
)

__all__ = [
    "BLACK",
    "BLUE",
    "GREEN",
    "LIT",
    "RED",
    "WHITE",
    "Stage",
    "a_canvas",
    "an_output",
    "displays",
    "flat",
    "glfw",
    "list_monitors",
    "quarters",
    "refused",
    "sees",
    "until",
]


def displays(*planned: Any) -> list[Display]:
    stage = Stage(planned)
    return [open_output(p, stage, "A show", STARTED) for p in planned]


def refused(planned: Any) -> str:
    try:
        displays(planned)
    except OutputError as error:
        return str(error)
    raise AssertionError("it should have been refused")


def grab() -> np.ndarray:
    """The screen, (720, 1280, 3), RGB."""
    options = {"video_size": "1280x720", "draw_mouse": "0"}
    with av.open(os.environ["DISPLAY"], format="x11grab", options=options) as screen:
        return next(screen.decode(video=0)).to_ndarray(format="rgb24")


def sees(shown: list[Display], picture: Any, points: dict[tuple[int, int], Any]) -> bool:
    """Show `picture` until the screen has these colours at these (x, y)."""

    def right() -> bool:
        for display in shown:
            display.show(picture, LIT, time.monotonic())
        screen = grab()
        return all(tuple(screen[y, x]) == colour for (x, y), colour in points.items())

    until(right)
    return True
