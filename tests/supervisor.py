"""A supervisor as systemd is one, for tests: it binds the socket, hears what a real show says,
kills what it hears nothing from, and starts it again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.plans import REPOSITORY

PATIENT = 60.0  # seconds for what takes a few on a machine that has nothing else to do


class Supervisor:
    """Starts `argv` in `work`, with a watchdog of `watchdog` seconds.  `heard` holds all messages
    with the time they came (monotonic seconds), `run` the process."""

    def __init__(
        self, work: Path, argv: list[str], watchdog: float, abstract: bool = False
    ) -> None:
        self.work, self.argv, self.watchdog = work, argv, watchdog
        self.line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        name = f"murai-test-{os.getpid()}-{id(self)}"
        self.line.bind("\0" + name if abstract else str(work / "notify"))
        self.address = "@" + name if abstract else str(work / "notify")
        self.heard: list[tuple[float, str]] = []
        self.run = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        environ = {
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "NOTIFY_SOCKET": self.address,
            "WATCHDOG_USEC": f"{self.watchdog * 1e6:.0f}",
            "XDG_STATE_HOME": str(self.work / "state"),
            "OMP_NUM_THREADS": "1",
            "PYTHONFAULTHANDLER": "1",
        }
        environ.pop("WATCHDOG_PID", None)
        with (self.work / "log").open("ab") as log:
            return subprocess.Popen(self.argv, cwd=self.work, env=environ, stdout=log, stderr=log)

    @property
    def log(self) -> str:
        return (self.work / "log").read_text("utf-8")

    def said(self, word: str) -> int:
        """How many messages had this assignment."""
        return sum(word in message.split("\n") for _, message in self.heard)

    def hear(self, seconds: float) -> str:
        """The next message, empty when none comes in time."""
        self.line.settimeout(max(0.001, seconds))
        try:
            message = self.line.recv(65536).decode()
        except TimeoutError:
            return ""
        self.heard.append((time.monotonic(), message))
        return message

    def hear_until(self, true: Callable[[str], bool], seconds: float = PATIENT) -> str:
        """The next message that is as wanted."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            message = self.hear(min(left, 0.5))
            if message and true(message):
                return message
            assert self.run.poll() is None, f"it ended with {self.run.returncode}: {self.log}"
        raise AssertionError(f"not heard in {seconds} s: {self.heard[-5:]}; {self.log}")

    def hear_word(self, word: str, seconds: float = PATIENT) -> str:
        return self.hear_until(lambda message: word in message.split("\n"), seconds)

    def hear_pulses(self, count: int) -> None:
        for _ in range(count):
            self.hear_word("WATCHDOG=1")

    def silence_kills(self, patience: float) -> float:
        """Listen until the watchdog would have struck, kill as it does, and start again; how long
        the last pulse was ago.  Fails when pulses go on for `patience` seconds."""
        last, end = time.monotonic(), time.monotonic() + patience
        while time.monotonic() - last < self.watchdog:
            assert time.monotonic() < end, f"pulses go on: {self.heard[-5:]}"
            if "WATCHDOG=1" in self.hear(last + self.watchdog - time.monotonic()).split("\n"):
                last = time.monotonic()
        quiet = time.monotonic() - last
        self.run.send_signal(signal.SIGABRT)
        self.run.send_signal(signal.SIGCONT)
        try:
            self.run.wait(5)
        except subprocess.TimeoutExpired:
            self.run.kill()
            self.run.wait(5)
        self.run = self.start()
        return quiet

    def terminate(self) -> tuple[int, float]:
        """SIGTERM: the status, and the seconds until it was there."""
        begun = time.monotonic()
        self.run.send_signal(signal.SIGTERM)
        status = self.run.wait(PATIENT)
        return status, time.monotonic() - begun

    def close(self) -> None:
        if self.run.poll() is None:
            self.run.kill()
            self.run.wait(5)
        self.line.close()


def murai_show(*words: str) -> list[str]:
    return [sys.executable, "-m", "murai_show", *words]
