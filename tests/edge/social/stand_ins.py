"""An account that answers as a test wants, portraits, and a small outbox."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

from murai_show.edge.social.outbox import Outbox
from murai_show.edge.social.pictures import Folder
from murai_show.edge.social.port import Item, Portrait, Posted
from murai_show.edge.social.wording import Venue
from murai_show.show.planned_post import PlannedAccount

NOW = 1_795_464_271.0
VENUE = Venue("A test", "UTC")
DATA = b"\x89PNG a small picture"


class Scripted:
    """Answers in the order of `answers`, then as a network that is well; an exception is raised.
    `sent` has the mark of each item that it was asked to send."""

    def __init__(self, *answers: Any, name: str = "one", cost: float = 0.0) -> None:
        self.name, self.cost = name, cost
        self.answers = deque(answers)
        self.sent: list[str] = []
        self.closed = False

    def upload(self, item: Item) -> Any:
        assert item.picture.read_bytes() == DATA
        return self._next("media") if not self._is_of_sending() else "media"

    def send(self, item: Item, media: str) -> Any:
        assert media == "media"
        self.sent.append(item.mark)
        return self._next(Posted("r1"))

    def find(self, item: Item) -> Any:
        return self._next(Posted("r1"))

    def close(self) -> None:
        self.closed = True

    def _is_of_sending(self) -> bool:
        """An answer in brackets is one to an upload."""
        return not (self.answers and isinstance(self.answers[0], list))

    def _next(self, otherwise: Any) -> Any:
        answer = self.answers.popleft() if self.answers else otherwise
        answer = answer[0] if isinstance(answer, list) else answer
        if isinstance(answer, Exception):
            raise answer
        return answer


def an_account(name: str = "one", **changed: Any) -> PlannedAccount:
    return PlannedAccount(name, "x", "{title}, {style} {number}", "{style}", **changed)


def a_portrait(folder: Path, number: int = 1, expires: float | None = None) -> Portrait:
    picture = folder / f"shot-{number}.png"
    picture.write_bytes(DATA)
    return Portrait(picture, "wave", "Hokusai", number, NOW - 5 + number, expires)


def an_outbox(folder: Path, **changed: Any) -> Outbox:
    return Outbox(Folder(folder / "state/outbox", **{"floor": 0, "ballast": 4096} | changed))
