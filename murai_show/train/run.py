"""Train one painter for many paintings.

Johnson, Alahi and Fei-Fei 2016 with conditional instance norm (Dumoulin et al. 2017) and the
noise-stability loss of the ancestor system.  The loop is straight-line; everything that it draws
at random is a function of the seed and the step, so a resumed run is the same run.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from murai_show.errors import TrainError
from murai_show.nets.conditional import neutral_style
from murai_show.nets.painter import Painter
from murai_show.nets.vgg import VggFeatures
from murai_show.style.bank import write_bank
from murai_show.style.card import BankCard, StyleCard
from murai_show.train.data import Photos, list_photos, open_picture, prefetched
from murai_show.train.loss import content_loss, gram, noise_loss, style_loss, total_variation

CONTENT_LAYER = "relu4_2"
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
CHECKPOINT_SECONDS = 45.0


@dataclass(frozen=True)
class Recipe:
    """All that decides what is learned; it travels in the bank's card.  Sides are in pixels."""

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
    noise_every: int = 3
    learning_rate: float = 2e-3
    clip: float = 10.0
    seed: int = 375
    half: int = 32
    quarter: int = 64
    blocks: int = 4

    def crop_at(self, step: int) -> int:
        return self.crop if step < self.steps * (1 - self.last_share) else self.last_crop

    def rate_at(self, step: int) -> float:
        """Fifty steps of warm-up, then a cosine down to a fiftieth."""
        warm = min(1.0, (step + 1) / 50)
        return self.learning_rate * warm * (0.51 + 0.49 * math.cos(math.pi * step / self.steps))


@dataclass(frozen=True)
class Step:
    """What a step tells whoever watches.  Losses are unweighted; `learned` steps took `seconds`
    in this session, which may have begun in the middle."""

    number: int
    content: float
    style: float
    learned: int
    seconds: float


def load_features(path: Path, layers: tuple[str, ...]) -> VggFeatures:
    """Read VGG-19 weights.  Raises TrainError when the file is not that."""
    try:
        return VggFeatures(load_file(path), layers)
    except FileNotFoundError:
        raise TrainError(f"{path}: no such file; --features names VGG-19 weights") from None
    except (OSError, SafetensorError) as error:
        raise TrainError(f"{path}: not a safetensors file: {error}") from None
    except KeyError as error:
        raise TrainError(f"{path}: not VGG-19 weights: {error} is missing") from None


class Student:
    """The painter, its style vectors and its optimiser: what a checkpoint holds."""

    def __init__(self, recipe: Recipe, styles: int) -> None:
        torch.manual_seed(recipe.seed)
        self.painter = Painter(recipe.half, recipe.quarter, recipe.blocks)
        self.painter.to(memory_format=torch.channels_last)  # pyright: ignore
        self.styles = nn.Parameter(neutral_style(self.painter).repeat(styles, 1))
        self.named = {f"network.{k}": p for k, p in self.painter.named_parameters()}
        self.named["styles"] = self.styles
        self.adam = torch.optim.Adam(self.named.values(), lr=recipe.learning_rate)
        self.step = 0

    def save(self, path: Path, recipe: Recipe, names: list[str]) -> None:
        """Write a checkpoint, whole or not at all."""
        tensors = {k: p.detach().contiguous() for k, p in self.named.items()}
        for name, parameter in self.named.items():
            for key, value in self.adam.state[parameter].items():
                tensors[f"adam.{key}.{name}"] = value.contiguous()
        facts = {"step": self.step, "recipe": asdict(recipe), "styles": names}
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".new")
        save_file(tensors, temporary, {"murai_checkpoint": json.dumps(facts)})
        temporary.replace(path)

    def load(self, path: Path, recipe: Recipe, names: list[str]) -> None:
        """Go on from a checkpoint.  Raises TrainError when it belongs to another run."""
        try:
            with safe_open(path, "pt") as file:
                facts = json.loads((file.metadata() or {})["murai_checkpoint"])
                tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118 - not a dict
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise TrainError(f"{path}: not a checkpoint of murai-show: {error}") from None
        mine = asdict(replace(recipe, steps=facts["recipe"]["steps"]))
        changed = sorted(k for k, v in mine.items() if facts["recipe"].get(k) != v)
        if facts["styles"] != names:
            changed.insert(0, "styles")
        if changed:
            raise TrainError(
                f"{path}: this checkpoint was made with other {', '.join(changed)}; "
                "give the same pictures and settings, or another --run folder"
            )
        with torch.no_grad():
            for name, parameter in self.named.items():
                parameter.copy_(tensors[name])
                keys = [k for k in tensors if k.startswith("adam.") and k.endswith(f".{name}")]
                if keys:
                    state = {k.split(".")[1]: tensors[k].clone() for k in keys}
                    self.adam.state[parameter] = state
        self.step = facts["step"]

    def write_bank(self, path: Path, cards: list[StyleCard], made: Mapping[str, object]) -> None:
        config = {
            "half": self.painter.enter.out_channels,
            "quarter": self.painter.down.out_channels,
            "blocks": len(self.painter.blocks) // 2,
        }
        network = {
            k.removeprefix("network."): p.detach().contiguous().numpy()
            for k, p in self.named.items()
            if k != "styles"
        }
        card = BankCard("painter", config, tuple(cards), made)
        write_bank(path, card, network, self.styles.detach().numpy())


