"""The verb `booth`: what became of portraits, and the operator's word on those that wait."""

from __future__ import annotations

import json
import os
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from murai_show.cli_words import AsJson, ShowName
from murai_show.errors import MuraiError, UsageError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from murai_show.edge.booth.clerk import Clerk
    from murai_show.edge.booth.ledger import Entry
    from murai_show.show.planned import Plan


class Does(StrEnum):
    """What may be done."""

    list = "list"
    show = "show"
    approve = "approve"
    deny = "deny"
    delete = "delete"


def booth(
    show: ShowName,
    does: Annotated[Does, typer.Argument(metavar="list|show|approve|deny|delete")],
    number: Annotated[
        int | None, typer.Argument(metavar="[N]", min=1, help="The portrait's number.")
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where the ledger is. Default: $STATE_DIRECTORY, else the user's state folder.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look into the booth's ledger of a show, running or not, as the user that it runs as.

    An approved portrait is delivered by the running show within seconds, or by the next one.
    `delete` is for somebody who wants their picture gone; what was posted of it is not.

    \b
    murai-show booth plaza list
    murai-show booth plaza show 12
    murai-show booth plaza approve 12
    murai-show booth plaza deny 12
    murai-show booth plaza delete 12
    """
    if (number is None) != (does is Does.list):
        wants = "takes no number" if does is Does.list else "needs a portrait's number, such as 12"
        raise UsageError(f"{does} {wants}")
    plan, clerk = _clerk(show, state)
    from zoneinfo import ZoneInfo

    from murai_show.edge.booth.clerk import entry_to_json

    zone = ZoneInfo(plan.place.tz)
    if number is None:
        entries = clerk.ledger.entries()
        found = [entry_to_json(entry) for entry in entries]
        lines = [_line(entry, zone) for entry in entries] or ["no portraits were taken"]
    else:
        lines = [_done(clerk, does, number)]
        entry = clerk.ledger.find(number)
        assert entry is not None
        found = entry_to_json(entry)
        if does is Does.show:
            lines = _page(entry, zone)
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False) if as_json else "\n".join(lines))
    clerk.ledger.close()


def _clerk(show: str, state: Path | None) -> tuple[Plan, Clerk]:
    """A clerk who delivers nothing: that is the running show's.  Raises UsageError where there is
    no ledger; none is made."""
    from murai_show.app import make_plan
    from murai_show.edge.booth.clerk import Clerk
    from murai_show.edge.booth.ledger import Ledger, booth_folder

    plan = make_plan(show, os.environ, Path.cwd(), displays=False, rehearse=True)
    folder = state or booth_folder(os.environ, plan.show)
    if not (folder / "booth.db").is_file():
        raise UsageError(f"there is no ledger in {folder}; --state FOLDER says where it is")
    return plan, Clerk(Ledger(folder), None)


def _done(clerk: Clerk, does: Does, number: int) -> str:
    """What was done, as a sentence.  Raises UsageError for what cannot be."""
    try:
        match does:
            case Does.approve:
                return clerk.approve(number)
            case Does.deny:
                return clerk.deny(number)
            case Does.delete:
                return clerk.erase(number)
            case _:
                if clerk.ledger.find(number) is None:
                    raise UsageError(f"there is no portrait {number}")
                return ""
    except MuraiError as error:
        raise UsageError(str(error)) from None


def _line(entry: Entry, zone: ZoneInfo) -> str:
    gone = f", deleted {_time(entry.deleted, zone)}" if entry.deleted is not None else ""
    said = f"  {entry.answer}" if entry.answer else ""
    return f"{entry.number:>6}  {_time(entry.taken, zone)}  {entry.stage}{gone}{said}"


def _page(entry: Entry, zone: ZoneInfo) -> list[str]:
    times = ("taken", "expires", "answered", "moderated", "delivered", "deleted")
    values = {
        key: _time(value, zone) if key in times else value
        for key, value in vars(entry).items()
        if value not in (None, "")
    }
    return [f"{key:<12}{value}" for key, value in values.items()]


def _time(posix: float, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(posix, zone).strftime("%Y-%m-%d %H:%M:%S")
