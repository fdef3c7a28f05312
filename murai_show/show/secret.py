"""Keeps the secrets of a URL out of every sentence about it: passwords, and keys of streams."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlsplit

from murai_show.show.sending import KEYED
from murai_show.show.words import Url

_SHORTEST = 3  # a shorter part is no secret, and replacing it would spoil every sentence


def redacted(text: str, url: Url) -> str:
    """`text` with `url` as `str(url)` shows it, and with no other trace of its secrets."""
    text = text.replace(url.reveal(), str(url))
    for part in sorted(_secrets(url.reveal()), key=len, reverse=True):
        text = text.replace(part, "***")
    return text


def _secrets(url: str) -> set[str]:
    """User and password, the password, the query and its values; as written and as meant."""
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    password = user.partition(":")[2]
    found = {user, password, parts.query, *(value for _, value in parse_qsl(parts.query))}
    if parts.scheme in KEYED:
        found.add(parts.path.rstrip("/").rpartition("/")[2])
    found |= {unquote(part) for part in found}
    return {part for part in found if len(part) >= _SHORTEST}
