"""The outbox: what is to be posted, kept so that nothing is lost and nothing is posted twice.

A picture is a file, whole and on the disk, before a row says that it exists.  Each change of state
is one transaction, made before what it announces: an item is `sending` on the disk before the first
byte of its post leaves, so that after a crash it is known which may have arrived.
"""

from __future__ import annotations

import logging
import math
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from murai_show.edge.social.allowance import Allowance, Spent
from murai_show.edge.social.database import Database
from murai_show.edge.social.entry import (
    COLUMNS,
    AccountEntry,
    Entry,
    account_of,
    entry_of,
    find,
    first,
    select,
)
from murai_show.edge.social.outcome import (
    FURTHEST,
    IN_HAND,
    Again,
    Dead,
    Event,
    Interrupted,
    Outcome,
    Past,
    Posted,
    Step,
    can_meet,
    decide,
)
from murai_show.edge.social.pictures import Folder
from murai_show.edge.social.port import Portrait
from murai_show.edge.social.wording import Venue, compose
from murai_show.errors import OutboxError, UsageError
from murai_show.redact import redacted
from murai_show.show.planned_post import PlannedAccount

FILE = "outbox.db"
NO_PICTURE = "its picture is gone"

log = logging.getLogger(__name__)


class Outbox:
    """Any thread may call it, and other processes may have the same one open; only the one that
    owns the folder posts.  `step` is told each point that a crash may fall on.

    Raises OutboxError when it cannot be opened, and sqlite3.Error from whatever writes, which then
    has changed nothing.
    """

    def __init__(self, folder: Folder, *, step: Callable[[str], None] = lambda _name: None) -> None:
        self.folder, self._step = folder, step
        self.database = Database(folder.path / FILE, folder.make_room)
        self.counted: Counter[tuple[str, Outcome]] = Counter()
        self._putting = threading.Lock()

    def close(self) -> None:
        self.database.close()
        self.folder.disown()

    # ---- in ----------------------------------------------------------------------------------

    def put(
        self, portrait: Portrait, accounts: Sequence[PlannedAccount], venue: Venue, now: float
    ) -> None:
        """Take `portrait` for each of `accounts`; what returns is kept, come what may.

        The same portrait may be put again, and is taken once.  Raises OutboxError, and then has
        kept nothing of it.
        """
        if portrait.expires is not None and portrait.expires <= now:
            raise OutboxError(f"outbox: portrait {portrait.number} has expired already")
        with self._putting:
            try:
                here = self._here(portrait)
                wanted = [a for a in accounts if (a.name, a.practice) not in here]
                if wanted:
                    self._keep(portrait, wanted, venue, now, alone=not here)
            except sqlite3.Error as error:
                raise OutboxError(
                    f"outbox: portrait {portrait.number} cannot be kept: {error}"
                ) from None

    def _here(self, portrait: Portrait) -> set[tuple[str, bool]]:
        query = "SELECT account, practice FROM items WHERE number = ? AND taken = ?"
        rows = self.database.read(query, portrait.number, portrait.taken)
        return {(row["account"], bool(row["practice"])) for row in rows}

    def _keep(
        self,
        portrait: Portrait,
        accounts: Sequence[PlannedAccount],
        venue: Venue,
        now: float,
        *,
        alone: bool,
    ) -> None:
        # One name for one portrait: putting it again after a crash leaves no second file.
        suffix = portrait.picture.suffix.lower()
        name = f"{portrait.number:06d}-{portrait.taken * 1000:.0f}{suffix}"
        size = self.folder.take(portrait.picture, name)

        def insert(connection: sqlite3.Connection) -> None:
            for account in accounts:
                _insert(connection, portrait, account, venue, (name, size), now)
            self._step("row begun")

        try:
            self.database.write(insert)
        except sqlite3.Error:
            if alone:
                self.folder.drop(name)
            raise
        self._step("row written")

    # ---- out ---------------------------------------------------------------------------------

    def claim(
        self, account: str, allowance: Allowance, now: float, *, practice: bool = False
    ) -> Entry | float:
        """What to do next for `account`: an item to look for (`unknown`), one to upload, which is
        `uploading` from now on, or the seconds in which there is nothing to do."""

        def change(connection: sqlite3.Connection) -> Entry | float:
            _heed_clock(connection, now)
            known = account_of(connection, account)
            if known.stopped:
                return math.inf
            if known.rest > now:
                return known.rest - now
            lost = first(connection, account, practice, "unknown", now)
            if lost and lost.not_before is not None and lost.not_before <= now:
                return lost
            waits = [lost.not_before - now] if lost and lost.not_before is not None else []
            entry = first(connection, account, practice, "queued", now)
            if entry:
                spent = _spent(connection, account, now - allowance.window)
                at = max(entry.not_before or 0.0, allowance.free_at(spent, now))
                if at <= now:
                    return _take_up(connection, entry, now)
                waits.append(at - now)
            return min(waits, default=math.inf)

        found = self.database.write(change)
        if isinstance(found, Entry) and found.state == "uploading":
            self._step("claimed")
        return found

    def begin_sending(self, entry: Entry, cost: float, now: float) -> Entry | None:
        """Note, before the first byte leaves, that `entry` may be posted from now on; None where it
        is no longer to be sent."""

        def change(connection: sqlite3.Connection) -> bool:
            changed = connection.execute(
                "UPDATE items SET state = 'sending', changed = ? WHERE id = ? "
                "AND state = 'uploading' AND (expires IS NULL OR expires > ?)",
                (now, entry.id, now),
            )
            if changed.rowcount and not entry.practice:
                connection.execute(
                    "INSERT INTO ledger VALUES (?, ?, ?, ?)", (entry.id, entry.account, now, cost)
                )
            return bool(changed.rowcount)

        if not self.database.write(change):
            return None
        self._step("sending")
        return replace(entry, state="sending", changed=now)

    def settle(self, entry: Entry, event: Event, now: float) -> Step | None:
        """Write down what `event` makes of `entry`; None where something else came first, such as
        the end of the program, which made it unknown."""

        def change(connection: sqlite3.Connection) -> Step | None:
            row = find(connection, entry.id)
            # A late `Posted` is better news than what was noted meanwhile.
            late = isinstance(event, Posted) and row is not None and row.state == "unknown"
            if row is None or (row.state != entry.state and not late):
                return None
            return _apply(connection, row, event, now)

        step = self.database.write(change)
        self._step("answered")
        if step is not None:
            self.count(entry.account, step.outcome)
            self._release([entry.picture])
        return step

    def put_down(self, now: float) -> list[Entry]:
        """Nothing is in anyone's hands any more: after a crash, or at the end.  The items that
        were, as they are now; those that may have been posted are unknown."""

        def change(connection: sqlite3.Connection) -> list[Entry]:
            marks = ", ".join("?" * len(IN_HAND))
            rows = select(connection, f"WHERE state IN ({marks})", *IN_HAND)
            for entry in rows:
                _apply(connection, entry, Interrupted(), now)
            return [found for e in rows if (found := find(connection, e.id))]

        entries = self.database.write(change)
        for entry in entries:
            self.count(entry.account, "unknown" if entry.state == "unknown" else None)
        return entries

    def miss_pictures(self, now: float) -> list[Entry]:
        """Items whose picture is gone can never be posted; they are dead from now on."""

        def change(connection: sqlite3.Connection) -> list[Entry]:
            rows = select(connection, "WHERE state = 'queued'")
            lost = [e for e in rows if not (self.folder.pictures / e.picture).is_file()]
            for entry in lost:
                kill(connection, entry, NO_PICTURE, now)
            return lost

        lost = self.database.write(change)
        for entry in lost:
            self.count(entry.account, "dead")
        return lost

    # ---- a person ----------------------------------------------------------------------------

    def entries(self) -> list[Entry]:
        query = f"SELECT {COLUMNS} FROM items ORDER BY id"  # noqa: S608 - names are ours
        return [entry_of(row) for row in self.database.read(query)]

    def entry(self, number: int) -> Entry:
        """Raises UsageError when there is none."""
        query = f"SELECT {COLUMNS} FROM items WHERE id = ?"  # noqa: S608 - names are ours
        for row in self.database.read(query, number):
            return entry_of(row)
        raise UsageError(f"outbox: there is no item {number}; `list` shows those that are there")

    def accounts(self) -> list[AccountEntry]:
        rows = self.database.read("SELECT * FROM accounts ORDER BY name")
        return [AccountEntry(**dict(row)) for row in rows]

    def retry(self, number: int, now: float, *, sure: bool = False) -> Entry:
        """Queue an item anew, at once.  Raises UsageError where that cannot be, and for one that
        may be posted already unless the person is `sure` that it is not."""

        def change(connection: sqlite3.Connection) -> Entry:
            entry = _known(find(connection, number), number)
            if not can_meet(entry.state, Again()):
                raise UsageError(
                    f"outbox: item {number} is {entry.state}; there is nothing to retry"
                )
            if entry.state == "unknown" and not sure:
                raise UsageError(
                    f"outbox: item {number} may be posted already: {entry.why}; look for "
                    f"{entry.mark} on {entry.account}; if it is not there: retry {number} --sure"
                )
            if not (self.folder.pictures / entry.picture).is_file():
                raise UsageError(f"outbox: item {number} cannot be retried: {NO_PICTURE}")
            _apply(connection, entry, Again(sure), now)
            connection.execute("UPDATE items SET looks = 0 WHERE id = ?", (number,))
            return entry

        return self.database.write(change)

    def drop(self, number: int) -> Entry:
        """Forget an item and its picture.  Raises UsageError when it is just being sent."""

        def change(connection: sqlite3.Connection) -> Entry:
            entry = _known(find(connection, number), number)
            if entry.state in IN_HAND:
                raise UsageError(f"outbox: item {number} is just being sent; wait a minute")
            connection.execute("DELETE FROM items WHERE id = ?", (number,))
            return entry

        entry = self.database.write(change)
        self._release([entry.picture])
        self.folder.drop_practice(entry.mark, entry.account)
        self.database.scrub()
        return entry

    def resume(self, account: str | None = None) -> list[str]:
        """Lift the stop of `account`, or of all; the names of those that were stopped."""

        def change(connection: sqlite3.Connection) -> list[str]:
            rows = connection.execute("SELECT name FROM accounts WHERE stopped != ''").fetchall()
            names = [row["name"] for row in rows if account in (None, row["name"])]
            for name in names:
                connection.execute(
                    "UPDATE accounts SET stopped = '', stopped_at = NULL, refusals = 0, rest = 0 "
                    "WHERE name = ?",
                    (name,),
                )
            return names

        return self.database.write(change)

    # ---- within ------------------------------------------------------------------------------

    def count(self, account: str, outcome: Outcome | None) -> None:
        if outcome is not None:
            self.counted[account, outcome] += 1

    def needed(self) -> set[str]:
        """The names of the pictures that an item still needs."""
        rows = self.database.read("SELECT DISTINCT picture FROM items WHERE state != 'posted'")
        return {row["picture"] for row in rows}

    def _release(self, pictures: Iterable[str]) -> None:
        needed = self.needed()
        for name in pictures:
            if name not in needed:
                self.folder.drop(name)


