"""The painter's thread: one, for life, and none that the end of the program waits for.

The standard library's pool joins its threads when Python ends, so a call into a driver that never
returns would keep a show from ending, and from being started again.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class OneThread(Executor):
    """Works off what is submitted, in order, on one thread of its own called `name`."""

    def __init__(self, name: str) -> None:
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._over = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Raises RuntimeError after `shutdown`."""
        future: Future[T] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - it belongs to whoever asks the future
                future.set_exception(error)
            else:
                future.set_result(result)

        with self._lock:
            if self._over:
                raise RuntimeError("the painter's thread is shut down")
            self._work.put(work)
        return future

    def shutdown(self, wait: bool = True, **_: Any) -> None:
        """Take nothing more; what was submitted is still worked off."""
        with self._lock:
            if not self._over:
                self._over = True
                self._work.put(None)
        if wait:
            self._thread.join()

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()
            del work  # or what it built would live until the next call