def train(
    pictures: Mapping[str, Path],
    cards: list[StyleCard],
    content: Path,
    features: Path,
    bank: Path,
    recipe: Recipe,
    folder: Path,
    resume: bool,
    watch: Callable[[Step, Student], None],
) -> None:
    """Learn `pictures` (name → painting) over the photographs below `content`; write `bank`.

    `folder` keeps the checkpoint.  `watch` is called after every step.  Raises TrainError.
    """
    names = list(pictures)
    torch.set_flush_denormal(True)  # Adam's small moments are three times slower as denormals
    vgg = load_features(features, (*STYLE_LAYERS, CONTENT_LAYER))
    with torch.no_grad():
        grams: list[dict[str, Tensor]] = []
        for picture in pictures.values():
            found = vgg(open_picture(picture, recipe.style_side)[None])
            grams.append({layer: gram(found[layer])[0] for layer in STYLE_LAYERS})

    student = Student(recipe, len(names))
    checkpoint = folder / "checkpoint.safetensors"
    if resume and checkpoint.exists():
        student.load(checkpoint, recipe, names)
    elif checkpoint.exists():
        raise TrainError(f"{checkpoint} exists: add --resume to go on, or name another --run")

    # Each batch of photographs is painted in as many styles as there are, up to four steps: its
    # content features, a third of all VGG work, are then computed once.
    rounds = min(len(names), 4)
    photos = Photos(list_photos(content), recipe.seed)
    batches = prefetched(
        photos, student.step // rounds, recipe.batch, lambda n: recipe.crop_at(n * rounds)
    )
    photo = target = torch.empty(0)
    first = student.step
    begun = saved = time.monotonic()
    while student.step < recipe.steps:
        turn = student.step % rounds
        if turn == 0 or not len(photo):
            photo = next(batches)
            with torch.no_grad():
                target = vgg(photo)[CONTENT_LAYER]
        chosen = [(i + turn + student.step // rounds) % len(names) for i in range(recipe.batch)]

        vector = student.styles[chosen]
        painted = student.painter(photo, vector)
        found = vgg(painted)
        content_term = content_loss(found.pop(CONTENT_LAYER), target)
        style_term = style_loss(found, [grams[i] for i in chosen])
        loss = recipe.content_weight * content_term + recipe.style_weight * style_term
        loss = loss + recipe.tv_weight * total_variation(painted)
        if student.step % recipe.noise_every == 0:
            noise = sensor_noise(photo, recipe.seed, student.step)
            noisy = student.painter(photo + noise, vector)
            loss = loss + recipe.noise_weight * noise_loss(painted, noisy)

        for group in student.adam.param_groups:
            group["lr"] = recipe.rate_at(student.step)
        student.adam.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(student.named.values(), recipe.clip)
        student.adam.step()
        student.step += 1

        now = time.monotonic()
        if now - saved > CHECKPOINT_SECONDS or student.step == recipe.steps:
            student.save(checkpoint, recipe, names)
            saved = now
        losses = content_term.item(), style_term.item()
        watch(Step(student.step, *losses, student.step - first, now - begun), student)
    made = {
        "trainer": "murai-show train",
        "recipe": asdict(recipe),
        "photographs": len(photos.paths) - len(photos.broken),
        "features": features.name,
        "losses": f"content {CONTENT_LAYER}; style Gram {', '.join(STYLE_LAYERS)}; TV; noise",
    }
    student.write_bank(bank, cards, made)


def sensor_noise(photo: Tensor, seed: int, step: int) -> Tensor:
    """Gaussian noise of the shape of `photo`, deviation 1 to 6 % drawn per picture."""
    draw = torch.Generator().manual_seed(seed * 1_000_003 + step)
    deviation = 0.01 + 0.05 * torch.rand(len(photo), 1, 1, 1, generator=draw)
    return torch.randn(photo.shape, generator=draw) * deviation
