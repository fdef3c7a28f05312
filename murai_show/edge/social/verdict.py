"""What an exchange means for a post: the outcome table, pure.

The rule behind all rows: what may have arrived is never sent again blindly.
"""

from __future__ import annotations

import email.utils
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from murai_show.edge.social.port import Dead, Refused, Stopped, Unknown
from murai_show.redact import redacted

if TYPE_CHECKING:
    from murai_show.edge.social.wire import Exchange

SAID = 140  # characters of what a server says
_FARTHEST = 25 * 3600.0  # seconds: daily limits begin anew within a day
_MISFITS = (400, 413, 415, 422)
_RESETS = ("x-rate-limit-reset", "x-ratelimit-reset", "ratelimit-reset")
_DAILY = ("x-user-limit-24hour", "x-app-limit-24hour")


def verdict(found: Exchange, network: str) -> Refused | Stopped | Dead | Unknown | None:
    """What went wrong with a request that posts; None where it went well.

    Not sent, redirected or too many → Refused; not allowed, not paid or not known → Stopped; not
    a thing that could be posted → Dead; anything that leaves a doubt → Unknown.
    """
    status = found.status
    if status is None:
        why = f"{network}: {found.fault}"
        return Unknown(f"{why} after the request was sent") if found.sent else Refused(why)
    if 200 <= status < 300:
        return None
    why = f"{network} answers {status}{said(found)}"
    if status == 429:
        return Refused(f"{network} takes no more for now (429)", reset(found))
    if status in (425, 300, 301, 302, 303, 307, 308):
        return Refused(why)
    if status >= 500 or status < 400 or status in (408, 409):
        return Unknown(why)
    if status == 401:
        return Stopped(f"{why}; it does not accept the credential, or the clock is wrong")
    if status == 402:
        return Stopped(f"{why}; the account has no credit left")
    return Dead(why) if status in _MISFITS else Stopped(why)


def harmless(
    answer: Refused | Stopped | Dead | Unknown | None,
) -> Refused | Stopped | Dead | None:
    """The verdict on a request that posts nothing: what is unknown may be tried again."""
    return Refused(answer.why) if isinstance(answer, Unknown) else answer


def unreadable(found: Exchange, network: str) -> str:
    """Why an answer that is well by its status is no good."""
    what = found.fault or "that is not what it should be"
    return f"{network} answers {found.status}, but {what}"


def read_json(found: Exchange) -> Any:
    """The answer as values of JSON; None where it is none, or was cut off."""
    try:
        return json.loads(found.body) if found.whole else None
    except (ValueError, RecursionError):
        return None


def at(value: Any, *path: str) -> Any:
    """What lies at `path` in maps within maps; None where the way ends."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def said(found: Exchange) -> str:
    """`: ` and the server's own words, if it has any in JSON; no secret, no line's end."""
    values = read_json(found)
    errors = at(values, "errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    for words in (
        at(values, "detail"),
        at(values, "message"),
        at(first, "message"),
        at(first, "detail"),
        at(values, "error"),
        at(values, "title"),
    ):
        if isinstance(words, str) and words.strip():
            plain = re.sub(r"[^\x20-\x7e\xa0-\uffff]+|\s+", " ", redacted(words)).strip()
            return f": {plain if len(plain) <= SAID else plain[: SAID - 1] + '…'}"
    return ""


def reset(found: Exchange) -> float | None:
    """When a limit begins anew, POSIX seconds of our clock; None where no header says so sensibly.

    `Retry-After` (RFC 9110, 10.2.3), X's and Bluesky's POSIX seconds, Mastodon's ISO 8601.  A daily
    limit of X counts once it is used up.  The server's clock is brought to ours by its `Date`.
    """
    headers = found.headers
    waits = [_seconds(headers.get("retry-after", ""), found)]
    names = [f"{d}-reset" for d in _DAILY if headers.get(f"{d}-remaining", "").strip() == "0"]
    waits += [_seconds_until(headers.get(name, ""), found) for name in (*names, *_RESETS)]
    sensible = [wait for wait in waits if wait is not None and 0.0 < wait < _FARTHEST]
    return found.when + max(sensible) if sensible else None


def _seconds(text: str, found: Exchange) -> float | None:
    """`120`, or an HTTP date."""
    if text.strip().isdecimal():
        return float(text)
    return None if (then := _http_date(text)) is None else then - _server_now(found)


def _seconds_until(text: str, found: Exchange) -> float | None:
    """`1764500000`, or a date of ISO 8601."""
    try:
        then = float(text) if text.strip().isdecimal() else _iso(text)
    except (ValueError, OverflowError):
        return None
    return then - _server_now(found)


def _iso(text: str) -> float:
    found = datetime.fromisoformat(text.strip())
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _server_now(found: Exchange) -> float:
    date = _http_date(found.headers.get("date", ""))
    return found.when if date is None else date


def _http_date(text: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
