"""What the GPU can do, measured: matrix rate, memory bandwidth; and what a network asks of both."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

HALF = 2  # bytes


@dataclass(frozen=True)
class Roofline:
    """`matrix`: fp16 multiply-adds a second; `bandwidth`: bytes a second, read and written."""

    matrix: float
    bandwidth: float

    def seconds(self, macs: float, traffic: float) -> float:
        """The least time in which both can be done, one hidden behind the other."""
        return max(macs / self.matrix, traffic / self.bandwidth)


def measure() -> Roofline:
    side = 8192
    one, other = (torch.randn(side, side, device="cuda", dtype=torch.half) for _ in range(2))
    matrix = side**3 / (milliseconds(lambda: one @ other) / 1e3)
    bulk = torch.empty(2**30, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(bulk)
    copied = milliseconds(lambda: target.copy_(bulk)) / 1e3
    return Roofline(matrix, 2 * bulk.numel() / copied)


def milliseconds(call: Callable[[], object], rounds: int = 30) -> float:
    """The median of `call` by CUDA's own clock, on the current stream."""
    taken: list[float] = []
    for number in range(rounds + 5):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        call()
        end.record()
        end.synchronize()
        if number >= 5:
            taken.append(begin.elapsed_time(end))
    return statistics.median(taken)


def demand(network: nn.Module, picture: Tensor, style: Tensor) -> tuple[float, float]:
    """(multiply-adds, bytes) of one picture in fp16: every convolution reads its input and its
    weights once and writes its output once.  What lies between, norms and sums, is counted as one
    more reading and writing of each convolution's output."""
    traffic = 0.0

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal traffic
        weights = sum(p.numel() for p in module.parameters())
        traffic += HALF * (inputs[0].numel() + weights + 3 * output.numel())

    hooks = [
        module.register_forward_hook(count)
        for module in network.modules()
        if isinstance(module, nn.Conv2d)
    ]
    try:
        with FlopCounterMode(display=False) as counter:
            network(picture, style)
    finally:
        for hook in hooks:
            hook.remove()
    return counter.get_total_flops() / 2, traffic
