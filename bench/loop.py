"""What the whole show costs over the bare painter, and whether its memory stays flat.

The show: a camera, painted at 640x360, drawn on a 1280x720 canvas, offscreen; with three
cameras in turn: an H.264 film of 1280x720 at 30 fps, one of 640x360, and the pattern, a quarter
faster than the bare painter; and the pattern once more without a canvas, which leaves the loop
itself.  Styles are cut, not faded, so that every painted picture is of a new frame.  The bare
painter: the same stylizer on one 640x360 frame, nothing else running.  All take turns, in one
process, so that a noisy machine is noisy for all; the ratio to the round's bare painter is the
figure.

    python bench/loop.py [--bank montreal] [--rounds 5] [--seconds 8] [--paint 640x360]
                         [--minutes 0] [--json]

`--minutes 10` then lets the first show run that long and reads its resident memory every ten
seconds; `--rounds 0` leaves the turns out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import psutil
from PIL import Image

from murai_show.app import demo_photos, find_bank, make_plan, run_show
from murai_show.frame import Frame
from murai_show.paint import cropped, open_photo
from murai_show.practice import practice_frames
from murai_show.report import report_json
from murai_show.show.plan import Plan
from murai_show.show.timeline import Look
from murai_show.show.words import Size, parse_size
from murai_show.style import open_stylizer
from murai_show.style.bank import read_bank

SHOW = """\
murai: 1
show: bench
cameras:
  camera: CAMERA
bank: BANK
playlists:
  all: {styles: [STYLES], each: 8s, fade: 0s}
play: {playlist: all, paint: PAINT}
outputs:
  wall: WALL
metrics: "off"
"""
CANVAS = "{kind: offscreen, size: 1280x720, corners: {top_left: [0.05, 0.04]}}"
PATTERN = "{kind: pattern, size: PAINT, fps: RATE}"
SHOWS = {  # camera and output
    "film 1280x720": ("{kind: file, path: large.mp4}", CANVAS),
    "film 640x360": ("{kind: file, path: small.mp4}", CANVAS),
    "the pattern": (PATTERN, CANVAS),
    "the pattern, on no canvas": (PATTERN, "{kind: memory}"),
}


def write_film(path: Path, size: Size, seconds: int = 8, fps: int = 30) -> None:
    """A slow pan over real photographs, about 4 Mb/s at 1280x720 and 30 fps."""
    photos = [cropped(Image.fromarray(open_photo(p)), (1600, 900)) for p in demo_photos()]
    rate = size.width * size.height * 4_000_000 // (1280 * 720)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=fps, options={"b": str(rate), "preset": "fast"})
        stream.width, stream.height, stream.pix_fmt = size.width, size.height, "yuv420p"
        for number in range(seconds * fps):
            photo = photos[number * len(photos) // (seconds * fps)]
            left = number % 240
            view = photo.crop((left, left // 2, left + 1280, left // 2 + 720)).resize(size)
            frame = av.VideoFrame.from_ndarray(np.array(view), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def plans(work: Path, bank: str, paint: Size) -> dict[str, Plan]:
    """Each show."""
    write_film(work / "large.mp4", Size(1280, 720))
    write_film(work / "small.mp4", Size(640, 360))
    styles = ", ".join(read_bank(find_bank(bank, work)).card.names)
    words = {"BANK": bank, "STYLES": styles, "PAINT": str(paint), "RATE": "30"}
    any_camera, any_wall = SHOWS["the pattern, on no canvas"]
    rate = bare_rate(_plan(work, any_camera, any_wall, words), 2.0)
    words["RATE"] = str(min(240, round(1.25 * rate)))
    return {name: _plan(work, *places, words) for name, places in SHOWS.items()}


def _plan(work: Path, camera: str, wall: str, words: Mapping[str, str]) -> Plan:
    text = SHOW.replace("CAMERA", camera).replace("WALL", wall)
    for word, value in words.items():
        text = text.replace(word, value)
    (work / "bench.yaml").write_text(text)
    return make_plan("bench.yaml", os.environ, work, displays=False)


def bare_rate(plan: Plan, seconds: float) -> float:
    """Frames per second of the painter alone."""
    stylizer = open_stylizer(plan.bank, plan.paint, practice_frames)
    pixels = np.random.default_rng(1).integers(0, 256, (*plan.paint[::-1], 3), np.uint8)
    look = Look(((plan.bank.styles[0], 1.0),))
    warm = time.perf_counter() + 0.5  # a show's first pictures, too, come before it is on air
    while time.perf_counter() < warm:
        stylizer(Frame(pixels, 0.0, 0.0, 0, "bare"), look)
    count, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        stylizer(Frame(pixels, 0.0, 0.0, count, "bare"), look)
        count += 1
    return count / (time.perf_counter() - begun)


def turns(shows: dict[str, Plan], rounds: int, seconds: float) -> dict[str, object]:
    """Medians over `rounds`, and every round's ratio."""
    bare: list[float] = []
    reports: dict[str, list[dict[str, float]]] = {name: [] for name in shows}
    for _ in range(rounds):
        with ThreadPoolExecutor(1) as painter:  # one thread, as in a show
            any_plan = next(iter(shows.values()))
            bare.append(painter.submit(bare_rate, any_plan, seconds).result())
        for name, plan in shows.items():
            report = report_json(run_show(plan, seconds, threading.Event()))
            reports[name].append(
                {
                    "painted_fps": report["painted_per_second"],
                    "presented_fps": report["presented_per_second"]["wall"],
                    "p50_ms": report["glass_to_glass_ms"]["p50"],
                    "p99_ms": report["glass_to_glass_ms"]["p99"],
                    "ratio": report["painted_per_second"] / bare[-1],
                }
            )
    found: dict[str, object] = {"bare_fps": _spread(bare)}
    for name, rows in reports.items():
        found[name] = {key: _spread([row[key] for row in rows]) for key in rows[0]}
    return found


def _spread(values: list[float]) -> str:
    """`median (least to most)`"""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def memory_of(plan: Plan, minutes: float) -> dict[str, float]:
    """Resident memory in MiB of a show that runs for `minutes`; its first minute is left out."""
    samples: list[int] = []
    stop = threading.Event()

    def watch() -> None:
        process = psutil.Process()
        while not stop.wait(10):
            samples.append(process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        run_show(plan, minutes * 60, threading.Event())
    finally:
        stop.set()
        watcher.join()
    settled = [s / 2**20 for s in samples[6:] or samples]
    third = max(1, len(settled) // 3)
    return {
        "minutes": minutes,
        "max_mib": round(max(settled), 1),
        "first_third_mib": round(statistics.mean(settled[:third]), 1),
        "last_third_mib": round(statistics.mean(settled[-third:]), 1),
    }


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--bank", default="montreal")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=8.0)
    options.add_argument("--minutes", type=float, default=0.0)
    options.add_argument("--paint", type=parse_size, default=Size(640, 360))
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    found: dict[str, object] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "bank": given.bank,
        "paint": str(given.paint),
    }
    with tempfile.TemporaryDirectory() as folder:
        shows = plans(Path(folder), given.bank, given.paint)
        if given.rounds:
            found |= turns(shows, given.rounds, given.seconds)
        if given.minutes:
            found["memory"] = memory_of(next(iter(shows.values())), given.minutes)
    print(json.dumps(found, indent=None if given.json else 1))


if __name__ == "__main__":
    main()
