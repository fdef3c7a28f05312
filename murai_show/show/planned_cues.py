"""What a plan holds of cues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from murai_show.show.mix import Mix
from murai_show.show.moments import Dates, Moment, write_days
from murai_show.show.planned import PlannedPlaylist

Does = Literal["style", "morph", "blackout", "hold", "wait", "play"]


@dataclass(frozen=True)
class PlannedStep:
    """One step.  `delay` is seconds from the beginning of the step before, from its end where that
    is a hold or a wait, from the cue's where there is none; `lasts` is how long it takes, a wait's
    at most.

    `mixes` are the look of a style and of a blackout, and those of a morph, which walks evenly
    through them in `over` seconds; a `play` has its playlist; a hold and a wait have neither: what
    was on stays.  `fade` is the walk into it.  `ends` is a wait whose timeout ends the cue.
    """

    line: int
    does: Does
    words: str
    delay: float
    lasts: float
    fade: float = 0.0
    mixes: tuple[Mix, ...] = ()
    over: float = 0.0
    playlist: PlannedPlaylist | None = None
    wait: str = ""
    ends: bool = False

    @property
    def stays(self) -> bool:
        """Whether it leaves on what was on."""
        return self.does in ("hold", "wait")


@dataclass(frozen=True)
class PlannedCue:
    """A cue whole.  `fade` is the walk back at its end; one that `stays` has none until it is
    released.  `key` is empty where no key calls it."""

    name: str
    line: int
    steps: tuple[PlannedStep, ...]
    fade: float
    stays: bool = False
    key: str = ""

    def __hash__(self) -> int:
        """Cheap: it is asked for at each frame, and no two cues of a show share a name."""
        return hash((self.name, self.line))

    @property
    def lasts(self) -> float:
        """Seconds to the end of its last step, when nobody pulls a trigger."""
        begins = ends = anchor = 0.0
        for step in self.steps:
            begins = anchor + step.delay
            ends = begins + step.lasts
            anchor = ends if step.stays else begins
        return ends

    @property
    def waits(self) -> tuple[str, ...]:
        """The triggers that it waits for, each once."""
        return tuple(dict.fromkeys(step.wait for step in self.steps if step.wait))

    @property
    def mixes(self) -> tuple[Mix, ...]:
        """Every look that it names, each once."""
        found: dict[Mix, None] = {}
        for step in self.steps:
            found |= dict.fromkeys(step.playlist.entries if step.playlist else step.mixes)
        return tuple(found)


@dataclass(frozen=True)
class CueTime:
    """When the schedule calls a cue: at a moment of every day, or of some.

    `line` is the rule's."""

    line: int
    cue: PlannedCue
    at: Moment
    days: tuple[int, ...] = ()
    dates: tuple[Dates, ...] = ()

    @property
    def when(self) -> str:
        """`sat, at 22:00`"""
        parts = [", ".join(map(str, self.dates)), write_days(self.days), f"at {self.at}"]
        return ", ".join(part for part in parts if part)
