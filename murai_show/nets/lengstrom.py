"""The network of lengstrom/fast-style-transfer, so that it can be measured beside ours."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS = 1e-3


class Lengstrom(nn.Module):
    """Johnson et al. 2016 as TensorFlow users know it: 9×9 in, residual blocks, 9×9 out.

    It has no biases, an instance norm after every convolution, the last one too, TensorFlow's SAME
    padding with zeros, and transposed convolutions on the way up, each of which reads every input
    pixel once and spreads it over 3×3 output pixels.
    """

    def __init__(self, widths: Sequence[int] = (32, 64, 128), blocks: int = 5) -> None:
        super().__init__()
        one, two, four = widths
        self.encode = nn.ModuleList(
            [
                nn.Conv2d(3, one, 9, bias=False),
                nn.Conv2d(one, two, 3, stride=2, bias=False),
                nn.Conv2d(two, four, 3, stride=2, bias=False),
            ]
        )
        self.blocks = nn.ModuleList(nn.Conv2d(four, four, 3, bias=False) for _ in range(2 * blocks))
        self.decode = nn.ModuleList(
            [
                nn.ConvTranspose2d(four, two, 3, stride=2, bias=False),
                nn.ConvTranspose2d(two, one, 3, stride=2, bias=False),
            ]
        )
        self.head = nn.Conv2d(one, 3, 9, bias=False)
        channels = [one, two, four, *[four] * (2 * blocks), two, one, 3]
        self.norms = nn.ModuleList(nn.InstanceNorm2d(c, EPS, affine=True) for c in channels)

    def forward(self, picture: Tensor) -> Tensor:
        """Paint.

        `picture`: (B, 3, H, W), RGB, 0..1.  Returns (B, 3, H, W), RGB, 0..1.  H and W of at least
        8; where 4 does not divide them, the way up makes a few pixels more, which are cut off.
        """
        norms = iter(self.norms)
        x = picture * 255.0
        for convolution in self.encode:
            x = F.relu(next(norms)(_convolved(convolution, x)))
        for first, second in zip(self.blocks[::2], self.blocks[1::2], strict=True):
            inner = F.relu(next(norms)(_convolved(first, x)))
            x = x + next(norms)(_convolved(second, inner))
        for transposed in self.decode:
            height, width = (2 * side for side in x.shape[-2:])
            # SAME is the gradient of a strided convolution that pads after the picture only, so of
            # the 2n+1 pixels that come out the last one is surplus.
            x = F.relu(next(norms)(transposed(x)[..., :height, :width]))
        x = 150.0 * torch.tanh(next(norms)(_convolved(self.head, x))) + 127.5
        height, width = picture.shape[-2:]
        return (x / 255.0).clamp(0.0, 1.0)[..., :height, :width]


def _convolved(convolution: nn.Module, x: Tensor) -> Tensor:
    """Convolve with SAME padding: what is odd of it goes below and to the right."""
    assert isinstance(convolution, nn.Conv2d)
    (kernel, _), (stride, _) = convolution.kernel_size, convolution.stride
    down, across = (_missing(side, kernel, stride) for side in x.shape[-2:])
    return convolution(F.pad(x, (across // 2, across - across // 2, down // 2, down - down // 2)))


def _missing(side: int, kernel: int, stride: int) -> int:
    """How many zeros SAME adds along a side, so that ceil(side / stride) pixels come out."""
    return max((-(-side // stride) - 1) * stride + kernel - side, 0)
