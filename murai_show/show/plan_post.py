"""Accounts that portraits are posted to: is every text one that its network takes?"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from murai_show.show.hints import one_of
from murai_show.show.planned import PlannedBank
from murai_show.show.planned_post import PlannedAccount
from murai_show.show.posting import ALT, CAPTION, Budget, PostAccount, XAccount, rate_words
from murai_show.show.site import Site
from murai_show.show.template import FIELD, FIELDS, artist_and_work, fill

# As long as they get.  A number has the time behind it, to the second, which tells one portrait
# from all others; it is added to a text that has no {number} of its own.
_LONGEST = {"number": "999999-200000", "date": "2026-12-24", "time": "20:00:00"}
_MARK = " 999999-200000"
_LINK = re.compile(
    r"(?:https?://|www\.)\S+|(?<![\w.@-])(?:[\w-]+\.)+[^\W\d_]{2,}(?![\w])", re.IGNORECASE
)
# Of twitter-text 3's configuration: what counts once; all else counts twice.
_ONCE = ((0x0000, 0x10FF), (0x2000, 0x200D), (0x2010, 0x201F), (0x2032, 0x2037))


def length_on_x(text: str) -> int:
    """At least what X counts: a sign of the Latin, Greek, Cyrillic… ranges as 1, any other as 2
    (twitter-text 3).  An emoji of several signs counts 2 there and more here."""
    return sum(1 if _counts_once(ord(s)) else 2 for s in unicodedata.normalize("NFC", text))


def _counts_once(sign: int) -> bool:
    return any(first <= sign <= last for first, last in _ONCE)


@dataclass(frozen=True)
class Room:
    """What a network takes: signs of a text as `counted`, bytes of it, signs of what stands for a
    picture."""

    name: str
    text: int
    counted: Callable[[str], int]
    size: int
    alt: int


# Mastodon's 500 are the default of a server; Bluesky's 300 are graphemes, and no grapheme is less
# than a sign, so that counting signs errs on the safe side.
ROOMS: Mapping[str, Room] = MappingProxyType(
    {
        "x": Room("X", 280, length_on_x, 4000, 1000),
        "mastodon": Room("Mastodon", 500, len, 4000, 1500),
        "bluesky": Room("Bluesky", 300, len, 3000, 2000),
    }
)


def plan_post(
    site: Site, bank: PlannedBank | None, environ: Mapping[str, str]
) -> tuple[tuple[PlannedAccount, ...], tuple[str, ...]]:
    """Every account that is right, in the order of the file, and what a person should know."""
    found: list[PlannedAccount] = []
    notes: list[str] = []
    for name, account in (site.draft.post or {}).items():
        if account is None:
            continue
        _check_text(site, name, account, "caption", _or(account.caption, CAPTION), bank)
        _check_text(site, name, account, "alt", _or(account.alt, ALT), bank)
        why = _why_practice(site, name, account, environ)
        if why:
            notes.append(f"account {name} practises and posts nothing: {why}")
        found.append(_planned(name, account, practice=bool(why)))
    return tuple(found), tuple(notes)


def _planned(name: str, account: PostAccount, *, practice: bool) -> PlannedAccount:
    return PlannedAccount(
        name,
        account.kind,
        _or(account.caption, CAPTION),
        _or(account.alt, ALT),
        server="" if isinstance(account, XAccount) else account.server,
        limit=(account.limit.count, account.limit.seconds),
        budget=account.budget.usd if isinstance(account, XAccount) else None,
        made_with_ai=account.made_with_ai if isinstance(account, XAccount) else False,
        practice=practice,
    )


def _or(written: str | None, usual: str) -> str:
    return usual if written is None else written


def _why_practice(site: Site, name: str, account: PostAccount, environ: Mapping[str, str]) -> str:
    """`check` does not look for credentials; they may be on another machine."""
    if site.rehearse:
        return "this is a rehearsal"
    credential = site.facts.credential
    return credential(name, account.kind, environ) if credential is not None else ""


def _check_text(
    site: Site, name: str, account: PostAccount, key: str, text: str, bank: PlannedBank | None
) -> None:
    """Fields that exist, no links, and short enough whatever is filled in."""
    place = ("post", name, key)
    if not text.strip():
        site.blame(f"{key}: it says nothing; write a text, or leave the key out", *place)
        return
    unknown = [field for field in FIELD.findall(text) if field not in FIELDS]
    for field in unknown:
        shown = _quoted(site, f"{{{field}}}", place)
        site.blame(f"{key}: {shown} is no field{one_of(field, FIELDS)}", *place)
    if re.search("[{}]", FIELD.sub("", text)):
        site.blame(f"{key}: a brace stands alone; write fields such as {{style}}", *place)
        return
    if unknown:
        return
    if key == "caption" and (link := _LINK.search(FIELD.sub(" ", text))):
        shown = _quoted(site, repr(link[0]), place)
        site.blame(
            f"{key}: {shown} is a link, or looks like one; X takes 13 times the price for it, "
            "so no post has any: put it into the account's profile",
            *place,
        )
        return
    room, head = ROOMS[account.kind], site.draft.head
    title = (head.title or head.show) if head else ""
    _check_filled(site, place, room, [(s, fill(text, v)) for s, v in _fillings(title, bank)], text)


def _check_filled(
    site: Site,
    place: tuple[str, str, str],
    room: Room,
    filled: list[tuple[str, str]],
    template: str,
) -> None:
    """One finding at most: for the first link, else for the longest text."""
    key = place[-1]
    for style, text in filled if key == "caption" else ():
        if link := _LINK.search(text):
            shown = _quoted(site, repr(link[0]), place, ("title",))
            what = f"filled in for style {style} it says {shown}, which looks like a link"
            site.blame(f"{key}: {what}; leave out the field, or mend the title or credit", *place)
            return
    if key == "alt":
        counted, most = len, room.alt
    else:
        counted, most = room.counted, room.text
        if "{number}" not in template:
            filled = [(style, text + _MARK) for style, text in filled]
    style, longest = max(filled, key=lambda pair: counted(pair[1]), default=("", ""))
    if counted(longest) > most:
        site.blame(
            f"{key}: with style {style} it is {counted(longest)} long, and {room.name} takes "
            f"{most}; write less around the fields",
            *place,
        )
    elif key == "caption" and max(len(text.encode()) for _, text in filled) > room.size:
        site.blame(f"{key}: {room.name} takes {room.size} bytes; write less", *place)


def _quoted(site: Site, found: str, *places: tuple[str, ...]) -> str:
    """What was found, unless the environment may have given it: that is never repeated."""
    for place in places:
        if site.draft.root.find(*place)[0].template:
            return site.draft.shown(*place)
    return found


def _fillings(title: str, bank: PlannedBank | None) -> Iterator[tuple[str, dict[str, str]]]:
    """What is filled in for each style, at its longest."""
    styles = bank.styles if bank else ()
    for number, style in enumerate((*styles, "plain")):
        credit = (
            bank.credits[number] if bank and number < min(len(bank.credits), len(styles)) else ""
        )
        artist, work = artist_and_work(credit)
        known = {"style": style, "artist": artist, "work": work, "credit": credit}
        yield style, {"title": title, **known, **_LONGEST}


def account_to_json(account: PlannedAccount) -> dict[str, Any]:
    """What `murai-show plan` says about it, in the words of the show language."""
    found: dict[str, Any] = {
        "name": account.name,
        "kind": account.kind,
        "posts": "no, it practises" if account.practice else "yes",
        "caption": account.text,
        "alt": account.alt,
    }
    if account.limit:
        found["limit"] = rate_words(account.limit)
    if account.kind == "x":
        budget = str(Budget(account.budget)) if account.budget is not None else None
        return found | {"budget": budget, "made_with_ai": account.made_with_ai}
    return found | {"server": account.server}
