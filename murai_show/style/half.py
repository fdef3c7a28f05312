"""A network made fit for half precision: convolutions in fp16, norms in fp32 between them.

A convolution before a norm may have weights of any size, and training lets them grow, because the
norm takes the size out again.  In a bank that learned for hours they give values of 10⁶, and fp16
ends at 65504.  For a factor c, norm(c·x) with c²·eps is norm(x) with eps; so weights and eps are
scaled by a power of two, which costs no bit.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from murai_show.nets.conditional import ConditionalNorm, neutral_style
from murai_show.nets.painter import Painter

# What a convolution may add up to for inputs of 1; later ones get inputs of some tens, so that
# their results stay far from both ends of fp16.
_REACH = 128.0
# A value of the order of 10 is rounded to steps of 2⁻⁷ in fp16.  Where a channel varies less than
# that (a lens cap), a norm must not blow the steps up into texture.
_STEP = 2.0**-7
_EXAMPLE = (1, 3, 16, 16)


class WideNorm(ConditionalNorm):
    """A ConditionalNorm that scales and shifts in fp32 too, whatever it is given.

    In fp16 a flat picture has gains and offsets beyond its range, whose difference is not a number.
    """

    def forward(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """See ConditionalNorm."""
        return super().forward(x.float(), scale, shift).to(x.dtype)


class FromBytes(nn.Module):
    """`network`, which takes a picture in 0..1, taking one in 0..255.

    `centred` gives a Painter that was fitted to it the picture minus 127, of which it makes twice
    the picture minus 255: whole numbers, which fp16 holds exactly.  Of p/255 it would keep 11 bits,
    and where a sky changes by one step in 255 from pixel to pixel a norm would make much of that.
    """

    def __init__(self, network: nn.Module, centred: bool = False) -> None:
        super().__init__()
        self.network = network
        self.centred = centred

    def forward(self, picture: Tensor, style: Tensor) -> Tensor:
        """`picture`: (1, 3, H, W), RGB, 0..255.  Returns (1, 3, H, W), RGB, 0..1."""
        return self.network(picture - 127.0 if self.centred else picture / 255.0, style)


def fit_to_half(network: nn.Module) -> FromBytes:
    """Change `network`, in fp32 on a CPU, in place, so that it can be put into fp16.

    Each convolution that a norm follows is scaled, and that norm's eps, which is at least what fp16
    can tell apart; each norm becomes a WideNorm.  The picture stays what it was, but for the eps.
    """
    centred = isinstance(network, Painter)
    for index, (convolution, norm) in enumerate(_pairs(network)):
        enlarged = 255.0 if centred and index == 0 else 1.0  # its input, from now on
        largest = 255.0 if index == 0 else 1.0
        weight = convolution.weight.detach()
        reach = largest * float(weight.abs().sum((1, 2, 3)).max())
        if reach > 0.0:
            factor = 2.0 ** math.floor(math.log2(_REACH / reach))
            weight.mul_(factor)
            norm.eps = max(norm.eps * (factor * enlarged) ** 2, _STEP**2)
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, ConditionalNorm):
                setattr(parent, name, WideNorm(child.channels, child.eps))
    return FromBytes(network, centred)


def _pairs(network: nn.Module) -> list[tuple[nn.Conv2d, ConditionalNorm]]:
    """Each convolution without bias and the norm that takes its result, in the order of painting,
    as seen in painting once."""
    made: dict[int, tuple[nn.Conv2d, Tensor]] = {}
    found: list[tuple[nn.Conv2d, ConditionalNorm]] = []

    def convolved(module: Any, _taken: object, result: Tensor) -> None:
        made[id(result)] = (module, result)  # kept, so that no id is given twice

    def normed(module: Any, taken: tuple[Tensor, ...]) -> None:
        if id(taken[0]) in made and made[id(taken[0])][0].bias is None:
            found.append((made[id(taken[0])][0], module))

    hooks: list[Any] = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_hook(convolved))
        elif isinstance(module, ConditionalNorm):
            hooks.append(module.register_forward_pre_hook(normed))
    try:
        with torch.inference_mode():
            network(torch.zeros(_EXAMPLE), neutral_style(network)[None])
    finally:
        for hook in hooks:
            hook.remove()
    return found
