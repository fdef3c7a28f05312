"""The recipe: all that decides what is learned.  It travels in the bank's card."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

PRECISIONS = ("auto", "fp32", "bf16")
OWN = ("tail", "all")  # kernels that styles can have for themselves
IMITATION_SHARE = 0.6  # where there is a teacher and nobody says
# What holds where nobody says otherwise and a painter that is trained already learns on: one large
# crop a step teaches it more than four small ones in the same time, and long steps forget first.
LEARNING_ON: Mapping[str, float] = {"batch": 1, "crop": 320, "last_crop": 320, "rate": 0.3}
# And where nothing but vectors is learned: they reach less far than kernels, so the painting counts
# for more, and they forget nothing.
VECTORS_ALONE: Mapping[str, float] = {
    **LEARNING_ON,
    "rate": 1.0,
    "style_weight": 30.0,
    "steps": 600,
    "warm_up": 10,
}


@dataclass(frozen=True)
class Recipe:
    """How a bank is trained.  Sides are in pixels; every loss is normalised, so that its weight
    means the same for every painting.

    The schedule runs over `steps`, or, when `minutes` is given, over that time: the checkpoint
    counts it, so a run that was cut off ends after `minutes` of learning in all.

    `batch` is the batch of all processes together.

    `precision` is "fp32", "bf16" or "auto": the VGG in bfloat16 where a GPU has it, or where it is
    quicker on this CPU; the painter, Gram matrices and losses are fp32 always.  Not measured yet:
    what it gains on a GPU.

    `vector_only` freezes the network and learns style vectors alone, at `vector_rate`.  `own`
    learns, besides the vectors, kernels that are the new styles' own: "all" of them or the "tail",
    which is what lies behind the last block; what the other styles have stays as it is.
    """

    size: str = "kiosk"
    steps: int = 4000
    minutes: float | None = None
    batch: int = 4
    crop: int = 144  # smaller ones take more steps in a minute, and learn less in it: docs/LOG.md
    last_crop: int = 208  # for the last `last_share` of the run: texture at the size of a show
    last_share: float = 0.15
    style_side: int = 512
    content_weight: float = 1.0
    style_weight: float = 20.0
    tv_weight: float = 0.3
    noise_weight: float = 300.0
    motion_weight: float = 150.0
    likeness_weight: float = 10.0  # to a teacher's picture, while the student imitates one
    imitation_share: float = 0.0  # of the run; the paintings themselves are learned after it
    stability_every: int = 2  # noise and motion take turns: each costs a painting more
    rate: float = 1.0  # of all rates: less for a bank that is good already
    kernel_rate: float = 0.02  # Muon's, a share of the kernel's norm a step
    style_rate: float = 5e-3  # Adam's
    vector_only: bool = False
    own: str | None = None
    vector_rate: float = 5e-2  # Adam's, when it learns nothing else
    warm_up: int = 50  # steps
    clip: float = 10.0  # of the gradient's norm
    precision: str = "auto"
    seed: int = 375

    def done(self, step: int, seconds: float) -> float:
        """The share of the run, from 0 to 1, that lies behind after `step` steps or `seconds`."""
        share = step / self.steps if self.minutes is None else seconds / (60 * self.minutes)
        return min(share, 1.0)

    def crop_at(self, done: float) -> int:
        """The side of the training crops when the share `done` of the run lies behind."""
        return self.crop if done < 1 - self.last_share else self.last_crop

    def rate_at(self, step: int, done: float) -> float:
        """The share of the rates: a warm-up over `warm_up` steps, then a cosine to a fiftieth."""
        warm = self.rate * min(1.0, (step + 1) / self.warm_up)
        return warm * (0.51 + 0.49 * math.cos(math.pi * done))

    def imitates_at(self, done: float) -> bool:
        """Whether a teacher's pictures are imitated when the share `done` of the run lies behind.

        Imitation needs no VGG, so its steps are several times as fast.
        """
        return done < self.imitation_share

    def stability_at(self, step: int) -> str | None:
        """Which stability loss step number `step` has: "noise", "motion" or none."""
        turn, rest = divmod(step, self.stability_every)
        return None if rest else ("noise", "motion")[turn % 2]
