"""3×3 convolutions of frozen kernels on a CPU, by Winograd's minimal filtering.

Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks", F(4×4, 3×3): a tile of
4×4 outputs takes 36 products instead of 144.  The school looks at every picture with a VGG, forward
and backward, and that is most of its work; oneDNN convolves directly.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

TILE = 4  # outputs a side
SEEN = TILE + 2  # inputs a side that they are made of
NARROWEST = 64  # input channels: with fewer, the transforms cost more than the products they save
# A band of tiles is worked through while it lies in a core's own cache; a matrix product of fewer
# tiles than this wastes the registers.
CACHE = 3 << 19  # bytes of transformed inputs
FEWEST = 64

# Lavin and Gray, eq. (16) and (17): of the inputs, the kernel and the products.
_INPUTS = torch.tensor(
    [
        [4.0, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
_KERNEL = torch.tensor(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)
_OUTPUTS = torch.tensor(
    [[1.0, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
)
# Both directions of a tile at once, as one small matrix product.
_INPUTS_2D = torch.kron(_INPUTS, _INPUTS)  # (36, 36)
_OUTPUTS_2D = torch.kron(_OUTPUTS, _OUTPUTS)  # (16, 36)


class FrozenConvolution:
    """`F.relu(F.conv2d(x, weight, bias, padding=1))` on a CPU, for a kernel that does not learn.

    `weight`: (O, I, 3, 3), fp32; `bias`: (O,).  Its gradient flows to `x` alone.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.kernel = _transformed(weight)
        self.bias = bias
        self._weight = weight
        self._turned: Tensor | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """`x`: (B, I, H, W), fp32.  Returns (B, O, H, W), channels-last."""
        return _Convolve.apply(x, self)  # pyright: ignore[reportReturnType]

    @property
    def turned(self) -> Tensor:
        """The kernel of the gradient: mirrored, inputs and outputs exchanged."""
        if self._turned is None:
            self._turned = _transformed(self._weight.flip(2, 3).transpose(0, 1))
        return self._turned


class _Convolve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, convolution: FrozenConvolution) -> Tensor:
        made = _convolved(x, convolution.kernel, bias=convolution.bias)
        ctx.convolution = convolution
        ctx.save_for_backward(made)
        return made

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (made,) = ctx.saved_tensors
        return _convolved(grads[0], ctx.convolution.turned, lit=made), None


def _transformed(weight: Tensor) -> Tensor:
    """(O, I, 3, 3) → (36, I, O)."""
    return torch.einsum("pa,oiab,qb->pqio", _KERNEL, weight, _KERNEL).flatten(0, 1).contiguous()


def _convolved(
    x: Tensor, kernel: Tensor, *, bias: Tensor | None = None, lit: Tensor | None = None
) -> Tensor:
    """`x`: (B, I, H, W); `kernel`: (36, I, O).  Returns (B, O, H, W), channels-last.

    With `bias`, (O,), it is added and a ReLU follows.  `lit` has the shape of `x`, which counts
    only where `lit` is above 0: the gradient of a ReLU, whose output that was.
    """
    height, width = x.shape[-2:]
    down, across = -(-height // TILE), -(-width // TILE)
    made = torch.empty(len(x), down * TILE, across * TILE, kernel.shape[2])
    for number, target in enumerate(made):
        picture = x[number].permute(1, 2, 0)
        mask = lit[number].permute(1, 2, 0) if lit is not None else None
        tiled = target.view(down, TILE, across, TILE, kernel.shape[2])
        _convolve_bands(picture, mask, kernel, bias, tiled)
    return made[:, :height, :width].permute(0, 3, 1, 2)


def _convolve_bands(
    picture: Tensor, lit: Tensor | None, kernel: Tensor, bias: Tensor | None, target: Tensor
) -> None:
    """`picture` and `lit`: (H, W, I); `target`: (tiles down, 4, tiles across, 4, O), written."""
    down, _, across, _, outputs = target.shape
    inputs = kernel.shape[1]
    tiles = max(FEWEST, CACHE // (kernel.shape[0] * inputs * kernel.itemsize))
    rows = min(down, -(-tiles // across))
    many = rows * across
    band = torch.zeros(rows * TILE + 2, across * TILE + 2, inputs)  # with the border of zeros
    row, column, _ = band.stride()
    tiled = band.as_strided(
        (SEEN, SEEN, rows, across, inputs), (row, column, TILE * row, TILE * column, 1)
    )
    seen = torch.empty(tiled.shape)
    turned = torch.empty(SEEN * SEEN, many, inputs)
    products = torch.empty(SEEN * SEEN, many, outputs)
    summed = torch.empty(TILE * TILE * many, outputs)
    sums = summed.view(TILE, TILE, rows, across, outputs).permute(2, 0, 3, 1, 4)
    for top in range(0, down, rows):
        first = min(top, down - rows)  # the last band begins within the one before
        _lay(picture, lit, first * TILE - 1, band)
        seen.copy_(tiled)
        torch.mm(_INPUTS_2D, seen.view(SEEN * SEEN, -1), out=turned.view(SEEN * SEEN, -1))
        torch.bmm(turned, kernel, out=products)
        torch.mm(_OUTPUTS_2D, products.view(SEEN * SEEN, -1), out=summed.view(TILE * TILE, -1))
        if bias is None:
            target[first : first + rows] = sums
        else:
            summed.add_(bias)
            torch.clamp_min(sums, 0.0, out=target[first : first + rows])


def _lay(picture: Tensor, lit: Tensor | None, top: int, band: Tensor) -> None:
    """Lay the rows of `picture` from `top`, which may be outside, into `band`, between its borders:
    whole, or what is `lit` of it."""
    height, width, _ = picture.shape
    begin, end = max(top, 0), min(top + len(band), height)
    band[: begin - top].zero_()
    band[end - top :].zero_()
    inside = band[begin - top : end - top, 1 : 1 + width]
    if lit is None:
        inside.copy_(picture[begin:end])
    else:
        # A product with a mask takes twice as long.
        gradient = torch.ops.aten.threshold_backward.grad_input
        gradient(picture[begin:end], lit[begin:end], 0.0, grad_input=inside)
