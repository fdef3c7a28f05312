"""The bell: rung by every camera of a show when it has a newer frame, so that whoever waits for
any of several cameras need not look at each in turn."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Bell:
    """May be rung and waited for on any thread."""

    def __init__(self) -> None:
        self._rung = threading.Condition()

    def ring(self) -> None:
        """Let everybody who waits look again.  Whoever rings holds no lock that a waiter's
        `there` wants."""
        with self._rung:
            self._rung.notify_all()

    def wait_for(self, there: Callable[[], bool], timeout: float) -> bool:
        """Sleep until `there()` is true, asked at once and after each ring: True; else False after
        `timeout` seconds."""
        with self._rung:
            return self._rung.wait_for(there, max(0.0, timeout))
