"""The values that people write in a show: durations, sizes, points, addresses, URLs.

Each parser takes what YAML gave and returns a frozen value or raises ValueError with a sentence
"what was found; what would be right".
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, Self, cast
from urllib.parse import urlsplit

from pydantic import (
    BeforeValidator,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
)

from murai_show.redact import remember_url

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
LONGEST = 366 * 86400.0
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d))+")
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_SIZE = re.compile(r"([0-9]{1,5})x([0-9]{1,5})")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+):([0-9]{1,5})")
_VARIABLE_NAMES = re.compile(r"(?<!\$)\$\{([A-Za-z_][A-Za-z0-9_]*)")


class FromEnviron(str):
    """Text with environment variables filled in.  `template` is what the file says, and the only
    thing that may be shown: the value could be a password."""

    __slots__ = ("template",)

    def __new__(cls, value: str, template: str) -> Self:
        text = super().__new__(cls, value)
        text.template = template
        return text

    template: str


def value_of(template: str) -> str:
    """How a sentence names a value that the environment gave: by its variable."""
    names = dict.fromkeys(_VARIABLE_NAMES.findall(template))
    return "the value of " + " and ".join(f"${{{name}}}" for name in names)


def quote(found: object) -> str:
    """What was found, short enough for a sentence; never a value of the environment."""
    match found:
        case FromEnviron():
            return value_of(found.template)
        case None:
            return "nothing"
        case bool():
            return "true" if found else "false"
        case str():
            return repr(found if len(found) <= 60 else found[:59] + "…")
        case int() | float():
            return repr(found)
        case tuple() | list():
            return "a list"
        case dict():
            return "a map"
        case _:
            return f"a {type(found).__name__}"


class UnfitError(ValueError):
    """A value that does not fit.  `what` goes on after the value: "is not a size; write 1280x720".

    `key` is set when a rule over several keys blames one of them.
    """

    def __init__(self, found: object, what: str, key: str = "") -> None:
        super().__init__(f"{quote(found)} {what}")
        self.what = what
        self.key = key


def parse_duration(found: Any) -> float:
    """`90s`, `4m`, `1h30m`, `500ms`, `7d` → seconds, at most a year.  A day is 24 hours."""
    if isinstance(found, float | int) and not isinstance(found, bool):
        raise UnfitError(found, "has no unit; write s, m or h behind it, such as 90s")
    text = found.replace(" ", "") if isinstance(found, str) else ""
    if not _DURATION.fullmatch(text):
        raise UnfitError(found, "is not a duration; write 90s, 4m, 1h30m or 500ms")
    seconds = sum(float(n) * UNITS[unit] for n, unit in _DURATION_PART.findall(text))
    if seconds > LONGEST:
        raise UnfitError(found, f"is too long; at most {write_duration(LONGEST)}")
    return seconds


def write_duration(seconds: float) -> str:
    """Seconds → the way people write it; `parse_duration` reads the same value back."""
    for unit, length, least in (("d", 86400.0, 2), ("h", 3600.0, 1), ("m", 60.0, 1)):
        if seconds >= least * length and seconds % length == 0:
            return f"{int(seconds / length)}{unit}"
    thousandths = round(seconds * 1000)
    if 0 < thousandths < 1000 and thousandths * UNITS["ms"] == seconds:
        return f"{thousandths}ms"
    text = format(Decimal(repr(float(seconds))), "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) + "s"


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def parse_size(found: Any) -> Size:
    """`1280x720` → Size; each side from 16 to 16384."""
    if isinstance(found, Size):
        return found
    match = _SIZE.fullmatch(found.replace(" ", "")) if isinstance(found, str) else None
    if match is None:
        raise UnfitError(found, "is not a size; write width x height, such as 1280x720")
    size = Size(int(match[1]), int(match[2]))
    if not all(16 <= side <= 16384 for side in size):
        raise UnfitError(found, "is out of range; each side is 16 to 16384 pixels")
    return size


def _entries(found: object) -> Sequence[object]:
    return cast("Sequence[object]", found) if isinstance(found, tuple | list) else ()


def parse_point(found: Any) -> tuple[float, float]:
    """`[0.02, 0.05]` → (x, y), each from -1 to 2."""
    parts = _entries(found)
    numbers = [float(p) for p in parts if isinstance(p, int | float) and not isinstance(p, bool)]
    if len(numbers) != 2 or len(parts) != 2:
        raise UnfitError(found, "is not a point; write [x, y], such as [0.02, 0.05]")
    x, y = numbers
    if not (-1 <= x <= 2 and -1 <= y <= 2):
        raise UnfitError(found, "is out of range; x and y go from -1 to 2, the output from 0 to 1")
    return (x, y)


@dataclass(frozen=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(found: Any) -> Address:
    """`127.0.0.1:9475` or `[::1]:9475` → Address."""
    if isinstance(found, Address):
        return found
    match = _ADDRESS.fullmatch(found) if isinstance(found, str) else None
    if match is None or int(match[2]) > 65535:
        raise UnfitError(found, "is not an address; write host:port, such as 127.0.0.1:9475")
    host = match[1].strip("[]")
    if match[1].startswith("["):
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise UnfitError(found, "is not an address; write [::1]:9475 for IPv6") from None
    return Address(host, int(match[2]))


def parse_listen(found: Any) -> Address | Literal["off"]:
    """An address, or `off`."""
    if found == "off":
        return "off"
    try:
        return parse_address(found)
    except UnfitError as error:
        raise UnfitError(found, f"{error.what}, or off") from None


@dataclass(frozen=True, repr=False)
class Url:
    """A camera's URL.  Its text and repr have no password; only `reveal()` does.

    `shown` is what stands for it where parts of it came from the environment.
    """

    secret: str
    shown: str = ""

    def __post_init__(self) -> None:
        remember_url(self.secret)

    def reveal(self) -> str:
        return self.secret

    def __str__(self) -> str:
        if self.shown:
            return self.shown
        scheme, _, rest = self.secret.partition("://")
        # To the last @, so that a password with a slash in it does not pass for a host and a path.
        _, at, rest = rest.rpartition("@")
        bare, query, _ = rest.partition("?")
        return f"{scheme}://{'***@' if at else ''}{bare}{'?***' if query else ''}"

    def __repr__(self) -> str:
        return f"Url({self})"


SCHEMES = ("rtsp", "rtsps", "http", "https")  # no srt: PyAV's wheels are built without it


def parse_url(found: Any) -> Url:
    """A URL that a camera may have.  The message of the ValueError holds no password."""
    if isinstance(found, Url):
        return found
    scheme, mark, rest = found.partition("://") if isinstance(found, str) else ("", "", "")
    if not mark:
        raise ValueError("not a URL; write one such as rtsp://camera.local:554/stream")
    if scheme.lower() not in SCHEMES:
        which = "its scheme" if isinstance(found, FromEnviron) else f"the scheme {quote(scheme)}"
        raise ValueError(f"{which} is not allowed; use {', '.join(SCHEMES)}")
    if any(character.isspace() for character in rest):
        raise ValueError("a URL has no spaces; write %20 for one")
    try:
        parts = urlsplit(str(found))
        reachable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        reachable = False
    if not reachable:
        raise ValueError("the URL names no host, or no valid port; write rtsp://host:554/path")
    return Url(str(found), _shown(found) if isinstance(found, FromEnviron) else "")


def _shown(url: FromEnviron) -> str:
    """The template; of a URL that came whole, no more than scheme and host."""
    if "://" in url.template.partition("${")[0]:
        return url.template
    scheme, _, rest = url.partition("://")
    _, at, rest = rest.rpartition("@")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return f"{scheme}://{'***@' if at else ''}{host}{'/***' if host != rest else ''}"


def parse_device(found: Any) -> str:
    """A device of this machine, below /dev."""
    if not isinstance(found, str) or not re.fullmatch(r"/dev/.+", found) or "/../" in found:
        raise UnfitError(
            found, "is not a device; write one such as /dev/video0 or /dev/v4l/by-id/…"
        )
    return str(found)


def parse_name(found: Any) -> str:
    """The name of a show, camera, playlist or output."""
    if not isinstance(found, str) or not _NAME.fullmatch(found):
        plain = re.sub(r"[^a-z0-9]+", "-", str(found).lower()).strip("-")[:63]
        hint = f", such as {plain}" if plain and not isinstance(found, FromEnviron) else ""
        raise UnfitError(found, f"is not a name; use small letters, digits, - and _{hint}")
    return str(found)


def _text(pattern: str, *examples: str) -> WithJsonSchema:
    schema: dict[str, Any] = {"type": "string", "pattern": pattern}
    return WithJsonSchema(schema | ({"examples": list(examples)} if examples else {}))


_POINT_SCHEMA = {
    "type": "array",
    "items": {"type": "number", "minimum": -1, "maximum": 2},
    "minItems": 2,
    "maxItems": 2,
}

Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(write_duration),
    _text(r"^([0-9.]+ *(ms|s|m|h|d) *)+$", "90s", "4m", "1h30m"),
]
PixelSize = Annotated[
    Size,
    PlainValidator(parse_size),
    PlainSerializer(str),
    _text(r"^[0-9]+ *x *[0-9]+$", "1280x720"),
]
Point = Annotated[
    tuple[float, float],
    PlainValidator(parse_point),
    PlainSerializer(list),
    WithJsonSchema(_POINT_SCHEMA),
]
Listen = Annotated[
    Address | Literal["off"],
    PlainValidator(parse_listen),
    PlainSerializer(str),
    _text(r"^(.+:[0-9]+|off)$", "127.0.0.1:9475", "off"),
]
CameraUrl = Annotated[
    Url,
    PlainValidator(parse_url),
    PlainSerializer(str),
    _text(r"^((rtsps?|https?)://|\$\{)", "rtsp://camera.local:554/stream"),
]
Device = Annotated[str, PlainValidator(parse_device), _text(r"^(/dev/|\$\{)", "/dev/video0")]
Name = Annotated[str, PlainValidator(parse_name), _text(r"^[a-z0-9][a-z0-9_-]{0,62}$", "plaza")]