def kill(connection: sqlite3.Connection, entry: Entry, why: str, now: float) -> None:
    """Dead for a reason of our own."""
    _write(connection, entry, Step("dead", None, Dead(why).why), now)


def _insert(
    connection: sqlite3.Connection,
    portrait: Portrait,
    account: PlannedAccount,
    venue: Venue,
    picture: tuple[str, int],
    now: float,
) -> None:
    def used(mark: str) -> bool:
        query = "SELECT 1 FROM items WHERE account = ? AND mark = ?"
        return connection.execute(query, (account.name, mark)).fetchone() is not None

    words = compose(portrait, account, venue, used)
    values = {
        "account": account.name,
        "practice": account.practice,
        "number": portrait.number,
        "taken": portrait.taken,
        "mark": words.mark,
        "text": words.text,
        "alt": words.alt,
        "picture": picture[0],
        "bytes": picture[1],
        "created": now,
        "expires": portrait.expires,
        "state": "queued",
        "changed": now,
        "not_before": now,
    }
    names, places = ", ".join(values), ", ".join("?" * len(values))
    sentence = f"INSERT INTO items ({names}) VALUES ({places})"  # noqa: S608 - names are ours
    connection.execute(sentence, tuple(values.values()))


def _apply(connection: sqlite3.Connection, entry: Entry, event: Event, now: float) -> Step:
    """Decide, and write down what was decided of the item, its account and the ledger."""
    known = account_of(connection, entry.account)
    step = decide(entry.state, event, Past(known.refusals, entry.looks), now)
    step = replace(step, why=redacted(step.why), stop=redacted(step.stop))
    _write(connection, entry, step, now)
    if entry.state == "sending" and step.state in ("queued", "dead"):
        # It was not posted after all.  An older entry of the same item may have been.
        newest = "SELECT max(rowid) FROM ledger WHERE item = ?"
        connection.execute(f"DELETE FROM ledger WHERE rowid = ({newest})", (entry.id,))  # noqa: S608
    refusals = known.refusals
    if step.outcome in ("refused", "unknown") or step.rest is not None:
        refusals += 1
    elif step.outcome == "posted":
        refusals = 0
    connection.execute(
        "INSERT INTO accounts VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
        "refusals = excluded.refusals, rest = excluded.rest, "
        "stopped = excluded.stopped, stopped_at = excluded.stopped_at",
        (
            entry.account,
            refusals,
            known.rest if step.rest is None else max(known.rest, step.rest),
            step.stop or known.stopped,
            now if step.stop else known.stopped_at,
        ),
    )
    return step


