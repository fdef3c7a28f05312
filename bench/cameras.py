"""What several cameras cost: batches against single frames, composing, and shows of 1 to 4 cameras.

    python bench/cameras.py [--rounds 15] [--bank montreal] [--paint 640x360] [--int8] [--seconds 6]

- batch: 2 and 4 frames painted in one call of OpenVINO, and one by one, in turn, in one process;
  the figure is the ratio of a round's two times, because a noisy machine is noisy for all.  Below 1
  the batch is quicker.
- compose: milliseconds of one core's time to put frames together, for each kind of view: frames of
  the paint size, as decoders give them, and of twice that, as photographs may have.
- show: a side-by-side view of 1 to 4 cameras (one is the plain camera), one output; and 1 to 4
  outputs with a camera each.  Pictures painted a second, all outputs together, with the engine that
  paints nothing, so that all that is measured is cameras, composing and the loop.  `--seconds 0`
  leaves the shows out.

The graph is fp32 as traced, or with `--int8` quantised here on a few photographs, unjudged: it is
for time, not for pictures.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from murai_show.app import demo_photos, find_bank, make_plan, run_show
from murai_show.camera.composition import draw
from murai_show.frame import Frame
from murai_show.paint import open_photo
from murai_show.report import report_json
from murai_show.show.shot import Filmed, Inset, Shot, Tiles, Walk
from murai_show.show.timeline import Look
from murai_show.show.words import Size, parse_size
from murai_show.style.bank import kernel_sets, read_bank
from murai_show.style.build import sums_in_32
from murai_show.style.graph import quantise, save, trace
from murai_show.style.openvino import OpenvinoStylizer, Program, painting_threads
from murai_show.train.cost import machine

NAMES = ("a", "b", "c", "d")
SHOW = """\
murai: 1
show: bench
cameras:
CAMERAS
VIEWS
bank: {name: BANK, engine: identity}
playlists: {all: {styles: [STYLE]}}
play: {playlist: all, camera: PLAYED, paint: PAINT}
outputs:
OUTPUTS
metrics: "off"
"""


def frames_of(size: Size) -> list[Frame]:
    """Four photographs at `size`."""
    photos = [open_photo(path) for path in demo_photos()]
    found = [draw(Filmed("x"), {"x": photos[i % len(photos)]}, size) for i in range(4)]
    return [Frame(pixels, 0.0, 0.0, i, NAMES[i]) for i, pixels in enumerate(found)]


def painter_of(name: str, paint: Size, folder: Path, int8: bool) -> OpenvinoStylizer:
    """The bank in OpenVINO, compiled for singles."""
    bank = kernel_sets(read_bank(find_bank(name, Path.cwd())))[0]
    graph = trace(bank)
    if int8:
        seen = [frame.pixels for frame in frames_of(paint)]
        graph = quantise(graph, seen, bank.styles, sums_in_32=sums_in_32())
    save(graph, folder / "graph.xml")
    precision = "int8" if int8 else "fp32"
    program = Program(folder / "graph.xml", precision, painting_threads())
    stylizer = OpenvinoStylizer(bank, program, paint)
    stylizer.warm_up()
    return stylizer


def batches(stylizer: OpenvinoStylizer, rounds: int) -> dict[str, object]:
    """For each number of frames: time of the batch over the time of as many singles."""
    frames = frames_of(stylizer.paint)
    look = Look(((stylizer.styles[0], 1.0),))
    found: dict[str, object] = {}
    for count in (2, 4):
        some = frames[:count]
        together, alone = stylizer.paint_all(some, look), [stylizer(f, look) for f in some]
        worst = max(
            int(np.abs(a.pixels.astype(int) - b.pixels).max())
            for a, b in zip(together, alone, strict=True)
        )
        ratios, singles = [], []
        for number in range(rounds):
            both: list[Callable[[], object]] = [
                lambda some=some: stylizer.paint_all(some, look),
                lambda some=some: [stylizer(frame, look) for frame in some],
            ]
            times = {i: timed(both[i]) for i in ((0, 1) if number % 2 else (1, 0))}
            ratios.append(times[0] / times[1])
            singles.append(times[1] / count)
        found[f"{count} at once"] = {
            "ratio": spread(ratios),
            "single_ms": spread([1000 * t for t in singles]),
            "largest_difference": worst,
        }
    return found


def composing(size: Size, rounds: int) -> dict[str, str]:
    """Milliseconds of a core for each kind of view, from frames that fit and from larger ones."""
    seen = [Filmed(name) for name in NAMES]
    shots: dict[str, Shot] = {
        "side by side, 2": Tiles(tuple(seen[:2]), 2, 0.0, "cover"),
        "side by side, 4": Tiles(tuple(seen), 2, 0.0, "cover"),
        "inset": Inset(seen[0], seen[1], "top_right", 0.3, 0.03, 0.005),
        "crossfade": Walk(((seen[0], 0.5), (seen[1], 0.5))),
    }
    found: dict[str, str] = {}
    for source in (size, Size(2 * size.width, 2 * size.height)):
        frames = {frame.camera: frame.pixels for frame in frames_of(source)}
        for name, shot in shots.items():
            times: list[float] = []
            for _ in range(rounds):
                begun = time.thread_time()
                draw(shot, frames, size)
                times.append(1000 * (time.thread_time() - begun))
            found[f"{name}, from {source}"] = spread(times)
    return found


def shows(bank: str, paint: Size, seconds: float, work: Path) -> dict[str, str]:
    """Pictures painted a second."""
    style = read_bank(find_bank(bank, Path.cwd())).card.names[0]
    found: dict[str, str] = {}
    for count in (1, 2, 3, 4):
        for way in ("view", "outputs"):
            if (count, way) == (1, "outputs"):
                continue
            text = show_of(count, way).replace("PAINT", str(paint)).replace("STYLE", style)
            (work / "bench.yaml").write_text(text.replace("BANK", str(bank)))
            plan = make_plan("bench.yaml", os.environ, work, displays=False)
            report = report_json(run_show(plan, seconds, threading.Event()))
            times = {k: v["p50"] for k, v in report["stages_ms"].items()}
            found[f"{count} in {way}"] = f"{report['painted_per_second']:.1f} a second, ms {times}"
    return found


def show_of(count: int, way: str) -> str:
    names = NAMES[:count]
    cameras = "\n".join(f"  {name}: {{kind: pattern, size: PAINT, fps: 30}}" for name in names)
    view = way == "view" and count > 1
    views = f"views: {{all: {{kind: side_by_side, cameras: [{', '.join(names)}]}}}}" if view else ""
    shown = names if way == "outputs" else names[:1]
    outputs = "\n".join(
        f"  wall-{name}: {{kind: memory, fps: 60"
        + (f", camera: {name}}}" if way == "outputs" else "}")
        for name in shown
    )
    text = SHOW.replace("CAMERAS", cameras).replace("VIEWS", views).replace("OUTPUTS", outputs)
    return text.replace("PLAYED", "all" if view else names[0])


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def spread(values: list[float]) -> str:
    """`median (first to third quartile)`"""
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--bank", default="montreal")
    options.add_argument("--paint", type=parse_size, default=Size(640, 360))
    options.add_argument("--int8", action="store_true")
    options.add_argument("--seconds", type=float, default=6.0)
    given = options.parse_args()
    found: dict[str, object] = {"machine": machine(), "paint": str(given.paint)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found["compose_ms"] = composing(given.paint, given.rounds)
        if given.seconds:
            found["shows"] = shows(given.bank, given.paint, given.seconds, folder)
        stylizer = painter_of(given.bank, given.paint, folder, given.int8)
        found["precision"] = stylizer.program.precision
        found["batches"] = batches(stylizer, given.rounds)
    print(json.dumps(found, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
