"""A show that runs in a thread while its file is edited: what was presented, and what was said."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from pathlib import Path

import pytest

from murai_show.app import Live, make_plan, run_show
from murai_show.frame import Frame
from murai_show.loop.errands import Errands
from murai_show.output.memory import Memory
from murai_show.report import Report
from murai_show.show.plan import PlannedOutput
from murai_show.show.timeline import Look
from tests.banks import write_small_bank

EVERY = 0.02  # seconds between two looks at the files
PATIENT = 30.0  # seconds; nothing waits that long unless it is broken


class Ears(logging.Handler):
    """What the program logs, in order, to be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._new: queue.Queue[str] = queue.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        self._new.put(record.getMessage())

    def wait_for(self, *words: str) -> str:
        """The next line that holds one of `words`."""
        until = time.monotonic() + PATIENT
        while (left := until - time.monotonic()) > 0:
            try:
                line = self._new.get(timeout=left)
            except queue.Empty:
                break
            if any(word in line for word in words):
                return line
        raise AssertionError(f"nobody said {words}; heard: {self.lines}")


class Wall:
    """All that every `memory` output showed, in order: output, frame, light, seconds."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, Frame, float, float]] = []
        self.seen = threading.Condition()

    def numbers(self) -> list[int]:
        """The frames, each as often as another came before it."""
        return [number for number, _ in groupby(frame.number for _, frame, _, _ in self.shown)]

    def wait_for(self, more: int, output: str = "") -> None:
        """Until `more` further pictures were presented, on `output` if it is named."""

        def count() -> int:
            return sum(not output or name == output for name, *_ in self.shown)

        with self.seen:
            enough = count() + more
            assert self.seen.wait_for(lambda: count() >= enough, PATIENT), f"{output} shows nothing"


class Errand:
    """How long the loop's thread was kept by errands, in seconds of its own CPU time."""

    def __init__(self) -> None:
        self.spent: list[float] = []


class Running:
    """A show on air; `save` edits its file as an editor does."""

    def __init__(self, file: Path, ears: Ears, wall: Wall, errands: Errand) -> None:
        self.file, self.ears, self.wall, self.errands = file, ears, wall, errands
        self.report: Report | None = None
        self._beside = True

    def save(self, text: str) -> None:
        """In place, and the next time beside and renamed."""
        self._beside = not self._beside
        if self._beside:
            part = self.file.with_name("." + self.file.name)
            part.write_text(text)
            part.replace(self.file)
        else:
            self.file.write_text(text)

    def take(self, text: str) -> str:
        """Save and wait until it is on; the line that says so."""
        self.save(text)
        line = self.ears.wait_for(" is on: ", "not taken")
        assert " is on: " in line, line
        return line

    def refuse(self, text: str) -> str:
        self.save(text)
        line = self.ears.wait_for(" is on: ", "not taken")
        assert "not taken" in line, line
        return line


class Studio:
    """A folder with a small bank, and shows run in it."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self._patch = folder, patch
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        write_small_bank(folder / "models/small.safetensors")

    @contextmanager
    def running(self, text: str, keep_after: float | None = None) -> Iterator[Running]:
        file = self.folder / "plaza.yaml"
        file.write_text(text)
        ears, wall, errands = Ears(), Wall(), Errand()
        self._spy(wall, errands)
        planner = partial(make_plan, "plaza", os.environ, self.folder, displays=False)
        live = Live(file, planner, keep_after, EVERY)
        stop, plan = threading.Event(), planner()
        running = Running(file, ears, wall, errands)
        logger = logging.getLogger("murai_show")
        before = logger.level
        logger.setLevel(logging.INFO)
        logger.addHandler(ears)

        def run() -> None:
            running.report = run_show(plan, None, stop, live=live)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            ears.wait_for("painted by")
            wall.wait_for(3)
            yield running
        finally:
            stop.set()
            thread.join(PATIENT)
            logger.removeHandler(ears)
            logger.setLevel(before)
        assert not thread.is_alive()
        assert running.report is not None, "the show fell over"

    def _spy(self, wall: Wall, errands: Errand) -> None:
        class Spy(Memory):
            def __init__(self, planned: PlannedOutput) -> None:
                super().__init__(planned)
                self.closed = False

            def show(self, picture: Frame, look: Look, now: float) -> None:
                assert not self.closed, "shown after it was closed"
                super().show(picture, look, now)
                with wall.seen:
                    wall.shown.append((self.name, picture, look.light, time.monotonic()))
                    wall.seen.notify_all()

            def close(self) -> None:
                self.closed = True

        run_one = Errands.run_one

        def timed(self: Errands) -> bool:
            begun = time.thread_time()
            ran = run_one(self)
            if ran:
                errands.spent.append(time.thread_time() - begun)
            return ran

        self._patch.setattr("murai_show.output.memory.Memory", Spy)
        self._patch.setattr(Errands, "run_one", timed)
