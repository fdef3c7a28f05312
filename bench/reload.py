"""Fifty edits of a show that runs, ten of them broken: is a frame lost, is the wall ever late?

A photograph is filmed, painted by a real engine and drawn on a canvas; the first stretch runs
untouched, in the second the file is saved again and again.  The same things are measured in both:
pictures that were painted and never shown, frames that came out of order, the time between two
presentations.  Each kind of edit also tells how long it took from the save to the wall.

    python bench/reload.py [--edits 50] [--quiet 15] [--engine auto] [--paint 480x272] [--json]

The cadence is only as even as the machine is idle: compare the two stretches, not two machines.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import queue
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from murai_show.app import Live, make_plan, run_show
from murai_show.frame import Frame
from murai_show.loop.errands import Errands
from murai_show.loop.run import Easel
from murai_show.loop.tally import percentile
from murai_show.output.memory import Memory
from murai_show.output.offscreen import Offscreen

FPS = 30.0
SHOW = """\
murai: 1
show: bench
place: {lat: 45.5, lon: -73.5, tz: America/Montreal}
cameras:
  hall: {kind: still, size: 640x360, fps: 15, seed: 1}
bank: {name: first, engine: ENGINE}
playlists:
  all: {styles: [wave, starry], each: 4s, fade: 1s}
play: {playlist: all, paint: PAINT}
schedule: [{default: all}, {from: dusk, to: "23:00", play: all}]
outputs:
  wall: {kind: offscreen, size: 1280x720, fit: cover, fps: 30}
  tap: {kind: memory, fps: 120}
