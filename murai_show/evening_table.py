"""An evening, and why a picture is what it is, for people at a terminal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from murai_show.show.cueing import Now
from murai_show.show.evening import Evening, Why, place_in
from murai_show.show.planned import Plan, PlannedRule
from murai_show.show.timeline import mix_words


def evening_table(evening: Evening) -> RenderableType:
    """The evening from noon to noon: a row for each change, the sun's times, the notes."""
    heading = Text.assemble((evening.plan.title, "bold"), f"  {long_date(evening.date)}")
    sun = Text(", ".join(f"{mark.word} {evening.clock(mark.instant)}" for mark in evening.sun))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("from", no_wrap=True)
    table.add_column("to", no_wrap=True)
    table.add_column("for", justify="right", no_wrap=True)
    table.add_column("plays", no_wrap=True)
    table.add_column("because")
    table.add_column("line", justify="right")
    for row in evening.rows():
        table.add_row(
            evening.clock(row.begins),
            evening.clock(row.ends),
            lasting(row.ends - row.begins),
            row.plays,
            row.when,
            str(row.line),
            style="" if row.lit else "dim",
        )
    parts: list[RenderableType] = [heading, Text(f"{summary(evening)}; {evening.plan.place.tz}")]
    parts += [sun] if evening.sun else []
    parts += ["", table]
    parts += ["", *(Text(note) for note in evening.plan.notes)] if evening.plan.notes else []
    return Group(*parts)


def summary(evening: Evening) -> str:
    """`lit 17:30 to 23:00, 5h 30m` or `dark all evening`."""
    span = evening.span
    if span is None:
        return "dark all evening"
    seconds = sum(ends - begins for begins, ends in evening.lights())
    return f"lit {evening.clock(span[0])} to {evening.clock(span[1])}, {lasting(seconds)}"


def lasting(seconds: float) -> str:
    """`5h 30m`, `15m`, `45s`."""
    if seconds < 60:
        return f"{seconds:.0f}s"
    hours, minutes = divmod(round(seconds / 60), 60)
    parts = (f"{hours}h" if hours else "", f"{minutes}m" if minutes else "")
    return " ".join(part for part in parts if part)


def long_date(day: date) -> str:
    """Thursday 24 December 2026"""
    return f"{day:%A} {day:%d}".replace(" 0", " ") + f" {day:%B %Y}"


def why_table(plan: Plan, why: Why, file: str) -> RenderableType:
    """What is on, the rule that won, those that it overrides, whose turn it is, what comes next.

    `file` is how the show file is named."""
    zone = ZoneInfo(plan.place.tz)

    def at(wall: float) -> str:
        local = datetime.fromtimestamp(wall, zone)
        same = local.date() == datetime.fromtimestamp(why.wall, zone).date()
        return f"{local:%H:%M:%S}" if same else f"{local:%a %d %b %H:%M:%S}"

    now = datetime.fromtimestamp(why.wall, zone)
    heading = Text.assemble((plan.title, "bold"), f"  {long_date(now)}, {now:%H:%M:%S %Z}")
    light = "" if why.look.light in (0.0, 1.0) else f" at {why.look.light:.0%} light"
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    table.add_row("shows", Text(mix_words(why.look.mix) + light if why.look.lit else "dark"))
    if (run := why.now.run) is not None:
        table.add_row("because", Text.assemble((f"{file}:{run.by}", "bold"), _cue(why.now, at)))
        table.add_row("over", _rule(why.rule, file))
    else:
        table.add_row("because", _rule(why.rule, file))
    table.add_row("", Text(_while(why, at)))
    if why.rule.playlist.name:
        table.add_row("playlist", Text(_turn(why, file, at)))
    for number, rule in enumerate(why.others):
        table.add_row("" if number else "overrides", _rule(rule, file))
    if why.after is not None and why.ends is not None:
        table.add_row("next", Text.assemble(f"{at(why.ends)}  ", _rule(why.after, file)))
    return Group(heading, "", table)


def _rule(rule: PlannedRule, file: str) -> Text:
    return Text.assemble((f"{file}:{rule.line}", "bold"), f"  {rule.when}: {rule.playlist.words}")


def _cue(now: Now, at: Callable[[float], str]) -> str:
    """`  cue finale since 22:00:00, until 22:10:00; step 2 of 7, line 31: hero`"""
    run, step = now.run, now.step
    assert run is not None
    said = f"  cue {run.cue.name} since {at(run.begins)}, until {at(run.ends)}"
    if step is None:
        return said
    return f"{said}; step {now.leg + 1} of {len(run.cue.steps)}, line {step.line}: {step.words}"


def _while(why: Why, at: Callable[[float], str]) -> str:
    since = f"since {at(why.begins)}" if why.begins is not None else "for more than a week"
    until = f"until {at(why.ends)}" if why.ends is not None else "with no change within a week"
    return f"{since}, {until}"


def _turn(why: Why, file: str, at: Callable[[float], str]) -> str:
    playlist = why.rule.playlist
    entry = f"{mix_words(why.turn.entry)}, {place_in(playlist, why.turn.entry)}"
    now = f"{file}:{playlist.line}  {playlist.name}: {entry}"
    if len(playlist.entries) == 1:
        return now
    now = f"{now}, since {at(why.turn.begins)}"
    return f"{now}; {mix_words(why.next_turn.entry)} from {at(why.turn.ends)}"
