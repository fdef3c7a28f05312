"""Planned outputs, pictures and patience for the tests of outputs."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from murai_show.frame import Frame
from murai_show.show.planned import CanvasSpec, PlannedOutput
from murai_show.show.schema import Corners, Output
from murai_show.show.timeline import LIT, Look
from murai_show.show.words import Size

STARTED = datetime(2026, 11, 22, 20, 15, 0).astimezone()
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
BLACK = (0, 0, 0)


def a_canvas(width: int = 320, height: int = 180, **changed: Any) -> CanvasSpec:
    facts = {"fit": "stretch", "corners": Corners(), "mirror": "none", "rotate": 0}
    facts |= {"brightness": 1.0, "gamma": 1.0, **changed}
    return CanvasSpec(Size(width, height), **facts)


def corners(*points: tuple[float, float]) -> Corners:
    """Clockwise from top left."""
    names = ("top_left", "top_right", "bottom_right", "bottom_left")
    return Corners(**dict(zip(names, points, strict=True)))


def an_output(
    kind: str, canvas: CanvasSpec | None = None, file: Path | None = None, **changed: Any
) -> PlannedOutput:
    spec: Output = TypeAdapter(Output).validate_python({"kind": kind, **changed})
    return PlannedOutput(f"my-{kind}", spec, canvas, file)


def lit(light: float) -> Look:
    """Unpainted, at `light`."""
    return Look(LIT.mix, light) if light else Look((), 0.0)


def a_frame(pixels: np.ndarray, number: int = 1) -> Frame:
    return Frame(np.ascontiguousarray(pixels, np.uint8), number / 30, number / 30, number, "test")


def flat(colour: Any, width: int = 64, height: int = 36) -> Frame:
    return a_frame(np.broadcast_to(np.array(colour, np.uint8), (height, width, 3)))


def quarters(width: int = 64, height: int = 36) -> Frame:
    """Red, green / blue, white: every turn and mirror of it is another picture."""
    small = np.array([[RED, GREEN], [BLUE, WHITE]], np.uint8)
    return a_frame(small.repeat(height // 2, 0).repeat(width // 2, 1))


def noise(number: int, width: int = 64, height: int = 36) -> Frame:
    pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)
    return a_frame(pixels, number)


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for what another thread does; fail when it does not."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.002)
