"""Watches the files of a show from a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

log = logging.getLogger(__name__)

EVERY = 0.2  # seconds between two looks

# Modification time in ns, size and inode: an editor that writes in place changes the first two, one
# that writes beside and renames changes the last.  None where there is no file.
Stamp = tuple[int, int, int] | None
Stamps = Mapping[Path, Stamp]


def stamp(path: Path) -> Stamp:
    """How `path` stands now, links followed."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def stamps(files: Iterable[Path]) -> Stamps:
    return {file: stamp(file) for file in files}


class Watch:
    """Calls `settled` in its thread whenever a file has changed and then stood still.

    `files` names the files anew for each look.  `settled` gets their stamps and returns those that
    it dealt with, which may name further files; None when they moved under its hands, and it is
    called again once they stand still.  A file that is being written is left alone: it counts when
    two looks, `every` seconds apart, found it the same.
    """

    def __init__(
        self,
        files: Callable[[], Iterable[Path]],
        seen: Stamps,
        settled: Callable[[Stamps], Stamps | None],
        every: float = EVERY,
    ) -> None:
        self._files, self._settled, self._every = files, settled, every
        self._seen = dict(seen)
        self._last: Stamps = self._seen
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def close(self, timeout: float = 2.0) -> None:
        """Look no more; waits for what is under way."""
        self._closing.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._closing.wait(self._every):
            try:
                self._look()
            except Exception:  # a thread's root: the show goes on, and the next look tries again
                log.exception("the show's files could not be looked at")

    def _look(self) -> None:
        now = stamps(self._files())
        last, self._last = self._last, now
        if now != last or now == self._seen:
            return
        before, self._seen = self._seen, dict(now)  # first: a fault of ours is met once a version
        dealt_with = self._settled(now)
        self._seen = before if dealt_with is None else dict(dealt_with)
        self._last = now if dealt_with is None else self._seen
