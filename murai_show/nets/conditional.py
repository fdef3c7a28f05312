"""Conditional instance normalisation: the one place where a style enters a network.

Dumoulin, Shlens and Kudlur, "A Learned Representation for Artistic Style", ICLR 2017, eq. 5:
``z = scale_s * (x - mean(x)) / std(x) + shift_s``, with one pair (scale, shift) per channel and
style *s*.  A network's *style vector* is all of its pairs in order, so that changing or mixing
styles is changing an input.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


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
        if torch.is_grad_enabled() and x.dtype == scale.dtype == shift.dtype == torch.float32:
            return LearningNorm.apply(x, scale, shift, self.eps)  # pyright: ignore[reportReturnType]
        mean, inverse = _statistics(x.float(), self.eps)
        gain = scale.float() * inverse
        return _scaled(x, gain, shift.float() - mean * gain)


class LearningNorm(torch.autograd.Function):
    """What ConditionalNorm makes, with its gradient in closed form.

    For z = s·y + t with y = (x - mean)/std and the gradient g at z, the gradient at x is
    s/std · (g - mean(g) - y·mean(g·y)) (Ioffe and Szegedy 2015, §3, over one picture): four passes
    over memory.  Autograd, step by step through the statistics, is four to ten times as slow on a
    CPU.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, shift: Tensor, eps: float) -> Tensor:
        """See ConditionalNorm; all of one dtype."""
        mean, inverse = _statistics(x, eps)
        ctx.save_for_backward(x, scale, mean, inverse)
        gain = scale * inverse
        return _scaled(x, gain, shift - mean * gain)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """The gradients at x, scale and shift."""
        x, scale, mean, inverse = ctx.saved_tensors
        (gradient,) = gradients
        places = x.shape[2] * x.shape[3]
        at_shift = gradient.sum((2, 3))
        at_scale = ((gradient * x).sum((2, 3)) - mean * at_shift) * inverse
        gain = scale * inverse
        slope = gain * inverse * at_scale / places
        at_x = _scaled(gradient, gain, slope * mean - gain * at_shift / places)
        return at_x.addcmul_(x, -slope[:, :, None, None]), at_scale, at_shift, None


def _statistics(x: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Mean and 1/√(variance + eps) of each channel of `x`, (B, C, H, W); both (B, C)."""
    # E[x²] - E[x]² is three times as fast as var_mean in channels-last on a CPU.  It is exact
    # enough because a bias-free convolution leaves means of the order of the deviation.
    mean = x.mean((2, 3))
    variance = ((x * x).mean((2, 3)) - mean * mean).clamp_min(0.0)
    return mean, torch.rsqrt(variance + eps)


def _scaled(x: Tensor, gain: Tensor, offset: Tensor) -> Tensor:
    """`x`, (B, C, H, W), times `gain` plus `offset`, both (B, C), in `x`'s dtype."""
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
