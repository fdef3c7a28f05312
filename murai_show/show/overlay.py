"""The noun of what is drawn over the picture: titles, credits, clocks, codes, countdowns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, cast

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, field_validator

from murai_show.show.hints import nearest
from murai_show.show.moments import FARTHEST, Moment, parse_moment
from murai_show.show.noun import Noun
from murai_show.show.words import Duration, FromEnviron, Point, UnfitError

# Where an overlay stands: parts of the wall's width and height.
PLACES: Mapping[str, Point] = MappingProxyType(
    {
        "top_left": (0.0, 0.0),
        "top": (0.5, 0.0),
        "top_right": (1.0, 0.0),
        "left": (0.0, 0.5),
        "centre": (0.5, 0.5),
        "right": (1.0, 0.5),
        "bottom_left": (0.0, 1.0),
        "bottom": (0.5, 1.0),
        "bottom_right": (1.0, 1.0),
    }
)
FONTS = ("regular", "bold")  # that ship along
NEXT = "next"  # of a countdown: the next change of the schedule
LEFT = "{left}"  # in a countdown's text: the time that is left
LONGEST_TEXT, LONGEST_CODE = 400, 300  # characters, and bytes that still scan from across a street
# What a clock may show, of strftime: no names of the machine's language, no fractions.
TELLS = "HIMSpdmyYjaAbBZ"
_TELL = re.compile(r"%(-?)(.?)", re.DOTALL)
_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_COLOUR_HINT = 'write "white", "black" or "#ffcc00", in quotes'
Colour = tuple[float, float, float]
At = str | Point


def _entries(found: object) -> tuple[Any, ...]:
    return tuple(cast("list[Any]", found)) if isinstance(found, tuple | list) else ()


def parse_at(found: Any) -> At:
    """`bottom_left`, or `[0.5, 0.2]` → the name of a place, or its own point, 0 to 1 each."""
    if isinstance(found, str):
        if found in PLACES:
            return str(found)
        near = "" if isinstance(found, FromEnviron) else nearest(found, PLACES)
        hint = f"did you mean {near}?" if near else f"write {', '.join(PLACES)}, or [x, y]"
        raise UnfitError(found, f"is not a place; {hint}")
    parts = _entries(found)
    numbers = [float(p) for p in parts if isinstance(p, int | float) and not isinstance(p, bool)]
    if len(numbers) != 2 or len(parts) != 2:
        raise UnfitError(found, "is not a place; write one such as bottom_left, or [x, y]")
    if not all(0.0 <= number <= 1.0 for number in numbers):
        raise UnfitError(found, "is off the wall; x and y go from 0 to 1")
    return (numbers[0], numbers[1])


def parse_colour(found: Any) -> Colour:
    """`white`, `"#fc0"`, `"#ffcc00"` → red, green, blue: sRGB signals, 0 to 1."""
    if isinstance(found, tuple):
        return cast("Colour", found)
    text = {"white": "#ffffff", "black": "#000000"}.get(found) if isinstance(found, str) else None
    text = text or found
    if not isinstance(text, str) or not _COLOUR.fullmatch(text):
        # YAML takes an unquoted # for the beginning of a comment.
        raise UnfitError(found, f"is not a colour; {_COLOUR_HINT}")
    digits = text[1:] if len(text) == 7 else "".join(digit * 2 for digit in text[1:])
    red, green, blue = (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return (red, green, blue)


def write_colour(colour: Colour) -> str:
    """The way people write it."""
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour)


def parse_names(found: Any) -> tuple[str, ...]:
    """`wall`, or `[left, right]` → names of outputs."""
    if isinstance(found, str):
        return (str(found),)
    names = _entries(found)
    if not names or not all(isinstance(name, str) for name in names):
        raise UnfitError(found, "names no outputs; write one, or a list such as [left, right]")
    return tuple(map(str, names))


def parse_to(found: Any) -> Moment | Literal["next"]:
    """`next`, or a time of day."""
    if found == NEXT:
        return NEXT
    try:
        return parse_moment(found)
    except UnfitError as error:
        what = error.what if error.what.endswith("?") else f"{error.what}, or next"
        raise UnfitError(found, what) from None


_NAMES: dict[str, Any] = {"type": "string"}
_POINT: dict[str, Any] = {
    "type": "array",
    "items": {"type": "number", "minimum": 0, "maximum": 1},
    "minItems": 2,
    "maxItems": 2,
}
AtWords = Annotated[
    At,
    PlainValidator(parse_at),
    PlainSerializer(lambda at: at if isinstance(at, str) else list(at)),
    WithJsonSchema({"anyOf": [{"enum": list(PLACES)}, _POINT]}),
]
ColourWords = Annotated[
    Colour,
    PlainValidator(parse_colour),
    PlainSerializer(write_colour),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(white|black|#([0-9a-fA-F]{3}|[0-9a-fA-F]{6}))$",
            "examples": ["white", "#ffcc00"],
        }
    ),
]
NamesWords = Annotated[
    tuple[str, ...],
    PlainValidator(parse_names),
    PlainSerializer(list),
    WithJsonSchema({"anyOf": [_NAMES, {"type": "array", "items": _NAMES, "minItems": 1}]}),
]
ToWords = Annotated[
    Moment | Literal["next"],
    PlainValidator(parse_to),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "examples": ["22:00", "sunset", NEXT]}),
]


_AT = (
    "A corner, an edge, `centre`, or [x, y] of the wall for its middle. Those at one place stand "
    "one behind the other, in the order of the file."
)
_FONT = "`regular` and `bold` ship along; or a .ttf or .otf in the show's folder."


class OverlayNoun(Noun):
    """The keys that every overlay has."""

    at: AtWords = Field(
        default="bottom_left",
        description=_AT,
    )
    size: float = Field(
        default=0.05, ge=0.01, le=1, description="Height of a line, as a part of the wall's."
    )
    margin: float = Field(
        default=0.03, ge=0, le=0.4, description="Distance from the edges, in heights of the wall."
    )
    color: ColourWords = Field(
        default=(1.0, 1.0, 1.0), description='Of the writing: white, black or "#ffcc00".'
    )
    opacity: float = Field(default=1.0, ge=0.01, le=1, description="1 hides what is behind.")
    font: str = Field(
        default="regular",
        description=_FONT,
    )
    box: Literal["none", "shade"] = Field(
        default="shade", description="`shade` darkens the picture softly behind the writing."
    )
    fade: Duration = Field(default=1.0, le=60, description="How long it takes to come and to go.")
    on: NamesWords = Field(
        default=(), description="Outputs that show it, by name. Default: all that have a canvas."
    )
    in_the_dark: bool = Field(
        default=False, description="Stays when the picture is dark. Otherwise it goes with it."
    )


_FOR: Any = Field(
    default=None,
    alias="for",
    ge=0.1,
    le=FARTHEST,
    description="How long it is shown after each change of style. Default: all the time.",
)


class _Passing(OverlayNoun):
    """An overlay that may be shown for a while only."""

    lasts: Duration | None = _FOR


class TitleOverlay(_Passing):
    """A text that stays the same."""

    kind: Literal["title"]
    text: str | None = Field(
        default=None, description=r"The text; `\n` in quotes ends a line. Default: the title."
    )
    at: AtWords = Field(default="top_left", description=_AT)
    font: str = Field(default="bold", description=_FONT)
    size: float = Field(
        default=0.07, ge=0.01, le=1, description="Height of a line, as a part of the wall's."
    )

    @field_validator("text")
    @classmethod
    def _readable(cls, found: str | None) -> str | None:
        return found if found is None else readable(found)


class CreditOverlay(_Passing):
    """Who made the picture whose style is on: artist, work and year, from the bank's card.  In a
    mix each style is named, the fainter the smaller its part; in a walk one goes as the next
    comes."""

    kind: Literal["credit"]
    lines: Literal[1, 2] = Field(
        default=2, description="`2` writes the artist above the work, `1` all in one line."
    )
    size: float = Field(
        default=0.04, ge=0.01, le=1, description="Height of a line, as a part of the wall's."
    )


class ClockOverlay(_Passing):
    """The time of the show's place."""

    kind: Literal["clock"]
    format: str = Field(
        default="%H:%M",
        description='What it tells, in the signs of strftime: "%H:%M:%S", "%d.%m.%Y".',
    )
    at: AtWords = Field(default="top_right", description=_AT)
    font: str = Field(default="bold", description=_FONT)

    @field_validator("format")
    @classmethod
    def _tells(cls, found: str) -> str:
        signs = [match[2] for match in _TELL.finditer(readable(found))]
        for sign in signs:
            if sign not in (*TELLS, "%"):
                what = f"holds %{sign}, which tells no time; a clock knows %H %M %S %p %d %m %Y %A"
                raise UnfitError(found, what)
        if not any(sign in TELLS for sign in signs):
            raise UnfitError(found, "tells no time; write one such as %H:%M")
        return found


