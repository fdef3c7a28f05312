"""Keeping the outbox small and discreet: what has expired goes, with its words and its picture;
what is too old or too much is given up with a reason; what is long over is forgotten."""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass

from murai_show.edge.social.entry import Entry, select
from murai_show.edge.social.outbox import Outbox, kill
from murai_show.edge.social.outcome import IN_HAND

DAY = 86_400.0
LEDGER_KEEP = 35 * DAY  # longer than any limit's window

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Caps:
    """The most that is kept: `size` bytes of pictures; seconds that an item may wait (`age`), and
    that it stays in the list once it is posted or dead (`keep`)."""

    size: int = 2**30
    age: float = 7 * DAY
    keep: float = 30 * DAY


def tidy(outbox: Outbox, caps: Caps, now: float) -> None:
    """One round.  `now` in POSIX seconds.  Raises sqlite3.Error."""
    gone = [*_expire(outbox, now), *_forget(outbox, now - caps.keep)]
    given_up = [*_give_up_old(outbox, caps.age, now), *_give_up_much(outbox, caps.size, now)]
    for entry, why in given_up:
        outbox.count(entry.account, "dead")
        log.warning("post %s: portrait %d will not be posted: %s", entry.account, entry.number, why)
    outbox.folder.sweep(outbox.needed, now)
    if gone:
        outbox.database.scrub()
    outbox.folder.load_ballast()


def _expire(outbox: Outbox, now: float) -> list[Entry]:
    """The picture goes before the row: a crash between the two leaves a row that expires again, not
    a picture that nobody knows of.  A portrait that is just being sent is left until it is not."""

    def change(connection: sqlite3.Connection) -> list[Entry]:
        rows = select(connection, "WHERE expires <= ?", now)
        busy = {entry.picture for entry in rows if entry.state in IN_HAND}
        return [entry for entry in rows if entry.picture not in busy]

    gone = outbox.database.write(change)
    _delete(outbox, gone)
    for entry in gone:
        if entry.state in ("queued", "unknown"):
            outbox.count(entry.account, "dead")
            log.warning(
                "post %s: portrait %d expired while it was %s, and is deleted",
                entry.account,
                entry.number,
                entry.state,
            )
    return gone


def _forget(outbox: Outbox, before: float) -> list[Entry]:
    def change(connection: sqlite3.Connection) -> list[Entry]:
        connection.execute("DELETE FROM ledger WHERE at < ?", (before - LEDGER_KEEP,))
        return select(connection, "WHERE state IN ('posted', 'dead') AND changed < ?", before)

    gone = outbox.database.write(change)
    # Another account may still need the picture.
    _delete(outbox, gone, shared=True)
    return gone


def _delete(outbox: Outbox, gone: list[Entry], *, shared: bool = False) -> None:
    if not gone:
        return
    for entry in gone:
        outbox.folder.drop_practice(entry.mark, entry.account)
        if not shared:
            outbox.folder.drop(entry.picture)

    def change(connection: sqlite3.Connection) -> None:
        for entry in gone:
            connection.execute(
                "DELETE FROM items WHERE id = ? AND state NOT IN ('uploading', 'sending')",
                (entry.id,),
            )

    outbox.database.write(change)
    if shared:
        needed = outbox.needed()
        for entry in gone:
            if entry.picture not in needed:
                outbox.folder.drop(entry.picture)


def _give_up_old(outbox: Outbox, age: float, now: float) -> list[tuple[Entry, str]]:
    why = f"it waited for {age / DAY:g} days"

    def change(connection: sqlite3.Connection) -> list[tuple[Entry, str]]:
        rows = select(connection, "WHERE state = 'queued' AND created < ?", now - age)
        for entry in rows:
            kill(connection, entry, why, now)
        return [(entry, why) for entry in rows]

    return outbox.database.write(change)


def _give_up_much(outbox: Outbox, size: int, now: float) -> list[tuple[Entry, str]]:
    """The pictures of dead items go first, then the oldest that wait.  One whose picture another
    account has in hand stays."""
    why = f"the outbox is full: its pictures have more than {size / 1e6:.0f} MB"

    def change(connection: sqlite3.Connection) -> tuple[list[str], list[tuple[Entry, str]]]:
        rows = select(connection, "WHERE state != 'posted' ORDER BY created, id")
        sizes = {entry.picture: entry.bytes for entry in rows}
        here = {p for p in sizes if (outbox.folder.pictures / p).is_file()}
        total = sum(sizes[p] for p in here)
        kept = {e.picture for e in rows if e.state in (*IN_HAND, "unknown")}
        waiting = {e.picture for e in rows if e.state == "queued"}
        order = dict.fromkeys(e.picture for e in rows if e.picture in here - kept)
        dropped: list[str] = []
        killed: list[tuple[Entry, str]] = []
        for picture in sorted(order, key=lambda p: p in waiting):
            if total <= size:
                break
            dropped.append(picture)
            total -= sizes[picture]
            for entry in rows:
                if entry.picture == picture and entry.state == "queued":
                    kill(connection, entry, why, now)
                    killed.append((entry, why))
        return dropped, killed

    dropped, killed = outbox.database.write(change)
    for picture in dropped:
        outbox.folder.drop(picture)
    return killed
