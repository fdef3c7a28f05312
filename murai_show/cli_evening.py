"""The verbs `why` and `rehearse`, and what `plan --date` shows."""

from __future__ import annotations

import json
import os
import threading
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from murai_show.cli_words import (
    AsJson,
    CameraChoice,
    Length,
    ShowName,
    parse_cameras,
    parse_length,
    print_report,
)
from murai_show.errors import UsageError

if TYPE_CHECKING:
    from murai_show.show.plan import Plan

TODAY = {"today": 0, "tomorrow": 1, "yesterday": -1}


def why(
    show: ShowName,
    at: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="21:30, dusk+10m, 'tomorrow 21:30', '2026-12-24 sunset' … on the wall's clock.",
        ),
    ] = "now",
    as_json: AsJson = False,
) -> None:
    """Say which rule, at which line, made the picture what it is.

    The rule that won, those that it overrides, whose turn it is in the playlist, and what comes
    next.

    \b
    murai-show why up375
    murai-show why up375 --at 22:05
    murai-show why up375 --at '2026-12-24 dusk+10m'
    """
    from murai_show.app import make_plan
    from murai_show.show.evening import why_at, why_to_json

    plan = make_plan(show, os.environ, Path.cwd(), displays=False, rehearse=True)
    found = why_at(plan, _instant(at, plan))
    if as_json:
        typer.echo(json.dumps(why_to_json(plan, found), indent=2))
        return
    from rich.console import Console

    from murai_show.evening_table import why_table

    Console(highlight=False).print(why_table(plan, found, plan.source.name))


def rehearse(
    show: ShowName,
    on: Annotated[
        str, typer.Option("--date", metavar="DATE", help="2026-12-24, today or tomorrow.")
    ] = "today",
    speed: Annotated[
        float,
        typer.Option(min=1.0, max=3600.0, help="60 shows an hour in a minute, 1 is real time."),
    ] = 60.0,
    length: Length = None,
    camera: CameraChoice = None,
    as_json: AsJson = False,
) -> None:
    """Play an evening in minutes, really painted.

    Stand-ins play for cameras and screens that are not here.  The clock of the schedule begins five
    minutes before the first light of that evening, runs SPEED times as fast, and ends five minutes
    after the last; films and frames keep their pace.

    \b
    murai-show rehearse up375 --date 2026-12-24
    murai-show rehearse up375 --date 2026-06-21 --speed 600
    """
    from murai_show.app import make_plan, run_show, stopped_by_signals
    from murai_show.clocks import FastClock
    from murai_show.show.evening import MARGIN, evening_of

    seconds = parse_length(length)
    stop = threading.Event()
    with stopped_by_signals(stop):
        plan = make_plan(
            show,
            os.environ,
            Path.cwd(),
            displays=True,
            rehearse=True,
            cameras=parse_cameras(camera),
        )
        evening = evening_of(plan, parse_date(on, plan))
        if evening.span is None:
            raise UsageError(
                f"the wall stays dark on the evening of {evening.day.date}; "
                f"murai-show plan {show} --date {evening.day.date} shows why"
            )
        begins, ends = evening.span[0] - MARGIN, evening.span[1] + MARGIN
        whole = (ends - begins) / speed
        typer.echo(
            f"{evening.clock(begins)} to {evening.clock(ends)} on {evening.day.date}, "
            f"{speed:g} times as fast: {whole:.0f} s",
            err=True,
        )
        report = run_show(plan, min(whole, seconds or whole), stop, clock=FastClock(begins, speed))
    print_report(report, as_json)


def show_evening(plan: Plan, on: str, as_json: bool, png: Path | None) -> None:
    """What `plan --date` prints and draws."""
    from murai_show.show.evening import evening_of, evening_to_json

    evening = evening_of(plan, parse_date(on, plan))
    if as_json:
        typer.echo(json.dumps(evening_to_json(evening), indent=2, ensure_ascii=False))
    else:
        from rich.console import Console

        from murai_show.evening_table import evening_table

        Console(highlight=False).print(evening_table(evening))
    if png is not None:
        from murai_show.strip import draw_evening
        from murai_show.thumbnails import paint_entries

        try:
            png.parent.mkdir(parents=True, exist_ok=True)
            draw_evening(evening, paint_entries(plan, evening.entries())).save(png, "PNG")
        except OSError as error:
            raise UsageError(f"--png: {png} cannot be written: {error.strerror}") from None
        typer.echo(f"{png} is written", err=True)


def parse_date(text: str, plan: Plan, option: str = "--date") -> date:
    """A date of the wall's calendar, as `option` says it.  Raises UsageError."""
    word = text.strip().lower()
    if word in TODAY:
        return datetime.now(ZoneInfo(plan.place.tz)).date() + timedelta(days=TODAY[word])
    try:
        found = date.fromisoformat(word)
    except ValueError:
        raise UsageError(
            f"{option}: {text!r} is not a date; write one such as 2026-12-24, or today"
        ) from None
    if not 1000 <= found.year < 3000:
        raise UsageError(f"{option}: {text!r} is too far off; write a year from 1000 to 2999")
    return found


def _instant(text: str, plan: Plan) -> float:
    """`now`, or a time of the show language, a date before it or not → POSIX seconds."""
    from math import isfinite

    from murai_show.show.hours import instant_at
    from murai_show.show.moments import parse_moment

    if text.strip() == "now":
        return datetime.now(ZoneInfo("UTC")).timestamp()
    day, _, time = text.strip().replace("T", " ", 1).partition(" ")
    try:
        on = parse_date(day, plan, "--at") if day[:4].isdigit() or day in TODAY else None
        moment = parse_moment(time if on else text)
    except ValueError as error:
        raise UsageError(f"--at: {error}") from None
    on = on or parse_date("today", plan)
    if moment.solar and not plan.place.known:
        raise UsageError(f"--at: {moment} follows the sun, and {plan.show} has no place")
    found = instant_at(plan.place)(moment, on.toordinal())
    if not isfinite(found):
        raise UsageError(f"--at: there is no {moment.event} on {on} where {plan.show} stands")
    return found
