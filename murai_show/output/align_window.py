"""Aligning on the displays themselves: test cards whose points move under the arrow keys."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import glfw
import numpy as np
from PIL import Image

from murai_show.errors import UsageError
from murai_show.frame import Frame
from murai_show.output.aligner import Bench, Target, begin, marked, press
from murai_show.output.cards import projectors
from murai_show.output.display import Display
from murai_show.output.files import plain
from murai_show.output.stage import Stage
from murai_show.output.testcard import card_canvas, card_frame, card_of
from murai_show.show.align import AlignedOutput, write_alignment
from murai_show.show.planned import CanvasSpec, PlannedOutput
from murai_show.show.schema import Corners, DisplayOutput
from murai_show.show.timeline import LIT

log = logging.getLogger(__name__)

HELP = (
    "arrows 1 px, shift 10, alt 0.1   tab point   page output   m mesh   r reset   u undo   s save"
)
_TICK = 1 / 60  # seconds
_KEYS = {
    glfw.KEY_LEFT: "left",
    glfw.KEY_RIGHT: "right",
    glfw.KEY_UP: "up",
    glfw.KEY_DOWN: "down",
    glfw.KEY_TAB: "next",
    glfw.KEY_PAGE_DOWN: "next output",
    glfw.KEY_PAGE_UP: "previous output",
    glfw.KEY_M: "mesh",
    glfw.KEY_R: "reset",
    glfw.KEY_U: "undo",
    glfw.KEY_Z: "undo",
    glfw.KEY_S: "save",
    glfw.KEY_ENTER: "save",
    glfw.KEY_ESCAPE: "end",
    glfw.KEY_Q: "end",
}


def meant(key: int, mods: int) -> tuple[str, float]:
    """What a key of GLFW asks for, nothing where it is none of ours, and the step in pixels."""
    word = _KEYS.get(key, "")
    if word == "next" and mods & glfw.MOD_SHIFT:
        word = "previous"
    step = 10.0 if mods & glfw.MOD_SHIFT else 0.1 if mods & glfw.MOD_ALT else 1.0
    return word, step


@dataclass(frozen=True)
class Sidecar:
    """Where an alignment is kept: the file, the show's name, and what the file holds by output."""

    path: Path
    show: str
    holds: Mapping[str, AlignedOutput] = field(default_factory=dict)

    def write(self, bench: Bench) -> None:
        """Write what `bench` has moved, and what the file held.  Raises OSError."""
        kept = dict(self.holds)
        for target in bench.targets:
            aligned = target.aligned(self.holds.get(target.name))
            if aligned is not None:
                kept[target.name] = aligned
        write_alignment(self.path, self.show, kept)


class Aligner:
    """Displays with a bench on them.  Made, used and closed on the main thread.

    Raises UsageError when no output is a display, OutputError when one cannot be opened.
    """

    def __init__(self, outputs: tuple[PlannedOutput, ...], title: str, sidecar: Sidecar) -> None:
        displays = [
            o for o in outputs if isinstance(o.spec, DisplayOutput) and not o.spec.of and o.canvas
        ]
        if not displays:
            raise UsageError("the show has no display to align")
        canvases = {o.name: o.canvas for o in displays if o.canvas}
        self.bench = begin(canvases)
        self.over = False
        self._sidecar = sidecar
        self._said = HELP
        self._cards = {
            o.name: Image.fromarray(card_frame(card_of(o, number)).pixels)
            for number, o in enumerate(projectors(outputs), 1)
            if o.name in canvases
        }
        flat = tuple(replace(o, canvas=_flat(canvases[o.name])) for o in displays)
        with ExitStack() as stack:
            self._stage = Stage(flat)
            stack.callback(self._stage.close)
            self._displays: dict[str, Display] = {}
            for planned in flat:
                display = Display(planned, self._stage, title)
                stack.callback(display.close)
                glfw.set_key_callback(display.window, self._on_key)
                self._displays[planned.name] = display
            self._close = stack.pop_all()
        self._drawn: dict[str, tuple[Target, str]] = {}
        self._pictures: dict[str, Frame] = {}

    def run(self, stop: threading.Event) -> None:
        """Show and obey until a person ends it, which saves, or `stop` is set, which does not."""
        while not stop.wait(_TICK):
            self.show()
            if self.over or any(display.over for display in self._displays.values()):
                self.save()
                return

    def show(self) -> None:
        """Present every card as it is now."""
        for number, target in enumerate(self.bench.targets):
            chosen = number == self.bench.output
            words = f"{self.bench.words}\n{self._said}" if chosen else ""
            if self._drawn.get(target.name) != (target, words):
                self._pictures[target.name] = self._picture(target, words)
                self._drawn[target.name] = (target, words)
            self._displays[target.name].show(self._pictures[target.name], LIT, time.monotonic())

    def key(self, word: str, step: float) -> None:
        """Obey a key, as `meant` names it."""
        if word == "end":
            self.over = True
        elif word == "save":
            self.save()
        elif word:
            self._said = HELP
            self.bench = press(self.bench, word, step)

    def save(self) -> None:
        """Write the sidecar where something has changed; trouble is said on the card and logged."""
        if not self.bench.changed:
            return
        try:
            self._sidecar.write(self.bench)
        except OSError as error:
            self._said = f"cannot be saved: {plain(error)}"
            log.warning("the alignment %s", self._said)
            return
        self.bench = replace(self.bench, saved=self.bench.targets)
        self._said = f"saved: {self._sidecar.path.name}"
        log.info("the alignment is saved: %s", self._sidecar.path)

    def close(self) -> None:
        """Close the windows.  Safe to call twice."""
        self._close.close()

    def _picture(self, target: Target, words: str) -> Frame:
        card = self._cards[target.name]
        if words:
            card = marked(card, target.spot(self.bench.point), words)
        frame = Frame(np.asarray(card), 0.0, 0.0, 1, target.name)
        sent = self._stage.render(card_canvas(target.canvas), frame)
        return Frame(np.ascontiguousarray(sent[..., :3]), 0.0, 0.0, 1, target.name)

    def _on_key(self, _window: Any, key: int, _scan: int, action: int, mods: int) -> None:
        if action in (glfw.PRESS, glfw.REPEAT):
            self.key(*meant(key, mods))


def _flat(canvas: CanvasSpec) -> CanvasSpec:
    """A canvas of the same size that shows a picture pixel by pixel: the card is warped already."""
    return CanvasSpec(canvas.size, "stretch", Corners(), "none", 0, 1.0, 1.0)
