"""The verb `murai-show build`: engines for this machine, ahead of the show."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from murai_show.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from murai_show.style.build import Engines
    from murai_show.style.tune import Choice


def build(
    bank: Annotated[str, typer.Argument(help="A bank in models/, or a .safetensors file.")],
    content: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Photographs to fit int8 to. Default: the demo's."),
    ] = None,
    size: Annotated[
        str, typer.Option(metavar="WxH", help="The paint size to measure at.")
    ] = "640x360",
    anew: Annotated[bool, typer.Option("--anew", help="Build and measure again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """Build what paints a bank on this machine's CPU, and pick the fastest.

    A show does this by itself when it first plays a bank, and takes about a minute for it.  int8 is
    taken only where every style still looks like itself: an SSIM of at least 0.95 to the fp32
    picture, on photographs that it was not fitted to.

    \b
    murai-show build montreal
    murai-show build mine --content photos --anew
    """
    from functools import partial

    from murai_show.app import find_bank
    from murai_show.practice import practice_frames
    from murai_show.show.words import parse_size
    from murai_show.style.bank import read_bank

    try:
        from murai_show.style.build import build_engines, find_engines
        from murai_show.style.tune import choose
    except ImportError as error:
        raise UsageError(f"{error}; pip install 'murai-show[cpu]'") from None
    try:
        paint = parse_size(size)
    except ValueError as error:
        raise UsageError(f"--size: {error}") from None
    read = read_bank(find_bank(bank, Path.cwd()))
    with _spinner() as say:
        engines = None if anew or content else find_engines(read)
        if engines is None:
            engines = build_engines(read, partial(practice_frames, content), say)
        say("measuring")
        choice = choose(engines, read, paint, anew=anew)
    if as_json:
        typer.echo(json.dumps(_facts(engines, choice)))
        return
    from rich.console import Console

    Console().print(_table(engines, choice))
    typer.echo(f"{read.path.stem}: {choice.why(paint)}")
    typer.echo(f"kept in {engines.folder}")


@contextmanager
def _spinner() -> Iterator[Callable[[str], None]]:
    """What is being done, on stderr, and for how long already."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading")
        yield lambda what: progress.update(task, description=what)


def _facts(engines: Engines, choice: Choice) -> dict[str, Any]:
    return {
        "folder": str(engines.folder),
        "paints": choice.precision,
        "threads": choice.threads,
        "precisions": {
            name: {
                "good": verdict.good,
                "ms": choice.milliseconds.get(name),
                "ssim": dict(verdict.ssim),
                "wide": list(verdict.wide),
                "why": verdict.why,
            }
            for name, verdict in engines.verdicts.items()
        },
    }


def _table(engines: Engines, choice: Choice) -> Table:
    """A row for each precision."""
    from rich.table import Table

    table = Table("", "ms a frame", "SSIM, worst style", "verdict")
    for name, verdict in engines.verdicts.items():
        taken = choice.milliseconds.get(name)
        worst = min(verdict.ssim, key=lambda style: verdict.ssim[style], default=None)
        table.add_row(
            name,
            "" if taken is None else f"{taken:.1f}",
            "" if worst is None else f"{verdict.ssim[worst]:.3f} {worst}",
            verdict.why or ("paints" if name == choice.precision else "good"),
        )
    return table
