"""What a training is to be, from the words of the command line: all checked before it begins."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from murai_show.errors import TrainError, UsageError
from murai_show.nets.grow import grow
from murai_show.nets.painter import SIZES
from murai_show.nets.shrink import shrink
from murai_show.style.bank import Bank, kernel_sets, kernels_of, read_bank
from murai_show.style.card import SHARED, StyleCard
from murai_show.train.data import Crop, Photos, list_photos
from murai_show.train.lesson import Painting
from murai_show.train.recipe import LEARNING_ON, OWN, PRECISIONS, VECTORS_ALONE, Recipe
from murai_show.train.run import Training

# A painter is shrunk to what it makes of so many photographs, of so many pixels.
SHRINKING, SHRINKING_SIDE = 16, 224
log = logging.getLogger(__name__)


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


def choose_recipe(
    *, steps: int | None, minutes: float | None, learns_on: bool, **chosen: Any
) -> Recipe:
    """The recipe of the fields that are `chosen`, that lasts `steps` or `minutes`.

    What is None is as its kind of training has it: from nothing, on from a bank, vectors alone.
    Raises UsageError.
    """
    if steps is not None and minutes is not None:
        raise UsageError("--steps and --minutes both say how long to learn; give one of them")
    if minutes is not None and minutes <= 0:
        raise UsageError(f"--minutes {minutes:g}: should be more than 0")
    if chosen["precision"] not in PRECISIONS:
        raise UsageError(f"--precision {chosen['precision']}: write {', '.join(PRECISIONS)}")
    own = chosen.get("own")
    if own is not None and own not in OWN:
        near = difflib.get_close_matches(own, OWN, 1)
        hint = f"did you mean {near[0]}?" if near else f"write {' or '.join(OWN)}"
        raise UsageError(f"--own {own}: {hint}")
    usual = VECTORS_ALONE if chosen["vector_only"] else LEARNING_ON if learns_on else {}
    said = {key: value for key, value in {"steps": steps, **chosen}.items() if value is not None}
    return Recipe(minutes=minutes, **{**usual, **said})


@dataclass(frozen=True)
class Goal:
    """Which bank comes of it, from which, in which folder and by which draws, as on the command
    line."""

    bank: Path | None
    size: str | None = None
    start: Path | None = None
    into: Path | None = None
    teacher: Path | None = None
    folder: Path | None = None
    resume: bool = False
    seed: int | None = None


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
    into = None if given is None else read_bank(given)
    names = [painting.card.name for painting in paintings]
    start = None if into is None else foundation(into, names)
    size = _check_size(goal.size, start, adds=goal.into is not None)
    if start is not None and goal.size is not None:
        start = resized(start, size, names, content)
    teacher = None if goal.teacher is None else read_bank(goal.teacher)
    if teacher is not None:
        _check_teacher(paintings, teacher)
    if recipe.vector_only and into is not None:
        _check_new(paintings, into)
    name = bank.stem if goal.into is None else f"{bank.stem}-{paintings[0].card.name}"
    return Training(
        tuple(paintings),
        content,
        features,
        bank,
        replace(recipe, size=size, seed=_seed(goal.seed, start, recipe)),
        goal.folder or Path("runs") / name,
        goal.resume,
        start,
        into,
        teacher,
    )


def _seed(said: int | None, start: Bank | None, recipe: Recipe) -> int:
    """A bank that learns on draws by its own content where nobody says otherwise: with one seed for
    all, it would be shown the photographs again that it was shown the last time."""
    if said is not None:
        return said
    return recipe.seed if start is None else int(start.sha256[:7], 16)


def foundation(bank: Bank, names: Sequence[str]) -> Bank:
    """The kernel set that learning `names` starts from: their own where they have one together,
    else the one that styles share."""
    cards = {style.name: style for style in bank.card.styles}
    numbers = {cards[name].kernels if name in cards else SHARED for name in names}
    sets = {kernels_of(one): one for one in kernel_sets(bank)}
    if len(numbers) == 1 and (number := numbers.pop()) in sets:
        return sets[number]
    return sets.get(SHARED, next(iter(sets.values())))


def resized(bank: Bank, size: str, names: Sequence[str], content: Path) -> Bank:
    """`bank`, of one network, with a painter of `size`; itself where it has that size.

    A larger one paints the same.  A smaller one paints nearly the same of the photographs in
    `content`; of the bank's styles it keeps those that are in `names`, or all where none is, for
    fewer are kept better.  Raises TrainError when the photographs cannot be read.
    """
    old, new = dict(bank.card.config), dict(SIZES[size])
    if old == new or bank.card.architecture != "painter":
        return bank
    weights = {name: torch.from_numpy(kernel.copy()) for name, kernel in bank.network.items()}
    vectors, cards = torch.from_numpy(bank.styles.copy()), bank.card.styles
    least = {key: min(old[key], new[key]) for key in old}
    if least != old:
        log.info("%s: its painter shrinks to %s", bank.path, size)
        rows = [row for row, card in enumerate(cards) if card.name in names] or [*range(len(cards))]
        vectors, cards = vectors[rows], tuple(cards[row] for row in rows)
        photos = Photos(list_photos(content), Recipe.seed)
        batch = photos.batch(0, max(SHRINKING, len(rows)), SHRINKING_SIDE)
        weights, vectors = shrink(weights, vectors, old, least, batch)
    if least != new:
        weights, vectors = grow(weights, vectors, least, new)
    return replace(
        bank,
        card=replace(bank.card, config=new, styles=cards),
        network={name: kernel.numpy() for name, kernel in weights.items()},
        styles=vectors.numpy(),
    )


def _check_goal(goal: Goal, recipe: Recipe) -> None:
    if goal.into is not None and goal.start is not None:
        raise UsageError("--into adds to a bank and --from begins with one; give one of them")
    adds = recipe.vector_only or recipe.own is not None
    if goal.into is not None and not adds:
        raise UsageError(
            "--into adds styles to a bank whose others stay as they are, so it needs --vector-only "
            "or --own tail or --own all; to let its painter learn on, give all its pictures again "
            "with --from"
        )
    if recipe.vector_only and recipe.own is not None:
        raise UsageError("--vector-only learns no kernels and --own does; give one of them")
    word = "--vector-only" if recipe.vector_only else "--own"
    if adds and goal.into is None:
        raise UsageError(f"{word} needs --into BANK: whose painter shall paint the new style?")
    if adds and goal.teacher is not None:
        raise UsageError(f"--teacher is imitated by a whole painter; leave out {word}")
    if recipe.imitation_share > 0 and goal.teacher is None:
        raise UsageError("--imitation-share needs --teacher BANK: whom shall the painter imitate?")
    if goal.bank is None and goal.into is None:
        raise UsageError("--bank OUT.safetensors is missing: it names the bank to write")
    banks = {"--bank": goal.bank, "--into": goal.into, "--from": goal.start}
    for option, bank in {**banks, "--teacher": goal.teacher}.items():
        if bank is not None and bank.suffix != ".safetensors":
            raise UsageError(f"{option} {bank}: a bank's name ends in .safetensors")


def _check_size(size: str | None, start: Bank | None, *, adds: bool) -> str:
    """The size that is meant; a bank's own where there is one to start from."""
    if size is not None and size not in SIZES:
        near = difflib.get_close_matches(size, SIZES, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(SIZES)}"
        raise UsageError(f"--size {size}: no such size; {hint}")
    if start is None:
        return size or Recipe.size
    config = dict(start.card.config)
    own = next((name for name, one in SIZES.items() if dict(one) == config), "its own")
    if size is None or size == own:
        return own
    if adds:
        raise TrainError(f"{start.path}: its painter's size is {own}, not {size}; leave --size out")
    return size


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
