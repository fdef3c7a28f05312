"""Where portraits go, with nothing left to look up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class PlannedAccount:
    """One account.  `text` and `alt` are templates with the fields of
    `template.FIELDS`; `limit` is how many posts in how many seconds, `budget` USD a day; `server`
    is an https address, empty where the network has only one; `practice` posts nothing."""

    name: str
    kind: Literal["x", "mastodon", "bluesky"]
    text: str
    alt: str
    server: str = ""
    limit: tuple[int, float] | None = None
    budget: float | None = None
    made_with_ai: bool = True
    practice: bool = False
