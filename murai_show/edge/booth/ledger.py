"""The ledger: every portrait that was ever taken, what people said about it, what became of it.

A row is there before its picture is, and says what is to be done before that is done: whatever
kills the program, the next start knows which pictures to delete and which to deliver, and no number
is given twice (SQLite's AUTOINCREMENT remembers the highest, also of rows that are gone).
"""

from __future__ import annotations

import fcntl
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO, Literal

from murai_show.errors import MuraiError

Stage = Literal["asked", "waiting", "agreed", "delivered", "denied", "expired", "erased"]
STAGES: tuple[Stage, ...] = (
    "asked",
    "waiting",
    "agreed",
    "delivered",
    "denied",
    "expired",
    "erased",
)
LIVING: tuple[Stage, ...] = ("asked", "waiting", "agreed", "delivered")  # whose picture may stay
PATIENCE = 5.0  # seconds that another process may hold the ledger

_TABLE = """
CREATE TABLE IF NOT EXISTS portraits (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    stage TEXT NOT NULL,
    taken REAL NOT NULL,
    expires REAL NOT NULL,
    by TEXT NOT NULL,
    answer TEXT NOT NULL DEFAULT '',
    answered REAL,
    moderated REAL,
    delivered REAL,
    deleted REAL,
    style TEXT NOT NULL,
    credit TEXT NOT NULL,
    picture TEXT NOT NULL
)
"""


@dataclass(frozen=True)
class Entry:
    """A portrait.  Times are POSIX seconds, None for what did not happen.

    `by` is what triggered it, `answer` how its consent came to be: `yes by people`, `no by
    silence`; `deleted` is when its picture was, and with it `style`, `credit` and `picture` here.
    """

    number: int
    stage: Stage
    taken: float
    expires: float
    by: str
    answer: str
    answered: float | None
    moderated: float | None
    delivered: float | None
    deleted: float | None
    style: str
    credit: str
    picture: str


_COLUMNS = ", ".join(field.name for field in fields(Entry))


def booth_folder(environ: Mapping[str, str], show: str) -> Path:
    """Where the ledger of `show` is: systemd's folder for the service, else the user's state."""
    if service := environ.get("STATE_DIRECTORY"):
        return Path(service.split(":")[0])
    home = Path(environ.get("HOME") or Path.home())
    return Path(environ.get("XDG_STATE_HOME") or home / ".local/state") / "murai-show" / show


class Ledger:
    """The ledger in `folder`, made where it is missing.  Several processes and threads may use it.

    Every call raises MuraiError when the file cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / "booth.db"
        self._lock = threading.RLock()
        self._held: BinaryIO | None = None
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise MuraiError(f"booth: no ledger in {folder}: {error.strerror}") from None
        with self._told():
            self._base = sqlite3.connect(
                self.file, PATIENCE, isolation_level=None, check_same_thread=False
            )
            self.file.chmod(0o600)
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = FULL")
            self._base.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
            self._base.execute(_TABLE)

    def hold(self) -> None:
        """Be the one show that asks people, as long as this process lives.

        Raises MuraiError when another show is: each would delete what the other asks about.
        """
        self._held = (self.file.parent / "booth.lock").open("ab")
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise MuraiError(f"booth: another show that runs has the ledger {self.file}") from None

    def close(self) -> None:
        with self._told():
            self._base.close()
        if self._held is not None:
            self._held.close()

    # ---- writing -----------------------------------------------------------------------------

    def begin(
        self,
        taken: float,
        expires: float,
        by: str,
        style: str,
        credit: str,
        named: Callable[[int], Path],
    ) -> Entry:
        """A new portrait, whose picture will be the file that `named` makes of its number."""
        with self._transaction() as base:
            found = base.execute(
                "INSERT INTO portraits (stage, taken, expires, by, style, credit, picture) "
                "VALUES ('asked', ?, ?, ?, ?, ?, '')",
                (taken, expires, by, style, credit),
            )
            number = int(found.lastrowid or 0)
            where = (str(named(number)), number)
            base.execute("UPDATE portraits SET picture = ? WHERE number = ?", where)
            (entry,) = self._select("WHERE number = ?", number)
        return entry

    def move(
        self, number: int, here: Collection[Stage], there: Stage, **also: float | str
    ) -> Entry | None:
        """Bring portrait `number` to stage `there`, if it is in one of `here`; None if it is not,
        as when somebody else was faster.  `also` are columns to be set besides."""
        columns = "".join(f", {name} = ?" for name in also)
        marks = ", ".join("?" * len(here))
        with self._transaction() as base:
            changed = base.execute(
                f"UPDATE portraits SET stage = ?{columns} "  # noqa: S608 - our own names
                f"WHERE number = ? AND stage IN ({marks})",
                (there, *also.values(), number, *here),
            )
            if changed.rowcount == 0:
                return None
            (entry,) = self._select("WHERE number = ?", number)
        return entry

    def erase(self, number: int, now: float) -> None:
        """The picture of portrait `number` is gone: so is all that was written about it."""
        with self._told():
            self._base.execute(
                "UPDATE portraits SET deleted = ?, style = '', credit = '', picture = '' "
                "WHERE number = ? AND deleted IS NULL",
                (now, number),
            )
            # Old pages lie in the log of writes until it is folded in.
            self._base.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    # ---- reading -----------------------------------------------------------------------------

    def find(self, number: int) -> Entry | None:
        found = self._select("WHERE number = ?", number)
        return found[0] if found else None

    def entries(self, stages: Collection[Stage] = STAGES) -> tuple[Entry, ...]:
        """The portraits in one of `stages`, by number."""
        marks = ", ".join("?" * len(stages))
        return self._select(f"WHERE stage IN ({marks}) ORDER BY number", *stages)

    def expired(self, now: float) -> tuple[Entry, ...]:
        """Those whose time is over and whose picture is still there."""
        return self._select("WHERE deleted IS NULL AND expires <= ? ORDER BY number", now)

    def doomed(self) -> tuple[Entry, ...]:
        """Those whose picture must go and was not deleted yet."""
        marks = ", ".join("?" * len(LIVING))
        where = f"WHERE deleted IS NULL AND stage NOT IN ({marks}) ORDER BY number"
        return self._select(where, *LIVING)

    def _select(self, where: str, *values: Any) -> tuple[Entry, ...]:
        with self._told():
            sentence = f"SELECT {_COLUMNS} FROM portraits {where}"  # noqa: S608 - our own names
            return tuple(Entry(*row) for row in self._base.execute(sentence, values))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._told():
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield self._base
            except BaseException:
                self._base.execute("ROLLBACK")
                raise
            self._base.execute("COMMIT")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            with self._lock:
                yield
        except sqlite3.Error as error:
            raise MuraiError(f"booth: the ledger {self.file} cannot be used: {error}") from None
