"""How a show ends that has not begun: at once, though an engine is being built."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, wait
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)

LOOK_EVERY = 0.1  # seconds


def unless_stopped(work: Callable[[], T], stop: threading.Event) -> T:
    """What `work` returns or raises; it runs on a thread of its own.

    Raises CancelledError as soon as `stop` is set, and leaves the work to itself.
    """
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it belongs to the thread that waits
            done.set_exception(error)

    threading.Thread(target=run, name="before the show", daemon=True).start()
    while not wait([done], timeout=LOOK_EVERY).done:
        if stop.is_set():
            raise CancelledError
    return done.result()


@contextmanager
def leaving_at_once() -> Iterator[None]:
    """End this process with status 0 on CancelledError: a show was stopped before it began.

    Nothing is on the wall or half written then, but for an engine, which nobody finds before it is
    whole.  The interpreter would wait for the thread that builds it, a minute and longer: compilers
    cannot be interrupted.
    """
    try:
        yield
    except CancelledError:
        log.info("stopped before the show began")
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
