"""The network of pytorch/examples `fast_neural_style`, so that people's old models run."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from murai_show.nets.conditional import ConditionalNorm, pairs

EPS = 1e-5


class Classic(nn.Module):
    """Johnson et al. 2016 with instance norm and nearest up-sampling: 9×9 in, 5 blocks, 9×9 out.

    The affine parameters of its instance norms *are* a style vector, so an imported model is a
    bank of one style.  Biases before a norm cancel and are dropped at import.
    """

    def __init__(self, widths: tuple[int, int, int] = (32, 64, 128), blocks: int = 5) -> None:
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
            [nn.Conv2d(four, two, 3, bias=False), nn.Conv2d(two, one, 3, bias=False)]
        )
        self.head = nn.Conv2d(one, 3, 9)
        channels = [one, two, four, *[four] * (2 * blocks), two, one]
        self.norms = nn.ModuleList(ConditionalNorm(c, EPS) for c in channels)

    def forward(self, picture: Tensor, style: Tensor) -> Tensor:
        """Paint.

        `picture`: (B, 3, H, W), RGB, 0..1.  `style`: (B, style_length).  Returns (B, 3, H, W),
        RGB, 0..1.  H and W of at least 12; sizes that 4 does not divide are cut to size again.
        """
        norms: list[ConditionalNorm] = [*self.norms]  # pyright: ignore[reportAssignmentType]
        steps = iter(zip(norms, pairs(style, norms), strict=True))

        def layer(convolution: nn.Module, x: Tensor) -> Tensor:
            assert isinstance(convolution, nn.Conv2d)
            edge = convolution.kernel_size[0] // 2
            norm, (scale, shift) = next(steps)
            return norm(convolution(F.pad(x, (edge,) * 4, mode="reflect")), scale, shift)

        x = picture * 255.0
        for convolution in self.encode:
            x = F.relu(layer(convolution, x))
        for first, second in zip(self.blocks[::2], self.blocks[1::2], strict=True):
            x = x + layer(second, F.relu(layer(first, x)))
        for convolution in self.decode:
            x = F.relu(layer(convolution, F.interpolate(x, scale_factor=2, mode="nearest")))
        x = self.head(F.pad(x, (4,) * 4, mode="reflect"))
        height, width = picture.shape[-2:]
        return (x / 255.0).clamp(0.0, 1.0)[..., :height, :width]
