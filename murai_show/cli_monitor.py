"""The verb `monitor`: writes what Prometheus and Grafana need to watch shows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from murai_show.errors import ShowError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from murai_show.show.plan import Plan

SHORTEST, LONGEST = 1.0, 60.0  # seconds between two scrapes


def monitor(
    shows: Annotated[
        list[str], typer.Argument(metavar="SHOW…", help="Show files, or their names.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the files go.")],
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            metavar="[SHOW=]HOST:PORT",
            help="Where Prometheus finds the show; again for each further machine that plays it. "
            "Default: the show's `metrics:`.",
        ),
    ] = None,
    every: Annotated[
        str, typer.Option("--every", metavar="TIME", help="Between two scrapes, 1s to 1m.")
    ] = "15s",
    force: Annotated[bool, typer.Option("--force", help="Replace files that differ.")] = False,
) -> None:
    """Write the monitoring of shows: prometheus.yml, alerts and dashboards.

    Thresholds are those of `expect:`, names those of the show.  The same show gives the same files.

    \b
    murai-show monitor up375 --out monitoring
    murai-show monitor up375 kiosk --out monitoring --target kiosk=10.0.0.8:9475 --force
    """
    from murai_show.monitor import monitoring
    from murai_show.monitor.targets import watch

    plans = _plans(shows)
    files = monitoring(watch(plans, target or [], _seconds(every)))
    for path in write_files(files, out, force=force):
        typer.echo(f"{path} is written")
    typer.echo(
        f"try: promtool check config {out}/prometheus.yml && "
        f"prometheus --config.file={out}/prometheus.yml --web.listen-address=127.0.0.1:9090",
        err=True,
    )


def _plans(shows: Sequence[str]) -> list[Plan]:
    """All of them, as they are anywhere: monitors and secrets are not asked for.

    Raises ShowError with what is wrong in all of them.
    """
    from murai_show.app import make_plan

    plans: list[Plan] = []
    problems: list[ShowError] = []
    for show in shows:
        try:
            plans.append(make_plan(show, os.environ, Path.cwd(), displays=False, rehearse=True))
        except ShowError as error:
            problems.append(error)
    if problems:
        raise ShowError(tuple(problem for error in problems for problem in error.problems))
    return plans


def _seconds(every: str) -> float:
    from murai_show.show.words import parse_duration

    try:
        found = parse_duration(every)
    except ValueError as error:
        raise UsageError(f"--every: {error}") from None
    if not SHORTEST <= found <= LONGEST or found % 1:
        raise UsageError(f"--every: {every!r} is out of range; write whole seconds, 1s to 1m")
    return found


def write_files(files: Mapping[str, str], folder: Path, *, force: bool) -> list[Path]:
    """Write `files`, text by name, into `folder`: the paths of those that are new.

    Raises UsageError, before anything is written, where a file that differs would be replaced
    without `force`, or where the folder cannot be written.
    """
    paths = {folder / name: text for name, text in files.items()}
    try:
        there = {path: path.read_text("utf-8") for path in paths if path.exists()}
        other = [str(path) for path, text in there.items() if text != paths[path]]
        if other and not force:
            raise UsageError(f"{', '.join(other)} would be replaced; say --force, or another --out")
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in paths.items():
            path.write_text(text, "utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{folder} holds a file that is no text; choose another --out") from None
    except OSError as error:
        raise UsageError(
            f"{error.filename or folder} cannot be written: {error.strerror}"
        ) from None
    return list(paths)
