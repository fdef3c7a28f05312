"""The values that people write in a show: durations, sizes, points, addresses, URLs.

Each parser takes what YAML gave and returns a frozen value or raises ValueError with a sentence
"what was found; what would be right".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, PlainValidator, WithJsonSchema

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h))+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def parse_duration(found: Any) -> float:
    """`90s`, `4m`, `1h30m`, `500ms` → seconds."""
    text = str(found).replace(" ", "")
    if isinstance(found, float | int) and not isinstance(found, bool):
        raise ValueError(f"{found!r} has no unit; write {found}s, {found}m or {found}h")
    if not isinstance(found, str) or not _DURATION.fullmatch(text):
        raise ValueError(f"{found!r} is not a duration; write 90s, 4m, 1h30m or 500ms")
    return sum(float(n) * UNITS[unit] for n, unit in _DURATION_PART.findall(text))


def write_duration(seconds: float) -> str:
    """Seconds → the way people write it."""
    for unit, length in (("h", 3600.0), ("m", 60.0), ("s", 1.0)):
        if seconds >= length and seconds % length == 0:
            return f"{int(seconds / length)}{unit}"
    return f"{seconds:g}s" if seconds >= 1 or not seconds else f"{seconds * 1000:g}ms"


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def parse_size(found: Any) -> Size:
    """`1280x720` → Size; each side from 16 to 16384."""
    match = _SIZE.fullmatch(found.replace(" ", "")) if isinstance(found, str) else None
    if match is None:
        raise ValueError(f"{found!r} is not a size; write width x height, such as 1280x720")
    size = Size(int(match[1]), int(match[2]))
    if not all(16 <= side <= 16384 for side in size):
        raise ValueError(f"{found!r} is out of range; each side is 16 to 16384 pixels")
    return size


@dataclass(frozen=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(found: Any) -> Address:
    """`127.0.0.1:9475` or `[::1]:9475` → Address."""
    match = re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[\w.-]+):(\d{1,5})", str(found))
    if not isinstance(found, str) or match is None or int(match[2]) > 65535:
        raise ValueError(f"{found!r} is not an address; write host:port, such as 127.0.0.1:9475")
    return Address(match[1].strip("[]"), int(match[2]))


@dataclass(frozen=True, repr=False)
class Url:
    """A camera's URL.  Its text and repr have no password; only `reveal()` does."""

    secret: str

    def reveal(self) -> str:
        return self.secret

    def __str__(self) -> str:
        parts = urlsplit(self.secret)
        at = parts.netloc.rpartition("@")
        shown = parts._replace(netloc=("***@" if at[1] else "") + at[2])
        if parts.query:
            shown = shown._replace(query="***")
        return shown.geturl()

    def __repr__(self) -> str:
        return f"Url({self})"


SCHEMES = ("rtsp", "rtsps", "http", "https", "srt")


def parse_url(found: Any) -> Url:
    """A URL that a camera may have.  The message of the ValueError holds no password."""
    if isinstance(found, Url):
        return found
    scheme, mark, _ = found.partition("://") if isinstance(found, str) else ("", "", "")
    if not mark:
        raise ValueError("not a URL; write one such as rtsp://camera.local:554/stream")
    if scheme.lower() not in SCHEMES:
        raise ValueError(f"the scheme {scheme!r} is not allowed; use {', '.join(SCHEMES)}")
    try:
        parts = urlsplit(found)
        reachable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        reachable = False
    if not reachable:
        raise ValueError("the URL names no host, or no valid port; write rtsp://host:554/path")
    return Url(found)


def parse_name(found: str) -> str:
    if not _NAME.fullmatch(found):
        raise ValueError(f"{found!r} is not a name; use small letters, digits, - and _")
    return found


def _text(pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": list(examples)})


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(write_duration),
    _text(r"^([0-9.]+(ms|s|m|h))+$", "90s", "4m", "1h30m"),
]
PixelSize = Annotated[
    Size, PlainValidator(parse_size), PlainSerializer(str), _text(r"^\d+x\d+$", "1280x720")
]
ListenAddress = Annotated[
    Address,
    PlainValidator(parse_address),
    PlainSerializer(str),
    _text(r"^.+:\d+$", "127.0.0.1:9475"),
]
CameraUrl = Annotated[
    Url, PlainValidator(parse_url), PlainSerializer(str), _text(r"^(rtsps?|https?|srt)://")
]
Name = Annotated[str, AfterValidator(parse_name)]
