"""The painter rearranged for engines: the same picture with fewer passes over memory.

What costs an int8 engine its time is not arithmetic but the tensors between its convolutions.  Here
both shuffles of bytes, the ×2 enlargement and the mean of each 2×2 are inside the kernels beside
them, all exactly.
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
    """`painter`, for inference: bytes in, bytes out.

    - The ×2 unshuffle and the first 3×3 are one convolution of the frame where it lies: two pixels
      beside each other are read as six channels, and two rows are a stride.  It takes whole bytes,
      so that int8 has nothing to round.
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
        self.enter = nn.Conv2d(6, half, (6, 3), stride=(2, 1)).requires_grad_(False)
        self.up = nn.Conv2d(
            quarter, 4 * half, 3, padding=1, padding_mode="replicate", bias=False
        ).requires_grad_(False)
        self.head = nn.Conv2d(half, 12, 4).requires_grad_(False)
        assert self.enter.bias is not None
        assert self.head.bias is not None
        with torch.no_grad():
            # Of 0..255 the painter makes -1..1.
            self.enter.weight.copy_(_entering(painter.enter.weight) * (2.0 / 255.0))
            self.enter.bias.copy_(-painter.enter.weight.sum((1, 2, 3)))
            self.up.weight.copy_(_enlarging(painter.up.weight))
            self.head.weight.copy_(_averaging(painter.head.weight))
            assert painter.head.bias is not None
            bias = painter.head.bias.reshape(3, 4).mean(1)
            self.head.bias.copy_(bias.repeat(4))

    def forward(self, frame: Tensor, style: Tensor) -> Tensor:
        """Paint.

        `frame`: (B, H, W, 3), RGB, uint8, H and W multiples of 4.  `style`: (B, style_length).
        Returns the picture, of the frame's shape and type.
        """
        painted = self.subpixels(frame, style)
        return interleaved(torch.round(painted * 255.0).to(torch.uint8))  # bytes: a quarter to move

    def subpixels(self, frame: Tensor, style: Tensor) -> Tensor:
        """The picture of `frame` in 0..1, sub-pixel by sub-pixel, (B, 2·2·3, H/2, W/2), RGB."""
        painter = self.painter
        norms: list[ConditionalNorm] = [*painter.norms]  # pyright: ignore[reportAssignmentType]
        steps = iter(zip(norms, pairs(style, norms), strict=True))

        def normed(x: Tensor) -> Tensor:
            norm, (scale, shift) = next(steps)
            flat = F.instance_norm(x, eps=norm.eps)
            return flat * scale[:, :, None, None] + shift[:, :, None, None]

        x = F.relu(normed(self.enter(_rows_of_pairs(frame).float())))
        x = F.relu(normed(painter.down(x)))
        for first, second in zip(painter.blocks[::2], painter.blocks[1::2], strict=True):
            x = x + normed(second(F.relu(normed(first(x)))))
        x = F.relu(normed(shuffled(self.up(x))))
        return torch.sigmoid(self.head(F.pad(x, (1, 2, 1, 2), mode="replicate")))


def _rows_of_pairs(frame: Tensor) -> Tensor:
    """`frame`, (B, H, W, 3), as (B, 6, H + 4, W/2 + 2): two pixels a place, borders of two
    replicated.  In channels-last, which engines keep, the bytes stay where they are."""
    height, width = frame.shape[1:3]
    x = frame.reshape(-1, height, width // 2, 6)  # a number would stay what it was in tracing
    x = torch.cat((x[:, :2], x, x[:, -2:]), 1)
    x = torch.cat((x[:, :, :1], x, x[:, :, -1:]), 2)
    return x.permute(0, 3, 1, 2)


def shuffled(x: Tensor) -> Tensor:
    """Put sub-pixels in their places: (B, 4C, H, W), sub-pixel by sub-pixel, to (B, C, 2H, 2W)."""
    batch, channels, height, width = x.shape
    x = x.reshape(batch, 2, 2, channels // 4, height, width).permute(0, 3, 4, 1, 5, 2)
    return x.reshape(batch, channels // 4, 2 * height, 2 * width)


def interleaved(x: Tensor) -> Tensor:
    """Put sub-pixels in their places: (B, 2·2·3, H, W), sub-pixel by sub-pixel, to
    (B, 2H, 2W, 3)."""
    height, width = x.shape[2:]
    x = x.permute(0, 2, 3, 1).reshape(-1, height, width, 2, 6).permute(0, 1, 3, 2, 4)
    return x.reshape(-1, 2 * height, 2 * width, 3)


def _entering(kernel: Tensor) -> Tensor:
    """`kernel`, (O, 3·2·2, 3, 3), behind a ×2 unshuffle, as one of (O, 2·3, 6, 3) for rows of pairs
    of pixels, with stride (2, 1)."""
    outputs = kernel.shape[0]
    kernel = kernel.reshape(outputs, 3, 2, 2, 3, 3)  # O, colour, row, column, y, x
    return kernel.permute(0, 3, 1, 4, 2, 5).reshape(outputs, 6, 6, 3)


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
