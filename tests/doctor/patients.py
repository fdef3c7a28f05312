"""Checks that behave badly, where a process of its own can import them."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Iterator

from murai_show.doctor.verdict import Case, Verdict
from murai_show.errors import OutputError

SECRET = "canary-pa55word/1"


def well(_case: Case) -> Iterator[Verdict]:
    yield Verdict("well", "ok", "here")


def noisy(_case: Case) -> Iterator[Verdict]:
    sys.stdout.write("a library's banner\n")
    os.write(1, b"and its C part\n")
    yield Verdict("noisy", "ok", "here")


def hanging(_case: Case) -> Iterator[Verdict]:
    """In C, with Python's lock held, as a driver may."""
    ctypes.PyDLL(None).sleep(60)
    yield Verdict("hanging", "ok", "too late")


def sleeping(_case: Case) -> Iterator[Verdict]:
    time.sleep(60)
    yield Verdict("sleeping", "ok", "too late")


def crashing(_case: Case) -> Iterator[Verdict]:
    ctypes.string_at(0)
    yield Verdict("crashing", "ok", "not reached")


def leaving(_case: Case) -> Iterator[Verdict]:
    os._exit(3)
    yield Verdict("leaving", "ok", "not reached")


def raising(_case: Case) -> Iterator[Verdict]:
    yield Verdict("raising", "ok", "half")
    raise ZeroDivisionError(SECRET)


def refusing(_case: Case) -> Iterator[Verdict]:
    raise OutputError("one clear sentence")
    yield
