"""What a training is to be, from the words of the command line: all checked before it begins."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from murai_show.errors import TrainError, UsageError
from murai_show.nets.painter import SIZES
from murai_show.style.bank import Bank, read_bank
from murai_show.style.card import StyleCard
from murai_show.train.data import Crop
from murai_show.train.lesson import Painting
from murai_show.train.recipe import PRECISIONS, VECTOR_STEPS, VECTOR_WARM_UP, Recipe
from murai_show.train.run import Training


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


def choose_recipe(*, steps: int | None, minutes: float | None, **chosen: Any) -> Recipe:
    """The recipe of `chosen` fields, that lasts `steps` or `minutes`, or as long as its kind does.

    Raises UsageError.
    """
    if steps is not None and minutes is not None:
        raise UsageError("--steps and --minutes both say how long to learn; give one of them")
    if minutes is not None and minutes <= 0:
        raise UsageError(f"--minutes {minutes:g}: should be more than 0")
    if chosen["precision"] not in PRECISIONS:
        raise UsageError(f"--precision {chosen['precision']}: write {', '.join(PRECISIONS)}")
    if not chosen["vector_only"]:
        return Recipe(steps=steps or Recipe.steps, minutes=minutes, **chosen)
    return Recipe(steps=steps or VECTOR_STEPS, minutes=minutes, warm_up=VECTOR_WARM_UP, **chosen)


@dataclass(frozen=True)
class Goal:
    """Which bank comes of it, from which, and in which folder, as on the command line."""

    bank: Path | None
    size: str | None = None
    start: Path | None = None
    into: Path | None = None
    teacher: Path | None = None
    folder: Path | None = None
    resume: bool = False


def plan_training(
    goal: Goal, paintings: Sequence[Painting], content: Path, features: Path | None, recipe: Recipe
) -> Training:
    """Check what was asked for and settle what was left open.

    Raises UsageError for options that contradict each other, TrainError and BankError for a bank
    that does not fit.
    """
    _check_goal(goal, recipe)
    bank = goal.bank or goal.into
    assert bank is not None
    given = goal.into or goal.start
    start = None if given is None else read_bank(given)
    size = _check_size(goal.size, start)
    teacher = None if goal.teacher is None else read_bank(goal.teacher)
    if teacher is not None:
        _check_teacher(paintings, teacher)
    if goal.into is not None and start is not None:
        _check_new(paintings, start)
    name = bank.stem if goal.into is None else f"{bank.stem}-{paintings[0].card.name}"
    return Training(
        tuple(paintings),
        content,
        features,
        bank,
        replace(recipe, size=size),
        goal.folder or Path("runs") / name,
        goal.resume,
        start,
        teacher,
    )


def _check_goal(goal: Goal, recipe: Recipe) -> None:
    if goal.into is not None and goal.start is not None:
        raise UsageError("--into adds to a bank and --from begins with one; give one of them")
    if goal.into is not None and not recipe.vector_only:
        raise UsageError(
            "--into adds styles to a bank that stays as it is, so it needs --vector-only; to let "
            "its painter learn on, give all its pictures again with --from"
        )
    if recipe.vector_only and goal.into is None:
        raise UsageError(
            "--vector-only needs --into BANK: whose painter shall paint the new style?"
        )
    if recipe.vector_only and goal.teacher is not None:
        raise UsageError("--teacher is imitated by a whole painter; leave out --vector-only")
    if recipe.imitation_share > 0 and goal.teacher is None:
        raise UsageError("--imitation-share needs --teacher BANK: whom shall the painter imitate?")
    if goal.bank is None and goal.into is None:
        raise UsageError("--bank OUT.safetensors is missing: it names the bank to write")
    banks = {"--bank": goal.bank, "--into": goal.into, "--from": goal.start}
    for option, bank in {**banks, "--teacher": goal.teacher}.items():
        if bank is not None and bank.suffix != ".safetensors":
            raise UsageError(f"{option} {bank}: a bank's name ends in .safetensors")


def _check_size(size: str | None, start: Bank | None) -> str:
    """The size that is meant; a bank's own where there is one to start from."""
    if size is not None and size not in SIZES:
        near = difflib.get_close_matches(size, SIZES, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(SIZES)}"
        raise UsageError(f"--size {size}: no such size; {hint}")
    if start is None:
        return size or Recipe.size
    config = dict(start.card.config)
    own = next((name for name, one in SIZES.items() if dict(one) == config), "its own")
    if size is not None and size != own:
        raise TrainError(f"{start.path}: its painter's size is {own}, not {size}; leave --size out")
    return own


def _check_new(paintings: Sequence[Painting], bank: Bank) -> None:
    for painting in paintings:
        if painting.card.name in bank.card.names:
            raise TrainError(
                f"{bank.path}: has a style named {painting.card.name} already; "
                "choose another --name"
            )


def _check_teacher(paintings: Sequence[Painting], teacher: Bank) -> None:
    known = teacher.card.names
    for name in (painting.card.name for painting in paintings):
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"it knows {', '.join(known)}"
            raise TrainError(f"{teacher.path}: this teacher has no style {name}; {hint}")
