"""The noun of areas: parts of the picture with a style of their own."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from murai_show.show.noun import Noun
from murai_show.show.playing import StyleMix
from murai_show.show.words import Duration, UnfitError, write_duration

PERIOD = 20.0


class Area(Noun):
    """A part of the picture with a style of its own: where a mask is white, or behind an edge that
    wipes across.  Later areas lie over earlier ones."""

    mask: str | None = Field(
        default=None,
        description="PNG or SVG, stretched over the painted picture: white is the area, black and "
        "clear is none of it.",
    )
    wipe: Literal["right", "left", "down", "up"] | None = Field(
        default=None,
        description="Instead of a mask: all that an edge has passed on its way there; then it "
        "comes back.",
    )
    every: Duration = Field(
        default=PERIOD, ge=1, le=6 * 3600, description="How long a wipe takes, there and back."
    )
    soft: float = Field(
        default=0.01,
        ge=0,
        le=0.5,
        description="How softly it ends, as a share of the picture's width.",
    )
    style: StyleMix | None = Field(default=None, description="A style or a mix, all the time.")
    play: str | None = Field(default=None, description="Instead of a style: a playlist's name.")

    @model_validator(mode="after")
    def _whole(self) -> Area:
        """Raises UnfitError with the key that is too much, or ValueError for what is missing."""
        if self.mask is not None and self.wipe is not None:
            raise UnfitError(self.wipe, "stands beside mask; keep one of them", "wipe")
        if self.mask is None and self.wipe is None:
            raise ValueError("nothing says where it is; write mask: and a file, or wipe: right")
        if self.style is not None and self.play is not None:
            raise UnfitError(self.play, "stands beside style; keep one of them", "play")
        if self.style is None and self.play is None:
            raise ValueError("nothing says what it shows; write style: and a style, or plain")
        if self.wipe is None and "every" in self.model_fields_set:
            raise UnfitError(
                write_duration(self.every), "is how long a wipe takes; a mask stands still", "every"
            )
        return self
