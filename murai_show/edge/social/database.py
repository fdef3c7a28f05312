"""The outbox's SQLite file: opened with settings that survive a power cut, migrated, and written in
transactions that a full disk does not stop.

WAL with synchronous=FULL: what was committed is on the disk when the call returns
(https://sqlite.org/pragma.html#pragma_synchronous).  secure_delete overwrites what is deleted.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from murai_show.errors import OutboxError

PATIENCE = 5.0  # seconds to wait for another process's transaction
FULL_DISK = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
}  # SQLITE_IOERR: no room for the index of WAL

# Each brings the file from the version of its place in the list to the next; none is ever edited.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE items (
        id         INTEGER PRIMARY KEY AUTOINCREMENT,
        account    TEXT NOT NULL,
        practice   INTEGER NOT NULL,
        number     INTEGER NOT NULL,
        taken      REAL NOT NULL,
        mark       TEXT NOT NULL,
        text       TEXT NOT NULL,
        alt        TEXT NOT NULL,
        picture    TEXT NOT NULL,
        bytes      INTEGER NOT NULL,
        created    REAL NOT NULL,
        expires    REAL,
        state      TEXT NOT NULL CHECK (
            state IN ('queued', 'uploading', 'sending', 'unknown', 'posted', 'dead')),
        changed    REAL NOT NULL,
        not_before REAL,
        attempts   INTEGER NOT NULL DEFAULT 0,
        looks      INTEGER NOT NULL DEFAULT 0,
        why        TEXT NOT NULL DEFAULT '',
        remote     TEXT NOT NULL DEFAULT '',
        UNIQUE (account, practice, number, taken),
        UNIQUE (account, mark)
    );
    CREATE INDEX due ON items (account, state, not_before);
    CREATE TABLE accounts (
        name       TEXT PRIMARY KEY,
        refusals   INTEGER NOT NULL DEFAULT 0,
        rest       REAL NOT NULL DEFAULT 0,
        stopped    TEXT NOT NULL DEFAULT '',
        stopped_at REAL
    );
    CREATE TABLE ledger (
        item    INTEGER NOT NULL,
        account TEXT NOT NULL,
        at      REAL NOT NULL,
        cost    REAL NOT NULL
    );
    CREATE INDEX spent ON ledger (account, at);
    """,
)

Result = TypeVar("Result")


class Database:
    """One connection for all threads of the process, one transaction at a time.

    `make_room` is called when the disk is full and says whether it could free something; the
    transaction is then tried once more.  Raises OutboxError when the file cannot be opened.
    """

    def __init__(self, file: Path, make_room: Callable[[], bool]) -> None:
        self._file, self._make_room = file, make_room
        self._lock = threading.RLock()
        try:
            if not file.exists():  # SQLite gives its -wal and -shm the mode of this file
                os.close(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
            self._connection = sqlite3.connect(
                file, timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
            self._connection.row_factory = sqlite3.Row
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise OutboxError(f"outbox: {file} cannot be opened: {_sentence(error)}") from None

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def write(self, change: Callable[[sqlite3.Connection], Result]) -> Result:
        """All that `change` does, or nothing of it, on the disk when this returns.

        `change` may be called twice.  Raises sqlite3.Error.
        """
        try:
            with self._transaction() as connection:
                return change(connection)
        except sqlite3.OperationalError as error:
            full = (getattr(error, "sqlite_errorcode", 0) & 0xFF) in FULL_DISK
            if not full or not self._make_room():
                raise
        with self._transaction() as connection:
            return change(connection)

    def read(self, query: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def scrub(self) -> bool:
        """Empty the write-ahead log, which may still hold what was deleted; False while another
        process reads from it."""
        with self._lock:
            busy, *_ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """IMMEDIATE: what was read in it is still so when it writes, whoever else is there."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def _prepare(self) -> None:
        run = self._connection.execute
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
        run("PRAGMA secure_delete = ON")
        version = run("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise OutboxError(
                f"outbox: {self._file} is of a newer murai-show (version {version}, this one knows "
                f"{len(MIGRATIONS)}); update murai-show"
            )
        if version < len(MIGRATIONS):
            self.write(_migrate)


def _migrate(connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        for statement in filter(str.strip, script.split(";")):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")


def _sentence(error: OSError | sqlite3.Error) -> str:
    return (error.strerror or "") if isinstance(error, OSError) else str(error)
