"""Errands: what other threads ask of the presenter's thread, which alone owns windows and OpenGL.

It runs one of them between two rounds, so that whoever has ten things to open delays ten rounds a
little and none of them much.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class Errands:
    """Made before the loop, closed after it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._closed = False

    def ask(self, errand: Callable[[], T]) -> T:
        """Have `errand` run between two rounds, and wait for it; what it raises is raised here.

        Raises CancelledError when the loop ends first.  Never call it on the loop's own thread.
        """
        answer: Future[T] = Future()
        with self._lock:
            if self._closed:
                answer.cancel()
            else:
                self._waiting.append((errand, answer))
        return answer.result()

    def run_one(self) -> bool:
        """On the loop's thread: run the next errand; False when there was none."""
        if not self._waiting:  # the loop asks every round: this costs it nothing
            return False
        errand, answer = self._waiting.popleft()
        try:
            answer.set_result(errand())
        except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
            answer.set_exception(error)
        return True

    def close(self) -> None:
        """Nothing is run from now on; whoever waits is told."""
        with self._lock:
            self._closed = True
            while self._waiting:
                self._waiting.popleft()[1].cancel()
