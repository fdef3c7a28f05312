"""What kernels of their own cost: milliseconds a picture, standing and in fades, start and memory.

    python bench/fades.py [--bank montreal] [--size 640x360] [--rounds 15] [--apart] [--json]

A style that stands still, a fade between two styles of one network, and a fade between two networks
take turns, each a picture to warm up and one that is timed; the ratio to the round's own standing
style is the figure.  Opening is measured with engines built and compiled before, as a show starts
on a kiosk, beside the same of the largest kernel set alone; memory is what the process has grown
by, and each is a process of its own.

`--apart` first gives every style of the bank a kernel set of its own, in a temporary folder: the
most that a bank can cost.  Its engines are then built, which takes about half a minute each.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import psutil

from murai_show.frame import Frame
from murai_show.ports import Resizable
from murai_show.practice import practice_frames
from murai_show.shipped import shipped
from murai_show.show.plan import PlannedBank
from murai_show.show.timeline import Look, Mix
from murai_show.show.words import Size, parse_size
from murai_show.style import open_stylizer
from murai_show.style.bank import Bank, kernel_sets, read_bank, write_bank
from murai_show.style.build import build_engines, find_engines
from murai_show.train.cost import machine


def taken_apart(bank: Bank, folder: Path) -> Bank:
    """`bank`, each style with a copy of its network for itself."""
    networks = {name: part.network for part in kernel_sets(bank) for name in part.card.names}
    numbered = [replace(style, kernels=i) for i, style in enumerate(bank.card.styles, 1)]
    own = {style.kernels: networks[style.name] for style in numbered}
    path = folder / bank.path.name
    write_bank(path, replace(bank.card, styles=tuple(numbered)), bank.network, bank.styles, own)
    return read_bank(path)


def alone(part: Bank, folder: Path) -> Bank:
    """A kernel set as a bank that has nothing else."""
    path = folder / f"alone-{part.path.name}"
    styles = tuple(replace(style, kernels=0) for style in part.card.styles)
    write_bank(path, replace(part.card, styles=styles), part.network, part.styles)
    return read_bank(path)


def prepare(bank: Bank, paint: Size) -> float:
    """Have all engines of `bank` built and compiled; returns the seconds that building took."""
    begun = time.perf_counter()
    for part in kernel_sets(bank):
        if find_engines(part) is None:
            build_engines(part, practice_frames, partial(print, part.name, file=sys.stderr))
    seconds = time.perf_counter() - begun
    open_bank(bank.path, paint).close()
    return round(seconds, 1)


def open_bank(path: Path, paint: Size) -> Resizable:
    names = read_bank(path).card.names
    return open_stylizer(PlannedBank(path.stem, path, "openvino", names), paint, practice_frames)


def opening(path: Path, paint: Size) -> dict[str, float]:
    """What opening costs a new process."""
    process = psutil.Process()
    before, begun = process.memory_info().rss, time.perf_counter()
    stylizer = open_bank(path, paint)
    seconds = time.perf_counter() - begun
    grown = (process.memory_info().rss - before) / 2**20
    stylizer.close()
    return {"seconds": round(seconds, 2), "mib": round(grown)}


def mixes(bank: Bank) -> dict[str, Mix]:
    """The looks that take turns, by what they are; those that this bank has."""
    parts = sorted(kernel_sets(bank), key=lambda part: -len(part.card.styles))
    first, *others = parts[0].card.names
    found: dict[str, Mix] = {"standing": ((first, 1.0),)}
    if others:
        found["fade in one network"] = ((first, 0.5), (others[0], 0.5))
    if len(parts) > 1:
        other = parts[1].card.names[0]
        found["standing, another network"] = ((other, 1.0),)
        found["fade between two networks"] = ((first, 0.5), (other, 0.5))
    return found


def race(stylizer: Resizable, looks: dict[str, Mix], size: Size, rounds: int) -> dict[str, object]:
    noise = np.random.default_rng(1).integers(0, 256, (size.height, size.width, 3), np.uint8)
    frame = Frame(noise, 0.0, 0.0, 1, "bench")
    taken: dict[str, list[float]] = {name: [] for name in looks}
    for _ in range(rounds):
        for name, mix in looks.items():
            stylizer(frame, Look(mix))
            begun = time.perf_counter()
            stylizer(frame, Look(mix))
            taken[name].append((time.perf_counter() - begun) * 1e3)
    base = taken["standing"]
    return {
        name: {
            "ms": round(statistics.median(own), 1),
            "least": round(min(own), 1),
            "most": round(max(own), 1),
            "times standing": round(
                statistics.median(a / b for a, b in zip(own, base, strict=True)), 2
            ),
        }
        for name, own in taken.items()
    }


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--bank", default="montreal")
    options.add_argument("--size", type=parse_size, default=Size(640, 360))
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--apart", action="store_true")
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    bank = read_bank(shipped("models") / f"{given.bank}.safetensors")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = taken_apart(bank, folder) if given.apart else bank
        largest = max(kernel_sets(whole), key=lambda part: len(part.card.styles))
        banks = {"one network": alone(largest, folder), "all": whole}
        building = {name: prepare(one, given.size) for name, one in banks.items()}
        with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as fresh:
            costs = {
                name: fresh.submit(opening, one.path, given.size).result()
                for name, one in banks.items()
            }
        stylizer = open_bank(whole.path, given.size)
        found = {
            "machine": machine(),
            "networks": len(kernel_sets(whole)),
            "megabytes": round(whole.path.stat().st_size / 1e6, 2),
            "building, seconds": building,
            "opening": costs,
            "pictures": race(stylizer, mixes(whole), given.size, given.rounds),
        }
        stylizer.close()
    print(json.dumps(found, indent=None if given.json else 1))


if __name__ == "__main__":
    main()
