"""The verb `cue`: calls what a running show waits to be called."""

from __future__ import annotations

import http.client
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from murai_show.cli_words import AsJson, ShowName
from murai_show.errors import MuraiError, UsageError

if TYPE_CHECKING:
    from murai_show.show.words import Address

PATIENCE = 5.0  # seconds
LARGEST = 1 << 20  # bytes of an answer


def cue(
    show: ShowName,
    name: Annotated[str | None, typer.Argument(metavar="[CUE]", help="The cue to run.")] = None,
    trigger: Annotated[
        str | None, typer.Option(metavar="NAME", help="What a cue waits for has come.")
    ] = None,
    release: Annotated[
        bool, typer.Option("--release", help="Give the picture back: from a panic, else from cues.")
    ] = False,
    panic: Annotated[bool, typer.Option("--panic", help="Dark, until it is released.")] = False,
    listed: Annotated[
        bool, typer.Option("--list", help="What is on, and what could be called.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Call a cue of a show that runs, through its `control`.

    The show needs control: 127.0.0.1:9476, and both need the token: systemd's credential
    control_token, ~/.config/murai-show/control_token or MURAI_CONTROL_TOKEN.

    \b
    murai-show cue up375 finale
    murai-show cue up375 --trigger applause
    murai-show cue up375 --panic
    murai-show cue up375 --release
    murai-show cue up375 --list
    """
    targets = {
        f"/cue/{name}": name is not None,
        f"/trigger/{trigger}": trigger is not None,
        "/release": release,
        "/panic": panic,
        "/cues": listed,
    }
    wanted = [target for target, chosen in targets.items() if chosen]
    if len(wanted) != 1:
        raise UsageError("write one of: a cue, --trigger NAME, --release, --panic or --list")
    for word in (name, trigger):
        _check_name(word)
    found = _ask(_control_of(show), wanted[0])
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
    elif listed:
        typer.echo("\n".join(_lines(found)))
    else:
        typer.echo(found["done"])


def _check_name(word: str | None) -> None:
    from murai_show.show.words import parse_name

    try:
        if word is not None:
            parse_name(word)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _control_of(show: str) -> Address:
    from murai_show.app import make_plan
    from murai_show.show.words import Address

    plan = make_plan(show, os.environ, Path.cwd(), displays=False, rehearse=True)
    if plan.control is None:
        raise UsageError(f"{plan.source.name} has no control; write control: 127.0.0.1:9476")
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where it listens, not we
    return Address(everywhere.get(plan.control.host, plan.control.host), plan.control.port)


def _ask(control: Address, target: str) -> Any:
    """What the running show answers.  Raises UsageError for what it refuses, MuraiError when nobody
    answers."""
    from murai_show.edge.token import find_token

    method = "GET" if target == "/cues" else "POST"
    headers = {} if method == "GET" else {"Authorization": find_token(os.environ).header()}
    connection = http.client.HTTPConnection(control.host, control.port, timeout=PATIENCE)
    try:
        connection.request(method, target, headers=headers)
        answer = connection.getresponse()
        found = json.loads(answer.read(LARGEST))
    except (OSError, http.client.HTTPException, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no control of a show"
        raise MuraiError(f"control: {control} does not answer: {why}; does the show run?") from None
    finally:
        connection.close()
    if not isinstance(found, dict) or not {"done", "cues", "error"} & set(found):
        raise MuraiError(f"control: {control} is no control of a show")
    if "error" in found:
        raise UsageError(str(found["error"]))
    return found


def _lines(found: Any) -> list[str]:
    on = found["on"]
    mix = ", ".join(f"{style} {weight:.0%}" for style, weight in found["mix"].items())
    lines = [f"{found['show']} shows {mix if found['light'] else 'dark'}: {found['why']}"]
    if found["panic"]:
        lines.append("panic; --release ends it")
    if on:
        until = f", until {on['until'][11:19]}" if on["until"] else ", until it is released"
        lines.append(f"cue {on['cue']}, step {on['step']} of {on['of']}{until}, by {on['by']}")
    lines += [f"waits for {name}" for name in found["waits"]]
    for cue in found["cues"]:
        key = f", key {cue['key']}" if cue["key"] else ""
        lines.append(f"  {cue['name']:<20} {cue['seconds']:g}s, then {cue['end']}{key}")
    return lines
