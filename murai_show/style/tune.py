"""Which engine paints on this machine: measured once, for a second each, and remembered."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from murai_show.frame import Frame
from murai_show.show.timeline import Look
from murai_show.show.words import Size
from murai_show.style.bank import Bank
from murai_show.style.build import Engines
from murai_show.style.openvino import OpenvinoStylizer, painting_threads
from murai_show.style.timed import timed

SECONDS = 1.0
FACTS = "tuned.json"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choice:
    """The precision that paints; `milliseconds` a frame, the median of each that was tried."""

    precision: str
    threads: int
    milliseconds: Mapping[str, float]

    def why(self, size: Size) -> str:
        """`OpenVINO int8, 51 ms a frame at 640x360 on 2 threads; fp32 takes 82 ms`"""
        told = f"OpenVINO {self.precision}, {self.milliseconds[self.precision]:.0f} ms a frame"
        told += f" at {size} on {self.threads} thread{'s' * (self.threads > 1)}"
        others = [
            f"{name} takes {ms:.0f} ms"
            for name, ms in self.milliseconds.items()
            if name != self.precision
        ]
        return "; ".join([told, *others])


def choose(
    engines: Engines, bank: Bank, size: Size, seconds: float = SECONDS, anew: bool = False
) -> Choice:
    """The fastest precision of `engines` that may paint at `size`, as measured here before, or now.

    Raises EngineError when a graph cannot be read or compiled.
    """
    threads = painting_threads()
    file, key = engines.folder / FACTS, f"{size} on {threads}"
    known = _read(file)
    found = known.get(key, {})
    if anew or set(found) != set(engines.precisions):
        found = {
            name: round(_measure(engines, bank, name, size, threads, seconds), 2)
            for name in engines.precisions
        }
        _write(file, {**known, key: found})
    return Choice(min(found, key=lambda name: found[name]), threads, found)


def _measure(
    engines: Engines, bank: Bank, precision: str, size: Size, threads: int, seconds: float
) -> float:
    """Milliseconds a frame, the median over `seconds`."""
    stylizer = OpenvinoStylizer(bank, engines.program(precision, threads), size)
    stylizer.warm_up()
    pixels = np.random.default_rng(1).integers(0, 256, (size.height, size.width, 3), np.uint8)
    look = Look(((bank.card.names[0], 1.0),))
    return timed(lambda: stylizer(Frame(pixels, 0.0, 0.0, 1, "tuner"), look), seconds)


def recalled(engines: Engines, size: Size) -> float | None:
    """Milliseconds a frame of the precision that `choose` would take at `size`, as measured here
    before; None where that was not."""
    found = _read(engines.folder / FACTS).get(f"{size} on {painting_threads()}", {})
    return min(found.values()) if set(found) == set(engines.precisions) else None


def _read(file: Path) -> dict[str, dict[str, float]]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(file: Path, known: Mapping[str, Mapping[str, float]]) -> None:
    """Remember; where that fails it is measured again next time."""
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        part.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
        part.replace(file)
    except OSError as error:
        log.info("what was measured cannot be kept: %s", error)
