"""Shows in processes of their own that are ended, one way or the other, and what they leave.

Everything a show writes is written here at once: a film, a snapshot ten times a second, and the
copy of the last good version after a third of a second.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import av
from av.error import FFmpegError
from PIL import Image

from tests.banks import write_small_bank
from tests.plans import REPOSITORY

SHOW = """\
murai: 1
show: drill
cameras:
  hall: {kind: pattern, size: 160x96, fps: 25}
bank: {name: small, engine: pytorch}
playlists:
  all: {styles: [a, b], each: 1s, fade: 500ms}
play: {playlist: all, paint: 160x96}
outputs:
  wall: {kind: offscreen, size: 160x96, fps: 25}
  film: {kind: recording, of: wall, path: "film-{time}.mp4", fps: 25}
  shot: {kind: snapshot, of: wall, path: "shots/{date}-{time}.png", every: 100ms}
metrics: 127.0.0.1:0
"""
PROGRAM = """\
import sys
import murai_show.last_good
murai_show.last_good.AFTER = 0.3
from murai_show.cli import main
sys.argv = ["murai-show", "run", "drill.yaml"]
main()
"""
PATIENT = 60.0
FRAGMENT = 1.0  # seconds between two key frames: what a film may lack
SLACK = 1.5  # seconds that a busy machine may be late with a picture


@dataclass(frozen=True)
class Ended:
    """One run that was killed: seconds from its start to the first picture (None when it did not
    live to see it), seconds it lived after that, and the seconds that its film plays."""

    first: float | None
    lived: float
    film: float


class Child:
    """`murai-show run` in a process group of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.lines = folder, []
        self.films = set(folder.glob("film-*.mp4"))
        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], cwd=folder, text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "XDG_STATE_HOME": str(folder / "s")},
        )  # fmt: skip
        self._url = ""
        self._told = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)
            if match := re.search(r"http://\S+", line):
                self._url = match[0].replace("/metrics", "/readyz")
                self._told.set()
        self._told.set()

    def first_picture(self) -> float:
        """Wait for it; the seconds that it took."""
        assert self._told.wait(PATIENT), self.lines
        while time.monotonic() - self.begun < PATIENT:
            assert self.process.poll() is None, self.lines
            try:
                with urllib.request.urlopen(self._url, timeout=5):
                    return time.monotonic() - self.begun
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.02)
        raise AssertionError(f"no picture: {self.lines}")

    def end(self, number: int) -> int:
        """Send a signal to all of it and wait; the status."""
        os.killpg(self.process.pid, number)
        status = self.process.wait(PATIENT)
        self._reader.join(5)
        return status

    def film(self) -> Path | None:
        """What this run recorded, if it came to that."""
        return next(iter(set(self.folder.glob("film-*.mp4")) - self.films), None)


def prepare(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_small_bank(folder / "models/small.safetensors")
    (folder / "drill.yaml").write_text(SHOW)


def seconds_of(film: Path) -> float:
    """How long a film plays, as far as it can be decoded; 0 for one without a whole fragment."""
    last = 0.0
    try:
        with av.open(str(film)) as container:
            for frame in container.decode(video=0):
                last = max(last, frame.time or 0.0)
    except FFmpegError:
        pass  # it was cut in the middle of a fragment: what came before has been decoded
    return last


def kill_once(folder: Path, draw: random.Random) -> Ended:
    """Run a show and kill all of it at a random moment: one time in four while it starts.  What it
    has left is looked at by `whole`."""
    child = Child(folder)
    first: float | None = None
    if draw.random() < 0.25:
        child.process.poll()
        time.sleep(draw.uniform(0.2, 2.0))
        lived = 0.0
    else:
        first = child.first_picture()
        shown = time.monotonic()
        time.sleep(draw.uniform(0.0, 3.0))
        lived = time.monotonic() - shown
    assert child.end(signal.SIGKILL) == -signal.SIGKILL, child.lines
    film = child.film()
    return Ended(first, lived, seconds_of(film) if film else 0.0)


def whole(folder: Path, ended: Ended) -> None:
    """Nothing is half written: the film plays up to its last fragment, pictures are whole, and the
    copy of the last good version is that version."""
    assert ended.film >= ended.lived - FRAGMENT - SLACK, ended
    for picture in (folder / "shots").glob("*.png"):
        Image.open(picture).load()
    for copy in (folder / "s").rglob("*.yaml"):
        assert copy.read_text() == SHOW
