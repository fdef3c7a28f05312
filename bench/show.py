"""The whole show against the loop that tutorials teach; more outputs; larger pictures; the start.

    python bench/show.py [--rounds 3] [--seconds 8] [--bank montreal] [--json]

- naive: decode the clip on the CPU, scale, the network of pytorch/examples in eager PyTorch, draw
  on the canvas, one after the other.  ours: `murai-show`, the same clip, paint size and canvas,
  then painted at 1280×720.  They take turns in one process, on the same 720p H.264 clip of 30
  frames a second; styles are cut, not faded, so that every painted picture is of a new frame.
- outputs: the same canvas on 1, 2, 4 and 8 offscreen outputs.
- showing: what it takes to show a new picture on so many, nothing else running.
- cameras: 1, 2, 4 and 8 of them, 720p H.264 films; in one picture, painted once, and each painted
  by itself for an output of its own.
- sizes: painted at 180p to 2160p, of a test pattern of that size: nothing is decoded, nothing
  enlarged.
  Where the machine tells its energy, with the joules of a picture.
- start: from the command to the first presented frame, as a process of its own, with engines built.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import psutil
from engines import eager, johnson, open_engines
from loop import write_film
from PIL import Image

from murai_show.app import find_bank, make_plan, run_show
from murai_show.frame import Frame
from murai_show.output.offscreen import Offscreen
from murai_show.output.stage import Stage
from murai_show.report import report_json
from murai_show.shipped import shipped
from murai_show.show.plan import Plan
from murai_show.show.timeline import LIT
from murai_show.show.words import Size
from murai_show.style.bank import kernel_sets, read_bank
from murai_show.train.cost import machine

STYLES = ("wave", "starry", "kandinsky", "delaunay")  # those of them that the bank has
SHOW = """\
murai: 1
show: bench
cameras:
CAMERAS
VIEWS
bank: BANK
playlists:
  all: {styles: [STYLES], each: 8s, fade: 0s}
