"""Test cards on the outputs of a show: as files, or on the displays themselves."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from murai_show.errors import OutputError, UsageError
from murai_show.frame import Frame
from murai_show.output import open_output
from murai_show.output.snapshot import Still, write_whole
from murai_show.output.stage import Stage
from murai_show.output.testcard import card_canvas, card_frame, card_of
from murai_show.show.hints import did_you_mean
from murai_show.show.planned import PlannedOutput
from murai_show.show.schema import DisplayOutput, OffscreenOutput
from murai_show.show.timeline import LIT

_TICK = 1 / 30  # seconds: a card stands still, but windows want to be kept


@dataclass(frozen=True, eq=False)
class Hung:
    """An output with its canvas made ready for a card, and the card."""

    planned: PlannedOutput
    card: Frame


def projectors(outputs: Iterable[PlannedOutput]) -> list[PlannedOutput]:
    """The outputs that throw light, in the order of the show: their numbers count from 1."""
    kinds = (DisplayOutput, OffscreenOutput)
    return [o for o in outputs if isinstance(o.spec, kinds) and o.canvas is not None]


def hang(
    outputs: Iterable[PlannedOutput], names: tuple[str, ...] = (), *, identify: bool = False
) -> tuple[Hung, ...]:
    """A card for each projector of `outputs`, or for those called `names`.

    Numbers count all projectors in the order of the show, whichever are asked for.  Raises
    UsageError when there is none, or none of that name.
    """
    found = {output.name: output for output in projectors(outputs)}
    for name in names:
        if name not in found:
            hint = did_you_mean(name, found)
            raise UsageError(f"--output: no display or offscreen output {name!r}{hint}")
    if not found:
        raise UsageError("the show has no display and no offscreen output to hang a card on")
    hung: list[Hung] = []
    for number, (name, output) in enumerate(found.items(), 1):
        if (names and name not in names) or output.canvas is None:
            continue
        card = card_frame(card_of(output, number), identify=identify)
        hung.append(Hung(replace(output, canvas=card_canvas(output.canvas)), card))
    return tuple(hung)


def write_cards(hung: Iterable[Hung], folder: Path) -> Mapping[str, Path]:
    """Write what each projector is sent as `folder`/NAME.png; the files by output.

    Raises OutputError when a file cannot be written or there is no OpenGL.
    """
    hung = tuple(hung)
    written: dict[str, Path] = {}
    with ExitStack() as stack:
        stage = Stage(tuple(_offscreen(h.planned) for h in hung))
        stack.callback(stage.close)
        for each in hung:
            assert each.planned.canvas is not None
            stage.draw(each.planned.canvas, each.card, 1.0)
            path = folder / f"{each.planned.name}.png"
            try:
                write_whole(Still(stage.read_rgba(each.planned.canvas), path))
            except OSError as error:
                raise OutputError(f"{path} cannot be written: {error.strerror}") from error
            written[each.planned.name] = path
    return written


def show_cards(hung: Iterable[Hung], title: str, stop: threading.Event) -> None:
    """Show each card on its display until `stop`, or until a person closes one.

    Raises UsageError when none of them is a display, OutputError when one cannot be opened.
    """
    displays = [h for h in hung if isinstance(h.planned.spec, DisplayOutput)]
    if not displays:
        raise UsageError("none of these outputs is a display; write the cards with --png FOLDER")
    started = datetime.now().astimezone()
    with ExitStack() as stack:
        stage = Stage(tuple(h.planned for h in displays))
        stack.callback(stage.close)
        opened = []
        for each in displays:
            output = open_output(each.planned, stage, title, started)
            stack.callback(output.close)
            opened.append((output, each.card))
        while not stop.wait(_TICK) and not any(output.over for output, _ in opened):
            for output, card in opened:
                output.show(card, LIT, time.monotonic())


def _offscreen(planned: PlannedOutput) -> PlannedOutput:
    """The same canvas without its display."""
    return replace(planned, spec=OffscreenOutput.model_construct(kind="offscreen", fps=30.0))
