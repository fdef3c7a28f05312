"""VGG features for the perceptual losses (Simonyan and Zisserman 2015)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from murai_show.nets.winograd import NARROWEST, FrozenConvolution

Depth = Literal[16, 19]
Convention = Literal["bgr255", "rgb1"]

# Convolutions before each pooling, as far as block 4.
BLOCKS: Mapping[Depth, tuple[int, ...]] = {16: (2, 2, 3, 3), 19: (2, 2, 4, 4)}
# How the photographs of the network's own training came in: the original's BGR, 0..255, minus a
# mean; or torchvision's RGB, 0..1, minus a mean, over a deviation.
CONVENTIONS: Mapping[Convention, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "bgr255": ((103.939 / 255, 116.779 / 255, 123.68 / 255), (1 / 255,) * 3),
    "rgb1": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


class VggFeatures(nn.Module):
    """VGG up to the last layer that is asked for, in channels-last, frozen.

    `weights` maps ``conv1_1.weight`` (O, I, 3, 3) and ``conv1_1.bias`` … to tensors.
    Raises KeyError when a layer that is needed is missing from `weights`.
    """

    def __init__(
        self,
        weights: Mapping[str, Tensor],
        layers: tuple[str, ...],
        depth: Depth = 19,
        convention: Convention = "bgr255",
    ) -> None:
        super().__init__()
        self.layers = layers
        self.plan: list[str] = []  # convolution names, "pool" between the blocks
        last = max(layers)
        for block, count in enumerate(BLOCKS[depth], start=1):
            names = [f"{block}_{i}" for i in range(1, count + 1)]
            self.plan += [f"conv{n}" for n in names if f"relu{n}" <= last]
            if last > f"relu{block}_{count}":
                self.plan.append("pool")
        for name in self.plan:
            if name != "pool":
                kernel = weights[f"{name}.weight"].float()
                self.register_buffer(
                    f"{name}_weight", kernel.contiguous(memory_format=torch.channels_last)
                )
                self.register_buffer(f"{name}_bias", weights[f"{name}.bias"].float())
        self._frozen: dict[str, FrozenConvolution] = {}  # made when first used on a CPU
        mean, deviation = CONVENTIONS[convention]
        self.flipped = convention == "bgr255"
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(deviation).view(1, 3, 1, 1))

    def forward(self, picture: Tensor) -> dict[str, Tensor]:
        """`picture`: (B, 3, H, W), RGB, 0..1.  Returns the activation after each asked ReLU."""
        x = picture.flip(1) if self.flipped else picture
        x = (x - self.get_buffer("mean")) / self.get_buffer("deviation")
        x = x.contiguous(memory_format=torch.channels_last)
        found: dict[str, Tensor] = {}
        for name in self.plan:
            if name == "pool":
                x = F.max_pool2d(x, 2)
                continue
            x = self._convolve(name, x)
            layer = name.replace("conv", "relu")
            if layer in self.layers:
                found[layer] = x
        return found

    def _convolve(self, name: str, x: Tensor) -> Tensor:
        """The convolution `name` of `x`, and its ReLU."""
        weight, bias = self.get_buffer(f"{name}_weight"), self.get_buffer(f"{name}_bias")
        quick = x.device.type == "cpu" and x.dtype == weight.dtype == torch.float32
        if not quick or weight.shape[1] < NARROWEST or torch.is_autocast_enabled("cpu"):
            return F.relu(F.conv2d(x, weight, bias, padding=1))
        if name not in self._frozen:
            self._frozen[name] = FrozenConvolution(weight, bias)
        return self._frozen[name](x)
