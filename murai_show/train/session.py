"""A training session as a person sees it: progress, preview sheets, the curve."""

from __future__ import annotations

import io
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, RenderableType
from rich.logging import RichHandler
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from murai_show.errors import TrainError
from murai_show.train.curve import draw_curve
from murai_show.train.preview import Sheet, choose_photos
from murai_show.train.ranks import join_ranks
from murai_show.train.records import write_whole
from murai_show.train.run import Step, Training, train
from murai_show.train.student import Student

LINE_EVERY = 100  # steps, where there is no terminal for a bar
SMOOTH = 50  # steps that a shown loss is the mean of, exponentially
log = logging.getLogger(__name__)


class Smooth:
    """Each loss as an exponential mean over about `SMOOTH` of the steps that had it."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self._seen: dict[str, int] = {}

    def add(self, losses: dict[str, float]) -> None:
        for name, value in losses.items():
            seen = self._seen[name] = self._seen.get(name, 0) + 1
            before = self.values.get(name, value)
            self.values[name] = before + (value - before) * max(1 / seen, 1 / SMOOTH)

    def __str__(self) -> str:
        return "  ".join(f"{name} {value:.3g}" for name, value in self.values.items())


class Bar(Progress):
    """A bar over a line with every loss."""

    losses = ""

    def get_renderables(self) -> Iterator[RenderableType]:
        yield from super().get_renderables()
        yield Text(self.losses, overflow="ellipsis", no_wrap=True)


class Watcher:
    """Shows each step: on the bar or as a line, on a sheet every so often, to TensorBoard."""

    def __init__(self, training: Training, sheet: Sheet, every: int, bar: Bar | None) -> None:
        self.training = training
        self.sheet = sheet
        self.every = every
        self.smooth = Smooth()
        self.bar = bar
        self.task = None if bar is None else bar.add_task("", total=1.0, words="reading")
        self._first: tuple[float, float] | None = None  # when, and how much was done then
        self._board = None

    def __call__(self, step: Step, student: Student) -> None:
        self.smooth.add(step.losses)
        if self._first is None:
            self._first = (time.monotonic(), step.done)
            self._board = open_board(self.training.folder / "tensorboard")
        ended = step.done >= 1.0
        if self.bar is not None and self.task is not None:
            words = f"{self._where(step)}  {step.rate:.1f} pictures/s"
            self.bar.losses = str(self.smooth)
            self.bar.update(self.task, completed=step.done, words=words)
        elif step.number % LINE_EVERY == 0 or ended:
            log.info(
                "%s  %s  %.1f pictures/s%s",
                self._where(step),
                self.smooth,
                step.rate,
                self._left(step.done),
            )
        if self._board is not None:
            for name, value in step.losses.items():
                self._board.add_scalar(f"loss/{name}", value, step.number)
        if step.number % self.every == 0 or ended:
            self._preview(step, student)

    def _where(self, step: Step) -> str:
        recipe = self.training.recipe
        if recipe.minutes is None:
            return f"step {step.number}/{recipe.steps}"
        return f"step {step.number}, {step.seconds / 60:.1f}/{recipe.minutes:g} min"

    def _left(self, done: float) -> str:
        assert self._first is not None
        begun, before = self._first
        if done >= 1.0 or done <= before:
            return ""
        left = (time.monotonic() - begun) * (1 - done) / (done - before)
        return f"  {left / 60:.0f} min left" if left >= 90 else f"  {left:.0f} s left"

    def _preview(self, step: Step, student: Student) -> None:
        """A sheet, and a bank to try out; neither is worth the training when the disk is full."""
        folder = self.training.folder
        cards = [painting.card for painting in self.training.paintings]
        try:
            picture = io.BytesIO()
            self.sheet.draw(student).save(picture, "png")
            write_whole(folder / f"preview-{step.number:06d}.png", picture.getvalue())
            made = {"steps": step.number, "finished": False}
            student.write_bank(folder / "bank.safetensors", cards, made)
        except OSError as error:
            log.warning("no preview of step %d: %s", step.number, error.strerror or error)

    def close(self) -> None:
        """Let TensorBoard write what it holds."""
        if self._board is not None:
            self._board.close()


def open_board(folder: Path):
    """A SummaryWriter of TensorBoard in `folder`, None where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder))


def train_with_progress(
    training: Training,
    device: str | None = None,
    preview_every: int = 200,
    preview_photos: Sequence[Path] = (),
    stop: threading.Event | None = None,
) -> None:
    """Train, alone or as one of the processes that torchrun started; the first of them tells of it.

    Its folder gets preview sheets, an intermediate bank, and the curve at the end.  Raises
    UsageError and TrainError.
    """
    logging.getLogger("murai_show").setLevel(logging.INFO)
    with join_ranks(device) as ranks:
        if not ranks.first:
            logging.getLogger("murai_show").setLevel(logging.WARNING)
            try:
                train(training, None, stop, ranks)
            except TrainError as error:
                raise TrainError(f"process {ranks.rank}: {error}") from None
            return
        sheet = Sheet(training.paintings, choose_photos(training.content, preview_photos))
        with shown() as bar:
            watcher = Watcher(training, sheet, preview_every, bar)
            try:
                train(training, watcher, stop, ranks)
            finally:
                watcher.close()
                _curve(training)


@contextmanager
def shown() -> Iterator[Bar | None]:
    """A bar, with what is logged above it; None where nobody watches."""
    console = Console()
    if not console.is_terminal:
        yield None
        return
    bar = Bar(
        BarColumn(24),
        TextColumn("{task.fields[words]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
    ours = logging.getLogger("murai_show")
    above = RichHandler(console=console, show_time=False, show_level=False, show_path=False)
    ours.addHandler(above)
    ours.propagate = False
    try:
        with bar:
            yield bar
    finally:
        ours.propagate = True
        ours.removeHandler(above)


def _curve(training: Training) -> None:
    losses = training.folder / "losses.csv"
    if not losses.exists():
        return
    target = training.folder / "curve.png"
    try:
        title = f"{training.bank.stem}: {', '.join(p.card.name for p in training.paintings)}"
        write_whole(target, draw_curve(losses, title))
    except ImportError:
        log.info("no curve.png: matplotlib is not installed (pip install 'murai-show[train]')")
    except OSError as error:
        log.warning("no curve.png: %s", error.strerror or error)
