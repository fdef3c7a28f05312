"""A training session as a person sees it: checked arguments, a progress bar, preview sheets."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor

from murai_show.errors import TrainError
from murai_show.style.card import StyleCard
from murai_show.train.data import list_photos, open_picture
from murai_show.train.run import Recipe, Step, Student, train

PREVIEW_EVERY = 200
PREVIEW_PHOTOS = 4


def name_styles(
    pictures: Sequence[Path], names: Sequence[str], thanks: Sequence[str], licences: Sequence[str]
) -> list[StyleCard]:
    """One card per picture, in order.  Raises TrainError when the lists do not fit together."""
    for option, given in (("--name", names), ("--credit", thanks), ("--licence", licences)):
        if given and len(given) != len(pictures):
            raise TrainError(f"{option} is given {len(given)} times for {len(pictures)} pictures")
    chosen = list(names) or [p.stem.lower().replace(" ", "-") for p in pictures]
    if len(set(chosen)) < len(chosen):
        raise TrainError(f"two styles have one name: {', '.join(chosen)}; say --name for each")
    blank = [""] * len(pictures)
    rows = zip(chosen, thanks or blank, licences or blank, pictures, strict=True)
    return [StyleCard(n, c, li, p.name) for n, c, li, p in rows]


def train_with_progress(
    pictures: Sequence[Path],
    content: Path,
    features: Path,
    bank: Path,
    recipe: Recipe,
    folder: Path,
    resume: bool,
    names: Sequence[str],
    thanks: Sequence[str],
    licences: Sequence[str],
) -> None:
    """Train, with a bar and a preview sheet every 200 steps in `folder`.  Raises TrainError."""
    cards = name_styles(pictures, names, thanks, licences)
    if bank.suffix != ".safetensors":
        raise TrainError(f"--bank {bank}: a bank's name ends in .safetensors")
    logging.getLogger("murai_show").setLevel(logging.INFO)
    sample = _sample(content)
    columns = (
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TextColumn("content {task.fields[content]:.3f}  style {task.fields[style]:.4f}"),
        TextColumn("{task.fields[rate]:.1f} pictures/s"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as progress:
        bar = progress.add_task("train", total=recipe.steps, content=0.0, style=0.0, rate=0.0)

        def watch(step: Step, student: Student) -> None:
            rate = step.learned * recipe.batch / max(step.seconds, 1e-9)
            progress.update(
                bar, completed=step.number, content=step.content, style=step.style, rate=rate
            )
            if step.number % PREVIEW_EVERY == 0 or step.number == recipe.steps:
                folder.mkdir(parents=True, exist_ok=True)
                sheet = folder / f"preview-{step.number:06d}.png"
                preview(student, sample).save(sheet)
                student.write_bank(bank, cards, {"steps": step.number, "finished": False})

        paths = {card.name: path for card, path in zip(cards, pictures, strict=True)}
        train(paths, cards, content, features, bank, recipe, folder, resume, watch)


def preview(student: Student, sample: Sequence[Tensor]) -> Image.Image:
    """Every style, a column each, over the sample, a row each; the photographs on the left."""
    rows: list[np.ndarray] = []
    with torch.no_grad():
        for photo in sample:
            batch = photo[None].expand(len(student.styles), -1, -1, -1)
            painted = student.painter(batch, student.styles)
            row = torch.cat([photo[None], painted]).permute(2, 0, 3, 1).flatten(1, 2)
            rows.append((row * 255).round().to(torch.uint8).numpy())
    return Image.fromarray(np.concatenate(rows))


def _sample(content: Path) -> list[Tensor]:
    """The same few photographs for every preview, cut to 320×200."""
    found: list[Tensor] = []
    paths = list_photos(content)
    for path in paths[:: max(1, len(paths) // PREVIEW_PHOTOS)]:
        try:
            picture = open_picture(path, 320)
        except TrainError:
            continue  # the loader names it when it meets it
        found.append(picture[:, 20:220, :320])
        if len(found) == PREVIEW_PHOTOS:
            break
    return found
