"""A small show on air under watch, for faults: what every output showed, and since when it is well.

Two cameras, three outputs: `wall` is drawn by OpenGL and shows `street`, a real RTSP camera that
can be broken; `side` shows `hall`, which nothing befalls; `film` records the wall.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from zlib import crc32

import av
import numpy as np
import pytest

from murai_show.app import Live, SystemClock, make_plan, plan_or_last_good, run_show
from murai_show.loop.mailbox import Mailbox, Status
from murai_show.output.memory import Memory
from murai_show.output.offscreen import Offscreen
from murai_show.output.recording import Reel
from murai_show.ports import Clock
from murai_show.report import Report
from tests.banks import write_small_bank
from tests.reloading import Ears
from tests.rtsp_server import RtspServer, encode

PATIENT = 40.0  # seconds; nothing waits that long unless it is broken
FPS = 25
ENOUGH = 3  # new pictures in a row that say an output is well
OUTPUTS = ("wall", "side", "film")
SHOW = """\
murai: 1
show: drill
place: {lat: 48.85, lon: 2.35, tz: Europe/Paris}
cameras:
  street: {kind: stream, url: "rtsp://127.0.0.1:PORT/x", hold: 300ms, read_timeout: 400ms}
  hall: {kind: pattern, size: 160x96, fps: 25}
bank: {name: small, engine: identity}
playlists:
  all: {styles: [a], each: 1h}
play: {playlist: all, camera: street, paint: 160x96}
outputs:
  wall: {kind: offscreen, size: 160x96, fps: 25}
  side: {kind: memory, fps: 25, camera: hall}
  film: {kind: recording, of: wall, path: "film-{time}.mp4", fps: 25}
