"""Faults of the painter: the last picture stays, the outputs go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
import torch

from murai_show.edge import metrics
from murai_show.edge.metrics import alive
from murai_show.frame import Frame
from murai_show.loop import run
from tests.drills.stage import SHOW, Night, Outcome, Stage, drill, frames_of
from tests.plans import REPOSITORY

PAINTED = SHOW.replace("engine: identity", "engine: pytorch")


class Faulty:
    """Stands before the painter's call, which does its work unless a fault is on."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.calls = 0
        self.fault: Callable[[int], None] = lambda _: None
        self._paint = run.paint
        patch.setattr(run, "paint", self)

    def __call__(self, stylizer: Any, frames: Sequence[Frame], look: Any) -> Sequence[Frame]:
        self.calls += 1
        self.fault(self.calls)
        return self._paint(stylizer, frames, look)


def goes_on(night: Night, since: float) -> int:
    """The outputs presented all the while, and never black; presentations lost."""
    for name in ("wall", "side"):
        assert not any(seen.black for seen in night.eyes.seen[name] if seen.at >= since)
    return night.lost(since)


@drill("painter raises", "its call raises at the 20th frame and the 21st")
def test_the_painter_raises_at_a_frame(stage: Stage, monkeypatch) -> Outcome:
    painter = Faulty(monkeypatch)

    def fault(call: int) -> None:
        if call in (20, 21):
            raise RuntimeError("a kernel was not found")

    painter.fault = fault
    with stage.on_air(PAINTED) as night:
        night.wait(lambda: night.status.errors.get("painter") == 1, "it did not fail")
        begun = time.monotonic()
        took = night.steady(begun)
        assert night.status.errors["painter"] == 2
        lost = goes_on(night, begun)
        assert sum("the painter failed" in line for line in night.ears.lines) == 1
    return Outcome("the last picture stays, tried again every second, said once", took, lost)


def fail_once(at: int, error: Exception, failed: threading.Event, call: int) -> None:
    if call == at:
        failed.set()
        raise error


@drill("out of memory", "its call raises MemoryError, then torch's own error of a GPU")
def test_the_painter_is_out_of_memory(stage: Stage, monkeypatch) -> Outcome:
    painter = Faulty(monkeypatch)
    slowest = 0.0
    with stage.on_air(PAINTED) as night:
        begun = time.monotonic()
        for error in (MemoryError(), torch.OutOfMemoryError("CUDA out of memory. Tried to …")):
            failed, at = threading.Event(), painter.calls + 1

            painter.fault = partial(fail_once, at, error, failed)
            assert failed.wait(10)
            slowest = max(slowest, night.steady(time.monotonic()))
        assert night.status.errors == {"painter": 2}
        lost = goes_on(night, begun)
    return Outcome("the last picture stays for a second, then it is painted again", slowest, lost)


@drill("painter hangs", "its call does not return for a while")
def test_the_painter_hangs(stage: Stage, monkeypatch) -> Outcome:
    monkeypatch.setattr(metrics, "STUCK_SECONDS", 1.0)
    painter, release = Faulty(monkeypatch), threading.Event()

    def hang(_call: int) -> None:
        release.wait(30)

    with stage.on_air(PAINTED) as night:
        begun = time.monotonic()
        painter.fault = hang
        night.wait(lambda: night.status.painting > 1.0, "nobody sees that it hangs")
        good, why = alive(night.status, time.monotonic())
        assert not good
        assert why.startswith("the painter hangs: it has been at one picture for ")
        release.set()
        took = night.steady(time.monotonic())
        night.wait(lambda: night.status.painting < 1.0, "it still counts as stuck")
        assert alive(night.status, time.monotonic())[0]
        assert night.status.errors == {}
        lost = goes_on(night, begun)
    said = "the last picture stays, outputs go on; `murai_painter_busy_seconds`, /livez says it"
    return Outcome(said, took, lost)


HANGING = """\
import sys, threading
from murai_show.loop import run
paint, calls = run.paint, []
def hang(*given):
    calls.append(1)
    if len(calls) == 30:
        print("hangs", file=sys.stderr, flush=True)
        threading.Event().wait()
    return paint(*given)
run.paint = hang
from murai_show.cli import main
sys.argv = ["murai-show", "run", "drill.yaml"]
main()
"""


@drill("painter hangs, then SIGTERM", "its call never returns; the show is asked to end")
def test_a_show_ends_though_its_painter_hangs(stage: Stage) -> Outcome:
    """A process of its own: what hangs must not keep that from ending."""
    stage.server.start()
    (stage.folder / "drill.yaml").write_text(PAINTED.replace("PORT", str(stage.server.port)))
    show = subprocess.Popen(
        [sys.executable, "-c", HANGING], cwd=stage.folder, text=True, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert show.stderr is not None
        said = next((line for line in show.stderr if line == "hangs\n"), "")
        assert said, "it never painted"
        asked = time.monotonic()
        show.send_signal(signal.SIGTERM)
        rest = show.communicate(timeout=30)[1]
        took = time.monotonic() - asked
    finally:
        show.kill()
        stage.server.cut()
    assert show.returncode == 0, rest
    assert "the painter hangs; it is left behind" in rest
    assert "Traceback" not in rest
    assert took < 8.0
    assert frames_of(next(stage.folder.glob("film-*.mp4"))) > 0
    return Outcome("ends by itself, status 0, the film whole; the call is left behind", took, 0)
