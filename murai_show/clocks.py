"""A clock for rehearsals: frames keep their pace while the evening flies by."""

from __future__ import annotations

import threading
import time


class FastClock:
    """`monotonic` is this machine's; `wall` (POSIX seconds) is `begins` when it is first asked and
    runs `speed` times as fast from there.

    It waits to be asked because engines may take a minute to build before the first frame.
    """

    def __init__(self, begins: float, speed: float) -> None:
        self._begins, self._speed = begins, speed
        self._started: float | None = None
        self._lock = threading.Lock()  # painter and presenter ask from two threads

    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        with self._lock:
            now = time.monotonic()
            if self._started is None:
                self._started = now
            return self._begins + (now - self._started) * self._speed