def _write(connection: sqlite3.Connection, entry: Entry, step: Step, now: float) -> None:
    looked = entry.state == step.state == "unknown" and step.rest is None and not step.stop
    connection.execute(
        "UPDATE items SET state = ?, changed = ?, not_before = ?, why = ?, remote = ?, looks = ? "
        "WHERE id = ?",
        (
            step.state,
            entry.changed if step.state == entry.state else now,
            step.not_before,
            step.why,
            step.remote or entry.remote,
            entry.looks + looked,
            entry.id,
        ),
    )


def _take_up(connection: sqlite3.Connection, entry: Entry, now: float) -> Entry:
    connection.execute(
        "UPDATE items SET state = 'uploading', changed = ?, attempts = attempts + 1 WHERE id = ?",
        (now, entry.id),
    )
    return replace(entry, state="uploading", changed=now, attempts=entry.attempts + 1)


def _heed_clock(connection: sqlite3.Connection, now: float) -> None:
    """What lies further in the future than anything is ever put off was written by a clock that has
    been set back since.  Posts of the future count as of now: rather too slow than too fast."""
    far = now + FURTHEST
    connection.execute("UPDATE items SET not_before = ? WHERE not_before > ?", (now, far))
    connection.execute("UPDATE accounts SET rest = ? WHERE rest > ?", (now, far))
    connection.execute("UPDATE ledger SET at = ? WHERE at > ?", (now, now))


def _spent(connection: sqlite3.Connection, account: str, since: float) -> list[Spent]:
    query = "SELECT at, cost FROM ledger WHERE account = ? AND at > ? ORDER BY at"
    return [Spent(*row) for row in connection.execute(query, (account, since))]


def _known(entry: Entry | None, number: int) -> Entry:
    if entry is None:
        raise UsageError(f"outbox: there is no item {number}; `list` shows those that are there")
    return entry
