"""The verbs at the wall: `testcard` shows where pictures land, `align` puts them right."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Annotated

import typer

from murai_show.cli_words import ShowName
from murai_show.errors import UsageError

OutputNames = Annotated[
    list[str] | None, typer.Option("--output", metavar="NAME", help="This output alone.")
]


def show_testcard(
    show: ShowName,
    output: OutputNames = None,
    png: Annotated[
        Path | None,
        typer.Option("--png", metavar="FOLDER", help="Write what each output is sent, as PNG."),
    ] = None,
    identify: Annotated[
        bool, typer.Option("--identify", help="Big numbers: which projector is which?")
    ] = False,
) -> None:
    """Show a test card on every output, through its corners and mesh, until Esc or Ctrl-C.

    Grid, circles, corners, colours and greys; in an overlap both projectors' grids show, and where
    they fall together the two are aligned.

    \b
    murai-show testcard up375
    murai-show testcard up375 --identify
    murai-show testcard up375 --output left --png cards
    """
    from murai_show.app import make_plan, stopped_by_signals
    from murai_show.output.cards import hang, show_cards, write_cards

    # To files a machine without a display will do; a camera is not looked for in either case.
    plan = make_plan(show, os.environ, Path.cwd(), displays=png is None, rehearse=png is not None)
    hung = hang(plan.outputs, tuple(output or ()), identify=identify)
    if png is not None:
        if png.exists() and not png.is_dir():
            raise UsageError(f"--png: {png} is a file; name a folder")
        for path in write_cards(hung, png).values():
            typer.echo(path)
        return
    stop = threading.Event()
    with stopped_by_signals(stop):
        show_cards(hung, plan.title or plan.show, stop)


def align(show: ShowName) -> None:
    """Move corners and mesh points on the displays; what is moved is kept beside the show.

    Arrow keys move the yellow point by a pixel, with shift by ten, with alt by a tenth.  Tab goes
    to the next point, page down to the next output, m begins a mesh, u takes a step back, s saves,
    Esc saves and ends; Ctrl-C ends without.  SHOW.align.yaml wins over the show, which is never
    written.

    \b
    murai-show align up375
    """
    from murai_show.app import make_plan, stopped_by_signals
    from murai_show.output.align_window import Aligner, Sidecar
    from murai_show.show.align import read_alignment, sidecar_of
    from murai_show.show.findings import Findings

    plan = make_plan(show, os.environ, Path.cwd(), displays=True)
    path = sidecar_of(plan.source)
    known = [output.name for output in plan.outputs]
    held = read_alignment(plan.source, Path.cwd(), known, Findings(str(path)))
    stop = threading.Event()
    with stopped_by_signals(stop):
        aligner = Aligner(plan.outputs, plan.title, Sidecar(path, plan.show, held.outputs))
        try:
            aligner.run(stop)
        finally:
            aligner.close()
