"""What a check is given, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from murai_show.show.planned import Plan

State = Literal["ok", "warn", "bad", "skip"]


@dataclass(frozen=True)
class Verdict:
    """What was found, in a few words, and the mend: one sentence or command, empty where all is
    well.  `skip` says that there is nothing here to look at."""

    name: str
    state: State
    found: str
    mend: str = ""


@dataclass(frozen=True)
class Case:
    """What is examined: this machine, and the show that shall run on it, if one was named.

    `work` is the working folder; `metrics` what the show, if it runs here already, answers at
    /metrics, else empty.
    """

    plan: Plan | None
    work: Path
    metrics: str = ""

    @property
    def runs(self) -> bool:
        """Whether the show runs already, and holds its devices and ports."""
        return bool(self.metrics)


Look = Callable[[Case], Iterable[Verdict]]


@dataclass(frozen=True)
class Check:
    """`look` is given `seconds`.  `apart` runs it in a process of its own: a library that hangs or
    crashes takes nothing else along."""

    group: str
    name: str
    look: Look
    seconds: float = 5.0
    apart: bool = False


@dataclass(frozen=True)
class Found:
    """A verdict in its group."""

    group: str
    verdict: Verdict
