"""What the whole show costs over the bare painter, and whether its memory stays flat.

The show: a 1280x720 H.264 file at 30 fps, decoded, painted at 640x360, drawn on a 1280x720 canvas,
offscreen.  The bare painter: the same stylizer on one 640x360 frame, nothing else running.  Both
run in turns, in one process, so that a noisy machine is noisy for both; the ratio is the figure.

    python bench/loop.py [--rounds 5] [--seconds 10] [--minutes 0] [--paint 640x360] [--json]

`--minutes 10` then lets one show run that long and reads its resident memory every ten seconds.
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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import psutil

from murai_show.app import demo_photos, make_plan, run_show
from murai_show.frame import Frame
from murai_show.paint import cropped, open_photo
from murai_show.report import report_json
from murai_show.show.plan import Plan
from murai_show.show.timeline import Look
from murai_show.show.words import Size, parse_size
from murai_show.style import open_stylizer

SHOW = """\
murai: 1
show: bench
cameras:
  film: {kind: file, path: film.mp4}
bank: first
playlists:
  all: {styles: [wave, starry, kandinsky, delaunay], each: 8s, fade: 2s}
play: {playlist: all, paint: PAINT}
outputs:
  wall: {kind: offscreen, size: 1280x720, corners: {top_left: [0.05, 0.04]}}
metrics: "off"
"""


def write_film(path: Path, seconds: int = 8) -> None:
    """A slow pan over real photographs, 1280x720, 30 fps, about 4 Mb/s."""
    from PIL import Image

    photos = [cropped(Image.fromarray(open_photo(p)), (1600, 900)) for p in demo_photos()]
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=30, options={"b": "4M", "preset": "fast"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for number in range(seconds * 30):
            photo = photos[number * len(photos) // (seconds * 30)]
            left = number % 240
            view = np.asarray(photo.crop((left, left // 2, left + 1280, left // 2 + 720)))
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(view), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 30)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def bare_rate(plan: Plan, seconds: float) -> float:
    """Frames per second of the painter alone."""
    stylizer = open_stylizer(plan.bank, plan.paint)
    pixels = np.random.default_rng(1).integers(0, 256, (*plan.paint[::-1], 3), np.uint8)
    look = Look(((plan.bank.styles[0], 1.0),))
    count, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        stylizer(Frame(pixels, 0.0, 0.0, count, "bare"), look)
        count += 1
    return count / (time.perf_counter() - begun)


def watch_memory(samples: list[int], stop: threading.Event) -> None:
    process = psutil.Process()
    while not stop.wait(10):
        samples.append(process.memory_info().rss)


def memory_of(plan: Plan, minutes: float) -> dict[str, float]:
    """Resident memory in MiB of a show that runs for `minutes`, its first minute left out."""
    samples: list[int] = []
    stop = threading.Event()
    watcher = threading.Thread(target=watch_memory, args=(samples, stop))
    watcher.start()
    try:
        run_show(plan, minutes * 60, threading.Event())
    finally:
        stop.set()
        watcher.join()
    settled = [s / 2**20 for s in samples[6:]] or [s / 2**20 for s in samples]
    third = max(1, len(settled) // 3)
    return {
        "minutes": minutes,
        "max_mib": round(max(settled), 1),
        "first_third_mib": round(statistics.mean(settled[:third]), 1),
        "last_third_mib": round(statistics.mean(settled[-third:]), 1),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=10.0)
    options.add_argument("--minutes", type=float, default=0.0)
    options.add_argument("--paint", type=parse_size, default=Size(640, 360))
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        write_film(work / "film.mp4")
        (work / "bench.yaml").write_text(SHOW.replace("PAINT", str(given.paint)))
        plan = make_plan("bench.yaml", os.environ, work, displays=False)
        bare: list[float] = []
        shows: list[dict[str, float]] = []
        for _ in range(given.rounds):
            with ThreadPoolExecutor(1) as painter:  # as in a show
                bare.append(painter.submit(bare_rate, plan, given.seconds).result())
            report = report_json(run_show(plan, given.seconds, threading.Event()))
            shows.append(
                {
                    "painted": report["painted_per_second"],
                    "presented": report["presented_per_second"]["wall"],
                    "p99_ms": report["glass_to_glass_ms"]["p99"],
                    "mib": report["memory_mib"],
                }
            )
        found: dict[str, object] = {
            "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
            "paint": str(given.paint),
            "bare_fps": round(statistics.median(bare), 2),
            **{k: round(statistics.median(s[k] for s in shows), 2) for k in shows[0]},
            "ratios": [round(s["painted"] / b, 3) for s, b in zip(shows, bare, strict=True)],
        }
        found["ratio"] = round(statistics.median(found["ratios"]), 3)  # pyright: ignore
        if given.minutes:
            found["memory"] = memory_of(replace(plan, notes=()), given.minutes)
    print(json.dumps(found) if given.json else _page(found))


def _page(found: dict[str, object]) -> str:
    return "\n".join(f"{key:>10}  {value}" for key, value in found.items())


if __name__ == "__main__":
    main()
