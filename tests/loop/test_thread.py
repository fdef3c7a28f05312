"""The painter's thread."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from murai_show.loop.thread import OneThread


def test_it_works_off_in_order_on_one_thread_and_gives_answers() -> None:
    thread = OneThread("painter")
    done: list[int] = []
    asked = [thread.submit(lambda n: (done.append(n), threading.get_ident())[1], n) for n in (1, 2)]
    thread.shutdown()
    assert done == [1, 2]
    assert len({future.result() for future in asked}) == 1
    with pytest.raises(RuntimeError):
        thread.submit(print)


def test_an_error_belongs_to_whoever_asked() -> None:
    thread = OneThread("painter")
    failed = thread.submit(lambda: 1 // 0)
    assert thread.submit(lambda: 7).result(10) == 7
    with pytest.raises(ZeroDivisionError):
        failed.result(10)
    thread.shutdown()


def test_what_waits_can_be_taken_back_and_the_rest_is_worked_off() -> None:
    thread, go = OneThread("painter"), threading.Event()
    first, second = thread.submit(go.wait, 10), thread.submit(print)
    last = thread.submit(lambda: 3)
    assert second.cancel()
    thread.shutdown(wait=False)
    go.set()
    assert (first.result(10), last.result(10)) == (True, 3)


def test_a_program_ends_though_a_call_never_returns() -> None:
    program = (
        "import threading\n"
        "from murai_show.loop.thread import OneThread\n"
        "thread, begun = OneThread('painter'), threading.Event()\n"
        "thread.submit(lambda: (begun.set(), threading.Event().wait()))\n"
        "begun.wait(), thread.shutdown(wait=False)\n"
    )
    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
    assert time.monotonic() - begun < 20
