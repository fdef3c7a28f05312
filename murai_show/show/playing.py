"""The nouns that say what plays and when: playlists, `play`, the rules of the schedule."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import Discriminator, Field, Tag, model_validator

from murai_show.show.moments import Calendar, TimeOfDay, Weekdays
from murai_show.show.noun import Noun
from murai_show.show.words import Duration, PixelSize, Size, UnfitError, write_duration

DARK = "dark"  # a reserved style: no picture, black
PLAIN = "plain"  # a reserved style: the picture as it is filmed, unpainted


def _style_or_mix(found: object) -> Literal["<style>", "<mix>"]:
    return "<mix>" if isinstance(found, dict) else "<style>"


StyleMix = Annotated[
    Annotated[str, Tag("<style>")]
    | Annotated[
        dict[str, Annotated[float, Field(ge=0.001, le=1000)]], Field(min_length=1), Tag("<mix>")
    ],
    Discriminator(_style_or_mix),
    Field(
        description="A style, a token, `dark`, `plain` for the picture as it is filmed, or a mix "
        "such as {wave: 0.7, starry: 0.3}."
    ),
]


class Playlist(Noun):
    """Styles in rotation.  The day of a rotation runs from noon to noon."""

    styles: tuple[StyleMix, ...] = Field(min_length=1, description="Styles, in order.")
    each: Duration = Field(
        default=240.0,
        ge=0.5,
        le=6 * 3600,
        description="How long each style stays, its fade included.",
    )
    fade: Duration = Field(
        default=5.0, description="How long the walk from one style to the next takes."
    )
    order: Literal["listed", "shuffle"] = Field(
        default="listed",
        description="`shuffle` is drawn anew each round and day, the same after a restart.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Playlist:
        each, fade = write_duration(self.each), write_duration(self.fade)
        if self.fade > self.each and "fade" in self.model_fields_set:
            raise UnfitError(
                fade, f"is longer than each, {each}; a fade lasts at most as long", "fade"
            )
        if self.fade > self.each:
            raise UnfitError(each, f"is shorter than the fade, {fade}; write a fade too", "each")
        return self


class Play(Noun):
    """What runs: a playlist, filmed by a camera.  `play: NAME` is short for its playlist."""

    playlist: str = Field(
        description="Name of a playlist; it plays whenever a schedule says nothing else."
    )
    camera: str | None = Field(
        default=None, description="Name of a camera or view; not needed when there is one camera."
    )
    paint: PixelSize = Field(default=Size(640, 360), description="Resolution the painter works at.")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, found: Any) -> Any:
        if isinstance(found, str):
            return {"playlist": found}
        if not isinstance(found, dict):
            raise UnfitError(found, "is not a playlist; write its name")
        return cast("Any", found)


class Rule(Noun):
    """When plays what.  A list, from the general to the particular: the last rule that matches
    wins.  A rule without `from` and `to` holds for its whole dates."""

    default: str | None = Field(
        default=None,
        description="Alone, in the first rule: the playlist for all other times, or `dark`. "
        "Without it that is what `play` names.",
    )
    begin: TimeOfDay | None = Field(
        default=None, alias="from", description='When it begins: "18:30", dusk+10m, sun -4°.'
    )
    to: TimeOfDay | None = Field(
        default=None, description="When it ends; past midnight that is on the next date."
    )
    not_before: TimeOfDay | None = Field(default=None, description="The earliest begin.")
    not_after: TimeOfDay | None = Field(default=None, description="The latest end.")
    days: Weekdays | None = Field(
        default=None, description="Days of the week that it begins on: fri, mon-thu, [fri, sat]."
    )
    dates: Calendar | None = Field(
        default=None,
        description="Dates that it begins on: 2026-12-24, 2026-12-24..2027-01-02, or every year "
        "12-24..01-02; or a list.",
    )
    play: str | None = Field(default=None, description="What plays: a playlist, or `dark`.")
    style: StyleMix | None = Field(
        default=None, description="Instead of a playlist: one style or mix, all the time."
    )
    camera: str | None = Field(
        default=None,
        description="What films meanwhile: a camera or view. Default: that of `play`; in the "
        "dark, the one before.",
    )
    fade: Duration | None = Field(
        default=None,
        le=6 * 3600,
        description="How long the walk into it takes. Default: the playlist's, 5s for a style; "
        "into dark, that of what ends.",
    )
    at: TimeOfDay | None = Field(
        default=None, description='When the cue begins: "22:00", dusk+1h; takes no `from`.'
    )
    cue: str | None = Field(
        default=None, description="Instead of what plays: the cue that runs at `at`."
    )

    @model_validator(mode="after")
    def _calls(self) -> Rule:
        """Raises UnfitError with the key that is too much or alone."""
        if self.cue is None:
            if self.at is not None:
                what = "is for a cue; write cue: too, or from: and to: for what plays"
                raise UnfitError(str(self.at), what, "at")
            return self
        others = self.model_fields_set - {"cue", "at", "days", "dates"}
        if others:
            key = next(name for name in self.__class__.model_fields if name in others)
            what = "stands beside cue, which says itself what is shown and for how long; delete it"
            raise UnfitError(None, what, "from" if key == "begin" else key)
        if self.at is None:
            raise UnfitError(None, 'has no time; write at: too, such as at: "22:00"', "cue")
        return self

    @model_validator(mode="after")
    def _whole(self) -> Rule:
        """Raises UnfitError with the key that is too much, or ValueError for what is missing."""
        if self.cue is not None:
            return self
        others = self.model_fields_set - {"default"}
        if self.default is not None and others:
            key = next(name for name in self.__class__.model_fields if name in others)
            key = "from" if key == "begin" else key
            raise UnfitError(None, "stands beside default, which holds whenever no rule does", key)
        if self.play is not None and self.style is not None:
            raise UnfitError(self.style, "stands beside play; keep one of them", "style")
        if self.default is None and self.play is None and self.style is None:
            raise ValueError("nothing says what plays; write play: and a playlist, or dark")
        if self.begin is None and self.to is not None:
            raise UnfitError(str(self.to), "has no beginning; write from: too", "to")
        if self.begin is not None and self.to is None:
            raise UnfitError(str(self.begin), "has no end; write to: too", "from")
        if self.begin is None and (self.not_before or self.not_after):
            key = "not_before" if self.not_before else "not_after"
            raise UnfitError(str(getattr(self, key)), "bounds no hours; write from: and to:", key)
        return self
