"""The verdicts, for people and for scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from murai_show.doctor.verdict import Found, State

_SIGNS: dict[State, tuple[str, str]] = {
    "ok": ("✓", "green"),
    "warn": ("!", "bold yellow"),
    "bad": ("✗", "bold red"),
    "skip": ("·", "dim"),
}


def doctor_table(found: Sequence[Found], title: str) -> Group:
    """Group by group, a line for each verdict, the mend below those that want one."""
    width = max((len(one.verdict.name) for one in found), default=0)
    width = min(width, 26)
    parts: list[Any] = [Text(title, "bold")]
    for group, members in groupby(found, key=lambda one: one.group):
        parts += [Text(f"\n{group}", "bold"), _lines([m.verdict for m in members], width)]
    parts.append(Text.assemble("\n", _summary(found)))
    return Group(*parts)


def _lines(verdicts: Sequence[Any], width: int) -> Padding:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=1)
    table.add_column(width=width)
    table.add_column(overflow="fold")
    for verdict in verdicts:
        sign, colour = _SIGNS[verdict.state]
        dim = "dim" if verdict.state == "skip" else ""
        words = Text(verdict.found, dim)
        if verdict.mend:
            words.append(f"\n→ {verdict.mend}", "cyan" if verdict.state != "skip" else "dim")
        table.add_row(Text(sign, colour), Text(verdict.name, dim), words)
    return Padding(table, (0, 0, 0, 2))


def _summary(found: Sequence[Found]) -> Text:
    """`21 well, 2 to look at, 1 to mend`"""
    counts = {state: sum(one.verdict.state == state for one in found) for state in _SIGNS}
    words = [(counts["ok"], "well", "green"), (counts["warn"], "to look at", "bold yellow")]
    words.append((counts["bad"], "to mend", "bold red"))
    parts = [Text(f"{count} {what}", colour) for count, what, colour in words if count]
    return Text(", ").join(parts)


def doctor_json(found: Sequence[Found], show: str) -> dict[str, Any]:
    """`good` is False when something is to be mended."""
    return {
        "show": show,
        "good": not any(one.verdict.state == "bad" for one in found),
        "verdicts": [{"group": one.group, **asdict(one.verdict)} for one in found],
    }
