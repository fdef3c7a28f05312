"""Train one painter for many paintings.

Johnson, Alahi and Fei-Fei 2016 with conditional instance norm (Dumoulin et al. 2017), the
noise-stability loss of the ancestor system, and equivariance to motion.  The loop is straight-line
and the same for one process and for several.
"""

from __future__ import annotations

import hashlib
import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from murai_show.errors import TrainError
from murai_show.style.bank import Bank
from murai_show.train.data import Loader, Photos, list_photos
from murai_show.train.device import Precision, choose_precision, device_name
from murai_show.train.features import Features, load_features
from murai_show.train.lesson import Lesson, Painting, Teacher, style_targets, weighted
from murai_show.train.ranks import Ranks
from murai_show.train.recipe import Recipe
from murai_show.train.records import Records
from murai_show.train.student import Student

CHECKPOINT_SECONDS = 30.0
TRIALS = 2  # batches on which a new style's first vector is chosen
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Training:
    """All that a training is told.

    `content` is a folder of photographs; `features` a file of VGG weights, None to fetch VGG-16;
    `bank` the file to write; `folder` keeps the checkpoint and the losses; `start` is a bank of one
    network, whose painter learns on or, with `recipe.vector_only` or `recipe.own`, gets the new
    styles; `into` is the bank whose kernel set that is; `teacher` is a bank that knows the
    paintings and is imitated first.
    """

    paintings: tuple[Painting, ...]
    content: Path
    features: Path | None
    bank: Path
    recipe: Recipe
    folder: Path
    resume: bool = False
    start: Bank | None = None
    into: Bank | None = None
    teacher: Bank | None = None


@dataclass(frozen=True)
class Step:
    """What a step tells whoever watches.  Losses are unweighted; `seconds` and `done`, the share of
    the run that lies behind, count all sessions; `rate` is this session's pictures per second."""

    number: int
    seconds: float
    done: float
    losses: dict[str, float]
    rate: float


Watch = Callable[[Step, Student], None]


def train(
    training: Training,
    watch: Watch | None = None,
    stop: threading.Event | None = None,
    ranks: Ranks | None = None,
) -> None:
    """Learn the paintings over the photographs; write the bank.

    `watch` is called after every step, in the first process only.  `stop`, set in any process, ends
    the training after the step at hand.  Raises TrainError.
    """
    ranks, stop = ranks or Ranks(), stop or threading.Event()
    recipe, device = training.recipe, ranks.device
    torch.set_flush_denormal(True)  # Adam's small moments are three times slower as denormals
    torch.backends.cudnn.benchmark = True  # two or three shapes in a whole run
    places = ranks.places(recipe.batch)
    photos = Photos(list_photos(training.content), recipe.seed)
    features = _load_features(training.features, ranks).to(device)
    precision = _agree_on_precision(recipe.precision, features, ranks)
    targets = style_targets(training.paintings, features, recipe.style_side, device)
    names = [painting.card.name for painting in training.paintings]
    student = Student(recipe, names, training.start, device, training.into)
    with torch.no_grad():  # a painter that two machines have shrunk may differ in its last bits
        ranks.average([student.styles, *student.painter.parameters()])
    teacher = None if training.teacher is None else Teacher(training.teacher, names, device)
    lesson = Lesson(student, features, targets, places, precision, teacher)
    records = Records(training.folder, _about(training, features))
    data = ranks.from_first(records.read(resume=training.resume) if ranks.first else b"")
    if data:
        student.resume(data, records.checkpoint, records.about)
    elif recipe.vector_only or recipe.own is not None:
        choose_vectors(lesson, photos)
    if ranks.first:
        records.begin(student.step)
    _learn(lesson, photos, ranks, stop, records, watch)
    if ranks.first:
        _write_bank(training, lesson, photos, ranks, records)


