"""One row of the outbox, and one account of it, as values."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from murai_show.edge.social.outcome import State
from murai_show.edge.social.port import Item


@dataclass(frozen=True)
class Entry:
    """An item with all that the outbox knows of it.  `id` is what a person calls it by; `picture`
    is a name in the folder of pictures; times are POSIX seconds.  Nothing is done for it before
    `not_before`, and with None nothing at all until a person says so."""

    id: int
    account: str
    practice: bool
    number: int
    taken: float
    mark: str
    text: str
    alt: str
    picture: str
    bytes: int
    created: float
    expires: float | None
    state: State
    changed: float
    not_before: float | None
    attempts: int
    looks: int
    why: str
    remote: str

    def item(self, pictures: Path) -> Item:
        """What an account is given."""
        picture = pictures / self.picture
        return Item(
            self.account, self.number, self.mark, self.text, self.alt, picture, self.created
        )


@dataclass(frozen=True)
class AccountEntry:
    """How an account stands: `refusals` in a row, `rest` until when it is left alone, `stopped` why
    it takes nothing until a person has seen to it, empty if it does."""

    name: str
    refusals: int = 0
    rest: float = 0.0
    stopped: str = ""
    stopped_at: float | None = None


COLUMNS = ", ".join(field.name for field in fields(Entry))


def entry_of(row: sqlite3.Row) -> Entry:
    found: dict[str, Any] = dict(row)
    found["practice"] = bool(found["practice"])
    return Entry(**found)


def account_of(connection: sqlite3.Connection, name: str) -> AccountEntry:
    row = connection.execute("SELECT * FROM accounts WHERE name = ?", (name,)).fetchone()
    return AccountEntry(**dict(row)) if row else AccountEntry(name)


def select(connection: sqlite3.Connection, where: str, *values: object) -> list[Entry]:
    query = f"SELECT {COLUMNS} FROM items {where}"  # noqa: S608 - `where` is ours
    return [entry_of(row) for row in connection.execute(query, values)]


def find(connection: sqlite3.Connection, number: int) -> Entry | None:
    found = select(connection, "WHERE id = ?", number)
    return found[0] if found else None


def first(
    connection: sqlite3.Connection, account: str, practice: bool, state: str, now: float
) -> Entry | None:
    found = select(
        connection,
        "WHERE account = ? AND practice = ? AND state = ? AND not_before IS NOT NULL "
        "AND (expires IS NULL OR expires > ?) ORDER BY not_before, id LIMIT 1",
        account,
        practice,
        state,
        now,
    )
    return found[0] if found else None
