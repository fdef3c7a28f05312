"""Whether what a faster engine paints is still the style: the picture decides."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from murai_show.frame import Frame
from murai_show.ports import Stylizer
from murai_show.show.timeline import Look, Mix

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


class Remembered:
    """A Stylizer that paints each frame, by its number, in each mix once: a judge asks again for
    every attempt."""

    def __init__(self, stylizer: Stylizer) -> None:
        self.engine = stylizer.engine
        self.styles = stylizer.styles
        self._stylizer = stylizer
        self._painted: dict[tuple[int, Mix], Frame] = {}

    def __call__(self, frame: Frame, look: Look) -> Frame:
        key = (frame.number, look.mix)
        if key not in self._painted:
            self._painted[key] = self._stylizer(frame, look)
        return self._painted[key]

    def close(self) -> None:
        self._stylizer.close()


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


def settle(
    convolutions: Sequence[str],
    make: Callable[[Sequence[str]], Verdict],
    watch: Callable[[str], None],
    suspects: Sequence[str] = (),
) -> Verdict:
    """Eight bits for all `convolutions`, named from the first to the last; while the picture
    suffers, `suspects` are given back, then the one that hurts most, until half of them are wide.

    `make` quantises all but those that it is given, keeps that, and judges it; `watch` is told each
    step.  The last that was made is the one that the verdict is about.
    """
    # No norm stands behind the last one: its errors are the picture's.
    harmful = list(suspects) or [convolutions[-1]]
    wide: list[str] = []
    searched = False
    while True:
        kept = f", {len(wide)} of {len(convolutions)} convolutions kept wide" if wide else ""
        watch(f"quantising and judging the pictures{kept}")
        verdict = make(wide)
        if verdict.good or len(wide) >= len(convolutions) // 2:
            return verdict
        if not harmful and not searched:
            watch("looking for the convolutions that hurt")
            harmful = _by_harm(
                [name for name in convolutions if name not in wide], convolutions, make
            )
            searched = True
        wide.append(harmful.pop(0))


def _by_harm(
    names: Sequence[str], every: Sequence[str], make: Callable[[Sequence[str]], Verdict]
) -> list[str]:
    """`names`, first the one that alone of `every` one in eight bits costs the worst style most."""
    left = {
        name: min(make([other for other in every if other != name]).ssim.values()) for name in names
    }
    return sorted(names, key=lambda name: left[name])


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
