"""Errands between threads: who runs them, who hears of it, and what the end does."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest

from murai_show.loop.errands import Errands


def run_next(errands: Errands) -> None:
    while not errands.run_one():
        pass


def test_an_errand_runs_on_the_thread_of_the_loop_one_a_round() -> None:
    errands = Errands()
    assert not errands.run_one()
    with ThreadPoolExecutor(2) as others:
        asked = [others.submit(errands.ask, threading.get_ident) for _ in range(2)]
        run_next(errands)
        run_next(errands)
        assert {a.result(10) for a in asked} == {threading.get_ident()}
    assert not errands.run_one()


def test_what_an_errand_raises_belongs_to_whoever_asked() -> None:
    errands = Errands()
    with ThreadPoolExecutor(1) as others:
        asked = others.submit(errands.ask, lambda: 1 / 0)
        run_next(errands)
        with pytest.raises(ZeroDivisionError):
            asked.result(10)


def test_whoever_waits_when_the_loop_ends_is_told() -> None:
    errands = Errands()
    with ThreadPoolExecutor(1) as others:
        asked = others.submit(errands.ask, lambda: 1)
        while not errands._waiting:
            pass
        errands.close()
        with pytest.raises(CancelledError):
            asked.result(10)
        with pytest.raises(CancelledError):
            others.submit(errands.ask, lambda: 1).result(10)
    assert not errands.run_one()
