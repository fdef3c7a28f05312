"""The booth with nothing left to look up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from murai_show.show.caption import OverlaySpec, PlannedOverlay
from murai_show.show.words import write_duration

# No name of a show has a space: these meet no overlay of the file.
COUNT = OverlaySpec("booth count", False, "centre", 0.5, 0.04, (1.0, 1.0, 1.0), "bold", True)
WORDS = OverlaySpec("booth words", False, "bottom", 0.08, 0.05, (1.0, 1.0, 1.0), "bold", True)


@dataclass(frozen=True)
class PlannedGpio:
    """A line of a chip, and the edge that is a press."""

    chip: str
    line: int
    edge: Literal["falling", "rising"]


@dataclass(frozen=True)
class PlannedBooth:
    """A booth.  `picture` is the absolute pattern of its files, with {number}; times are seconds.

    `shot` is what the loop calls the picture that is taken, empty for what `play` films, and `on`
    are the outputs that show it and can be written on.  `ask`, `thanks` and `gone` are set in
    lines, and may hold {number} and {left}.  `post` is empty for every account.
    """

    picture: Path
    key: str = ""
    every: float | None = None
    http: bool = False
    gpio: PlannedGpio | None = None
    countdown: float = 3.0
    credit: bool = True
    shot: str = ""
    on: tuple[str, ...] = ()
    ask: str = "?"
    thanks: str = "!"
    gone: str = "-"
    default: Literal["deny", "allow"] = "deny"
    within: float = 20.0
    keep: float = 30 * 86400.0
    moderated: bool = False
    post: tuple[str, ...] = ()

    @property
    def allows(self) -> bool:
        """What holds when nobody answers."""
        return self.default == "allow"


def booth_overlays(booth: PlannedBooth | None) -> tuple[PlannedOverlay, ...]:
    """What canvases must be able to write for the booth.  When it is shown is not the time's."""
    if booth is None:
        return ()
    return tuple(PlannedOverlay(spec, "title", on=booth.on) for spec in (COUNT, WORDS))


def booth_to_json(booth: PlannedBooth | None) -> dict[str, Any] | None:
    """What `murai-show plan` says about it, in the words of the show language."""
    if booth is None:
        return None
    starts = {
        "key": booth.key or None,
        "every": write_duration(booth.every) if booth.every else None,
        "http": booth.http or None,
        "gpio": f"{booth.gpio.chip} {booth.gpio.line} {booth.gpio.edge}" if booth.gpio else None,
    }
    return {
        "trigger": ", ".join(f"{k} {v}" for k, v in starts.items() if v is not None),
        "countdown": write_duration(booth.countdown),
        "picture": str(booth.picture),
        "credit": booth.credit,
        "films": booth.shot or "what plays",
        "ask": " ".join(booth.ask.split()),
        "default": booth.default,
        "within": write_duration(booth.within),
        "keep": write_duration(booth.keep),
        "moderate": "operator" if booth.moderated else "none",
        "post": list(booth.post) or "nowhere, files are kept",
    }
