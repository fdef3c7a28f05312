"""Runs checks side by side, each for a bounded time: what hangs or crashes is a verdict too."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, replace

from murai_show.doctor.verdict import Case, Check, Found, Verdict
from murai_show.errors import MuraiError
from murai_show.redact import scrubbed

_TOGETHER = 4  # processes at a time: most of them wait for something
_AROUND = 20.0  # seconds that a process of our own may take besides its check, to start Python


class _Patient(threading.Thread):
    """One check on a thread of its own, which is left behind when it does not end."""

    def __init__(self, check: Check, case: Case, room: threading.Semaphore) -> None:
        super().__init__(name=f"doctor-{check.name}", daemon=True)
        self.check = check
        self.found: list[Verdict] = []
        self._case = case
        self._room = room
        self.start()

    def run(self) -> None:
        if self.check.apart:
            with self._room:
                self.found = look_apart(self.check, self._case)
        else:
            self.found = look(self.check, self._case)


def examine(checks: Sequence[Check], case: Case) -> list[Found]:
    """The verdicts of all `checks`, in their order."""
    room = threading.Semaphore(max(_TOGETHER, os.cpu_count() or 1))
    began = time.monotonic()
    patients = [_Patient(check, case, room) for check in checks]
    found: list[Found] = []
    for patient in patients:
        check = patient.check
        # A process is ended by its own thread; only a thread has to be given up.
        patient.join(None if check.apart else max(0.0, began + check.seconds - time.monotonic()))
        verdicts = patient.found if not patient.is_alive() else [hung(check)]
        found += [Found(check.group, _clean(verdict)) for verdict in verdicts]
    return found


def look(check: Check, case: Case) -> list[Verdict]:
    """The verdicts of one check; a fault of the check is a verdict."""
    try:
        return list(check.look(case))
    except MuraiError as error:
        return [Verdict(check.name, "bad", str(error))]
    except Exception as error:  # noqa: BLE001 - one check's fault must not cost the others
        why = f"the check itself failed: {type(error).__name__}: {error}"
        return [Verdict(check.name, "warn", why, "tell us, with the output of murai-show support")]


def look_apart(check: Check, case: Case) -> list[Verdict]:
    """The same in a process of its own, which is killed when its time is over."""
    command = [sys.executable, "-P", "-m", "murai_show.doctor.apart"]
    process = subprocess.Popen(  # noqa: S603 - our own program
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        # By a pipe: a command line can be read by every user, and a plan holds passwords.
        told = pickle.dumps((check, case))
        answer, _ = process.communicate(told, timeout=check.seconds + _AROUND)
    except subprocess.TimeoutExpired:
        return [hung(check)]
    finally:
        _end(process)
    if process.returncode == -signal.SIGALRM:  # see apart.py
        return [hung(check)]
    if process.returncode:
        return [crashed(check, process.returncode)]
    return [Verdict(**verdict) for verdict in json.loads(answer)]


def answer(verdicts: Sequence[Verdict]) -> bytes:
    """What a process of its own says to `look_apart`."""
    return json.dumps([asdict(verdict) for verdict in verdicts]).encode()


def hung(check: Check) -> Verdict:
    return Verdict(
        check.name,
        "bad",
        f"no answer within {check.seconds:g} s",
        "something hangs: unplug and plug the device, look into `dmesg`, or start the machine anew",
    )


def crashed(check: Check, status: int) -> Verdict:
    how = f"ended with status {status}"
    if status < 0:
        with contextlib.suppress(ValueError):
            how = f"crashed with {signal.Signals(-status).name}"
    mend = "a library or driver is broken: install it anew, look into `dmesg`"
    return Verdict(check.name, "bad", f"the library that was asked {how}", mend)


def _end(process: subprocess.Popen[bytes]) -> None:
    """With all that it started.  One in the kernel's hands dies when those let go of it."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1.0)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _clean(verdict: Verdict) -> Verdict:
    found, mend = scrubbed(verdict.found), scrubbed(verdict.mend)
    return replace(verdict, found=found, mend=mend)
