"""VGG features for the perceptual losses (Simonyan and Zisserman 2015)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BLOCKS = (2, 2, 4, 4)  # convolutions before each pooling, VGG-19, as far as conv4_4


class VggFeatures(nn.Module):
    """VGG-19 up to the last layer that is asked for, in channels-last, frozen.

    `weights` maps ``conv1_1.weight`` (O, I, 3, 3) and ``conv1_1.bias`` … to tensors; its input
    convention is the original's: BGR, 0..255, minus the mean (103.939, 116.779, 123.68).
    Raises KeyError when a layer that is needed is missing from `weights`.
    """

    def __init__(self, weights: Mapping[str, Tensor], layers: tuple[str, ...]) -> None:
        super().__init__()
        self.layers = layers
        self.plan: list[str] = []  # convolution names, "pool" between the blocks
        last = max(layers)
        for block, count in enumerate(BLOCKS, start=1):
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
        self.register_buffer("mean", torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1))

    def forward(self, picture: Tensor) -> dict[str, Tensor]:
        """`picture`: (B, 3, H, W), RGB, 0..1.  Returns the activation after each asked ReLU."""
        x = picture.flip(1) * 255.0 - self.get_buffer("mean")
        x = x.contiguous(memory_format=torch.channels_last)
        found: dict[str, Tensor] = {}
        for name in self.plan:
            if name == "pool":
                x = F.max_pool2d(x, 2)
                continue
            weight, bias = self.get_buffer(f"{name}_weight"), self.get_buffer(f"{name}_bias")
            x = F.relu(F.conv2d(x, weight, bias, padding=1))
            layer = name.replace("conv", "relu")
            if layer in self.layers:
                found[layer] = x
        return found
