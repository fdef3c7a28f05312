"""The nouns of projection: surfaces, and what one projector adds to its canvas."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple, cast

from pydantic import (
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from murai_show.show.mesh import LARGEST, fold
from murai_show.show.noun import Noun
from murai_show.show.words import PixelSize, Point, UnfitError

SMALLEST = 16  # pixels a side of a region
CHANNELS = ("red", "green", "blue")
EDGES = ("left", "right", "top", "bottom")


class Region(NamedTuple):
    """A rectangle of a surface, in its pixels, from its top left."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height

    def __str__(self) -> str:
        return f"[{self.x}, {self.y}, {self.width}, {self.height}]"


def _whole(found: Any, count: int) -> list[int]:
    """`found` when it is a list of `count` whole numbers, else nothing."""
    entries = cast("tuple[Any, ...]", found) if isinstance(found, tuple | list) else ()
    numbers = [n for n in entries if isinstance(n, int) and not isinstance(n, bool)]
    return numbers if len(numbers) == len(entries) == count else []


def parse_region(found: Any) -> Region:
    """`[1680, 0, 1920, 1080]` → Region: x, y, width, height in pixels of the surface."""
    numbers = _whole(found, 4)
    if not numbers:
        what = "is not a region; write [x, y, width, height] in pixels of the surface"
        raise UnfitError(found, what)
    region = Region(*numbers)
    if region.width < SMALLEST or region.height < SMALLEST:
        raise ValueError(f"{region} is too small; a region is {SMALLEST} pixels a side or more")
    return region


def parse_overlap(found: Any) -> tuple[int, int]:
    """`240`, or `[240, 120]` across and down → pixels between neighbours in x and y."""
    pair = _whole(found, 2) or _whole([found, found], 2)
    if not pair or min(pair) < 0:
        what = "is not an overlap; write pixels such as 240, or [240, 120] across and down"
        raise UnfitError(found, what)
    return (pair[0], pair[1])


_PIXELS: dict[str, Any] = {"type": "integer", "minimum": 0}
Overlap = Annotated[
    tuple[int, int],
    PlainValidator(parse_overlap),
    PlainSerializer(list),
    WithJsonSchema(
        {"anyOf": [_PIXELS, {"type": "array", "items": _PIXELS, "minItems": 2, "maxItems": 2}]}
    ),
]
RegionWords = Annotated[
    Region,
    PlainValidator(parse_region),
    PlainSerializer(list),
    WithJsonSchema({"type": "array", "items": {"type": "integer"}, "minItems": 4, "maxItems": 4}),
]


class Surface(Noun):
    """A wall that several projectors share: one picture, spread over overlapping outputs."""

    size: PixelSize = Field(description="Pixels of the whole surface.")
    columns: int = Field(default=1, ge=1, le=64, description="Tiles side by side, all alike.")
    rows: int = Field(default=1, ge=1, le=64, description="Tiles below each other.")
    overlap: Overlap = Field(
        default=(0, 0),
        description="Pixels that neighbouring tiles share: 240, or [240, 120] across and down.",
    )
    fit: Literal["cover", "contain", "stretch"] = Field(
        default="cover", description="How the painted picture fills the surface."
    )
    mirror: Literal["none", "horizontal", "vertical", "both"] = Field(
        default="none", description="Of the picture on the surface."
    )
    rotate: Literal[0, 90, 180, 270] = Field(
        default=0, description="Of the picture on the surface: degrees clockwise."
    )
    mask: str | None = Field(
        default=None,
        description="PNG or SVG, stretched over the surface: white is lit, black and clear dark.",
    )


def _each_channel(found: Any) -> Any:
    """One number stands for all three channels."""
    if isinstance(found, int | float) and not isinstance(found, bool):
        return dict.fromkeys(CHANNELS, float(found))
    if not isinstance(found, dict):
        raise UnfitError(found, "is no level; write a number from 0 to 0.2, or {red: 0.05}")
    return cast("Any", found)


class BlackLevel(Noun):
    """The grey whose light is one projector's black, as a part of full signal."""

    red: float = Field(default=0.0, ge=0, le=0.2, description="0 to 0.2 of full signal.")
    green: float = Field(default=0.0, ge=0, le=0.2, description="0 to 0.2 of full signal.")
    blue: float = Field(default=0.0, ge=0, le=0.2, description="0 to 0.2 of full signal.")

    _short = model_validator(mode="before")(_each_channel)

    def levels(self) -> tuple[float, float, float]:
        return (self.red, self.green, self.blue)


