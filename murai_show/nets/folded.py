"""The painter rearranged for engines: the same picture with fewer passes over memory.

What costs an int8 engine its time is not arithmetic but the tensors between its convolutions.  Here
the ×2 enlargement and the mean of each 2×2 are inside the kernels beside them, both exactly.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from murai_show.nets.conditional import ConditionalNorm, pairs
from murai_show.nets.painter import Painter

# Rows: where a sub-pixel's three taps on the enlarged picture fall on the small one, for the first
# and for the second sub-pixel; bilinear, corners not aligned.
_TAPS = (
    ((0.75, 0.25, 0.0), (0.25, 0.75, 0.75), (0.0, 0.0, 0.25)),
    ((0.25, 0.0, 0.0), (0.75, 0.75, 0.25), (0.0, 0.25, 0.75)),
)


class Folded(nn.Module):
    """`painter`, for inference.

    - Enlarging ×2 bilinearly and convolving 3×3 is one 3×3 convolution at 1/4 that gives the four
      sub-pixels, borders included.
    - The head's 3×3, its shuffle and the mean of each 2×2 are one 4×4 convolution at 1/2.
    - Each norm is one operator (MVN in OpenVINO) instead of two means, a square and an addition.
    - Channels lie sub-pixel by sub-pixel, so a shuffle moves runs of channels, not single numbers.
    """

    def __init__(self, painter: Painter) -> None:
        super().__init__()
        self.painter = painter
        quarter, half = painter.up.in_channels, painter.up.out_channels
        self.up = nn.Conv2d(
            quarter, 4 * half, 3, padding=1, padding_mode="replicate", bias=False
        ).requires_grad_(False)
        self.head = nn.Conv2d(half, 12, 4).requires_grad_(False)
        assert self.head.bias is not None
        with torch.no_grad():
            self.up.weight.copy_(_enlarging(painter.up.weight))
            self.head.weight.copy_(_averaging(painter.head.weight))
            assert painter.head.bias is not None
            bias = painter.head.bias.reshape(3, 4).mean(1)
            self.head.bias.copy_(bias.repeat(4))

    def forward(self, picture: Tensor, style: Tensor) -> Tensor:
        """Paint.

        `picture`: (B, 3, H, W), RGB, 0..1, H and W multiples of 4.  `style`: (B, style_length).
        Returns the picture's sub-pixels, (B, 12, H/2, W/2), RGB, 0..1; `shuffled` puts them in
        their places, and they may be rounded to bytes before.
        """
        painter = self.painter
        norms: list[ConditionalNorm] = [*painter.norms]  # pyright: ignore[reportAssignmentType]
        steps = iter(zip(norms, pairs(style, norms), strict=True))

        def normed(x: Tensor) -> Tensor:
            norm, (scale, shift) = next(steps)
            flat = F.instance_norm(x, eps=norm.eps)
            return flat * scale[:, :, None, None] + shift[:, :, None, None]

        x = F.pixel_unshuffle(picture * 2.0 - 1.0, 2)
        x = F.relu(normed(painter.enter(x)))
        x = F.relu(normed(painter.down(x)))
        for first, second in zip(painter.blocks[::2], painter.blocks[1::2], strict=True):
            x = x + normed(second(F.relu(normed(first(x)))))
        x = F.relu(normed(shuffled(self.up(x))))
        return torch.sigmoid(self.head(F.pad(x, (1, 2, 1, 2), mode="replicate")))


def shuffled(x: Tensor) -> Tensor:
    """Put sub-pixels in their places: (B, 4C, H, W), sub-pixel by sub-pixel, to (B, C, 2H, 2W)."""
    batch, channels, height, width = x.shape
    x = x.reshape(batch, 2, 2, channels // 4, height, width).permute(0, 3, 4, 1, 5, 2)
    return x.reshape(batch, channels // 4, 2 * height, 2 * width)


def _enlarging(kernel: Tensor) -> Tensor:
    """`kernel`, (C, I, 3, 3), behind a bilinear ×2, as one of (4C, I, 3, 3) before a shuffle."""
    taps = kernel.new_tensor(_TAPS)
    folded = torch.einsum("pya,qxb,oiab->pqoiyx", taps, taps, kernel)
    return folded.reshape(-1, *kernel.shape[1:])


def _averaging(kernel: Tensor) -> Tensor:
    """`kernel`, (3·4, I, 3, 3), before a shuffle and the mean of each pixel with its right, lower
    and lower right neighbours, as one of (4·3, I, 4, 4)."""
    inputs = kernel.shape[1]
    kernel = kernel.reshape(3, 2, 2, inputs, 3, 3)
    folded = kernel.new_zeros(2, 2, 3, inputs, 4, 4)
    for row, column, down, right in torch.cartesian_prod(*[torch.arange(2)] * 4).tolist():
        y, from_row = divmod(row + down, 2)
        x, from_column = divmod(column + right, 2)
        part = kernel[:, from_row, from_column] / 4.0
        folded[row, column, :, :, y : y + 3, x : x + 3] += part
    return folded.reshape(12, inputs, 4, 4)
