"""The nouns of views: several cameras in one picture, side by side, one inside another, in turn."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from murai_show.show.noun import Noun
from murai_show.show.words import Duration, UnfitError, write_duration

MOST = 16  # members of one view: beyond that nobody sees a face
Fit = Literal["cover", "contain"]


def _several(cameras: tuple[str, ...]) -> None:
    """Raises UnfitError for a view of one, or of more than anybody can tell apart."""
    if len(cameras) < 2:
        what = "holds one camera; name two or more, or use that camera itself"
        raise UnfitError(None, what, "cameras")
    if len(cameras) > MOST:
        raise UnfitError(None, f"holds {len(cameras)} cameras; name at most {MOST}", "cameras")


class SideBySideView(Noun):
    """Cameras in equal tiles, row by row; a last row that is not full shares its whole width."""

    kind: Literal["side_by_side"]
    cameras: tuple[str, ...] = Field(
        min_length=1, description="Names of cameras or views, from left to right."
    )
    columns: int | None = Field(
        default=None, ge=1, le=MOST, description="Tiles in a row. Default: all in one row."
    )
    gap: float = Field(
        default=0.0, ge=0, le=0.2, description="Black between tiles, as a part of the height."
    )
    fit: Fit = Field(default="cover", description="`cover` fills a tile and cuts, `contain` not.")

    @model_validator(mode="after")
    def _fits(self) -> SideBySideView:
        _several(self.cameras)
        if self.columns is not None and self.columns > len(self.cameras):
            what = f"is more than the {len(self.cameras)} cameras; write that or less"
            raise UnfitError(self.columns, what, "columns")
        return self


class InsetView(Noun):
    """Picture in picture: a small one in a corner of a large one."""

    kind: Literal["inset"]
    camera: str = Field(description="The large picture: name of a camera or view.")
    inset: str = Field(description="The small picture: name of a camera or view.")
    at: Literal["top_left", "top_right", "bottom_left", "bottom_right"] = Field(
        default="top_right", description="The corner that it stands in."
    )
    share: float = Field(
        default=0.3, ge=0.05, le=0.9, description="Its size, as a part of the large one's."
    )
    margin: float = Field(
        default=0.03, ge=0, le=0.4, description="From the edges, as a part of the height."
    )
    border: float = Field(
        default=0.0, ge=0, le=0.05, description="A white line around it, as a part of the height."
    )

    @model_validator(mode="after")
    def _two(self) -> InsetView:
        if self.inset == self.camera:
            raise UnfitError(self.inset, "is the large picture too; name another one", "inset")
        return self


class TurnsView(Noun):
    """One camera after the other, round and round.  The turn follows the clock alone, counted from
    1970-01-01 in UTC, so that two machines that run one show see the same camera."""

    kind: Literal["turns"]
    cameras: tuple[str, ...] = Field(
        min_length=1, description="Names of cameras or views, in the order of their turns."
    )
    each: Duration = Field(
        default=120.0, ge=1, le=6 * 3600, description="How long a turn is, its fade included."
    )
    fade: Duration = Field(default=3.0, description="How long a crossfade takes; 0s is a cut.")

    @model_validator(mode="after")
    def _fits(self) -> TurnsView:
        _several(self.cameras)
        if self.fade > self.each:
            each, fade = write_duration(self.each), write_duration(self.fade)
            key, other = ("fade", "each") if "fade" in self.model_fields_set else ("each", "fade")
            if key == "fade":
                raise UnfitError(fade, f"is longer than {other}, {each}; write {each} or less", key)
            raise UnfitError(each, f"is shorter than the {other}, {fade}; write a fade too", key)
        return self


View = Annotated[SideBySideView | InsetView | TurnsView, Field(discriminator="kind")]


def _kinds() -> Mapping[str, type[Any]]:
    models = typing.get_args(typing.get_args(View)[0])
    kinds = {typing.get_args(m.model_fields["kind"].annotation)[0]: m for m in models}
    return MappingProxyType(kinds)


VIEW_KINDS: Mapping[str, type[View]] = _kinds()


def members(view: View) -> tuple[str, ...]:
    """What a view names, in its own order."""
    return (view.camera, view.inset) if isinstance(view, InsetView) else view.cameras
