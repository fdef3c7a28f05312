"""Grow a trained painter: wider and deeper, and it still paints what it painted.

Chen, Goodfellow and Shlens, "Net2Net: Accelerating Learning via Knowledge Transfer", ICLR 2016: a
layer is widened by repeating channels (§2.2), whose part in the next layer is shared out; it is
deepened by a residual block whose norm has scale 0.  Instance norm works on single channels, so a
repeated one is normalised as it was.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from murai_show.nets.painter import Painter

# Of a kernel's deviation: repeated channels that were equal to the bit would learn the same.
NOISE = 0.02


def can_grow(old: Mapping[str, int], new: Mapping[str, int]) -> bool:
    """Whether a painter of the configuration `new` is nowhere smaller than one of `old`."""
    return all(new[key] >= old[key] for key in ("half", "quarter", "blocks"))


def grow(
    weights: Mapping[str, Tensor],
    vectors: Tensor,
    old: Mapping[str, int],
    new: Mapping[str, int],
    noise: float = NOISE,
    seed: int = 0,
) -> tuple[dict[str, Tensor], Tensor]:
    """The state of a painter of the configuration `new` and its style vectors, (styles, new style
    length), that paint as `weights` and `vectors`, (styles, old style length), of `old` do.

    Exactly so without `noise`, the share of its deviation that is added to every kernel.  Raises
    ValueError where `new` is smaller than `old`.
    """
    if not can_grow(old, new):
        raise ValueError(f"a painter of {dict(old)} cannot grow to {dict(new)}")
    draw = torch.Generator().manual_seed(seed)
    half = _repeated(old["half"], new["half"])
    quarter = _repeated(old["quarter"], new["quarter"])
    torch.manual_seed(seed)
    grown = {name: weight.clone() for name, weight in Painter(**new).state_dict().items()}
    layers = [("enter", None, half), ("down", half, quarter)]
    layers += [(f"blocks.{i}", quarter, quarter) for i in range(2 * old["blocks"])]
    layers += [("up", quarter, half), ("head", half, None)]
    for name, inputs, outputs in layers:
        kernel = weights[f"{name}.weight"].float()
        if outputs is not None:
            kernel = kernel[outputs]
        if inputs is not None:
            kernel = kernel[:, inputs] * _shares(inputs, draw)[None, :, None, None]
        kernel = kernel + noise * kernel.std() * torch.randn(kernel.shape, generator=draw)
        grown[f"{name}.weight"] = kernel
    grown["head.bias"] = weights["head.bias"].float()
    return grown, _grown_vectors(vectors, half, quarter, old, new)


def _repeated(count: int, wanted: int) -> Tensor:
    """Which of `count` channels each of `wanted` repeats: all once, then from the first again."""
    return torch.arange(wanted) % count


def _shares(channels: Tensor, draw: torch.Generator) -> Tensor:
    """How much of its channel each of the repeated `channels` hands on: 1 in all, unequal parts."""
    weights = 0.5 + torch.rand(len(channels), generator=draw)
    whole = torch.zeros(int(channels.max()) + 1).index_add(0, channels, weights)
    return weights / whole[channels]


def _grown_vectors(
    vectors: Tensor, half: Tensor, quarter: Tensor, old: Mapping[str, int], new: Mapping[str, int]
) -> Tensor:
    """Scales and shifts of the norms in their order; those of new blocks' last norms are 0."""
    norms = [half, quarter, *[quarter] * (2 * old["blocks"]), half]
    parts: list[Tensor] = []
    start = 0
    for number, channels in enumerate(norms):
        width = int(channels.max()) + 1
        scale, shift = vectors[:, start : start + width], vectors[:, start + width :][:, :width]
        start += 2 * width
        if number == len(norms) - 1:
            ones = torch.ones(len(vectors), len(quarter))
            nothing = torch.zeros_like(ones)
            parts += [ones, nothing, nothing, nothing] * (new["blocks"] - old["blocks"])
        parts += [scale[:, channels], shift[:, channels]]
    return torch.cat(parts, 1)
