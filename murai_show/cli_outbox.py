"""The verb `outbox`: what waits to be posted, and what a person may do about it."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from murai_show.cli_words import AsJson, ShowName
from murai_show.errors import MuraiError, UsageError

if TYPE_CHECKING:
    from murai_show.edge.social.entry import AccountEntry, Entry
    from murai_show.edge.social.outbox import Outbox
    from murai_show.show.plan import Plan


class Action(StrEnum):
    """What `outbox` can do."""

    list = "list"
    show = "show"
    retry = "retry"
    drop = "drop"
    resume = "resume"


def outbox(
    show: ShowName,
    action: Annotated[Action, typer.Argument(help="What to do.")] = Action.list,
    which: Annotated[
        str | None,
        typer.Argument(metavar="[ITEM]", help="An item's number; an account's name for resume."),
    ] = None,
    sure: Annotated[
        bool,
        typer.Option("--sure", help="With retry: it is certain that the item is not posted."),
    ] = False,
    state: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="The show's state folder, where it is not your own."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """See and mend what waits to be posted; the show may run meanwhile.

    `list` shows all items and stopped accounts, `show` one item with its words, `retry` sends one
    again, `drop` forgets one with its picture, `resume` lifts the stop of an account, or of all.

    An item that may be posted or not is sent again only with --sure: look for it first.

    \b
    murai-show outbox up375
    murai-show outbox up375 show 17
    murai-show outbox up375 retry 17 --sure
    murai-show outbox up375 drop 17
    murai-show outbox up375 resume
    murai-show outbox up375 list --state /var/lib/murai-show/up375
    """
    from murai_show.app import make_plan

    plan = make_plan(show, os.environ, Path.cwd(), displays=False, rehearse=True)
    found = _open(plan, state)
    try:
        if found is None:
            _nothing(plan, action, as_json)
        else:
            _ACTIONS[action](found, plan, which, sure, as_json)
    except sqlite3.Error as error:
        raise MuraiError(f"outbox: it cannot be read or written: {error}") from None
    finally:
        if found is not None:
            found.close()


def _open(plan: Plan, state: Path | None) -> Outbox | None:
    """The show's outbox; None where there has never been one."""
    from murai_show.edge.social.outbox import FILE, Outbox
    from murai_show.edge.social.pictures import Folder
    from murai_show.posting import outbox_home

    environ = os.environ if state is None else {"STATE_DIRECTORY": str(state)}
    home = outbox_home(plan.show, environ)
    try:
        if not (home / FILE).is_file():
            return None
    except PermissionError:
        raise MuraiError(f"outbox: {home} is another user's; try sudo -u {_owner(home)}") from None
    return Outbox(Folder(home))


def _owner(path: Path) -> str:
    for folder in (path, *path.parents):
        try:
            return folder.owner()
        except (PermissionError, KeyError):
            continue
    return "root"


def _nothing(plan: Plan, action: Action, as_json: bool) -> None:
    if action in (Action.show, Action.retry, Action.drop):
        raise UsageError(f"outbox: nothing was ever put into the outbox of {plan.show}")
    if as_json:
        typer.echo(json.dumps({"items": [], "accounts": []}))
    else:
        typer.echo(f"{plan.show}: nothing was ever put into the outbox")


def _list(found: Outbox, plan: Plan, which: str | None, sure: bool, as_json: bool) -> None:
    _take_nothing(which, sure, "list")
    entries, accounts = found.entries(), found.accounts()
    if as_json:
        items = [asdict(entry) for entry in entries]
        typer.echo(_json({"items": items, "accounts": [asdict(account) for account in accounts]}))
        return
    from rich.console import Console

    console = Console()
    if entries:
        console.print(_table(entries, plan, time.time()))
    else:
        console.print(f"{plan.show}: the outbox is empty", highlight=False)
    for account in accounts:
        if account.stopped:
            console.print(_stop_words(account, plan), style="red", highlight=False, markup=False)


