"""Train one painter for many paintings.

Johnson, Alahi and Fei-Fei 2016 with conditional instance norm (Dumoulin et al. 2017), the
noise-stability loss of the ancestor system, and equivariance to motion.  The loop is
straight-line; everything that it draws at random is a function of the seed and the step, so a
resumed run is the same run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from murai_show.errors import TrainError
from murai_show.style.bank import Bank
from murai_show.style.card import StyleCard
from murai_show.train.data import Photos, list_photos, open_picture, prefetched
from murai_show.train.features import Features, load_features
from murai_show.train.loss import (
    content_loss,
    gram,
    motion_loss,
    noise_loss,
    style_loss,
    total_variation,
)
from murai_show.train.motion import inside, smooth_flow, warp
from murai_show.train.recipe import Recipe
from murai_show.train.student import Student

CHECKPOINT_SECONDS = 45.0


@dataclass(frozen=True)
class Painting:
    """What is to be learned: a picture's file, and the card that its style will have."""

    file: Path
    card: StyleCard


@dataclass(frozen=True)
class Step:
    """What a step tells whoever watches.  Losses are unweighted; `learned` steps took `seconds`
    in this session, which may have begun in the middle."""

    number: int
    losses: dict[str, float]
    learned: int
    seconds: float


def style_targets(
    paintings: Sequence[Painting], features: Features, side: int
) -> list[dict[str, Tensor]]:
    """The Gram matrices, layer → (C, C), of every painting at short side `side`."""
    targets: list[dict[str, Tensor]] = []
    with torch.no_grad():
        for painting in paintings:
            picture = open_picture(painting.file, side, painting.card.crop)
            found = features.network(picture[None])
            targets.append({layer: gram(found[layer])[0] for layer in features.style})
    return targets


def step_losses(
    student: Student,
    features: Features,
    targets: Sequence[dict[str, Tensor]],
    photo: Tensor,
    wanted: Tensor,
    chosen: Sequence[int],
) -> dict[str, Tensor]:
    """The losses of one step, by name, unweighted.

    `photo`: (B, 3, H, W), RGB, 0..1; `wanted`: its content features; `chosen`: B style numbers.
    """
    recipe, step = student.recipe, student.step
    vector = student.styles[list(chosen)]
    painted = student.painter(photo, vector)
    found = features.network(painted)
    losses = {
        "content": content_loss(found[features.content], wanted),
        "style": style_loss(
            {layer: found[layer] for layer in features.style}, [targets[i] for i in chosen]
        ),
        "tv": total_variation(painted),
    }
    stability = recipe.stability_at(step)
    if stability == "noise":
        noise = sensor_noise(photo, recipe.seed, step)
        losses["noise"] = noise_loss(painted, student.painter(photo + noise, vector))
    elif stability == "motion":
        count, _, height, width = photo.shape
        flow = smooth_flow(count, height, width, recipe.seed, step)
        moved = student.painter(warp(photo, flow).clamp(0.0, 1.0), vector)
        losses["motion"] = motion_loss(moved, warp(painted, flow), inside(flow))
    return losses


def weighted(losses: dict[str, Tensor], recipe: Recipe) -> Tensor:
    """The sum that is minimised: each loss times its weight in the recipe."""
    return torch.stack([asdict(recipe)[f"{k}_weight"] * v for k, v in losses.items()]).sum()


def train(
    paintings: Sequence[Painting],
    content: Path,
    features_file: Path | None,
    bank: Path,
    recipe: Recipe,
    folder: Path,
    resume: bool,
    watch: Callable[[Step, Student], None],
    start: Bank | None = None,
) -> None:
    """Learn `paintings` over the photographs below `content`; write `bank`.

    `folder` keeps the checkpoint.  `watch` is called after every step.  Raises TrainError.
    """
    cards = [painting.card for painting in paintings]
    torch.set_flush_denormal(True)  # Adam's small moments are three times slower as denormals
    photos = Photos(list_photos(content), recipe.seed)
    features = load_features(features_file)
    targets = style_targets(paintings, features, recipe.style_side)
    student = Student(recipe, [card.name for card in cards], start)
    checkpoint = folder / "checkpoint.safetensors"
    if resume and checkpoint.exists():
        student.load(checkpoint)
    elif checkpoint.exists():
        raise TrainError(f"{checkpoint} exists: add --resume to go on, or name another --run")

    # Each batch of photographs is painted in as many styles as there are, up to four steps: its
    # content features, a third of all VGG work, are then computed once.
    rounds = min(len(paintings), 4)
    batches = prefetched(
        photos, student.step // rounds, recipe.batch, lambda n: recipe.crop_at(n * rounds)
    )
    photo = wanted = torch.empty(0)
    first = student.step
    begun = saved = time.monotonic()
    while student.step < recipe.steps:
        turn = student.step % rounds
        if turn == 0 or not len(photo):
            photo = next(batches)
            with torch.no_grad():
                wanted = features.network(photo)[features.content]
        chosen = [(i + turn + student.step // rounds) % len(cards) for i in range(recipe.batch)]
        losses = step_losses(student, features, targets, photo, wanted, chosen)
        student.learn(weighted(losses, recipe))
        now = time.monotonic()
        if now - saved > CHECKPOINT_SECONDS or student.step == recipe.steps:
            student.save(checkpoint)
            saved = now
        told = {k: v.item() for k, v in losses.items()}
        watch(Step(student.step, told, student.step - first, now - begun), student)
    made = {
        "trainer": "murai-show train",
        "recipe": asdict(recipe),
        "photographs": len(photos.paths) - len(photos.broken),
        "features": features.name,
        "layers": {"content": features.content, "style": features.style},
        **({} if start is None else {"started_from": f"{start.path.name} {start.sha256[:12]}"}),
    }
    student.write_bank(bank, cards, made)


def sensor_noise(photo: Tensor, seed: int, step: int) -> Tensor:
    """Gaussian noise of the shape of `photo`, deviation 1 to 6 % drawn per picture."""
    draw = torch.Generator().manual_seed(seed * 1_000_003 + step)
    deviation = 0.01 + 0.05 * torch.rand(len(photo), 1, 1, 1, generator=draw)
    return torch.randn(photo.shape, generator=draw) * deviation
