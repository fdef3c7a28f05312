"""The outbox's folder: pictures written before anything says that they exist, a lock for the one
process that posts, and room kept free for the day when the disk is full."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import stat
from collections.abc import Callable, Collection
from pathlib import Path

from murai_show.errors import OutboxError

BALLAST = 8 * 2**20  # bytes that are given back when the disk is full
FLOOR = 128 * 2**20  # bytes that the outbox leaves to the rest of the machine
ORPHAN_AGE = 3600.0  # seconds after which a file that belongs to no item is rubbish

log = logging.getLogger(__name__)


def free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


class Folder:
    """Made with mode 0700 where it is missing.  Raises OutboxError when it cannot be had, or when
    others may look into it."""

    def __init__(
        self,
        path: Path,
        *,
        floor: int = FLOOR,
        ballast: int = BALLAST,
        free: Callable[[Path], int] = free_bytes,
        step: Callable[[str], None] = lambda _name: None,
    ) -> None:
        self.path, self.pictures, self.practice = path, path / "pictures", path / "practice"
        self._floor, self._ballast, self._free, self._step = floor, ballast, free, step
        self._lock: int | None = None
        try:
            for folder in (path, self.pictures):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = path.stat()
        except OSError as error:
            raise OutboxError(f"outbox: {path} cannot be made: {error.strerror}") from None
        if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise OutboxError(f"outbox: {path} is not its owner's alone; chmod 700 {path}")

    # ---- pictures ----------------------------------------------------------------------------

    def take(self, picture: Path, name: str) -> int:
        """Copy `picture` here as `name`, whole and on the disk when this returns; its bytes.

        Raises OutboxError.
        """
        try:
            data = picture.read_bytes()
        except OSError as error:
            raise OutboxError(f"outbox: {picture} cannot be read: {error.strerror}") from None
        free = self._free(self.path)
        if free - len(data) < self._floor:
            raise OutboxError(
                f"outbox: only {free / 1e6:.0f} MB are free in {self.path}, and "
                f"{self._floor / 1e6:.0f} MB stay free; nothing more is taken"
            )
        part = self.pictures / f".part-{name}"
        try:
            with os.fdopen(_private(part), "wb") as file:
                self._step("picture begun")
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            self._step("picture written")
            part.replace(self.pictures / name)
            self._step("picture named")
            self._sync()
            self._step("picture safe")
        except OSError as error:
            part.unlink(missing_ok=True)
            raise OutboxError(f"outbox: no picture can be kept: {error.strerror}") from None
        return len(data)

    def drop(self, name: str) -> None:
        """Delete a picture, which may be gone already."""
        try:
            (self.pictures / name).unlink(missing_ok=True)
        except OSError as error:
            log.warning("outbox: %s cannot be deleted: %s", name, error.strerror)

    def drop_practice(self, mark: str, account: str) -> None:
        """Delete what practising wrote of one item."""
        for file in self.practice.glob(f"{mark}-{account}.*"):
            file.unlink(missing_ok=True)

    def sweep(self, names: Callable[[], Collection[str]], now: float) -> int:
        """Delete the pictures that are not among `names`, once they are old: a younger one may be
        about to get its row.  How many there were; `now` in POSIX seconds, as files have it."""
        old = [entry for entry in os.scandir(self.pictures) if _age(entry, now) > ORPHAN_AGE]
        # Asked after the listing: a file that was there has its row by now, or never will.
        known = names()
        orphans = [entry for entry in old if entry.name not in known]
        for entry in orphans:
            self.drop(entry.name)
        return len(orphans)

    def size(self) -> int:
        """Bytes of all that is here but the ballast."""
        files = (file for file in self.path.rglob("*") if file.name != "ballast")
        return sum(file.lstat().st_size for file in files if file.is_file())

    # ---- room --------------------------------------------------------------------------------

    def make_room(self) -> bool:
        """Give the ballast back to a disk that is full; whether there was one."""
        try:
            (self.path / "ballast").unlink()
        except OSError:
            return False
        log.warning("outbox: the disk is full; the last reserve is given up")
        return True

    def load_ballast(self) -> None:
        """Set room aside, where there is plenty of it."""
        ballast = self.path / "ballast"
        if ballast.exists() or self._free(self.path) < self._floor + 2 * self._ballast:
            return
        part = self.path / ".part-ballast"
        try:
            with os.fdopen(_private(part), "wb") as file:
                file.write(os.urandom(self._ballast))  # what a file system could not compress
                file.flush()
                os.fsync(file.fileno())
            part.replace(ballast)
        except OSError:  # so full already: it is tried again later
            part.unlink(missing_ok=True)

    # ---- who posts ---------------------------------------------------------------------------

    def own(self) -> bool:
        """Be the one process that posts from here; False while another is.  It ends with this
        process, however that ends."""
        if self._lock is not None:
            return True
        handle = os.open(self.path / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            # A record lock and not flock: children of this process do not inherit it.
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return False
        self._lock = handle
        return True

    def disown(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _sync(self) -> None:
        """A name is on the disk only when its folder is."""
        handle = os.open(self.pictures, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _private(path: Path) -> int:
    """A new, empty file that nobody else may read."""
    return os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)


def _age(entry: os.DirEntry[str], now: float) -> float:
    try:
        return now - entry.stat(follow_symlinks=False).st_mtime
    except OSError:  # gone meanwhile
        return 0.0
