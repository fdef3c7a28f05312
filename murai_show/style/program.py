"""A bank's network on a device, as programs: painting at one size, from fixed memory into fixed
memory, which is what a CUDA graph can hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from murai_show.show.words import Size
from murai_show.style.bank import Bank
from murai_show.style.half import FromBytes, fit_to_half
from murai_show.style.network import build_network


@dataclass(frozen=True)
class Program:
    """Painting at one size, from fixed memory into fixed memory.

    `picture`: (H, W, 3), RGB, 0..255 in any dtype, to be written before; `painted`: (H, W, 4),
    RGBA, uint8, alpha 255.  Of several frames at once both have one more dimension, in front.
    `run` enqueues the work on the current stream.
    """

    picture: Tensor
    painted: Tensor
    run: Callable[[], object]
    holds: object = None  # what must live as long as `run`


class Network(Protocol):
    """A bank's network on a device."""

    engine: str
    device: torch.device

    def program(self, size: Size, style: Tensor) -> Program:
        """Painting at `size`, which `inside` gave, in what `style` holds when it is run.

        `style`: (1, style_length), float32.  Raises RuntimeError with what CUDA said.
        """
        ...


@runtime_checkable
class Several(Protocol):
    """A network that can paint several frames at once."""

    def several(self, count: int, size: Size, style: Tensor) -> Program | None:
        """As `program`, for `count` frames; None where one by one is quicker."""
        ...


class _Easel(nn.Module):
    """`network` from 0..255 to 0..255, whole numbers, so that a compiler can fuse both ends."""

    def __init__(self, network: FromBytes) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor, style: Tensor) -> Tensor:
        return torch.round(self.network(picture, style) * 255.0)


class TorchNetwork:
    """`bank` in torch, channels-last: fp16 with fp32 norms on a GPU, fp32 on a CPU.

    `compiled` is the one size that torch.compile builds for, in tens of seconds; others are painted
    as torch is, because a camera's slate must not wait for a compiler.  Raises BankError.
    """

    engine = "cuda"

    def __init__(
        self,
        bank: Bank,
        device: torch.device,
        dtype: torch.dtype | None = None,
        compiled: Size | None = None,
    ) -> None:
        self.device = device
        self.dtype = dtype or (torch.float16 if device.type == "cuda" else torch.float32)
        network = build_network(bank)
        taking = fit_to_half(network) if self.dtype is torch.float16 else FromBytes(network)
        self._easel = _Easel(taking).to(device, self.dtype).eval()
        self._compiled_size = compiled
        self._compiled = (
            None if compiled is None else torch.compile(self._easel, dynamic=False, fullgraph=True)
        )
        if device.type == "cuda":
            # Sizes are few and stay, so the fastest kernels are worth a trial before the capture.
            torch.backends.cudnn.benchmark = True

    def program(self, size: Size, style: Tensor) -> Program:
        """See Network."""
        easel = self._compiled if size == self._compiled_size else self._easel
        assert easel is not None
        one = self._built(easel, 1, size, style)
        return Program(one.picture[0], one.painted[0], one.run)

    def several(self, count: int, size: Size, style: Tensor) -> Program | None:
        """See Several.  What was compiled was measured to be quicker, and for one frame."""
        if size == self._compiled_size:
            return None
        return self._built(self._easel, count, size, style)

    def _built(
        self, easel: Callable[[Tensor, Tensor], Tensor], count: int, size: Size, style: Tensor
    ) -> Program:
        shape = (size.height, size.width)
        planes = torch.zeros((count, 3, *shape), dtype=self.dtype, device=self.device)
        planes = planes.to(memory_format=torch.channels_last)
        painted = torch.full((count, *shape, 4), 255, dtype=torch.uint8, device=self.device)

        def run() -> None:
            painted[..., :3].copy_(easel(planes, style).permute(0, 2, 3, 1))

        return Program(planes.permute(0, 2, 3, 1), painted, run)
