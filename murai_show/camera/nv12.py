"""NV12, what video decoders of GPUs give, to RGB: colours, scaling and turning, on any device.

A picture in NV12 is one plane of luma above one plane at half the size in which Cb and Cr
alternate; P016 is the same with 16 bits, of which the upper ones are used.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from murai_show.camera.decode import HD
from murai_show.show.words import Size

# Shares of red and blue in luma, by AVColorSpace, whose numbers are those of ITU-T H.273, table 4.
_WEIGHTS = {
    1: (0.2126, 0.0722),  # BT.709
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.601, 625 lines
    6: (0.299, 0.114),  # BT.601, 525 lines
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020
    10: (0.2627, 0.0593),  # BT.2020 constant luminance, taken for the other as every player does
}
_BT601, _BT709 = _WEIGHTS[6], _WEIGHTS[1]


@dataclass(frozen=True)
class Colours:
    """How numbers mean colours: the shares of red and blue in luma (Kr and Kb of ITU-T H.273),
    whether codes use the full range, and how many of a sample's bits are used (8 … 16)."""

    red: float
    blue: float
    full: bool = False
    bits: int = 8

    @classmethod
    def tagged(cls, space: int, *, full: bool, bits: int, lines: int) -> Colours:
        """From a stream's tags; a `space` that says nothing is BT.709 from 720 `lines`, and BT.601
        below."""
        red, blue = _WEIGHTS.get(space, _BT709 if lines >= HD else _BT601)
        return cls(red, blue, full, bits)


def to_rgb(planes: Tensor, colours: Colours, size: Size, rotation: int = 0) -> Tensor:
    """`planes`, (H + H/2, W), uint8 or uint16, H and W even, as (h, w, 3), uint8, RGB, on the same
    device and contiguous: scaled to `size`, then turned by `rotation` degrees counterclockwise.

    Chroma is sited as in MPEG-2 and everything since: level with the left one of two luma columns,
    half way between two luma rows.  Shrinking is antialiased.
    """
    lines = planes.shape[0] * 2 // 3
    levels = _levels(planes)
    (luma,) = _scaled(levels[None, :lines], size)
    chroma = levels[lines:].unflatten(1, (-1, 2)).permute(2, 0, 1)
    cb, cr = _scaled(_at_luma_columns(chroma), size)
    return torch.rot90(_rgb(luma, cb, cr, colours), round(rotation / 90)).contiguous()


def _levels(planes: Tensor) -> Tensor:
    """Samples in float32, in units of an 8-bit one."""
    if planes.dtype == torch.uint8:
        return planes.float()
    # PyTorch computes little with uint16: through int16, whose upper half is then made positive.
    wide = planes.view(torch.int16).to(torch.int32).bitwise_and_(0xFFFF)
    return wide.float() / 256.0


def _at_luma_columns(chroma: Tensor) -> Tensor:
    """(2, H/2, W/2) → (2, H/2, W), interpolated where luma has a column and chroma has none: both
    then lie on the same grid, and one way of scaling serves both."""
    right = torch.cat((chroma[..., 1:], chroma[..., -1:]), -1)
    return torch.stack((chroma, (chroma + right) / 2.0), -1).flatten(-2)


def _scaled(planes: Tensor, size: Size) -> Tensor:
    """(C, H, W) at `size`."""
    sides = (size.height, size.width)
    if planes.shape[1:] == sides:
        return planes
    return F.interpolate(planes[None], sides, mode="bilinear", antialias=True)[0]


def _rgb(luma: Tensor, cb: Tensor, cr: Tensor, colours: Colours) -> Tensor:
    """(h, w, 3) uint8 by ITU-T H.273, equations 23 to 25 and 38 to 40, solved for R, G and B.

    Written out rather than as a matrix product, which a GPU may round to ten bits.
    """
    if colours.full:
        # White is all ones in the bits that are used: 255.75 units of an 8-bit sample with 10.
        white = (2.0**colours.bits - 1) / 2.0 ** (colours.bits - 8)
        y = luma * (255.0 / white)
        gain = 255.0 / white
    else:
        y = (luma - 16.0) * (255.0 / 219.0)
        gain = 255.0 / 224.0
    red, blue = colours.red, colours.blue
    green = 1.0 - red - blue
    to_red, to_blue = 2.0 * (1.0 - red) * gain, 2.0 * (1.0 - blue) * gain
    cb, cr = cb - 128.0, cr - 128.0
    r = torch.add(y, cr, alpha=to_red)
    b = torch.add(y, cb, alpha=to_blue)
    g = torch.sub(y, cr, alpha=to_red * red / green).sub_(cb, alpha=to_blue * blue / green)
    return torch.stack((r, g, b), -1).round_().clamp_(0.0, 255.0).to(torch.uint8)