metrics: "off"
"""


@dataclass(frozen=True)
class Outcome:
    """How a drill ended: `happened` in a sentence, the seconds until every output had a new
    picture, and how many presentations the worst output missed at its rate."""

    happened: str
    seconds: float
    lost: int


def drill(fault: str, injected: str) -> Callable[[Callable[..., Outcome]], Callable[..., None]]:
    """A test that is a row of docs/reliability.md.  With MURAI_DRILLS_JSON its outcome is added to
    that file, a line each, green or not."""

    def decorate(test: Callable[..., Outcome]) -> Callable[..., None]:
        @functools.wraps(test)
        def drilled(*given: Any, **named: Any) -> None:
            row: dict[str, Any] = {"fault": fault, "injected": injected, "green": False}
            try:
                outcome = test(*given, **named)
                seconds = round(outcome.seconds, 1)
                row |= {"happened": outcome.happened, "seconds": seconds}
                row |= {"lost": outcome.lost, "green": True}
            finally:
                if into := os.environ.get("MURAI_DRILLS_JSON"):
                    with Path(into).open("a", encoding="utf-8") as file:
                        file.write(json.dumps(row) + "\n")

        drilled.row = (fault, injected)  # type: ignore[attr-defined]
        return drilled

    return decorate


@dataclass(frozen=True)
class Seen:
    """One presentation: `number` of the frame (of a film: of the picture in it)."""

    at: float
    number: int
    digest: int
    black: bool
    wall: float
    light: float
    mix: tuple[tuple[str, float], ...] = ()
    size: tuple[int, int] = (0, 0)  # of the picture as it was painted


class Eyes:
    """Everything that every output showed, in order."""

    def __init__(self, patch: pytest.MonkeyPatch, clock: Clock) -> None:
        self.seen: dict[str, list[Seen]] = defaultdict(list)
        self.changed = threading.Condition()
        self.status: Status | None = None
        self._clock = clock
        _after(patch, Memory, "show", self._memory)
        _after(patch, Offscreen, "show", self._wall)
        _after(patch, Reel, "write", self._film)
        _after(patch, Mailbox, "publish", lambda _, status: setattr(self, "status", status))

    def _memory(self, own: Memory, picture: Any, look: Any, _now: float) -> None:
        self._see(own.name, picture, picture.pixels, look)

    def _wall(self, own: Offscreen, picture: Any, look: Any, _now: float) -> None:
        self._see(own.name, picture, own._stage.read_rgba(own._canvas)[..., :3], look)

    def _film(self, own: Reel, shot: Any) -> None:
        seen = self.seen[own._name]
        if not seen or own.frames > seen[-1].number:  # else it was lost
            self._add(own._name, own.frames, shot.picture[..., :3], 1.0, ())

    def _see(self, name: str, picture: Any, pixels: Any, look: Any) -> None:
        size = (picture.width, picture.height)
        self._add(name, picture.number, pixels, look.light, look.mix, size)

    def _add(
        self, name: str, number: int, pixels: Any, light: float, mix: Any, size: Any = (0, 0)
    ) -> None:
        pixels = np.ascontiguousarray(pixels)
        digest, black = crc32(pixels.tobytes()), int(pixels.max()) < 16
        with self.changed:
            self.seen[name].append(
                Seen(time.monotonic(), number, digest, black, self._clock.wall(), light, mix, size)
            )
            self.changed.notify_all()

    def fresh(self, name: str, since: float) -> list[Seen]:
        """New pictures of an output after `since`: another frame, other pixels, not black."""
        seen = list(self.seen[name])
        return [
            new for old, new in pairwise(seen)
            if new.at >= since and not new.black
            and new.digest != old.digest and new.number > old.number
        ]  # fmt: skip


def _after(patch: pytest.MonkeyPatch, kind: type, name: str, note: Callable[..., Any]) -> None:
    method = getattr(kind, name)

    def noted(own: Any, *given: Any) -> None:
        method(own, *given)
        note(own, *given)

    patch.setattr(kind, name, noted)


class Night:
    """A show on air, and what befell it."""

    def __init__(self, eyes: Eyes, ears: Ears, folder: Path, stop: threading.Event) -> None:
        self.eyes, self.ears, self.folder, self.stop = eyes, ears, folder, stop
        self.file = folder / "drill.yaml"
        self.report: Report | None = None
        self.thread: threading.Thread | None = None

    @property
    def status(self) -> Status:
        assert self.eyes.status is not None
        return self.eyes.status

    def wait(self, happened: Callable[[], Any], what: str) -> None:
        """Until `happened()`; looked at whenever something is shown, and every 50 ms."""
        end = time.monotonic() + PATIENT
        while not happened():
            assert time.monotonic() < end, f"{what}; heard: {self.ears.lines}"
            assert self.thread is not None
            assert self.thread.is_alive(), f"the show ended; heard: {self.ears.lines}"
            with self.eyes.changed:
                self.eyes.changed.wait(0.05)

    def steady(self, since: float, outputs: Sequence[str] = OUTPUTS) -> float:
        """Wait until every output has shown new pictures after `since`; the seconds until the last
        of them had its first."""
        self.wait(
            lambda: all(len(self.eyes.fresh(name, since)) >= ENOUGH for name in outputs),
            f"not steady: { {n: len(self.eyes.fresh(n, since)) for n in outputs} }",
        )
        return max(self.eyes.fresh(name, since)[0].at for name in outputs) - since

    def lost(self, since: float, outputs: Sequence[str] = ("wall", "side")) -> int:
        """Presentations, old pictures or new, that were missed after `since` by the worst output:
        those that the longest pause had room for."""
        worst = 0.0
        for name in outputs:
            times = [seen.at for seen in self.eyes.seen[name]]
            gaps = [b - a for a, b in pairwise(times) if b >= since]
            usual = statistics.median(gaps) if gaps else 0.0
            worst = max(worst, max(gaps, default=0.0) / max(usual, 1 / FPS) - 1.0)
        return max(0, round(worst))

    def camera(self, name: str = "street") -> Any:
        return self.status.cameras[name]

    def films(self) -> dict[Path, int]:
        return {file: frames_of(file) for file in sorted(self.folder.glob("film-*.mp4"))}


def frames_of(film: Path) -> int:
    """How many pictures can be decoded.  Raises av.FFmpegError for what is no film."""
    with av.open(str(film)) as container:
        return sum(1 for _ in container.decode(video=0))


class Stage:
    """A folder with a small bank, a camera on the network, and shows run there."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self._patch = folder, patch
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.delenv("STATE_DIRECTORY", raising=False)
        write_small_bank(folder / "models/small.safetensors")
        self.server = RtspServer(moving(), FPS)

    @contextmanager
    def on_air(
        self,
        text: str | None = SHOW,
        clock: Clock | None = None,
        steady: Sequence[str] = OUTPUTS,
        keep_after: float | None = None,
    ) -> Iterator[Night]:
        """A show of `text` on air, and steady; a `Night` that is over when this is left.  Without
        a text it is started again with the file that is there, as the program starts it."""
        self.server.start()
        file = self.folder / "drill.yaml"
        if text is not None:
            file.write_text(text.replace("PORT", str(self.server.port)))
        stop, ears = threading.Event(), Ears()
        eyes = Eyes(self._patch, clock or SystemClock())
        night = Night(eyes, ears, self.folder, stop)
        planner = partial(make_plan, "drill", os.environ, self.folder, displays=False)
        live = Live(file, planner, keep_after, 0.02)
        logger = logging.getLogger("murai_show")
        before = logger.level
        logger.setLevel(logging.INFO)
        logger.addHandler(ears)
        plan = plan_or_last_good(file, planner)

        def run() -> None:
            night.report = run_show(plan, None, stop, clock, live)

        night.thread = threading.Thread(target=run)
        night.thread.start()
        try:
            if steady:
                night.steady(time.monotonic(), steady)
            yield night
        finally:
            stop.set()
            night.thread.join(PATIENT)
            self.server.cut()
            logger.removeHandler(ears)
            logger.setLevel(before)
        assert not night.thread.is_alive(), "the show does not end"
        assert night.report is not None, "the show fell over"


@functools.cache
def moving(width: int = 160, height: int = 96) -> list[bytes]:
    """Two seconds of a camera that moves, each picture another."""
    return encode(width, height, 2 * FPS, FPS)
