"""Does it calm a film when the norms' statistics are smoothed over its frames?

Every norm keeps an exponential mean of its mean and variance, with a memory of 1/(1 - KEPT) frames.
Idle change is that of `murai-show score`: how much the paint changes where the film stands still,
the film's own being 1.

    python bench/smoothing.py BANK CLIP …
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from torch import Tensor

from murai_show.nets.conditional import ConditionalNorm
from murai_show.scoring import open_clip
from murai_show.style.bank import kernel_sets, read_bank
from murai_show.style.network import build_network
from murai_show.train.stability import idle_change

KEPT = (0.0, 0.7, 0.9, 0.97)


class Smoothed(ConditionalNorm):
    """`ConditionalNorm` with statistics that remember."""

    def __init__(self, norm: ConditionalNorm, kept: float) -> None:
        super().__init__(norm.channels, norm.eps)
        self.kept = kept
        self.memory: tuple[Tensor, Tensor] | None = None

    def forward(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        mean, square = x.mean((2, 3)), x.square().mean((2, 3))
        if self.memory is not None:
            mean = torch.lerp(mean, self.memory[0], self.kept)
            square = torch.lerp(square, self.memory[1], self.kept)
        self.memory = mean, square
        gain = scale * torch.rsqrt((square - mean.square()).clamp_min(0.0) + self.eps)
        return x * gain[:, :, None, None] + (shift - mean * gain)[:, :, None, None]


@torch.inference_mode()
def main() -> None:
    bank, *clips = (Path(word) for word in sys.argv[1:])
    held = kernel_sets(read_bank(bank))[0]
    for clip in clips:
        frames = open_clip(clip).frames
        for name, vector in zip(held.card.names, torch.from_numpy(held.styles), strict=True):
            row: dict[str, object] = {"clip": clip.stem, "style": name}
            for kept in KEPT:
                network = build_network(held)
                norms = [m for m in network.norms if isinstance(m, ConditionalNorm)]  # pyright: ignore
                network.norms = torch.nn.ModuleList(Smoothed(norm, kept) for norm in norms)

                def paint(picture: Tensor, network=network, vector=vector) -> Tensor:
                    return network(picture, vector[None])

                row[f"kept {kept:g}"] = round(idle_change(paint, frames).ratio, 2)
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
