"""Conditional instance normalisation: the one place where a style enters a network.

Dumoulin, Shlens and Kudlur, "A Learned Representation for Artistic Style", ICLR 2017, eq. 5:
``z = scale_s * (x - mean(x)) / std(x) + shift_s``, with one pair (scale, shift) per channel and
style *s*.  A network's *style vector* is all of its pairs in order, so that changing or mixing
styles is changing an input.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn


class ConditionalNorm(nn.Module):
    """Normalise every channel over the picture, then scale and shift it as the style says.

    The statistics are always fp32: half precision overflows on the squares of a 4K picture.
    `eps` is large (1e-3 for our painters) on purpose: a lens cap or a black wall has almost no
    variance, and a small eps would blow its sensor noise up into full texture.
    """

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        self.channels = channels
        self.eps = eps

    def forward(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """`x`: (B, C, H, W); `scale`, `shift`: (B, C).  Returns (B, C, H, W) in `x`'s dtype."""
        # E[x²] - E[x]² is three times as fast as var_mean in channels-last on a CPU.  It is exact
        # enough because a bias-free convolution leaves means of the order of the deviation.
        wide = x.float()
        mean = wide.mean((2, 3))
        variance = ((wide * wide).mean((2, 3)) - mean * mean).clamp_min(0.0)
        gain = scale.float() * torch.rsqrt(variance + self.eps)
        offset = shift.float() - mean * gain
        return torch.addcmul(
            offset[:, :, None, None].to(x.dtype), x, gain[:, :, None, None].to(x.dtype)
        )


def style_length(network: nn.Module) -> int:
    """How many numbers one style of `network` has: a scale and a shift per normalised channel."""
    return sum(2 * m.channels for m in network.modules() if isinstance(m, ConditionalNorm))


def neutral_style(network: nn.Module) -> Tensor:
    """The style vector, shape (style_length,), of plain instance norm: scales 1, shifts 0."""
    parts: list[Tensor] = []
    for module in network.modules():
        if isinstance(module, ConditionalNorm):
            parts += [torch.ones(module.channels), torch.zeros(module.channels)]
    return torch.cat(parts)


def pairs(style: Tensor, norms: list[ConditionalNorm]) -> Iterator[tuple[Tensor, Tensor]]:
    """Cut `style`, shape (B, style_length), into one (scale, shift) pair per norm, in order."""
    start = 0
    for norm in norms:
        middle, end = start + norm.channels, start + 2 * norm.channels
        yield style[:, start:middle], style[:, middle:end]
        start = end
