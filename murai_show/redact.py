"""The one place that keeps secrets out of words: logs, errors, archives ask it.

`redacted` knows the secrets that were read, in the forms that programs write them in; `scrubbed`
also takes out what looks like one, for words that others wrote.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

SHORTEST = 6  # characters; a shorter secret would spoil every sentence that has it by chance
HIDDEN = "***"

_forms_of: dict[str, frozenset[str]] = {}  # what each secret may be written as
_known: tuple[str, ...] = ()  # every form of every secret, longer ones first
_lock = threading.Lock()

_NAMES = r"passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key"
# Every repetition has a bound, or nothing else can begin within it: a long line takes the time of
# its length, not of its square.
_LOOKS_SECRET: tuple[tuple[re.Pattern[str], str], ...] = (
    # To the last @: a password may have one in it, and a slash.
    (re.compile(r"://[^\s\"'<>]{0,300}@"), f"://{HIDDEN}@"),
    # A header to the end of its line: OAuth's has commas, quotation marks and blanks in it.
    (
        re.compile(r"(?i)\b((?:proxy-)?authorization|cookie)\b(\\?[\"']?[ \t]{0,8}[:=]).+"),
        rf"\1\2 {HIDDEN}",
    ),
    (re.compile(r"(?i)\b(bearer|oauth)[ \t]{1,8}[A-Za-z0-9._~+/=-]{16,}"), rf"\1 {HIDDEN}"),
    (
        re.compile(rf"(?i)([?&;](?:{_NAMES}|pass|key|auth|sig|signature)=)(?!\$\{{)[^&\s\"'#]+"),
        rf"\1{HIDDEN}",
    ),
    # `name: value`, where the value has a digit or is long: a sentence has neither.
    (
        re.compile(
            rf"(?i)((?:{_NAMES})[\w-]{{0,40}}\\?[\"']?[ \t]{{0,8}}[:=][ \t]{{0,8}}\\?[\"']?)"
            r"(?!\$\{|\*\*\*)(?=[^\s\"',;&{}]{0,200}[0-9]|[^\s\"',;&{}]{12})[^\s\"',;&{}]{4,}"
        ),
        rf"\1{HIDDEN}",
    ),
    (
        re.compile(
            r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}-----|\Z)",
            re.DOTALL,
        ),
        HIDDEN,
    ),
)


def remember(secret: str) -> None:
    """Let no text show `secret` from now on: as it is, percent-encoded (RFC 3986), escaped in JSON
    or in Python, and within base64 (RFC 4648) wherever it begins there."""
    if len(secret) < SHORTEST or secret in _forms_of:
        return
    with _lock:
        _forms_of[secret] = frozenset(form for form in _forms(secret) if len(form) >= SHORTEST)
        _sort()


def forget(secret: str) -> None:
    """`secret` is none any more: what lives for hours must not be looked for for years."""
    with _lock:
        if _forms_of.pop(secret, None) is not None:
            _sort()


def remember_url(url: str) -> None:
    """The same for what is secret in any URL: its password, and what its query calls secret."""
    try:
        parts = urlsplit(url)
    except ValueError:  # no URL, and refused as one
        return
    user = parts.netloc.rpartition("@")[0]
    remember(user.partition(":")[2])
    for key, value in parse_qsl(parts.query):
        if re.search(rf"(?i)(?:^|[_-])(?:{_NAMES}|pass|key|auth|sig|signature)", key):
            remember(value)


def redacted(text: str) -> str:
    """`text` without any secret that is known; longer ones first, since one may hold another."""
    for form in _known:
        text = text.replace(form, HIDDEN)
    return text


def scrubbed(text: str) -> str:
    """`text` without any secret that is known, nor what looks like one: a URL's user, the value of
    an Authorization header, `password=…`, a private key."""
    text = redacted(text)
    for pattern, instead in _LOOKS_SECRET:
        text = pattern.sub(instead, text)
    return text


def scrubbed_values(found: Any) -> Any:
    """The same for every text in values of JSON; what JSON does not know becomes text first."""
    match found:
        case str():
            return scrubbed(found)
        case dict():
            return {scrubbed(str(key)): scrubbed_values(value) for key, value in found.items()}
        case list() | tuple() | set() | frozenset():
            return [scrubbed_values(value) for value in found]
        case bool() | int() | float() | None | date():
            return found
        case _:
            return scrubbed(str(found))


def _sort() -> None:
    """Under the lock: one assignment, so that `redacted` needs none."""
    global _known  # noqa: PLW0603 - there is one memory, or there would be a way around it
    found = frozenset[str]().union(*_forms_of.values())
    _known = tuple(sorted(found, key=lambda form: (-len(form), form)))


def _forms(secret: str) -> Iterator[str]:
    for form in (secret, unquote(secret)):
        yield form
        yield json.dumps(form)[1:-1]
        yield repr(form)[1:-1]
        raw = form.encode("utf-8", "surrogateescape")
        for encoded in (quote(raw), quote(raw, safe=""), quote_plus(raw)):
            yield encoded
            yield re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), encoded)
        yield base64.b64encode(raw).decode().rstrip("=")  # all of it, where it stands alone
        yield base64.urlsafe_b64encode(raw).decode().rstrip("=")
        yield from _in_base64(raw)


def _in_base64(secret: bytes) -> Iterator[str]:
    """The characters that stand for nothing but `secret`, for each of the three places in a group
    of three bytes at which it can begin."""
    for before in range(3):
        whole = bytes(before) + secret
        first = (8 * before + 5) // 6  # a character has six bits
        last = 8 * len(whole) // 6
        for alphabet in (base64.b64encode, base64.urlsafe_b64encode):
            yield alphabet(whole).decode()[first:last]
