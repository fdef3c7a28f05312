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
from murai_show.style.bank import Bank
from murai_show.style.card import StyleCard
from murai_show.train.data import Crop, list_photos, open_picture
from murai_show.train.recipe import Recipe
from murai_show.train.run import Painting, Step, train
from murai_show.train.student import Student

PREVIEW_EVERY = 200
PREVIEW_PHOTOS = 4


def parse_crop(text: str) -> Crop | None:
    """`x,y,w,h` in pixels, or `-` for the whole picture.  Raises TrainError."""
    if text == "-":
        return None
    parts = text.split(",")
    if len(parts) != 4 or not all(p.strip().isdecimal() for p in parts):
        raise TrainError(f"--crop {text!r}: write x,y,w,h in pixels, or - for the whole picture")
    x, y, width, height = (int(p) for p in parts)
    return x, y, width, height


def list_paintings(
    pictures: Sequence[Path],
    names: Sequence[str],
    thanks: Sequence[str],
    licences: Sequence[str],
    crops: Sequence[str],
) -> list[Painting]:
    """One painting per picture, in order.  Raises TrainError when the lists do not fit together."""
    options = {"--name": names, "--credit": thanks, "--licence": licences, "--crop": crops}
    for option, given in options.items():
        if given and len(given) != len(pictures):
            raise TrainError(f"{option} is given {len(given)} times for {len(pictures)} pictures")
    chosen = list(names) or [p.stem.lower().replace(" ", "-") for p in pictures]
    if len(set(chosen)) < len(chosen):
        raise TrainError(f"two styles have one name: {', '.join(chosen)}; say --name for each")
    blank = [""] * len(pictures)
    cuts = [parse_crop(crop) for crop in crops] or [None] * len(pictures)
    rows = zip(pictures, chosen, thanks or blank, licences or blank, cuts, strict=True)
    return [
        Painting(file, StyleCard(name, credit, licence, file.name, crop))
        for file, name, credit, licence, crop in rows
    ]


def train_with_progress(
    paintings: Sequence[Painting],
    content: Path,
    features: Path | None,
    bank: Path,
    recipe: Recipe,
    folder: Path,
    resume: bool,
    start: Bank | None = None,
) -> None:
    """Train, with a bar and a preview sheet every 200 steps in `folder`.  Raises TrainError."""
    if bank.suffix != ".safetensors":
        raise TrainError(f"--bank {bank}: a bank's name ends in .safetensors")
    logging.getLogger("murai_show").setLevel(logging.INFO)
    sample = _sample(content)
    cards = [painting.card for painting in paintings]
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
            content_term, style_term = step.losses["content"], step.losses["style"]
            progress.update(
                bar, completed=step.number, content=content_term, style=style_term, rate=rate
            )
            if step.number % PREVIEW_EVERY == 0 or step.number == recipe.steps:
                folder.mkdir(parents=True, exist_ok=True)
                sheet = folder / f"preview-{step.number:06d}.png"
                preview(student, sample).save(sheet)
                student.write_bank(bank, cards, {"steps": step.number, "finished": False})

        train(paintings, content, features, bank, recipe, folder, resume, watch, start)


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