class Gains(Noun):
    """Factors in linear light, to make projectors of different lamps alike."""

    red: float = Field(default=1.0, ge=0, le=2, description="Factor in linear light.")
    green: float = Field(default=1.0, ge=0, le=2, description="Factor in linear light.")
    blue: float = Field(default=1.0, ge=0, le=2, description="Factor in linear light.")

    def factors(self) -> tuple[float, float, float]:
        return (self.red, self.green, self.blue)


class SoftEdge(Noun):
    """How far each edge fades, in pixels of the surface; an edge that is left out is `auto`."""

    left: int | None = Field(default=None, ge=0, description="Pixels; 0 is a hard edge.")
    right: int | None = Field(default=None, ge=0, description="Pixels; 0 is a hard edge.")
    top: int | None = Field(default=None, ge=0, description="Pixels; 0 is a hard edge.")
    bottom: int | None = Field(default=None, ge=0, description="Pixels; 0 is a hard edge.")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, found: Any) -> Any:
        if found == "auto":
            return {}
        if found == "off":
            return dict.fromkeys(EDGES, 0)
        if not isinstance(found, dict):
            what = "is no soft edge; write auto, off, or pixels such as {left: 240}"
            raise UnfitError(found, what)
        return cast("Any", found)

    @property
    def off(self) -> bool:
        return self.widths() == (0, 0, 0, 0)

    def widths(self) -> tuple[int | None, int | None, int | None, int | None]:
        """Of left, right, top and bottom."""
        return (self.left, self.right, self.top, self.bottom)


def _map_or(short: dict[str, Any], properties: dict[str, Any]) -> WithJsonSchema:
    """A map for editors, or a short form of it."""
    closed = {"type": "object", "properties": properties, "additionalProperties": False}
    return WithJsonSchema({"anyOf": [short, closed]})


_LEVEL: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": 0.2}

BlackLevelWords = Annotated[BlackLevel, _map_or(_LEVEL, dict.fromkeys(CHANNELS, _LEVEL))]
SoftEdgeWords = Annotated[
    SoftEdge, _map_or({"enum": ["auto", "off"]}, dict.fromkeys(EDGES, _PIXELS))
]
Mesh = tuple[tuple[Point, ...], ...]
Curve = Literal["cosine", "linear", "s-curve"]


class Projection(Noun):
    """What one projector adds to its canvas: its part of a surface, how its light joins that of
    its neighbours, how its picture bends.  Without any of it a canvas is drawn as it always was."""

    surface: str | None = Field(default=None, description="Show a part of this surface: its name.")
    tile: int | None = Field(
        default=None, ge=1, description="Which tile of the surface: 1 is top left, then rightwards."
    )
    region: RegionWords | None = Field(
        default=None,
        description="Or which part: [x, y, width, height], pixels of the surface. Default: all.",
    )
    soft_edge: SoftEdgeWords = Field(
        default_factory=SoftEdge,
        description="`auto` fades over what neighbours share, `off` leaves it to the projector; "
        "or pixels: {left: 240}.",
    )
    blend_curve: Curve = Field(
        default="cosine", description="How light passes from a projector to its neighbour."
    )
    blend_gamma: float = Field(
        default=2.2, ge=1, le=4, description="The projector's own: light is signal ^ blend_gamma."
    )
    black_level: BlackLevelWords = Field(
        default_factory=BlackLevel,
        description="Grey that lifts black where fewer projectors overlap, 0 to 0.2; or by colour.",
    )
    gains: Gains = Field(default_factory=Gains, description="Factors for red, green and blue.")
    mask: str | None = Field(
        default=None,
        description="PNG or SVG over the output's pixels: white is lit, black and clear are dark.",
    )
    mesh: Mesh | None = Field(
        default=None,
        description="Rows of points [x, y], 0 to 1 inside the corners: where an even grid lands.",
    )

    @field_validator("mesh")
    @classmethod
    def _bends(cls, found: Mesh | None) -> Mesh | None:
        if found is None:
            return None
        check_mesh(found)
        return found


def check_mesh(grid: Mesh) -> None:
    """Raises ValueError, a sentence, when no smooth surface goes through `grid`."""
    if not 2 <= len(grid) <= LARGEST:
        raise ValueError(f"{_many(len(grid), 'row')}; a mesh has 2 to {LARGEST} rows of points")
    for number, row in enumerate(grid, 1):
        if not 2 <= len(row) <= LARGEST:
            raise ValueError(f"row {number} has {_many(len(row), 'point')}; write 2 to {LARGEST}")
        if len(row) != len(grid[0]):
            raise ValueError(
                f"row {number} has {_many(len(row), 'point')} and row 1 has {len(grid[0])}; "
                "all rows of a mesh are equally long"
            )
    folded = fold(grid)
    if folded:
        raise ValueError(
            f"it folds over in the cell of row {folded[0]}, column {folded[1]}; "
            "keep the points in the order of the grid"
        )


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