play: {playlist: all, camera: SHOT, paint: PAINT}
outputs:
OUTPUTS
metrics: "METRICS"
"""
CANVAS = Size(1280, 720)
PAINT = Size(640, 360)
PORT = 19475
PARTS = ("against", "outputs", "showing", "cameras", "sizes", "start")


FILM = "{kind: file, path: clip.mp4}"


def plan_of(
    work: Path,
    bank: str,
    paint: Size = PAINT,
    outputs: int = 1,
    cameras: int = 1,
    camera: str = FILM,
    apart: bool = False,
) -> Plan:
    """The show with so many outputs of one canvas and so many cameras: all in one picture, or
    `apart`, where each has an output."""
    names = [f"camera{n}" for n in range(cameras)]
    shown = [f", camera: {name}" for name in names] if apart else [""] * outputs
    walls = [f"  wall{n}: {{kind: offscreen, size: {CANVAS}{own}}}" for n, own in enumerate(shown)]
    columns = (cameras + 1) // 2 if cameras > 3 else cameras
    view = f"{{kind: side_by_side, columns: {columns}, cameras: [{', '.join(names)}]}}"
    together = cameras > 1 and not apart
    words = {
        "CAMERAS": "\n".join(f"  {name}: {camera}" for name in names),
        "VIEWS": f"views:\n  all: {view}" if together else "",
        "SHOT": "all" if together else names[0],
        "BANK": bank,
        "STYLES": ", ".join(s for s in STYLES if s in read_bank(find_bank(bank, work)).card.names),
        "PAINT": str(paint),
        "OUTPUTS": "\n".join(walls),
        "METRICS": "off",
    }
    text = SHOW
    for word, value in words.items():
        text = text.replace(word, value)
    (work / "bench.yaml").write_text(text)
    return make_plan("bench.yaml", os.environ, work, displays=False)


def energy() -> dict[Path, int]:
    """Microjoules that each processor has counted, by its place in Linux's powercap (Intel, AMD);
    empty where the machine does not tell, or tells root alone."""
    places = Path("/sys/class/powercap").glob("intel-rapl:?")
    try:
        return {place: int((place / "energy_uj").read_text()) for place in places}
    except OSError:
        return {}


def spent(before: dict[Path, int]) -> float:
    """Joules since `before`; the counters begin anew at a limit that they name."""
    most = {place: int((place / "max_energy_range_uj").read_text()) for place in before}
    now = energy()
    return sum((now[p] - before[p]) % (most[p] + 1) for p in before) / 1e6


def ours(plan: Plan, seconds: float) -> dict[str, float]:
    before = energy()
    report = report_json(run_show(plan, seconds, threading.Event()))
    presented = report["presented_per_second"].values()
    joules = {"joules_a_picture": spent(before) / max(1, report["painted"])} if before else {}
    return {
        **joules,
        "painted_fps": report["painted_per_second"],
        "presented_fps": round(statistics.mean(presented), 2),
        "p50_ms": report["glass_to_glass_ms"]["p50"],
        "p99_ms": report["glass_to_glass_ms"]["p99"],
        "style_ms": report["stages_ms"]["style"]["p50"],
        "memory_mib": report["memory_mib"],
    }


def naive(plan: Plan, clip: Path, seconds: float) -> dict[str, float]:
    """Frames a second and milliseconds from decoded to drawn of the loop that tutorials teach."""
    paint = eager(johnson())
    stage = Stage(plan.outputs)
    wall = Offscreen(plan.outputs[0], stage)
    taken: list[float] = []
    begun = time.perf_counter()
    for number, decoded in enumerate(_for_ever(clip), start=1):
        came = time.perf_counter()
        if came - begun > seconds:
            break
        small = Image.fromarray(decoded.to_ndarray(format="rgb24")).resize(PAINT)
        picture = Frame(paint(np.asarray(small).copy()), 0.0, 0.0, number, "naive")
        wall.show(picture, LIT, came)
        taken.append(time.perf_counter() - came)
    elapsed = time.perf_counter() - begun
    wall.close()
    stage.close()
    return {
        "painted_fps": round(len(taken) / elapsed, 2),
        "p50_ms": round(statistics.median(taken) * 1e3, 1),
        "p99_ms": round(max(taken) * 1e3, 1),
    }


def _for_ever(clip: Path) -> Iterator[av.VideoFrame]:
    while True:
        with av.open(str(clip)) as film:
            yield from film.decode(video=0)


def against(work: Path, bank: str, rounds: int, seconds: float) -> dict[str, object]:
    """Medians of both, and the median of the rounds' ratios."""
    plan = plan_of(work, bank)
    large = plan_of(work, bank, paint=CANVAS)
    rows = [
        (naive(plan, work / "clip.mp4", seconds), ours(plan, seconds), ours(large, seconds))
        for _ in range(rounds)
    ]
    ratios = [own["painted_fps"] / other["painted_fps"] for other, own, _ in rows]
    return {
        "naive": _medians([other for other, _, _ in rows]),
        "murai-show": _medians([own for _, own, _ in rows]),
        f"murai-show, painted at {CANVAS}": _medians([own for _, _, own in rows]),
        "ratio": _spread(ratios),
    }


def outputs(work: Path, bank: str, rounds: int, seconds: float) -> dict[str, object]:
    counts = (1, 2, 4, 8)
    found: dict[int, list[dict[str, float]]] = {count: [] for count in counts}
    for _ in range(rounds):
        for count in counts:
            found[count].append(ours(plan_of(work, bank, outputs=count), seconds))
    return {str(count): _medians(rows) for count, rows in found.items()}


def showing(work: Path, bank: str, rounds: int, pictures: int = 40) -> dict[str, object]:
    """ms to show a new picture on 1, 2, 4 and 8 outputs of one canvas, and what each output after
    the first adds, as a share of the first; medians of the rounds, in which all take turns."""
    counts = (1, 2, 4, 8)
    taken: dict[int, list[float]] = {count: [] for count in counts}
    shares: list[float] = []
    draw = np.random.default_rng(1)
    frames = [draw.integers(0, 256, (PAINT.height, PAINT.width, 3), np.uint8) for _ in range(4)]
    for _ in range(rounds):
        for count in counts:
            plan = plan_of(work, bank, outputs=count)
            stage = Stage(plan.outputs)
            walls = [Offscreen(planned, stage) for planned in plan.outputs]
            each: list[float] = []
            for number in range(pictures):
                picture = Frame(frames[number % 4], 0.0, 0.0, number, "bench")
                begun = time.perf_counter()
                for wall in walls:
                    wall.show(picture, LIT, begun)
                each.append((time.perf_counter() - begun) * 1e3)
            for wall in walls:
                wall.close()
            stage.close()
            taken[count].append(statistics.median(each))
        one, eight = taken[1][-1], taken[8][-1]
        shares.append((eight - one) / 7 / one)
    found: dict[str, object] = {str(count): _spread(ms) for count, ms in taken.items()}
    return {**found, "each further one, share of the first": _spread(shares)}


