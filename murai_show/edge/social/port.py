"""What the outbox asks of a network, and what a network may answer.

The words of the answers are the outbox's whole knowledge of what went wrong: a network that is new
brings a class that answers `Account`, and the outbox stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Portrait:
    """A painted picture that people agreed to have posted.

    `picture` is a finished file, PNG or JPEG; `style` is the leading style's name, `credit` its
    painting's; `number` counts the portraits of a show for ever; `taken` and `expires` are POSIX
    seconds, and after `expires` nothing of it may be left.
    """

    picture: Path
    style: str
    credit: str
    number: int
    taken: float
    expires: float | None = None


@dataclass(frozen=True)
class Item:
    """One portrait on its way to one account.

    `mark` stands in `text` and in no other item's, so that a post can be looked for; `picture` is
    the outbox's own copy.
    """

    account: str
    number: int
    mark: str
    text: str
    alt: str
    picture: Path
    created: float


@dataclass(frozen=True)
class Posted:
    """It is there, as `remote` (the network's own id)."""

    remote: str


@dataclass(frozen=True)
class Refused:
    """Certainly not posted; worth another try, not before `at` (POSIX seconds) if that is known."""

    why: str
    at: float | None = None


@dataclass(frozen=True)
class Unknown:
    """It was sent and nobody knows whether it arrived: never to be sent again blindly."""

    why: str


@dataclass(frozen=True)
class Stopped:
    """The account takes nothing until a person has seen to it: not allowed, or not paid."""

    why: str


@dataclass(frozen=True)
class Dead:
    """This item will never be posted, whatever happens; the account is well."""

    why: str


@dataclass(frozen=True)
class Absent:
    """It was looked for, and it is not there."""


Answer = Posted | Refused | Unknown | Stopped | Dead


class Account(Protocol):
    """An account on a network.  Called from one thread, never the loop's; each call ends within a
    minute.  Nothing is raised: what goes wrong is an answer, without a secret in it."""

    name: str
    cost: float  # USD for a post, 0 where it is free

    def upload(self, item: Item) -> str | Refused | Stopped | Dead:
        """Send the picture and its alternative text; the network's own id of the picture.  What
        was uploaded and is never posted is seen by nobody, so that trying again does no harm."""
        ...

    def send(self, item: Item, media: str) -> Answer:
        """Post `item` with the picture `media`."""
        ...

    def find(self, item: Item) -> Posted | Absent | Refused | Stopped:
        """Look for `item`, which was sent with unknown success, by its mark."""
        ...

    def close(self) -> None: ...