def _table(entries: list[Entry], plan: Plan, now: float):
    from rich.table import Table

    table = Table(title=f"{plan.show}: outbox", title_justify="left")
    for name in ("item", "portrait"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("account", "state", "since"):
        table.add_column(name, no_wrap=True)
    table.add_column("why", ratio=1)
    colours = {"posted": "green", "dead": "red", "unknown": "yellow"}
    for entry in entries:
        colour = colours.get(entry.state, "")
        account = f"{entry.account} (practice)" if entry.practice else entry.account
        table.add_row(
            str(entry.id),
            str(entry.number),
            account,
            f"[{colour}]{entry.state}[/]" if colour else entry.state,
            _when(entry.changed, plan),
            _plain(_next_words(entry, plan, now)),
        )
    return table


def _next_words(entry: Entry, plan: Plan, now: float) -> str:
    """Why it is where it is, and when something happens next."""
    words = [entry.why] if entry.why else []
    if entry.state == "posted":
        words.append(entry.remote)
    elif entry.not_before is not None and entry.not_before > now:
        words.append(f"next at {_when(entry.not_before, plan)}")
    return "; ".join(words)


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _stop_words(account: AccountEntry, plan: Plan) -> str:
    since = "" if account.stopped_at is None else f" since {_when(account.stopped_at, plan)}"
    return (
        f"{account.name} is stopped{since}: {account.stopped}; once that is mended: "
        f"murai-show outbox {plan.show} resume {account.name}"
    )


def _show(found: Outbox, plan: Plan, which: str | None, sure: bool, as_json: bool) -> None:
    number = _number(which, "show")
    _take_nothing(None, sure, "show")
    entry = found.entry(number)
    picture = found.folder.pictures / entry.picture
    if as_json:
        typer.echo(_json(asdict(entry) | {"picture": str(picture)}))
        return
    lines = {
        "item": f"{entry.id}, portrait {entry.number} for {entry.account}",
        "state": f"{entry.state} since {_when(entry.changed, plan)}",
        "why": _next_words(entry, plan, time.time()),
        "tries": str(entry.attempts),
        "put": _when(entry.created, plan),
        "expires": "never" if entry.expires is None else _when(entry.expires, plan),
        "picture": str(picture) if picture.is_file() else "no longer here",
        "mark": entry.mark,
        "text": entry.text,
        "alt": entry.alt,
    }
    typer.echo("\n".join(f"{name:<8} {text}" for name, text in lines.items() if text))


def _retry(found: Outbox, plan: Plan, which: str | None, sure: bool, as_json: bool) -> None:
    entry = found.retry(_number(which, "retry"), time.time(), sure=sure)
    done = f"item {entry.id} is queued again; it was {entry.state}"
    stopped = [a for a in found.accounts() if a.name == entry.account and a.stopped]
    _say(done + "".join(f"; but {_stop_words(account, plan)}" for account in stopped), as_json)


def _drop(found: Outbox, _plan: Plan, which: str | None, sure: bool, as_json: bool) -> None:
    _take_nothing(None, sure, "drop")
    entry = found.drop(_number(which, "drop"))
    _say(f"item {entry.id} is gone; it was {entry.state}", as_json)


def _resume(found: Outbox, _plan: Plan, which: str | None, sure: bool, as_json: bool) -> None:
    _take_nothing(None, sure, "resume")
    names = found.resume(which)
    if not names:
        raise UsageError(f"outbox: {which or 'no account'} is {'not ' if which else ''}stopped")
    _say(f"{', '.join(names)}: goes on", as_json)


_ACTIONS: dict[Action, Callable[[Outbox, Plan, str | None, bool, bool], None]] = {
    Action.list: _list,
    Action.show: _show,
    Action.retry: _retry,
    Action.drop: _drop,
    Action.resume: _resume,
}


def _number(which: str | None, action: str) -> int:
    if which is None or not which.isdecimal():
        raise UsageError(f"outbox: {action} takes the number of an item; `list` shows them")
    return int(which)


def _take_nothing(which: str | None, sure: bool, action: str) -> None:
    if which is not None:
        raise UsageError(f"outbox: {action} takes no {which!r}")
    if sure:
        raise UsageError("outbox: --sure goes with retry")


def _when(at: float, plan: Plan) -> str:
    """On the show's own clock."""
    return f"{datetime.fromtimestamp(at, ZoneInfo(plan.place.tz)):%d %b %H:%M:%S}"


def _say(done: str, as_json: bool) -> None:
    typer.echo(_json({"done": done}) if as_json else done)


def _json(found: object) -> str:
    return json.dumps(found, indent=2, ensure_ascii=False)
