"""The words of a post: templates filled, and the mark by which a post can be found again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from zoneinfo import ZoneInfo

from murai_show.edge.social.port import Portrait
from murai_show.show.planned_post import PlannedAccount
from murai_show.show.template import artist_and_work, fill


@dataclass(frozen=True)
class Venue:
    """What the words say of the show: its `title`, and the IANA time zone of its clock."""

    title: str
    tz: str


@dataclass(frozen=True)
class Words:
    mark: str
    text: str
    alt: str


def mark_of(number: int, taken: float, tz: str) -> str:
    """Number and local time of a portrait, as 0017-210431: short, readable, and hardly ever in
    another text.  `taken` in POSIX seconds."""
    return f"{number:04d}-{datetime.fromtimestamp(taken, ZoneInfo(tz)):%H%M%S}"


def compose(
    portrait: Portrait, account: PlannedAccount, venue: Venue, used: Callable[[str], bool]
) -> Words:
    """The words of `portrait` for `account`.  {number} becomes the mark, which stands at the end of
    the text where the template has no number; `used` tells the marks of other items.
    """
    seconds = count(portrait.taken)
    mark = next(m for m in (mark_of(portrait.number, s, venue.tz) for s in seconds) if not used(m))
    local = datetime.fromtimestamp(portrait.taken, ZoneInfo(venue.tz))
    artist, work = artist_and_work(portrait.credit)
    fields = {
        "style": portrait.style,
        "artist": artist,
        "work": work,
        "credit": portrait.credit,
        "number": mark,
        "date": f"{local:%Y-%m-%d}",
        "time": f"{local:%H:%M}",
        "title": venue.title,
    }
    text = fill(account.text, fields)
    if mark not in text:
        text = f"{text} {mark}".strip()
    return Words(mark, text, fill(account.alt, fields | {"number": str(portrait.number)}))
