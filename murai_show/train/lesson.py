"""One step of the school: photographs are painted, looked at, and compared.

All that a step draws at random is a function of the seed, the step and a picture's place in the
batch, so a resumed run is the same run, and so is one that several processes share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from murai_show.style.bank import Bank, kernel_sets
from murai_show.style.card import StyleCard
from murai_show.style.network import build_network
from murai_show.train.data import open_picture
from murai_show.train.device import Precision
from murai_show.train.features import Features
from murai_show.train.loss import (
    content_loss,
    gram,
    likeness_loss,
    motion_loss,
    noise_loss,
    style_loss,
    total_variation,
)
from murai_show.train.motion import inside, smooth_flow, warp
from murai_show.train.recipe import Recipe
from murai_show.train.student import Student


@dataclass(frozen=True)
class Painting:
    """What is to be learned: a picture's file, and the card that its style will have."""

    file: Path
    card: StyleCard


def style_targets(
    paintings: Sequence[Painting], features: Features, side: int, device: torch.device
) -> list[dict[str, Tensor]]:
    """The Gram matrices, layer → (C, C), of every painting at short side `side`."""
    targets: list[dict[str, Tensor]] = []
    with torch.no_grad():
        for painting in paintings:
            picture = open_picture(painting.file, side, painting.card.crop)
            found = features.network(picture[None].to(device))
            targets.append({layer: gram(found[layer])[0] for layer in features.style})
    return targets


class Teacher:
    """A painter that knows the styles already: a smaller one first learns to paint as it does."""

    def __init__(self, bank: Bank, names: Sequence[str], device: torch.device) -> None:
        """`bank` has all of `names`.  Raises BankError."""
        known: dict[str, tuple[nn.Module, Tensor]] = {}
        for part in kernel_sets(bank):
            network = build_network(part).to(device=device, memory_format=torch.channels_last)  # pyright: ignore
            vectors = torch.from_numpy(part.styles.copy()).to(device)
            known |= {n: (network, v) for n, v in zip(part.card.names, vectors, strict=True)}
        self.networks = [known[name][0] for name in names]
        self.styles = torch.stack([known[name][1] for name in names])

    @torch.no_grad()
    def paint(self, photo: Tensor, chosen: Sequence[int]) -> Tensor:
        """`photo`, (B, 3, H, W), RGB, 0..1, painted in the style of each number in `chosen`."""
        networks = {id(self.networks[number]): self.networks[number] for number in chosen}
        if len(networks) == 1:
            return self.networks[chosen[0]](photo, self.styles[list(chosen)]).float()
        painted = [
            self.networks[number](one[None], self.styles[[number]]).float()
            for one, number in zip(photo, chosen, strict=True)
        ]
        return torch.cat(painted)


@dataclass(frozen=True)
class Lesson:
    """What all steps share.  `targets` are the Gram matrices of each style; `places` are the
    pictures of the whole batch that this process paints; `teacher` is imitated as long as the
    recipe says."""

    student: Student
    features: Features
    targets: Sequence[dict[str, Tensor]]
    places: range
    precision: Precision
    teacher: Teacher | None = None

    @torch.no_grad()
    def wanted(self, photo: Tensor) -> Tensor:
        """The content features of `photo`, (B, 3, H, W), RGB, 0..1."""
        with self.precision.autocast():
            return self.features.network(photo)[self.features.content]

    def paint(self, photo: Tensor, vector: Tensor) -> Tensor:
        """`photo` painted.  `vector`: (B, style_length).

        In fp32 always: half precision would save a tenth of a step, and turns the gradient where
        it is small, late in a training, by up to eight degrees.
        """
        return self.student.painter(photo, vector)

    def losses(self, photo: Tensor, wanted: Tensor, chosen: Sequence[int]) -> dict[str, Tensor]:
        """The losses of the student's step, by name, unweighted.

        `photo`: (B, 3, H, W), RGB, 0..1; `wanted`: its content features; `chosen`: B style numbers.
        """
        recipe, step = self.student.recipe, self.student.step
        vector = self.student.styles[list(chosen)]
        painted = self.paint(photo, vector)
        with self.precision.autocast():
            found = self.features.network(painted)
        seen = {layer: found[layer] for layer in self.features.style}
        losses = {
            "content": content_loss(found[self.features.content], wanted),
            "style": style_loss(seen, [self.targets[i] for i in chosen]),
            "tv": total_variation(painted),
        }
        stability = recipe.stability_at(step)
        if stability == "noise":
            noise = sensor_noise(photo, recipe.seed, step, self.places.start)
            losses["noise"] = noise_loss(painted, self.paint(photo + noise, vector))
        elif stability == "motion":
            height, width = photo.shape[-2:]
            flow = smooth_flow(
                recipe.batch, height, width, recipe.seed, step, self.places, photo.device
            )
            moved = self.paint(warp(photo, flow).clamp(0.0, 1.0), vector)
            losses["motion"] = motion_loss(moved, warp(painted, flow), inside(flow))
        return losses

    def imitation(self, photo: Tensor, chosen: Sequence[int]) -> dict[str, Tensor]:
        """The one loss of a step that imitates the teacher; arguments as in `losses`."""
        assert self.teacher is not None
        with self.precision.autocast():
            taught = self.teacher.paint(photo, chosen)
        painted = self.paint(photo, self.student.styles[list(chosen)])
        return {"likeness": likeness_loss(painted, taught)}

    @torch.no_grad()
    def distances(self, vectors: Tensor, photo: Tensor) -> Tensor:
        """How far what each of `vectors`, (V, style_length), paints is from each of the styles:
        content and style loss over `photo`, weighted as the recipe says; (styles, V)."""
        recipe, wanted = self.student.recipe, self.wanted(photo)
        found: list[Tensor] = []
        for vector in vectors:
            with self.precision.autocast():
                features = self.features.network(self.paint(photo, vector.expand(len(photo), -1)))
            seen = {layer: features[layer] for layer in self.features.style}
            content = recipe.content_weight * content_loss(features[self.features.content], wanted)
            styles = [style_loss(seen, [target] * len(photo)) for target in self.targets]
            found.append(content + recipe.style_weight * torch.stack(styles))
        return torch.stack(found, 1)


def sensor_noise(photo: Tensor, seed: int, step: int, first: int = 0) -> Tensor:
    """Gaussian noise of the shape of `photo`, deviation 1 to 6 % drawn per picture.

    The pictures of `photo` are number `first` and following of the whole batch.  Drawn on the CPU:
    its generator gives the same numbers on every machine, a GPU's does not.
    """
    noise: list[Tensor] = []
    for place in range(first, first + len(photo)):
        draw = np.random.default_rng((seed, step, place))
        deviation = np.float32(draw.uniform(0.01, 0.06))
        noise.append(
            torch.from_numpy(draw.standard_normal(photo.shape[1:], np.float32) * deviation)
        )
    return torch.stack(noise).to(photo.device)


def weighted(losses: dict[str, Tensor], recipe: Recipe) -> Tensor:
    """The sum that is minimised: each loss times its weight in the recipe."""
    return torch.stack([asdict(recipe)[f"{k}_weight"] * v for k, v in losses.items()]).sum()
