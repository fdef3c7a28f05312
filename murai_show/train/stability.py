"""How quietly a painter paints film: against sensor noise, in motion, and where nothing happens.

Every figure is an error of the painted film over the same error of the film itself, so that 1 means
"as restless as its input".  A weak or blurred style lowers all of them: read them beside the style
loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from murai_show.train.flow import Pair, warp
from murai_show.train.peers import Paint

NOISE = 0.02  # deviation of the sensor noise, of full scale: a camera indoors in the evening
NOISY = 8  # exposures of one photograph
IDLE = 2 / 255  # a pixel that changes less than this between two frames shows nothing new
# The error between two frames that differ in nothing but their rounding to 8 bits, each of
# deviation 1/√12 of a step: √(2/12) steps root-mean-square, 1/3 of a step in the mean.  A film
# cannot be told to be quieter than that, so nothing is divided by less.
ROUNDING_RMS = (1 / 6) ** 0.5 / 255
ROUNDING_MEAN = 1 / 3 / 255


@dataclass(frozen=True)
class Restless:
    """`error` of the painted film and `own` error of the film, both of full scale 1."""

    error: float
    own: float
    floor: float

    @property
    def ratio(self) -> float:
        return self.error / max(self.own, self.floor)


def exposures(photo: Tensor, seed: int) -> list[Tensor]:
    """`photo`, (3, H, W), RGB, 0..1, seen `NOISY` times by a sensor with Gaussian noise.

    Cut to 0..1, as a sensor does; each exposure has a noise of its own, fixed by `seed`.
    """
    draw = torch.Generator().manual_seed(seed)
    return [
        (photo + NOISE * torch.randn(photo.shape, generator=draw)).clamp(0.0, 1.0)
        for _ in range(NOISY)
    ]


def flicker(paint: Paint, shots: Sequence[Tensor]) -> Restless:
    """Static noise flicker: the deviation over time of each pixel, in the mean over pixels.

    `shots` are the exposures of one still scene, each (3, H, W), RGB, 0..1.
    """
    painted = torch.stack([paint(shot[None])[0] for shot in shots])
    return Restless(
        painted.std(0).mean().item(), torch.stack(list(shots)).std(0).mean().item(), ROUNDING_RMS
    )


def warping_error(before: Tensor, after: Tensor, pair: Pair) -> float:
    """√(mean over the mask of (before - warped after)²); (3, H, W), RGB, 0..1.

    The warping error of Lai et al., "Learning Blind Video Temporal Consistency", ECCV 2018, eq. 9,
    as a root, with the exact flow in place of an estimated one.
    """
    error = (before - warp(after, pair.flow)).square().mean(0)
    return (error * pair.mask).sum().div(pair.mask.sum().clamp_min(1)).sqrt().item()


def motion(paint: Paint, pairs: Sequence[Pair]) -> list[Restless]:
    """The warping error of each of `pairs`; a frame that several of them share is painted once."""
    frames = {id(f): f for pair in pairs for f in (pair.before, pair.after)}
    painted = {key: paint(frame[None])[0] for key, frame in frames.items()}
    return [
        Restless(
            warping_error(painted[id(pair.before)], painted[id(pair.after)], pair),
            warping_error(pair.before, pair.after, pair),
            ROUNDING_RMS,
        )
        for pair in pairs
    ]


def idle_change(paint: Paint, frames: Sequence[Tensor]) -> Restless:
    """How much the painted picture changes where the film stands still, between two frames.

    `frames` are (3, H, W), RGB, 0..1, in order.  A pixel is idle when none of its channels, after a
    Gaussian blur that takes the sensor noise away, changes by `IDLE`.  Both errors are means of
    |change| over the idle pixels of all frames.
    """
    error = own = count = 0.0
    painted: Tensor | None = None
    for before, after in pairwise(frames):
        first = paint(before[None])[0] if painted is None else painted
        painted = paint(after[None])[0]
        idle = (_blurred(after) - _blurred(before)).abs().amax(0) < IDLE
        error += ((painted - first).abs().mean(0) * idle).sum().item()
        own += ((after - before).abs().mean(0) * idle).sum().item()
        count += idle.sum().item()
    count = max(count, 1.0)
    return Restless(error / count, own / count, ROUNDING_MEAN)


def _blurred(picture: Tensor, deviation: float = 1.5) -> Tensor:
    """`picture`, (C, H, W), under a Gaussian of `deviation` pixels."""
    reach = int(3 * deviation)
    x = torch.arange(-reach, reach + 1, dtype=picture.dtype)
    kernel = torch.exp(-x.square() / (2 * deviation**2))
    kernel = kernel / kernel.sum()
    x = F.pad(picture[:, None], (reach,) * 4, mode="replicate")
    x = F.conv2d(F.conv2d(x, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))
    return x[:, 0]
