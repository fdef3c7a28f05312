"""The reference stylizer: PyTorch in fp32, on a CPU or wherever the bank's network is put."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from murai_show.frame import Frame
from murai_show.show.sizes import inside
from murai_show.show.timeline import Look, Mix
from murai_show.show.words import Size
from murai_show.style.bank import Bank
from murai_show.style.network import build_network
from murai_show.style.together import paint_together


class PytorchStylizer:
    """Paint with `bank` at a resolution that fits inside `paint`, keeping the frame's aspect."""

    engine = "pytorch"

    def __init__(self, bank: Bank, paint: Size) -> None:
        self.styles = bank.card.names
        self.paint = paint
        self._network = build_network(bank)
        self._vectors = {
            name: torch.from_numpy(vector.copy())
            for name, vector in zip(bank.card.names, bank.styles, strict=True)
        }

    def warm_up(self) -> None:
        """Paint once: the first call packs weights and grows pools, before the show, not in it."""
        blank = np.zeros((self.paint.height, self.paint.width, 3), np.uint8)
        self(Frame(blank, 0.0, 0.0, 0, "warm-up"), Look(((self.styles[0], 1.0),)))

    def vector(self, mix: Mix) -> Tensor:
        """The style vector of `mix`, shape (1, style_length).  Raises KeyError."""
        return torch.stack([self._vectors[style] * weight for style, weight in mix]).sum(0)[None]

    @torch.inference_mode()
    def __call__(self, frame: Frame, look: Look) -> Frame:
        if not look.lit:
            raise ValueError("a dark look is not painted")
        size = inside(Size(frame.width, frame.height), self.paint)
        pixels = _planes(frame, size)
        painted = self._network(pixels.float().div_(255.0), self.vector(look.mix))
        return frame.painted(_pixels(painted[0]))

    def paint_all(self, frames: Sequence[Frame], look: Look) -> tuple[Frame, ...]:
        """See Batching."""
        alone, several = partial(self.__call__, look=look), partial(self._several, look)
        return paint_together(frames, self.paint, alone, several)

    @torch.inference_mode()
    def _several(self, look: Look, frames: Sequence[Frame], size: Size) -> list[Frame]:
        if not look.lit:
            raise ValueError("a dark look is not painted")
        planes = torch.cat([_planes(frame, size) for frame in frames])
        painted = self._network(planes.float().div_(255.0), self.vector(look.mix))
        pairs = zip(frames, painted, strict=True)
        return [frame.painted(_pixels(picture)) for frame, picture in pairs]

    def close(self) -> None:
        """Nothing to free: the tensors go with the object."""


def _planes(frame: Frame, size: Size) -> Tensor:
    """The frame's pixels at `size`: (1, 3, H, W), uint8."""
    pixels = frame.pixels if frame.pixels.flags.writeable else frame.pixels.copy()
    pixels = torch.from_numpy(pixels).permute(2, 0, 1)[None]  # torch wants to be able to write
    if size == (frame.width, frame.height):
        return pixels
    # Anti-aliased, in uint8: 1 to 2 ms from 720p, against 8 ms in float.
    return F.interpolate(pixels, (size.height, size.width), mode="bilinear", antialias=True)


def _pixels(picture: Tensor) -> np.ndarray:
    """`picture`, (3, H, W), 0..1, as (H, W, 3), uint8."""
    return picture.mul_(255.0).round_().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
