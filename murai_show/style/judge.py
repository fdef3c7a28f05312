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
LOST = 1.03  # style loss over that of the fp32 picture, which no style may exceed

# How far a picture, (H, W, 3), uint8, RGB, is from the painting of a style; None where the painting
# is not at hand.
StyleLoss = Callable[[str, np.ndarray], float | None]


@dataclass(frozen=True)
class Practice:
    """Frames, each (H, W, 3), uint8, RGB, all of one size: int8 is fitted to `seen` and judged on
    `unseen`; also by `style_loss`, where somebody has the paintings."""

    seen: tuple[np.ndarray, ...]
    unseen: tuple[np.ndarray, ...]
    style_loss: StyleLoss | None = None


@dataclass(frozen=True)
class Verdict:
    """Whether a precision may paint.  `ssim` to the fp32 picture, by style; `wide` are the
    convolutions that stayed fp32; `why` is a sentence when it may not; `style_loss` is over that of
    the fp32 picture, of each style whose painting was at hand."""

    good: bool
    ssim: Mapping[str, float] = field(default_factory=dict)
    wide: tuple[str, ...] = ()
    why: str = ""
    style_loss: Mapping[str, float] = field(default_factory=dict)

    @property
    def harm(self) -> float:
        """What the style that suffered most did suffer, as a share of what it may."""
        unlike = [(1.0 - value) / (1.0 - BAR) for value in self.ssim.values()]
        weak = [(value - 1.0) / (LOST - 1.0) for value in self.style_loss.values()]
        return max([*unlike, *weak], default=0.0)


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
    reference: Stylizer, tried: Stylizer, practice: Practice, wide: tuple[str, ...] = ()
) -> Verdict:
    """Compare what both paint on the unseen frames, style by style."""
    found: dict[str, float] = {}
    lost: dict[str, float] = {}
    for style in reference.styles:
        pictures = [_painted(one, practice.unseen, style) for one in (reference, tried)]
        found[style] = round(statistics.mean(map(ssim, *pictures)), 4)
        if practice.style_loss is not None:
            right, ours = (_mean_loss(practice.style_loss, style, p) for p in pictures)
            if right is not None and ours is not None:
                lost[style] = round(ours / right, 4)
    why = _objection(found, lost)
    return Verdict(not why, found, wide, why, lost)


def _objection(found: Mapping[str, float], lost: Mapping[str, float]) -> str:
    """Why the pictures will not do, empty where they will."""
    worst = min(found, key=lambda style: found[style])
    if found[worst] < BAR:
        return f"{worst} would be too far from itself: SSIM {found[worst]:.3f} < {BAR}"
    most = max(lost, key=lambda style: lost[style], default="")
    if most and lost[most] > LOST:
        return f"{most} would be too weak: style loss {lost[most]:.3f} × that of fp32, over {LOST}"
    return ""


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
    """`names`, first the one that alone of `every` one in eight bits does the most harm."""
    harm = {name: make([other for other in every if other != name]).harm for name in names}
    return sorted(names, key=lambda name: -harm[name])


def _painted(stylizer: Stylizer, frames: Sequence[np.ndarray], style: str) -> list[np.ndarray]:
    look = Look(((style, 1.0),))
    moments = [Frame(pixels, 0.0, 0.0, n, "practice") for n, pixels in enumerate(frames, start=1)]
    return [stylizer(moment, look).pixels for moment in moments]


def _mean_loss(loss: StyleLoss, style: str, pictures: Sequence[np.ndarray]) -> float | None:
    """None where the painting of `style` is not at hand."""
    found = [loss(style, picture) for picture in pictures]
    return statistics.mean(known) if (known := [f for f in found if f is not None]) else None


def ssim(one: np.ndarray, other: np.ndarray) -> float:
    """Structural similarity (Wang et al. 2004), mean over the colours; both (H, W, 3), uint8."""
    from skimage.metrics import structural_similarity

    found = structural_similarity(one, other, channel_axis=2, data_range=255)
    return float(found)  # pyright: ignore[reportArgumentType] - a tuple only where asked for
