"""Where engines for a GPU are kept: a folder that only we can write.

An engine is native code, and loading one that somebody else put there is running their program with
our rights.  So a folder or a file counts only if it is ours (or root's) and nobody else may write
it; what does not is passed over and built anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from murai_show.errors import EngineError
from murai_show.style.bank import Bank

PART = ".part-"  # how what is not whole yet begins
_CUT_OFF = 3600.0  # seconds: what is younger may be a neighbour's, who still writes
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
log = logging.getLogger(__name__)


def content_key(bank: Bank) -> str:
    """Twelve digits that change with the weights, the styles and the architecture of `bank`."""
    config = json.dumps([bank.card.architecture, dict(bank.card.config)], sort_keys=True)
    return hashlib.sha256((bank.sha256 + config).encode()).hexdigest()[:12]


def open_vault(bank: Path) -> Path:
    """The folder for engines of `bank`: beside it, or in the user's cache where that cannot be.

    Made with mode 0700 where it is missing, and emptied and made anew where it is ours but others
    could have written it.  Raises EngineError, naming both places, when neither will do.
    """
    return choose_home((bank.parent / ".engines" / "nvidia", user_cache() / "nvidia"), _prepare)


def user_cache() -> Path:
    """Where what belongs beside a bank goes when that folder cannot be written."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "murai-show"


def choose_home(folders: Iterable[Path], prepare: Callable[[Path], None]) -> Path:
    """The first of `folders` that `prepare` can make and that can be written.

    Raises EngineError, naming every one with its trouble, when none can.
    """
    troubles: list[str] = []
    for folder in folders:
        try:
            prepare(folder)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            troubles.append(f"{folder}: {error.strerror or error}")
        else:
            return folder
    raise EngineError(f"engines cannot be kept anywhere: {'; '.join(troubles)}")


def read_trusted(path: Path) -> bytes | None:
    """What `path` holds; None where there is no such file, or not one that only we can write."""
    try:
        # The file that is asked is the file that is read, whatever is renamed meanwhile.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("%s is not used: %s", path, error.strerror)
        return None
    try:
        found = os.fstat(handle)
        trouble = _distrust(found) if stat.S_ISREG(found.st_mode) else "it is no file"
        if trouble:
            log.warning("%s is not used: %s", path, trouble)
            return None
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(handle)


def clear(folder: Path, now: float) -> None:
    """Remove the files and folders in `folder` that a kill cut off, an hour before `now` (POSIX
    seconds) or earlier.  Raises OSError."""
    for cut in folder.glob(f"{PART}*"):
        if cut.stat().st_mtime >= now - _CUT_OFF:
            continue
        if cut.is_dir():
            shutil.rmtree(cut, ignore_errors=True)
        else:
            cut.unlink(missing_ok=True)


def keep(path: Path, data: bytes) -> None:
    """Write `data` as `path`, whole or not at all, for us alone.  Raises OSError."""
    clear(path.parent, time.time())
    handle, name = tempfile.mkstemp(prefix=PART, dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _prepare(folder: Path) -> None:
    """Make `folder` one that only we can write.  Raises OSError, PermissionError if it is not."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise NotADirectoryError(f"{folder} is no folder") from None
        trouble = _distrust(found)
        if not trouble:
            return
        if found.st_uid != os.geteuid():
            raise PermissionError(trouble) from None
        log.warning("%s: %s; what is in it is built anew", folder, trouble)
        shutil.rmtree(folder)
        folder.mkdir(mode=0o700)


def _distrust(found: os.stat_result) -> str:
    """Why this file or folder may hold what somebody else wrote; empty if it cannot."""
    if found.st_uid not in (os.geteuid(), 0):
        return f"it belongs to user {found.st_uid}"
    if found.st_mode & _OTHERS_WRITE:
        return f"others may write it (mode {stat.S_IMODE(found.st_mode):04o})"
    return ""