metrics: "off"
"""
# Texts that take turns, by the kind of the edit: each puts the next in place of the one before.
GOOD: dict[str, tuple[str, ...]] = {
    "style": ("[wave, starry]", "[kandinsky]", "[delaunay, wave]"),
    "timing": ("each: 4s, fade: 1s", "each: 2s, fade: 1s", "each: 3s, fade: 1s"),
    "schedule": ('to: "23:00"', 'to: "22:00"', 'to: "21:00"'),
    "corners": ("fit: cover", "corners: {top_left: [0.1, 0.1]}", "mirror: both"),
    "output comes, goes": ("metrics", "  more: {kind: memory}\nmetrics"),
    "output opened anew": ("fps: 120", "fps: 100", "fps: 110"),
    "canvas of another size": ("size: 1280x720", "size: 1024x576", "size: 960x540"),
    "camera": ("seed: 1", "seed: 2", "seed: 3"),
    "paint size": ("PAINT", "400x224", "320x180"),
}
BROKEN = [("outputs", "ouputs"), ("styles: [", "styles: [waves, "), ("kind: still", "kind: stil"),
          ("play: {", "play: ["), ("show: bench", "show: a bench")]  # fmt: skip


class Book:
    """What happened when: every picture painted, every picture presented, every errand."""

    def __init__(self) -> None:
        self.painted: list[tuple[float, int]] = []
        self.tapped: list[tuple[float, int]] = []
        self.walls: list[float] = []
        self.errands: list[float] = []

    def write(self) -> None:
        """Note from now on; the parts are the real ones."""
        after(Easel, "put", lambda _, picture, *__: self._note(self.painted, picture))
        after(Memory, "show", lambda own, picture, *_: self._tap(own, picture))
        after(Offscreen, "show", lambda *_: self.walls.append(time.monotonic()))
        run_one = Errands.run_one

        def timed(errands: Errands) -> bool:
            begun = time.monotonic()
            ran = run_one(errands)
            if ran:
                self.errands.append(time.monotonic() - begun)
            return ran

        setattr(Errands, "run_one", timed)  # noqa: B010 - pyright knows a method's own signature

    def _tap(self, own: Memory, picture: Frame) -> None:
        if own.name == "tap" and (not self.tapped or self.tapped[-1][1] != id(picture)):
            self._note(self.tapped, picture)

    def _note(self, where: list[tuple[float, int]], picture: Frame) -> None:
        # By identity: the frame that is held is painted again while the look moves on.
        KEPT.append(picture)
        where.append((time.monotonic(), id(picture)))


KEPT: list[Frame] = []  # so that no two pictures share an identity


def after(kind: type, name: str, note: Callable[..., None]) -> None:
    """Call `note` with the same arguments after each call of a method."""
    method = getattr(kind, name)

    def noted(*given: Any) -> Any:
        answer = method(*given)
        note(*given)
        return answer

    setattr(kind, name, noted)


class Said(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: queue.Queue[tuple[float, str]] = queue.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.put((time.monotonic(), record.getMessage()))

    def next(self, *words: str) -> tuple[float, str]:
        while True:
            at, line = self.lines.get(timeout=60)
            if any(word in line for word in words):
                return at, line


def edits(base: str, count: int) -> list[tuple[str, str]]:
    """Kind and text of each edit, every fifth broken; what is good stays for those that follow."""
    found: list[tuple[str, str]] = []
    kinds, text = list(GOOD), base
    for number in range(count):
        good = number - number // 5
        if number % 5 == 4:
            old, new = BROKEN[number // 5 % len(BROKEN)]
            kind, written = "broken", text.replace(old, new, 1)
            assert written != text, old
        else:
            kind = kinds[good % len(kinds)]
            options, turn = GOOD[kind], good // len(kinds)
            old, new = (options[t % len(options)] for t in (turn, turn + 1))
            assert old in text, (kind, old)
            written = text = text.replace(old, new, 1)
        found.append((kind, f"# edit {number}\n{written}"))
    return found


def stretch(book: Book, begin: float, end: float) -> dict[str, Any]:
    """How it was between two moments; times in ms."""
    painted = [number for at, number in book.painted if begin <= at < end]
    tapped = [number for _, number in book.tapped]
    order = {number: place for place, number in enumerate(tapped)}
    shown = [order[number] for number in painted if number in order]
    walls = [at for at in book.walls if begin <= at < end]
    gaps = sorted(1000 * (b - a) for a, b in pairwise(walls))
    return {
        "seconds": round(end - begin, 1),
        "painted_per_second": round(len(painted) / (end - begin), 1),
        "painted": len(painted),
        "never_shown": len(painted) - len(shown),
        "out_of_order": sum(b < a for a, b in pairwise(shown)),
        "gap_ms": {name: round(percentile(gaps, share), 1)
                   for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))},
        "gaps_over_two_periods": sum(gap > 2000 / FPS for gap in gaps),
    }  # fmt: skip


def measure(work: Path, base: str, count: int, quiet: float) -> dict[str, Any]:
    file = work / "bench.yaml"
    file.write_text(base)
    planner = partial(make_plan, "bench.yaml", os.environ, work, displays=False)
    stop, book, said = threading.Event(), Book(), Said()
    logger = logging.getLogger("murai_show")
    logger.addHandler(said)
    logger.setLevel(logging.INFO)
    book.write()
    live = Live(file, planner)
    show = threading.Thread(target=run_show, args=(planner(), None, stop), kwargs={"live": live})
    show.start()
    said.next("painted by")
    stop.wait(3.0)
    begun = time.monotonic()
    stop.wait(quiet)
    middle = time.monotonic()
    waits: dict[str, list[float]] = defaultdict(list)
    late: dict[str, list[float]] = defaultdict(list)
    found = {"taken": 0, "refused": 0}
    for kind, text in edits(base, count):
        saved, seen = time.monotonic(), len(book.walls)
        part = file.with_suffix(".part")
        part.write_text(text)
        part.replace(file)
        at, line = said.next(" is on: ", "not taken")
        found["refused" if "not taken" in line else "taken"] += 1
        assert ("not taken" in line) == (kind == "broken"), line
        waits[kind].append(1000 * (at - saved))
        stop.wait(0.3)
        late[kind].append(1000 * max(b - a for a, b in pairwise(book.walls[max(0, seen - 1) :])))
    ended = time.monotonic()
    stop.wait(0.5)
    stop.set()
    show.join()
    kinds = {
        kind: {
            "edits": len(times),
            "save_to_wall_ms": f"{sorted(times)[len(times) // 2]:.0f} (to {max(times):.0f})",
            "worst_gap_ms": round(max(late[kind]), 1),
        }
        for kind, times in waits.items()
    }
    return {
        **found,
        "untouched": stretch(book, begun, middle),
        "edited": stretch(book, middle, ended),
        "longest_errand_ms": round(1000 * max(book.errands), 1),
        "kinds": kinds,
    }


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--edits", type=int, default=50)
    options.add_argument("--quiet", type=float, default=15.0)
    options.add_argument("--engine", default="auto")
    options.add_argument("--paint", default="480x272")
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    base = SHOW.replace("ENGINE", given.engine)
    GOOD["paint size"] = (given.paint, *GOOD["paint size"][1:])
    with tempfile.TemporaryDirectory() as folder:
        base = base.replace("PAINT", given.paint)
        found = measure(Path(folder), base, given.edits, given.quiet)
    found = {"machine": f"{platform.machine()}, {os.cpu_count()} cores", **found}
    print(json.dumps(found, indent=None if given.json else 1))


if __name__ == "__main__":
    main()
