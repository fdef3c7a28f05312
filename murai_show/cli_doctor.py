"""The verbs `doctor` and `support`: is this machine fit for a show, and what to send who helps."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from murai_show.cli_words import AsJson, ShowName
from murai_show.errors import MuraiError, ShowError, UsageError

if TYPE_CHECKING:
    from murai_show.doctor.verdict import Case, Found

_MEND_FIRST = 3  # sentences about a broken show that are told here; `check` tells them all


def doctor(
    show: Annotated[
        str | None,
        typer.Argument(metavar="SHOW", help="A show file, or its name; its cameras are opened."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say whether this machine is fit for a show, and how to mend what is not.

    Nothing is changed.  With SHOW its cameras are opened for two seconds, and its displays, disks,
    ports and secrets are looked at.  Ends with status 1 when something has to be mended.

    \b
    murai-show doctor
    murai-show doctor up375
    murai-show doctor up375 --json
    """
    from murai_show.doctor.table import doctor_json, doctor_table

    case, broken = _case(show)
    found = _examined(case, broken)
    called = show or ""
    if as_json:
        typer.echo(json.dumps(doctor_json(found, called), indent=2, ensure_ascii=False))
    else:
        from rich.console import Console

        title = f"{called or 'this machine'} on {socket.gethostname()}"
        Console(highlight=False).print(doctor_table(found, title))
    if any(one.verdict.state == "bad" for one in found):
        raise typer.Exit(1)


def support(
    show: ShowName,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="X.tar.gz", help="Default: murai-show-SHOW-DATE.tar.gz."),
    ] = None,
) -> None:
    """Write one archive of what helps to help: verdicts, plan, logs, metrics; no secrets.

    It is readable by you alone.  What is in it is printed; look through it before you send it.

    \b
    murai-show support up375 --out up375.tar.gz
    """
    from murai_show.app import locate_show
    from murai_show.doctor.table import doctor_json
    from murai_show.support import Request, default_name, write_archive

    file = locate_show(show, Path.cwd())
    case, broken = _case(show)
    verdicts = doctor_json(_examined(case, broken), show)
    target = out or Path(default_name(file.stem))
    try:
        members = write_archive(Request(file, case.plan, verdicts, os.environ), target)
    except FileExistsError:
        raise UsageError(f"{target} exists already; choose another name with --out") from None
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}") from None
    for member in members:
        typer.echo(f"  {member.name:<24} {member.size:>9,} bytes  {member.what}")
    typer.echo(f"{target}: for you alone to read; look through it, then send it")


def _case(show: str | None) -> tuple[Case, ShowError | None]:
    """What to examine, and what is wrong with the show file."""
    from murai_show.app import make_plan
    from murai_show.doctor.on_air import metrics_of
    from murai_show.doctor.verdict import Case

    work = Path.cwd()
    if show is None:
        return Case(None, work), None
    try:
        plan = make_plan(show, os.environ, work, displays=False)
    except ShowError as error:
        return Case(None, work), error
    return Case(plan, work, metrics_of(plan)), None


def _examined(case: Case, broken: MuraiError | None) -> list[Found]:
    from murai_show.doctor.checks import checks_for
    from murai_show.doctor.examine import examine
    from murai_show.doctor.verdict import Found, Verdict

    first: list[Found] = []
    if isinstance(broken, ShowError):
        for problem in broken.problems[:_MEND_FIRST]:
            mend = f"murai-show check {problem.file} says all that is wrong"
            first.append(Found("Show", Verdict("show file", "bad", str(problem), mend)))
    elif case.plan is not None:
        words = f"{case.plan.source}: good, {case.plan.config_hash}"
        words += "; it runs at present" if case.runs else ""
        first.append(Found("Show", Verdict("show file", "ok", words)))
    from rich.console import Console

    with Console(stderr=True).status("looking at this machine …"):  # at a terminal alone
        return first + examine(checks_for(case), case)
