"""A thread that works off a short queue, so that a disk or an encoder never stalls the loop."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
log = logging.getLogger(__name__)


class Worker(Generic[T]):
    """Calls `work(item)` for each item and `finish()` at the end, on a thread of its own.

    One producer; `full` tells beforehand that `put` would be refused.  Both callables handle what
    they expect to go wrong; anything else is logged, kept in `failure`, and ends the thread.
    """

    def __init__(
        self, name: str, room: int, work: Callable[[T], None], finish: Callable[[], None]
    ) -> None:
        self.failure: Exception | None = None
        self._name = name
        self._work = work
        self._finish = finish
        self._queue: queue.Queue[T | None] = queue.Queue(room)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def full(self) -> bool:
        return self._queue.full() or not self._thread.is_alive()

    @property
    def idle(self) -> bool:
        """True when nothing waits and nothing is under way."""
        return self._queue.unfinished_tasks == 0

    def put(self, item: T) -> None:
        """Hand over `item`.  Raises queue.Full rather than wait."""
        self._queue.put_nowait(item)

    def close(self, timeout: float) -> bool:
        """Work off what waits and finish; False when that takes longer than `timeout` seconds."""
        try:
            if self._thread.is_alive():
                self._queue.put(None, timeout=timeout / 2)
        except queue.Full:
            return False
        self._thread.join(timeout / 2)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while (item := self._queue.get()) is not None:
                self._work(item)
                self._queue.task_done()
            self._finish()
        except Exception as error:  # a thread's root: nobody else would ever hear of it
            log.exception("%s stopped", self._name)
            self.failure = error
