"""Which form of an engine paints on this GPU: measured once, remembered, the fastest opened."""

from __future__ import annotations

import json
import logging
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from murai_show.cuda_faults import first_line
from murai_show.errors import EngineError
from murai_show.frame import Frame
from murai_show.show.timeline import Look
from murai_show.show.words import Size
from murai_show.style.vault import keep, read_trusted

if TYPE_CHECKING:
    from murai_show.style.cuda import CudaStylizer

SECONDS = 1.0
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Winner:
    """The form that paints; `milliseconds` a frame of each that was measured, none where there was
    nothing to choose."""

    name: str
    stylizer: CudaStylizer
    milliseconds: Mapping[str, float]

    @property
    def told(self) -> str:
        """`fp16 1.20 ms, int8 0.90 ms`"""
        return ", ".join(f"{name} {ms:.2f} ms" for name, ms in self.milliseconds.items())


def open_fastest(
    openers: Mapping[str, Callable[[], CudaStylizer]],
    file: Path | None,
    paint: Size,
    *,
    seconds: float = SECONDS,
    anew: bool = False,
) -> Winner:
    """Open what was the fastest at `paint` when it was measured, or measure now (or `anew`), for
    `seconds` each; `file` remembers, None where nothing can be kept.

    What the first of `openers` raises is raised.  Another that cannot be opened is passed over, and
    one line says so; while `file` remembers the rest, it is not tried again.
    """
    safe = next(iter(openers))
    found = {} if anew or file is None else recall(file, openers)
    wanted = [min(found, key=lambda name: found[name])] if found else list(openers)
    ready: dict[str, CudaStylizer] = {}
    for name in wanted:
        try:
            ready[name] = openers[name]()
        except (EngineError, ImportError, OSError) as error:
            if name == safe:
                raise
            log.info("%s does not work here: %s", name, first_line(error))
    if not ready:
        ready[safe] = openers[safe]()
    if not found and len(openers) > 1:
        found = race(ready, paint, seconds)
        if file is not None:
            _remember(file, found)
    winner = min(ready, key=lambda name: found.get(name, 0.0))
    for name, stylizer in ready.items():
        if name != winner:
            stylizer.close()
    return Winner(winner, ready[winner], found)


def race(stylizers: Mapping[str, CudaStylizer], paint: Size, seconds: float) -> dict[str, float]:
    """Median milliseconds a frame of each, taken in turn for `seconds` each, five times at least.

    The frame is on the device already, as the camera's are.
    """
    noise = np.random.default_rng(1).integers(0, 256, (paint.height, paint.width, 3), np.uint8)
    taken: dict[str, list[float]] = {name: [] for name in stylizers}
    end = time.perf_counter() + seconds * len(stylizers)
    frames = {
        name: Frame(_there(noise, stylizer.device), 0.0, 0.0, 1, "race")
        for name, stylizer in stylizers.items()
    }
    while time.perf_counter() < end or any(len(times) < 5 for times in taken.values()):
        for name, stylizer in stylizers.items():
            begun = time.perf_counter()
            stylizer(frames[name], Look(((stylizer.styles[0], 1.0),)))
            taken[name].append(time.perf_counter() - begun)
    return {name: round(statistics.median(times) * 1e3, 3) for name, times in taken.items()}


def recall(file: Path, names: Iterable[str]) -> dict[str, float]:
    """Milliseconds of those of `names` that `file` remembers; none where it is damaged."""
    try:
        found = json.loads(read_trusted(file) or b"{}")
        return {name: float(found[name]) for name in names if name in found}
    except (ValueError, TypeError):
        return {}


def _there(pixels: np.ndarray, device: torch.device) -> Tensor | np.ndarray:
    return pixels if device.type == "cpu" else torch.from_numpy(pixels).to(device)


def _remember(file: Path, found: Mapping[str, float]) -> None:
    try:
        keep(file, json.dumps(found).encode())
    except OSError as error:
        log.info("what was measured cannot be kept: %s", error)
