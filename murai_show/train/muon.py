"""Muon for convolution kernels (Jordan et al. 2024), with steps relative to the kernel's norm.

The momentum of every kernel, read as a matrix (O, I·k·k), is made orthogonal, so that all of its
directions are learned at one speed.  torch.optim.Muon takes matrices only and steps by an absolute
length; in the painter, where every kernel but the last stands before a norm and has no scale of
its own, a step relative to the kernel's norm learned faster (docs/LOG.md).

Such steps make a kernel longer, a little each time, and over a long run without bound: after 9,000
steps kernels had grown from 4 to 10⁷, past what half precision holds, and the norm's eps had lost
its meaning.  Kernels without a scale of their own are therefore held at the norm they began with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

MOMENTUM = 0.9
# The quintic of Jordan et al.: it brings singular values near 1 fast rather than exactly.
QUINTIC = (3.4445, -4.7750, 2.0315)
ROUNDS = 4


class Muon(torch.optim.Optimizer):
    """`lr` is the length of a step as a share of the kernel's Frobenius norm.

    `free` are kernels whose scale says nothing, because a norm follows; `scaled` are the others.
    """

    def __init__(
        self, free: Iterable[Tensor], scaled: Iterable[Tensor] = (), lr: float = 0.02
    ) -> None:
        groups = [{"params": list(free), "held": True}, {"params": list(scaled), "held": False}]
        super().__init__([group for group in groups if group["params"]], {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:
        assert closure is None
        for group in self.param_groups:
            for kernel in group["params"]:
                if kernel.grad is None:
                    continue
                state = self.state[kernel]
                if not state:
                    state["momentum"] = torch.zeros_like(kernel)
                momentum = state["momentum"].mul_(MOMENTUM).add_(kernel.grad)
                ahead = kernel.grad.add(momentum, alpha=MOMENTUM)  # Nesterov's look ahead
                way = orthogonal(ahead.flatten(1)).view_as(kernel)
                length = group["lr"] * kernel.norm() / way.norm().clamp_min(1e-12)
                kernel.sub_(way * length)
                if group["held"]:
                    kernel.mul_(first_norm(kernel) / kernel.norm())


def first_norm(kernel: Tensor) -> float:
    """The norm that torch's own initialisation gives a kernel (O, I, k, k), in the mean: its
    weights are uniform with variance 1 / (3·I·k²)."""
    return math.sqrt(kernel.shape[0] / 3)


def orthogonal(matrix: Tensor) -> Tensor:
    """The orthogonal matrix nearest to `matrix`, about: singular values come near 1.

    Newton-Schulz, fp32: the matrices are small, and bf16 is slower on a CPU.
    """
    a, b, c = QUINTIC
    x = matrix.float() / matrix.norm().clamp_min(1e-7)
    turned = x.shape[0] > x.shape[1]
    x = x.T if turned else x
    for _ in range(ROUNDS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return (x.T if turned else x).to(matrix.dtype)