def cameras(work: Path, bank: str, rounds: int, seconds: float) -> dict[str, object]:
    """Pictures painted a second, all outputs together, by the number of cameras."""
    counts = (1, 2, 4, 8)
    found: dict[str, object] = {}
    for name, apart in (("in one picture", False), ("each painted", True)):
        rows: dict[int, list[dict[str, float]]] = {count: [] for count in counts}
        for _ in range(rounds):
            for count in counts:
                plan = plan_of(work, bank, cameras=count, apart=apart)
                rows[count].append(ours(plan, seconds))
        found[name] = {str(count): _medians(those) for count, those in rows.items()}
    return found


def sizes(work: Path, bank: str, seconds: float) -> dict[str, object]:
    found: dict[str, object] = {}
    for lines in (180, 270, 360, 540, 720, 1080, 1440, 2160):
        size = Size(lines * 16 // 9, lines)
        camera = f"{{kind: pattern, size: {size}}}"
        plan = plan_of(work, bank, paint=size, camera=camera)
        found[str(size)] = ours(plan, seconds if lines <= 720 else 3 * seconds)
    return found


def start(work: Path, bank: str, rounds: int) -> list[float]:
    """Seconds from the command to the first presented frame."""
    plan_of(work, bank)
    show = work / "bench.yaml"
    show.write_text(show.read_text().replace('"off"', f"127.0.0.1:{PORT}"))
    taken: list[float] = []
    for _ in range(rounds):
        begun = time.perf_counter()
        command = [sys.executable, "-m", "murai_show", "run", str(show), "--for", "60s"]
        silent = subprocess.DEVNULL
        process = subprocess.Popen(command, cwd=work, stdout=silent, stderr=silent)
        while not _ready():
            if process.poll() is not None:
                sys.exit(f"the show ended with status {process.returncode}")
            time.sleep(0.01)
        taken.append(time.perf_counter() - begun)
        process.terminate()
        process.wait(10)
    return _spread(taken)


def _ready() -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/readyz", timeout=1):
            return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _medians(rows: list[dict[str, float]]) -> dict[str, list[float]]:
    return {key: _spread([row[key] for row in rows]) for key in rows[0]}


def _spread(values: list[float]) -> list[float]:
    """Median, least, most."""
    return [round(f(values), 2) for f in (statistics.median, min, max)]


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=8.0)
    options.add_argument("--bank", default="montreal")
    options.add_argument("--only", choices=PARTS)
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    for part in kernel_sets(read_bank(shipped("models") / f"{given.bank}.safetensors")):
        open_engines(part)
    found: dict[str, object] = {
        "machine": machine(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
    }
    with tempfile.TemporaryDirectory() as folder:
        work, bank = Path(folder), given.bank
        write_film(work / "clip.mp4", Size(1280, 720))
        parts = {
            "against": lambda: against(work, bank, given.rounds, given.seconds),
            "outputs": lambda: outputs(work, bank, given.rounds, given.seconds / 2),
            "showing": lambda: showing(work, bank, 5),
            "cameras": lambda: cameras(work, bank, given.rounds, given.seconds),
            "sizes": lambda: sizes(work, bank, given.seconds),
            "start": lambda: start(work, bank, given.rounds),
        }
        for name, part in parts.items():
            if given.only in (None, name):
                found[name] = part()
                print(name, json.dumps(found[name], indent=1), file=sys.stderr, flush=True)
    print(json.dumps(found, indent=None if given.json else 1))


if __name__ == "__main__":
    main()
