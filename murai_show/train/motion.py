"""Random smooth motion with its exact flow: what a painted film must be equivariant to.

A flow is (B, 2, H, W), pixels, (x, y), *backward*: the moved picture at p is the picture at
p + flow(p).  Flows are functions of their seed, so a resumed run sees the same motion.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SHIFT = 6.0  # pixels, a brisk walk between two frames of a camera at 360 lines
TURN = 0.04  # radians, and the same share of zoom
BEND = 2.0  # pixels, deviation at the knots of the bending
KNOTS = 4
_CPU = torch.device("cpu")


def smooth_flow(
    count: int,
    height: int,
    width: int,
    seed: int,
    step: int,
    pictures: range | None = None,
    device: torch.device = _CPU,
) -> Tensor:
    """Shift, turn, zoom and bend, drawn per picture; shape (count, 2, height, width).

    Of a batch of `count` the flows of `pictures`, all when None.  The draws are made on the CPU:
    its generator gives the same numbers on every machine, a GPU's does not.
    """
    draw = torch.Generator().manual_seed(seed * 1_000_003 + step)
    angle, zoom = TURN * (2 * torch.rand(2, count, 1, 1, generator=draw) - 1)
    shift = SHIFT * (2 * torch.rand(count, 2, 1, 1, generator=draw) - 1)
    knots = BEND * torch.randn(count, 2, KNOTS, KNOTS, generator=draw)
    chosen = range(count) if pictures is None else pictures
    mine = slice(chosen.start, chosen.stop)
    angle, zoom, shift, knots = (drawn[mine].to(device) for drawn in (angle, zoom, shift, knots))
    x = torch.linspace(-width / 2, width / 2, width, device=device).expand(height, width)
    y = torch.linspace(-height / 2, height / 2, height, device=device)
    y = y[:, None].expand(height, width)
    turned = torch.stack([zoom * x - angle * y, angle * x + zoom * y], 1)
    bend = F.interpolate(knots, (height, width), mode="bicubic", align_corners=True)
    return turned + shift + bend


def warp(picture: Tensor, flow: Tensor) -> Tensor:
    """The moved picture, shape of `picture` (B, C, H, W).

    Bicubic: bilinear sampling would blur the target of the motion loss, and a painter that is
    asked to match blur learns to blur.
    """
    grid = _grid(flow)
    return F.grid_sample(picture, grid, mode="bicubic", padding_mode="border", align_corners=True)


def inside(flow: Tensor) -> Tensor:
    """1.0 where the moved picture shows something that the picture had, else 0.0; (B, 1, H, W)."""
    return (_grid(flow).abs() <= 1.0).all(-1).float()[:, None]


def _grid(flow: Tensor) -> Tensor:
    height, width = flow.shape[-2:]
    x = torch.linspace(-1, 1, width, device=flow.device).expand(height, width)
    y = torch.linspace(-1, 1, height, device=flow.device)[:, None].expand(height, width)
    scale = flow.new_tensor([2 / (width - 1), 2 / (height - 1)]).view(1, 2, 1, 1)
    return (torch.stack([x, y])[None] + flow * scale).permute(0, 2, 3, 1)
