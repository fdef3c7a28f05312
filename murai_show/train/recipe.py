"""The recipe: all that decides what is learned.  It travels in the bank's card."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """How a bank is trained.  Sides are in pixels; every loss is normalised, so that its weight
    means the same for every painting."""

    size: str = "kiosk"
    steps: int = 4000
    batch: int = 4
    crop: int = 128
    last_crop: int = 208  # for the last `last_share` of the steps: texture at the size of a show
    last_share: float = 0.15
    style_side: int = 512
    content_weight: float = 1.0
    style_weight: float = 20.0
    tv_weight: float = 0.3
    noise_weight: float = 30.0
    motion_weight: float = 10.0
    stability_every: int = 2  # noise and motion take turns: each costs a painting more
    kernel_rate: float = 6e-3  # Muon's
    style_rate: float = 2e-3  # Adam's
    clip: float = 10.0  # of the gradient's norm
    seed: int = 375

    def crop_at(self, step: int) -> int:
        return self.crop if step < self.steps * (1 - self.last_share) else self.last_crop

    def share_at(self, step: int) -> float:
        """The share of the rates: fifty steps of warm-up, then a cosine down to a fiftieth."""
        warm = min(1.0, (step + 1) / 50)
        return warm * (0.51 + 0.49 * math.cos(math.pi * step / self.steps))

    def stability_at(self, step: int) -> str | None:
        """Which stability loss step number `step` has: "noise", "motion" or none."""
        turn, rest = divmod(step, self.stability_every)
        return None if rest else ("noise", "motion")[turn % 2]
