"""What projection costs: mesh, mask and soft edges against the plain canvas; many projectors.

    python bench/projection.py [--rounds 40] [--json]

- cost: one 1280x720 canvas with a pinned corner, and the same as the middle of three projectors:
  with soft edges, with a mesh, with a mask of windows, with all of them, with black lifted besides.
  The figure is the ratio to the plain canvas of the same round, because a noisy machine is noisy
  for all.  Beside it the plain canvas at nine tenths of its brightness.
- eight: one surface on eight outputs of 640x360 each, 4 x 2, blended; and the same with a mesh and
  a mask on every one.  Pictures a second, all eight drawn for each.

Pictures are painted at 640x360, each drawn to its end (glFinish), nothing read back.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from murai_show.app import make_plan
from murai_show.frame import Frame
from murai_show.output.stage import Stage
from murai_show.show.planned import CanvasSpec, PlannedOutput
from murai_show.train.cost import machine

HEAD = """\
murai: 1
show: bench
cameras: { hall: { kind: pattern } }
bank: first
playlists: { all: { styles: [wave] } }
play: all
metrics: "off"
"""
# The wall bulges by 3 % and the projector looks up at it.
MESH = """[
    [[0.02, 0.02], [0.26, 0.00], [0.5, 0.00], [0.74, 0.00], [0.98, 0.02]],
    [[0.01, 0.34], [0.25, 0.33], [0.5, 0.32], [0.75, 0.33], [0.99, 0.34]],
    [[0.00, 0.67], [0.25, 0.67], [0.5, 0.67], [0.75, 0.67], [1.00, 0.67]],
    [[0.00, 0.98], [0.25, 0.99], [0.5, 1.00], [0.75, 0.99], [1.00, 0.98]]]"""
PIN = "corners: {top_left: [0.03, 0.02], bottom_right: [0.98, 0.97]}"
CASES = {
    "plain": "",
    "plain, brightness 0.9": "brightness: 0.9",
    "soft edges": "surface: facade, tile: 2",
    "soft edges, mesh": f"surface: facade, tile: 2, mesh: {MESH}",
    "soft edges, mask": "surface: facade, tile: 2, mask: windows.png",
    "soft edges, mesh, mask": f"surface: facade, tile: 2, mask: windows.png, mesh: {MESH}",
    "all, black lifted": f"lifted, surface: facade, tile: 2, mask: windows.png, mesh: {MESH}",
}
EIGHT = {"eight": "", "eight, mesh and mask": f", mask: windows.png, mesh: {MESH}"}


def windows(path: Path) -> None:
    """A façade's mask: six by three dark windows and a door."""
    picture = Image.new("L", (1280, 720), 255)
    draw = ImageDraw.Draw(picture)
    for row in range(3):
        for column in range(6):
            x, y = 70 + column * 200, 50 + row * 190
            draw.rectangle((x, y, x + 100, y + 120), 0)
    draw.rectangle((580, 600, 700, 720), 0)
    picture.save(path)


def plan_of(work: Path, surface: str, outputs: list[str]) -> tuple[PlannedOutput, ...]:
    """The outputs of a show with one surface."""
    lines = [f"  out{number}: {{ kind: offscreen, {more} }}" for number, more in enumerate(outputs)]
    text = f"{HEAD}surfaces:\n  facade: {{ {surface} }}\noutputs:\n" + "\n".join(lines)
    (work / "bench.yaml").write_text(text + "\n")
    return make_plan("bench.yaml", {}, work, displays=False).outputs


def case(work: Path, more: str) -> PlannedOutput:
    """The middle one of three projectors, or one on its own."""
    level = ", black_level: 0.06" if "lifted" in more else ""
    more = more.replace("lifted, ", "")
    sides = [f"surface: facade, tile: {tile}{level}" for tile in (1, 3)]
    middle = f"size: 1280x720, {PIN}" + (f", {more}{level}" if more else "")
    surface = "size: 3440x720, columns: 3, overlap: 200"
    return plan_of(work, surface, [middle, *sides])[0]


def pictures() -> list[Frame]:
    draw = np.random.default_rng(1)
    noise = [draw.integers(0, 256, (360, 640, 3), np.uint8) for _ in range(4)]
    return [Frame(pixels, 0.0, 0.0, number + 1, "bench") for number, pixels in enumerate(noise)]


class Board:
    """Canvases in one OpenGL context, drawn to the end."""

    def __init__(self, planned: tuple[PlannedOutput, ...]) -> None:
        self._stage = Stage(planned)
        self._frames = pictures()
        self._number = 0

    def seconds(self, *specs: CanvasSpec | None) -> float:
        """How long a new picture takes on all of `specs`."""
        self._number += 1
        pixels = self._frames[self._number % len(self._frames)].pixels
        picture = Frame(pixels, 0.0, 0.0, self._number, "bench")
        begun = time.perf_counter()
        for spec in specs:
            assert spec is not None
            self._stage.draw(spec, picture, 1.0)
        self._stage.finish()
        return time.perf_counter() - begun

    def close(self) -> None:
        self._stage.close()


def cost(work: Path, rounds: int) -> dict[str, object]:
    """ms of each case, and its ratio to the plain canvas of the same round: median, least, most."""
    planned = {name: case(work, more) for name, more in CASES.items()}
    board = Board(tuple(planned.values()))
    for output in planned.values():  # the first draw compiles
        board.seconds(output.canvas)
    rows = [{n: board.seconds(o.canvas) for n, o in planned.items()} for _ in range(rounds)]
    board.close()
    return {
        name: {
            "ms": spread([row[name] * 1e3 for row in rows]),
            "ratio": spread([row[name] / row["plain"] for row in rows]),
        }
        for name in planned
    }


def eight(work: Path, rounds: int) -> dict[str, object]:
    """Pictures a second on eight outputs of one surface."""
    surface = "size: 2320x680, columns: 4, rows: 2, overlap: [80, 40]"
    plans = {
        name: plan_of(work, surface, [f"surface: facade, tile: {n}{more}" for n in range(1, 9)])
        for name, more in EIGHT.items()
    }
    assert all(o.canvas and o.canvas.size == (640, 360) for plan in plans.values() for o in plan)
    board = Board(tuple(output for plan in plans.values() for output in plan))
    specs = {name: [output.canvas for output in plan] for name, plan in plans.items()}
    for each in specs.values():
        board.seconds(*each)
    rows = [{n: 1.0 / board.seconds(*each) for n, each in specs.items()} for _ in range(rounds)]
    board.close()
    return {name: {"per second": spread([row[name] for row in rows])} for name in specs}


def spread(values: list[float]) -> list[float]:
    """Median, least, most."""
    return [round(f(values), 2) for f in (statistics.median, min, max)]


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rounds", type=int, default=40)
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        windows(work / "windows.png")
        found = {
            "machine": machine(),
            "cost": cost(work, given.rounds),
            "eight": eight(work, given.rounds),
        }
    print(json.dumps(found, indent=None if given.json else 1))


if __name__ == "__main__":
    main()
