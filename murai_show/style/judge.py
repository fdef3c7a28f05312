"""Whether what a faster engine paints is still the style: the picture decides."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from murai_show.frame import Frame
from murai_show.ports import Stylizer
from murai_show.show.timeline import Look

BAR = 0.95  # SSIM to the fp32 picture, mean over the frames, that every style must reach


@dataclass(frozen=True)
class Practice:
    """Frames, each (H, W, 3), uint8, RGB, all of one size: int8 is fitted to `seen` and judged on
    `unseen`."""

    seen: tuple[np.ndarray, ...]
    unseen: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Verdict:
    """Whether a precision may paint.  `ssim` to the fp32 picture, by style; `wide` are the
    convolutions that stayed fp32; `why` is a sentence when it may not."""

    good: bool
    ssim: Mapping[str, float] = field(default_factory=dict)
    wide: tuple[str, ...] = ()
    why: str = ""


def read_verdict(raw: Mapping[str, Any]) -> Verdict:
    """A verdict from its JSON.  Raises TypeError or KeyError when it is none."""
    return Verdict(**{**raw, "wide": tuple(raw["wide"])})


def judge(
    reference: Stylizer,
    tried: Stylizer,
    frames: Sequence[np.ndarray],
    wide: tuple[str, ...] = (),
) -> Verdict:
    """Compare what both paint on `frames`, style by style."""
    found = {
        style: round(statistics.mean(_likeness(reference, tried, frames, style)), 4)
        for style in reference.styles
    }
    worst = min(found, key=lambda style: found[style])
    good = found[worst] >= BAR
    why = "" if good else f"{worst} would be too far from itself: SSIM {found[worst]:.3f} < {BAR}"
    return Verdict(good, found, wide, why)


def _likeness(
    reference: Stylizer, tried: Stylizer, frames: Sequence[np.ndarray], style: str
) -> list[float]:
    look = Look(((style, 1.0),))
    moments = [Frame(pixels, 0.0, 0.0, n, "practice") for n, pixels in enumerate(frames, start=1)]
    return [ssim(reference(f, look).pixels, tried(f, look).pixels) for f in moments]


def ssim(one: np.ndarray, other: np.ndarray) -> float:
    """Structural similarity (Wang et al. 2004), mean over the colours; both (H, W, 3), uint8."""
    from skimage.metrics import structural_similarity

    found = structural_similarity(one, other, channel_axis=2, data_range=255)
    return float(found)  # pyright: ignore[reportArgumentType] - a tuple only where asked for