class QrOverlay(_Passing):
    """A QR code (ISO/IEC 18004), level M, on a plate of `color` with the quiet zone around it."""

    kind: Literal["qr"]
    text: str = Field(description="What it says, such as https://example.org; 300 bytes at most.")
    at: AtWords = Field(default="bottom_right", description=_AT)
    size: float = Field(
        default=0.25, ge=0.05, le=1, description="Height of the plate, as a part of the wall's."
    )

    @field_validator("text")
    @classmethod
    def _scans(cls, found: str) -> str:
        length = len(found.encode())
        if not found.strip():
            raise UnfitError(found, "says nothing; write what the code says")
        if length > LONGEST_CODE:
            what = f"is {length} bytes long; a code that scans from afar has {LONGEST_CODE} at most"
            raise UnfitError(found, what)
        return found

    @field_validator("color")
    @classmethod
    def _light(cls, found: Colour) -> Colour:
        if sum(part * share for part, share in zip(found, (0.2, 0.7, 0.1), strict=True)) < 0.5:
            raise UnfitError(
                write_colour(found), "is dark; the modules are black, so the plate must be light"
            )
        return found


class CountdownOverlay(OverlayNoun):
    """The time that is left until an hour of the day, or until the schedule's next change."""

    kind: Literal["countdown"]
    to: ToWords = Field(description='A time such as "22:00" or sunset, or `next`: of the schedule.')
    lasts: Duration = Field(
        default=600.0,
        alias="for",
        ge=1,
        le=FARTHEST,
        description="How long before that it begins to be shown.",
    )
    text: str = Field(default=LEFT, description="What it says; {left} is the time that is left.")
    at: AtWords = Field(default="centre", description=_AT)
    size: float = Field(
        default=0.14, ge=0.01, le=1, description="Height of a line, as a part of the wall's."
    )
    font: str = Field(default="bold", description=_FONT)

    @field_validator("text")
    @classmethod
    def _counts(cls, found: str) -> str:
        if LEFT not in readable(found):
            raise UnfitError(found, f"does not say where the time goes; write {LEFT} in it")
        return found


def readable(text: str) -> str:
    """`text`; raises UnfitError when there is nothing to read, or more than a wall can hold."""
    if not text.strip():
        raise UnfitError(text, "says nothing; write a text, or leave the key out")
    if len(text) > LONGEST_TEXT:
        raise UnfitError(text, f"has {len(text)} characters; a wall holds {LONGEST_TEXT} at most")
    return text


Overlay = Annotated[
    TitleOverlay | CreditOverlay | ClockOverlay | QrOverlay | CountdownOverlay,
    Field(discriminator="kind"),
]
OVERLAY_KINDS: Mapping[str, type[Overlay]] = MappingProxyType(
    {
        "title": TitleOverlay,
        "credit": CreditOverlay,
        "clock": ClockOverlay,
        "qr": QrOverlay,
        "countdown": CountdownOverlay,
    }
)
