"""The words of outputs that send and keep: where a stream goes, what it may cost, how long files
stay."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from murai_show.redact import remember
from murai_show.show.noun import Noun
from murai_show.show.words import (
    Duration,
    FromEnviron,
    UnfitError,
    Url,
    quote,
    write_duration,
)

SCHEMES = ("rtmp", "rtmps", "rtsp", "srt", "udp", "tcp")
KEYED = ("rtmp", "rtmps")  # the last part of their path is the stream's key
_PORTS_NEEDED = ("srt", "udp", "tcp")
_VARIABLES = re.compile(r"(?:\$\{[^{}]*\})+")
_KEY_LENGTH = 16  # what services draw is longer, and has digits in it

_BYTES = re.compile(r"([0-9]+(?:\.[0-9]+)?)(KB|MB|GB|TB|KiB|MiB|GiB|TiB)")
_BYTE_UNITS = {
    **{unit: 1000**power for power, unit in enumerate(("KB", "MB", "GB", "TB"), 1)},
    **{unit: 1024**power for power, unit in enumerate(("KiB", "MiB", "GiB", "TiB"), 1)},
}
_LEAST_BYTES, _MOST_BYTES = 1_000_000, 1_000_000_000_000_000
_BITRATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)([kM])")
_BIT_UNITS = {"k": 1_000, "M": 1_000_000}
_DAY_HOUR = re.compile(r"([0-9]{2}):([0-9]{2})")
_LEAST_BITS, _MOST_BITS = 100_000, 200_000_000


def parse_bytes(found: Any) -> int:
    """`20GB`, `500MB`, `1.5TB`, `16GiB` → bytes, from 1 MB on."""
    if isinstance(found, int | float) and not isinstance(found, bool):
        raise UnfitError(found, "has no unit; write MB, GB or TB behind it, such as 20GB")
    match = _BYTES.fullmatch(found.replace(" ", "")) if isinstance(found, str) else None
    if match is None:
        raise UnfitError(found, "is not an amount of storage; write 500MB, 20GB or 1.5TB")
    amount = int(Decimal(match[1]) * _BYTE_UNITS[match[2]])
    if not _LEAST_BYTES <= amount <= _MOST_BYTES:
        raise UnfitError(found, "is out of range; it is 1MB to 1000TB")
    return amount


def write_bytes(amount: int) -> str:
    """Bytes → the way people write them, in the largest unit that is exact."""
    for unit, size in sorted(_BYTE_UNITS.items(), key=lambda item: -item[1]):
        if amount >= size and amount % size == 0:
            return f"{amount // size}{unit}"
    return f"{Decimal(amount) / 1_000_000:f}MB"


def parse_bitrate(found: Any) -> int:
    """`4M`, `2.5M`, `800k` → bits per second, 100k to 200M."""
    if isinstance(found, int | float) and not isinstance(found, bool):
        raise UnfitError(found, "has no unit; write k or M behind it, such as 4M")
    match = _BITRATE.fullmatch(found.replace(" ", "")) if isinstance(found, str) else None
    if match is None:
        raise UnfitError(found, "is not a bit rate; write 4M, 2.5M or 800k")
    rate = int(Decimal(match[1]) * _BIT_UNITS[match[2]])
    if not _LEAST_BITS <= rate <= _MOST_BITS:
        raise UnfitError(found, "is out of range; a stream has 100k to 200M")
    return rate


def write_bitrate(rate: int) -> str:
    """Bits per second → the way people write them, to the last bit."""
    unit, size = ("M", 1_000_000) if rate % 100_000 == 0 and rate >= 1_000_000 else ("k", 1_000)
    return f"{Decimal(rate) / size:f}{unit}"


def parse_day_hour(found: Any) -> str:
    """`12:00` → the same; or `off`.  YAML 1.2 reads both as text."""
    if found == "off":
        return "off"
    match = _DAY_HOUR.fullmatch(found) if isinstance(found, str) else None
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        raise UnfitError(found, "is no hour of the day; write one such as 12:00, or off")
    return str(found)


def parse_stream_url(found: Any) -> Url:
    """Where a stream is sent.  Neither the Url's text nor any message has a secret in it, and the
    key of an RTMP stream, the last part of its path, is one."""
    if isinstance(found, Url):
        return found
    template = found.template if isinstance(found, FromEnviron) else ""
    text = str(found) if isinstance(found, str) else ""
    scheme, mark, rest = text.partition("://")
    scheme = scheme.lower()
    if not mark:
        raise ValueError("not a URL; write one such as rtmp://host/live/${STREAM_KEY}")
    if scheme not in SCHEMES:
        which = "its scheme" if template else f"the scheme {quote(scheme)}"
        raise ValueError(f"{which} cannot be sent to; use {', '.join(SCHEMES)}")
    if any(character.isspace() for character in rest):
        raise ValueError("a URL has no spaces; write %20 for one")
    _check_host(scheme, text)
    if scheme in KEYED:
        _check_key(scheme, text, template or text)
        bare = re.sub(r":-[^{}]*", "", template)
        if _VARIABLES.search(_last_part(bare)):  # what the file says itself is no secret
            remember(_last_part(text))
    return Url(text, _shown(scheme, text, template))


def _check_host(scheme: str, text: str) -> None:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or port == 0:
        raise ValueError(f"the URL names no host, or no valid port; write {_example(scheme)}")
    if port is None and scheme in _PORTS_NEEDED:
        raise ValueError(f"{scheme} has no usual port; write one, such as {_example(scheme)}")


def _check_key(scheme: str, text: str, written: str) -> None:
    if len([part for part in urlsplit(text).path.split("/") if part]) < 2:
        raise ValueError(
            f"{scheme} needs an application and a stream's key behind the host; "
            f"write {_example(scheme)}"
        )
    key = _last_part(written)
    if len(key) >= _KEY_LENGTH and re.search("[0-9]", key) and not _VARIABLES.search(key):
        raise ValueError(
            "the URL holds a stream's key; put it into the environment and write "
            f"{_example(scheme)}"
        )


def _example(scheme: str) -> str:
    if scheme in KEYED:
        return f"{scheme}://host/live/${{STREAM_KEY}}"
    return "rtsp://host:8554/wall" if scheme == "rtsp" else f"{scheme}://host:9000"


def _last_part(url: str) -> str:
    return re.split(r"[?#]", url, maxsplit=1)[0].rstrip("/").rpartition("/")[2]


def _shown(scheme: str, text: str, template: str) -> str:
    """The URL as the file has it, without what is secret there; of one that came whole from the
    environment no more than scheme and host."""
    written = template or text
    whole = bool(template) and "://" not in template.partition("${")[0]
    _, _, rest = (text if whole else written).partition("://")
    user, at, rest = rest.rpartition("@")
    bare, query, arguments = rest.partition("?")
    if whole:
        host, slash, _ = bare.partition("/")
        return f"{scheme}://{'***@' if at else ''}{host}{'/***' if slash else ''}"
    if scheme in KEYED and not _VARIABLES.fullmatch(_last_part(bare)):
        bare = f"{bare.rstrip('/').rpartition('/')[0]}/***"
    kept = "***" if not template else arguments  # of a template: the variables, which say nothing
    user = user if template and _VARIABLES.search(user) else "***"
    return f"{scheme}://{user + at if at else ''}{bare}{query}{kept if query else ''}"


_BYTES_SCHEMA = {"type": "string", "pattern": r"^[0-9.]+ *[KMGT]i?B$", "examples": ["20GB"]}
_BITRATE_SCHEMA = {"type": "string", "pattern": r"^[0-9.]+ *[kM]$", "examples": ["4M", "800k"]}
_URL_PATTERN = rf"^(({'|'.join(SCHEMES)})://|\$\{{)"
_URL_EXAMPLES = ["rtmp://host/live/${STREAM_KEY}"]
_URL_SCHEMA = {"type": "string", "pattern": _URL_PATTERN, "examples": _URL_EXAMPLES}

Bytes = Annotated[
    int,
    PlainValidator(parse_bytes),
    PlainSerializer(write_bytes),
    WithJsonSchema(_BYTES_SCHEMA),
]
Bitrate = Annotated[
    int,
    PlainValidator(parse_bitrate),
    PlainSerializer(write_bitrate),
    WithJsonSchema(_BITRATE_SCHEMA),
]
StreamUrl = Annotated[
    Url,
    PlainValidator(parse_stream_url),
    PlainSerializer(str),
    WithJsonSchema(_URL_SCHEMA),
]
DayHour = Annotated[
    str,
    PlainValidator(parse_day_hour),
    WithJsonSchema({"type": "string", "pattern": "^([0-2][0-9]:[0-5][0-9]|off)$"}),
]


class Sent(Noun):
    """The keys of an output that is sent over the network."""

    url: StreamUrl = Field(
        description="rtmp, rtmps, rtsp, srt, udp or tcp; take what is secret from the environment: "
        "rtmp://host/live/${STREAM_KEY}."
    )
    bitrate: Bitrate = Field(
        default=4_000_000, description="Bits per second that the network must carry."
    )
    keyframes: Duration = Field(
        default=2.0,
        ge=0.2,
        le=20,
        description="Time between key frames: as long a viewer waits for a picture.",
    )


class Kept(Noun):
    """The keys of an output whose files are deleted in time."""

    keep: Duration | None = Field(
        default=None,
        ge=60,
        description="Files that are older are deleted: 7d. Default: they stay.",
    )
    max: Bytes | None = Field(
        default=None,
        description="What all its files together may take: 20GB; the oldest are deleted.",
    )


class Cut(Kept):
    """The keys of a film that is cut into files."""

    segment: Duration | None = Field(
        default=None,
        ge=10,
        description="A new file after this long, without a picture lost: 15m. Default: one file.",
    )
    free: Bytes | None = Field(
        default=None,
        description="What must stay free on the disk: 5GB; below it nothing is recorded.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Cut:
        if self.keep is not None and self.segment is not None and self.keep < self.segment:
            keep, segment = write_duration(self.keep), write_duration(self.segment)
            raise UnfitError(
                keep, f"is shorter than segment, {segment}; write at least as long", "keep"
            )
        return self
