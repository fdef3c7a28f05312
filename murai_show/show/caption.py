"""What a plan says about overlays, and what one of them says at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from murai_show.show.moments import Moment
from murai_show.show.overlay import At, Colour, write_colour
from murai_show.show.words import write_duration

Kind = Literal["title", "credit", "clock", "qr", "countdown"]


@dataclass(frozen=True)
class Caption:
    """What the overlay called `overlay` says at one moment: lines of text, or what a code says.

    `opacity` is above 0 and at most 1, in steps that 8 bits can tell.
    """

    overlay: str
    text: str
    opacity: float = 1.0


@dataclass(frozen=True)
class OverlaySpec:
    """How an overlay is drawn, as a canvas must know it.

    `size` and `margin` are in heights of the wall; `colour` is sRGB signals, 0 to 1; `font` is one
    that ships along, or an absolute path.
    """

    name: str
    code: bool
    at: At
    size: float
    margin: float
    colour: Colour
    font: str | Path
    shaded: bool


@dataclass(frozen=True)
class PlannedOverlay:
    """One overlay: how it is drawn, and all that says what it says when.

    `text` is the text, a clock's format, what a code says, or what a countdown says around
    `{left}`.  `credits` are the lines about each style.  `lasts` is how long it is shown after a
    change, before the end of a countdown, or None for always; `fade` how long it comes and goes,
    both in seconds.  `to` is where a countdown ends, None for the next change of the schedule.
    """

    spec: OverlaySpec
    kind: Kind
    text: str = ""
    credits: tuple[tuple[str, str], ...] = ()
    opacity: float = 1.0
    lasts: float | None = None
    fade: float = 1.0
    to: Moment | None = None
    in_the_dark: bool = False
    on: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.spec.name


def overlay_to_json(overlay: PlannedOverlay) -> dict[str, Any]:
    """What `murai-show plan` says about it, in the words of the show language."""
    spec = overlay.spec
    found: dict[str, Any] = {"name": overlay.name, "kind": overlay.kind}
    if overlay.kind != "credit":
        found["format" if overlay.kind == "clock" else "text"] = overlay.text
    if overlay.kind == "countdown":
        found["to"] = str(overlay.to or "next")
    found |= {
        "at": spec.at if isinstance(spec.at, str) else list(spec.at),
        "size": spec.size,
        "margin": spec.margin,
        "color": write_colour(spec.colour),
        "opacity": overlay.opacity,
    }
    if not spec.code:
        found |= {"font": str(spec.font), "box": "shade" if spec.shaded else "none"}
    return found | {
        "for": "always" if overlay.lasts is None else write_duration(overlay.lasts),
        "fade": write_duration(overlay.fade),
        "in_the_dark": overlay.in_the_dark,
        "on": list(overlay.on),
    }


def specs_on(overlays: tuple[PlannedOverlay, ...], output: str) -> tuple[OverlaySpec, ...]:
    """What the canvas of `output` must be able to draw, in the order of the file."""
    return tuple(overlay.spec for overlay in overlays if output in overlay.on)
