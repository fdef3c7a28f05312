"""What overlays cost: a canvas with three of them against the plain one.

    python bench/overlays.py [--rounds 60] [--json]

One 1280x720 canvas, plain; the same with a title, a credit and a clock; the same with a QR code
besides; and the middle of three blended projectors, without overlays and with the three.  The
figure is the ratio to the canvas without overlays of the same round, because a noisy machine is
noisy for all.  `new text` is the round in which the clock's text changes: it is lettered anew.

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

from murai_show.app import make_plan
from murai_show.frame import Frame
from murai_show.output.stage import Stage
from murai_show.show.caption import Caption
from murai_show.show.planned import CanvasSpec
from murai_show.train.cost import machine

SHOW = """\
murai: 1
show: bench
cameras: { hall: { kind: pattern } }
bank: first
playlists: { all: { styles: [wave] } }
play: all
metrics: "off"
surfaces:
  facade: { size: 3440x720, columns: 3, overlap: 200 }
outputs:
  plain: { kind: offscreen, size: 1280x720 }
  left: { kind: offscreen, surface: facade, tile: 1, size: 1280x720 }
  middle: { kind: offscreen, surface: facade, tile: 2, size: 1280x720 }
  right: { kind: offscreen, surface: facade, tile: 3, size: 1280x720 }
overlays:
  title: { kind: title, at: top, text: "Up 375" }
  credit: { kind: credit, at: bottom }
  clock: { kind: clock, at: centre, size: 0.05 }
  code: { kind: qr, text: "https://example.org/tonight", at: [0.4, 0.4] }
"""
THREE = (
    Caption("title", "Up 375"),
    Caption("credit", "Katsushika Hokusai\nThe Great Wave off Kanagawa, c. 1831"),
    Caption("clock", "20:59:00"),
)
CODE = (*THREE, Caption("code", "https://example.org/tonight"))


class Board:
    """Canvases in one OpenGL context, drawn to the end."""

    def __init__(self, work: Path) -> None:
        (work / "bench.yaml").write_text(SHOW)
        planned = make_plan("bench.yaml", {}, work, displays=False).outputs
        self.specs = {o.name: o.canvas for o in planned if o.canvas is not None}
        self._stage = Stage(planned)
        draw = np.random.default_rng(1)
        self._pictures = [draw.integers(0, 256, (360, 640, 3), np.uint8) for _ in range(4)]
        self._number = 0

    def seconds(self, spec: CanvasSpec, captions: tuple[Caption, ...]) -> float:
        """How long a new picture takes on `spec`."""
        self._number += 1
        pixels = self._pictures[self._number % len(self._pictures)]
        picture = Frame(pixels, 0.0, 0.0, self._number, "bench")
        begun = time.perf_counter()
        self._stage.draw(spec, picture, 1.0, captions)
        self._stage.finish()
        return time.perf_counter() - begun

    def close(self) -> None:
        self._stage.close()


def measure(work: Path, rounds: int) -> dict[str, object]:
    """ms of each case and its ratio to the same canvas without overlays: median, least, most."""
    board = Board(work)
    plain, middle = board.specs["plain"], board.specs["middle"]
    rows: list[dict[str, float]] = []
    for number in range(rounds + 3):  # the first ones compile and letter
        other = (*THREE[:2], Caption("clock", f"20:{number % 60:02}:00"))
        row = {
            "plain": board.seconds(plain, ()),
            "plain, three overlays": board.seconds(plain, THREE),
            "plain, three, new text": board.seconds(plain, other),
            "plain, three and a code": board.seconds(plain, CODE),
            "projector": board.seconds(middle, ()),
            "projector, three overlays": board.seconds(middle, THREE),
        }
        rows += [row] if number >= 3 else []
    board.close()
    return {
        name: {
            "ms": spread([row[name] * 1e3 for row in rows]),
            "ratio": spread([row[name] / row[name.split(",")[0]] for row in rows]),
        }
        for name in rows[0]
    }


def spread(values: list[float]) -> list[float]:
    """Median, least, most."""
    return [round(f(values), 2) for f in (statistics.median, min, max)]


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rounds", type=int, default=60)
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = {"machine": machine(), "cost": measure(Path(folder), given.rounds)}
    print(json.dumps(found, indent=None if given.json else 1))


if __name__ == "__main__":
    main()
