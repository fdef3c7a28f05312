"""What the verbs share: options, how their words are read, how a run is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from murai_show.errors import UsageError

if TYPE_CHECKING:
    from murai_show.report import Report

ShowName = Annotated[
    str,
    typer.Argument(metavar="SHOW", help="A show file, or its name, here or in shows/."),
]
Rehearse = Annotated[
    bool, typer.Option("--rehearse", help="Let stand-ins play for cameras and screens not here.")
]
Force = Annotated[
    bool, typer.Option("--force", help="Go on where this machine cannot keep the promised rate.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Length = Annotated[
    str | None, typer.Option("--for", metavar="TIME", help="End after this long, such as 30s.")
]
CameraChoice = Annotated[
    list[str] | None,
    typer.Option(
        "--camera",
        metavar="NAME=SOURCE",
        help="Film something else: a film, a photograph, a folder, a URL, /dev/video0, `pattern`.",
    ),
]


def parse_length(text: str | None) -> float | None:
    """What `--for` says, in seconds.  Raises UsageError."""
    from murai_show.show.words import parse_duration

    try:
        return None if text is None else parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--for: {error}") from None


def parse_cameras(choices: list[str] | None) -> dict[str, str]:
    """What `--camera` says: sources by the camera's name.  Raises UsageError."""
    pairs = [choice.partition("=") for choice in choices or []]
    for name, mark, source in pairs:
        if not (name and mark and source):
            raise UsageError("--camera: write NAME=SOURCE, such as --camera crowd=party.mp4")
    return {name: source for name, _, source in pairs}


def print_report(report: Report, as_json: bool, profile: bool = False) -> None:
    """How a run was, and where its films are."""
    from murai_show.report import profile_table, report_json, report_table

    if as_json:
        typer.echo(json.dumps(report_json(report)))
        return
    from rich.console import Console

    Console().print(report_table(report))
    if profile:
        Console().print(profile_table(report))
    for file in report.files:
        typer.echo(f"recorded: {file}")