def _learn(
    lesson: Lesson,
    photos: Photos,
    ranks: Ranks,
    stop: threading.Event,
    records: Records,
    watch: Watch | None,
) -> None:
    """The loop, from where the student stands to the end of the recipe."""
    student, device = lesson.student, ranks.device
    recipe, count = student.recipe, len(student.names)
    # Each batch of photographs is painted in as many styles as there are, two to four steps: its
    # content features, a third of all VGG work, are then computed once.
    rounds = min(max(count, 2), 4)
    photo, wanted = torch.empty(0), None
    first, before = student.step, student.seconds
    begun = saved = time.monotonic()
    with Loader(photos, lesson.places) as loader:

        def ask(number: int) -> None:
            done = recipe.done(number * rounds, student.seconds)
            loader.ask(number, recipe.crop_at(done))

        ask(first // rounds)
        while student.done < 1.0:
            number, turn = divmod(student.step, rounds)
            if turn == 0 or not len(photo):
                photo = loader.take(device)
                ask(number + 1)
                wanted = None
            # Each style in turn: what one step does to the others must be mended soon.
            chosen = [(place + student.step) % count for place in lesson.places]
            if recipe.imitates_at(student.done):
                losses = lesson.imitation(photo, chosen)
            else:
                wanted = lesson.wanted(photo) if wanted is None else wanted
                losses = lesson.losses(photo, wanted, chosen)
            gradients = student.gradients(weighted(losses, recipe))
            # What all processes must agree on travels with the gradients, one message a step.
            elapsed = before + time.monotonic() - begun
            report = torch.stack([loss.detach() for loss in losses.values()])
            report = torch.cat([report, report.new_tensor([elapsed, float(stop.is_set())])])
            ranks.average([*gradients, report])
            student.learn()
            *values, student.seconds, stopping = report.tolist()  # the step's one wait for a GPU
            told = dict(zip(losses, values, strict=True))
            wild = [name for name, value in told.items() if not math.isfinite(value)]
            if ranks.first and not wild:
                records.add(student, told)
                now = time.monotonic()
                if stopping or now - saved > CHECKPOINT_SECONDS or student.done >= 1.0:
                    records.keep(student)
                    saved = now
                if watch is not None:
                    rate = (student.step - first) * recipe.batch / max(now - begun, 1e-9)
                    watch(Step(student.step, student.seconds, student.done, told, rate), student)
            if wild or stopping:
                if not ranks.first:
                    raise SystemExit(1)  # the first process says why
                raise TrainError(_ending(wild, student.step, records))


def _ending(wild: list[str], step: int, records: Records) -> str:
    """Why the training ends before its time: losses that blew up, or a signal."""
    if wild:
        return (
            f"the {' and '.join(wild)} loss is no number any more at step {step}; the checkpoint "
            f"of step {records.saved_step} is whole, but begin anew with smaller weights"
        )
    return (
        f"stopped after step {step}; the checkpoint in {records.folder} is of step "
        f"{records.saved_step}, and --resume goes on from there"
    )


def choose_vectors(lesson: Lesson, photos: Photos) -> None:
    """Start each style that is new to the bank from that vector of it, or from their mean, that
    paints nearest to it on a few batches."""
    student = lesson.student
    bank, recipe, device = student.start, student.recipe, student.styles.device
    assert bank is not None
    assert student.into is not None
    new = [i for i, name in enumerate(student.names) if name not in student.into.card.names]
    if not new:
        return
    old = torch.from_numpy(bank.styles).to(device)
    vectors = torch.cat([old, old.mean(0, keepdim=True)])
    labels = [*bank.card.names, "the mean of all"]
    batches = (photos.batch(i, recipe.batch, recipe.crop).to(device) for i in range(TRIALS))
    nearest = torch.stack([lesson.distances(vectors, photo) for photo in batches]).sum(0).argmin(1)
    for number in new:
        place = int(nearest[number])
        with torch.no_grad():
            student.styles[number] = vectors[place]
        log.info("%s starts from %s", student.names[number], labels[place])


def _load_features(file: Path | None, ranks: Ranks) -> Features:
    """On each machine the first process reads, or fetches, before the others do."""
    if ranks.place == 0:
        features = load_features(file)
        ranks.wait()
        return features
    ranks.wait()
    return load_features(file)


def _agree_on_precision(wanted: str, features: Features, ranks: Ranks) -> Precision:
    """The first process chooses for all: their gradients are averaged."""
    chosen = choose_precision(wanted, ranks.device, features.network) if ranks.first else None
    name = ranks.from_first(b"" if chosen is None else chosen.name.encode()).decode()
    return Precision(ranks.device, name)


def _about(training: Training, features: Features) -> dict[str, str]:
    """What must be the same on resuming, by the word that a person would use for it."""
    digest = hashlib.sha256()
    for painting in training.paintings:
        digest.update(painting.file.read_bytes())
        digest.update(repr(painting.card.crop).encode())
    about = {
        "pictures": digest.hexdigest(),
        "features": features.name,
        "bank to start from": "" if training.start is None else training.start.sha256,
    }
    # A checkpoint from before there were teachers has no such word.
    return about if training.teacher is None else {**about, "teacher": training.teacher.sha256}


def _made(training: Training, lesson: Lesson, photos: Photos, ranks: Ranks) -> dict[str, Any]:
    """How the bank was made, for its card."""
    student, features, start = lesson.student, lesson.features, training.into or training.start
    parent = None if start is None else {**_named(start), "made": start.card.made}
    return {
        "trainer": "murai-show train",
        "learned": list(student.names),
        "recipe": asdict(student.recipe),
        "precision": lesson.precision.name,
        "steps": student.step,
        "minutes": round(student.seconds / 60, 2),
        "photographs": len(photos.paths) - len(photos.broken),
        "features": features.name,
        "layers": {"content": features.content, "style": features.style},
        "device": device_name(ranks.device),
        "processes": ranks.count,
        "torch": str(torch.__version__),
        "parent": parent,
        "teacher": None if training.teacher is None else _named(training.teacher),
    }


def _named(bank: Bank) -> dict[str, str]:
    return {"bank": bank.path.name, "sha256": bank.sha256}


def _write_bank(
    training: Training, lesson: Lesson, photos: Photos, ranks: Ranks, records: Records
) -> None:
    cards = [painting.card for painting in training.paintings]
    try:
        lesson.student.write_bank(training.bank, cards, _made(training, lesson, photos, ranks))
    except OSError as error:
        raise TrainError(
            f"{training.bank} cannot be written: {error.strerror}; the checkpoint of step "
            f"{records.saved_step} in {records.folder} is whole: make room, and --resume writes it"
        ) from None
