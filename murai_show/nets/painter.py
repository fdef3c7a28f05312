"""The painter: one small network that holds every style of a bank."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from murai_show.nets.conditional import ConditionalNorm, pairs

EPS = 1e-3

# From a bare CPU to a large GPU.  docs/LOG.md has the designs that these were chosen from.
SIZES: Mapping[str, Mapping[str, int]] = {
    "pocket": {"half": 16, "quarter": 48, "blocks": 3},
    "kiosk": {"half": 32, "quarter": 56, "blocks": 4},
    "stage": {"half": 48, "quarter": 96, "blocks": 5},
    "facade": {"half": 64, "quarter": 128, "blocks": 6},
}


# The layers behind the last block: 7 % of the kiosk's numbers, a quarter of its arithmetic.
TAIL = ("up", "head")


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    # Replicated borders: zeros leave a dirty frame around the picture, reflection costs more than
    # its arithmetic on a CPU.  No bias: the norm that follows would subtract it again.
    return nn.Conv2d(
        inputs, outputs, 3, stride=stride, padding=1, padding_mode="replicate", bias=False
    )


class Painter(nn.Module):
    """Paint a picture in a mix of styles: ×2 unshuffle, encode to 1/4, residual blocks, decode.

    All arithmetic happens at half and quarter resolution; a full-resolution layer costs a CPU more
    in memory traffic than it gives in picture.  `half` and `quarter` are the channel counts at
    these resolutions, `blocks` the number of residual blocks.
    """

    def __init__(self, half: int = 32, quarter: int = 64, blocks: int = 4) -> None:
        super().__init__()
        self.enter = _conv(12, half)
        self.down = _conv(half, quarter, stride=2)
        self.blocks = nn.ModuleList(_conv(quarter, quarter) for _ in range(2 * blocks))
        self.up = _conv(quarter, half)
        self.head = nn.Conv2d(half, 12, 3)
        channels = [half, quarter, *[quarter] * (2 * blocks), half]
        self.norms = nn.ModuleList(ConditionalNorm(c, EPS) for c in channels)
        self._start_equal()

    def _start_equal(self) -> None:
        """Give the four sub-pixels of the head one kernel (ICNR, Aitken et al. 2017, §3.2)."""
        with torch.no_grad():
            for weight in (self.head.weight, self.head.bias):
                assert weight is not None
                weight.copy_(weight[::4].repeat_interleave(4, 0))

    def forward(self, picture: Tensor, style: Tensor) -> Tensor:
        """Paint.

        `picture`: (B, 3, H, W), RGB, 0..1.  `style`: (B, style_length).  Returns (B, 3, H, W),
        RGB, 0..1.  Any H and W of at least 4 will do; the grid of 4 is made by padding.
        """
        height, width = picture.shape[-2:]
        short = (-height % 4, -width % 4)
        if short != (0, 0):
            picture = F.pad(picture, (0, short[1], 0, short[0]), mode="replicate")
        norms: list[ConditionalNorm] = [*self.norms]  # pyright: ignore[reportAssignmentType]
        steps = iter(zip(norms, pairs(style, norms), strict=True))

        def normed(x: Tensor) -> Tensor:
            norm, (scale, shift) = next(steps)
            return norm(x, scale, shift)

        x = F.pixel_unshuffle(picture * 2.0 - 1.0, 2)
        x = F.relu(normed(self.enter(x)))
        x = F.relu(normed(self.down(x)))
        for first, second in zip(self.blocks[::2], self.blocks[1::2], strict=True):
            x = x + normed(second(F.relu(normed(first(x)))))
        # Bilinear: nearest repeats every value four times, and with that the painter learns to draw
        # a weave of period 4 into bright flat areas.
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        x = F.relu(normed(self.up(x)))
        x = F.pixel_shuffle(self.head(F.pad(x, (1, 2, 1, 2), mode="replicate")), 2)
        # The mean of each 2×2 takes one sub-pixel of every phase, so the period-2 dot grid, which
        # a ×2 shuffle can learn, cancels exactly (Aitken et al. 2017, §4).
        x = F.avg_pool2d(x[..., :-1, :-1], 2, stride=1)
        return torch.sigmoid(x)[..., :height, :width]
