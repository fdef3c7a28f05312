"""What a network costs: arithmetic, and time on this machine."""

from __future__ import annotations

import math
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

from murai_show.train.peers import Paint

Size = tuple[int, int]  # width, height
ROUNDS = 5
_SIDE = 64


def macs_per_pixel(paint: Paint) -> tuple[float, float]:
    """Multiplications of all convolutions for one pixel: (executed, with zeros inserted).

    A transposed convolution multiplies each input pixel with its kernel once, which is the first
    number.  Described as a convolution over the output's grid with zeros put between the pixels, as
    some papers count, it has stride² times as many; the second number has it so.
    """
    picture = torch.zeros(1, 3, _SIDE, _SIDE)

    def count(**mapping: Any) -> float:
        with FlopCounterMode(display=False, **mapping) as counter:
            paint(picture)
        return counter.get_total_flops() / 2 / _SIDE**2

    return count(), count(custom_mapping={torch.ops.aten.convolution: _with_zeros})


def _with_zeros(
    x_shape: list[int],
    w_shape: list[int],
    _bias: Any,
    stride: list[int],
    _padding: Any,
    _dilation: Any,
    transposed: bool,
    *_: Any,
    out_shape: Any = None,
    **__: Any,
) -> int:
    flops = conv_flop_count(x_shape, w_shape, out_shape, transposed=transposed)
    return flops * math.prod(stride) if transposed else flops


def milliseconds(
    paints: Sequence[Paint], size: Size, track: Callable[[Iterable[int]], Iterable[int]]
) -> list[float]:
    """The median time that each of `paints` takes for one picture of `size`, in milliseconds.

    One round to warm up, then `ROUNDS` in each of which every painter has its turn, so that a noisy
    neighbour disturbs all alike.  `track` may watch the numbers of the rounds go by.
    """
    width, height = size
    picture = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1))
    times: list[list[float]] = [[] for _ in paints]
    for number in track(range(ROUNDS + 1)):
        for paint, taken in zip(paints, times, strict=True):
            begun = time.perf_counter()
            paint(picture)
            if number > 0:
                taken.append(1000 * (time.perf_counter() - begun))
    return [statistics.median(taken) for taken in times]


def machine() -> str:
    """The processor and the number of threads that torch uses."""
    threads = torch.get_num_threads()
    return f"{_processor()}, {threads} {'thread' if threads == 1 else 'threads'}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
