"""Tells systemd when the show is on the wall, how it is, and that it lives.

A sign of life is given for pictures that were presented, never because time has passed: a loop that
stands still is silent, and a supervisor that hears nothing starts the show again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from murai_show.edge.notify import Notifier, watchdog_seconds
from murai_show.loop.mailbox import Mailbox, Status
from murai_show.redact import redacted
from murai_show.show.mix import mix_words

log = logging.getLogger(__name__)

LOOK_EVERY = 0.25  # seconds, as often as the loop publishes
TELL_EVERY = 5.0  # seconds between two messages where there is no watchdog
STUCK_AFTER = 20.0  # seconds; a painter that compiles for a frame of a new size may take ten
EXTEND_EVERY = 5.0  # seconds
EXTEND_BY = 30.0  # seconds that the start may take from then on
LONGEST_START = 1800.0  # seconds; TensorRT builds the engines of a large bank in ten minutes
OUTPUT = "output "  # what the loop's errors of an output begin with


@dataclass(frozen=True)
class _Told:
    """What was true when the supervisor was last told, and when (monotonic seconds)."""

    status: Status
    at: float


class Vigil:
    """One thread, from its making to `close`; none where no supervisor listens.

    `attend` hands over the mailbox of the show once there is one: until then the show is starting,
    and may take its time.  `stop` says that it ends; `close` sets it.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        stop: threading.Event,
        stuck_after: float = STUCK_AFTER,
    ) -> None:
        self._notifier, self._stop, self._stuck_after = Notifier(environ), stop, stuck_after
        watchdog = watchdog_seconds(environ)
        self._tell_every = TELL_EVERY if watchdog is None else watchdog / 2
        self._mailbox: Mailbox | None = None
        self._begun = time.monotonic()
        self._extended = float("-inf")
        self._told: _Told | None = None
        self._complained = False
        self._thread = threading.Thread(target=self._run, name="vigil", daemon=True)
        if self._notifier:
            self._extend(self._begun)  # the first word is said before anything takes its time
            self._thread.start()

    def attend(self, mailbox: Mailbox) -> None:
        """The show is built; from now on its pictures count."""
        self._mailbox = mailbox

    def close(self) -> None:
        """The show is over."""
        self._stop.set()
        if self._notifier:
            self._thread.join(2.0)

    def look(self, now: float) -> None:
        """Tell what there is to tell at `now`, in monotonic seconds."""
        status = None if self._mailbox is None else self._mailbox.newest()
        if status is None:
            self._extend(now)
        elif self._told is None:
            if any(status.presented.values()):
                self._tell(now, status, "READY=1", "WATCHDOG=1")
        elif now - self._told.at >= self._tell_every:
            self._pulse(now, status, self._told.status)

    def _extend(self, now: float) -> None:
        """More time for a start that builds engines; not for one that waits for a picture."""
        begun = now - self._begun
        if self._mailbox is None and begun < LONGEST_START and now - self._extended >= EXTEND_EVERY:
            self._extended = now
            self._notifier.say(
                f"EXTEND_TIMEOUT_USEC={EXTEND_BY * 1e6:.0f}",
                f"STATUS=starting for {begun:.0f} s: engines are made ready",
            )

    def _pulse(self, now: float, status: Status, before: Status) -> None:
        """Alive, if anything was presented since `before` and the painter is not stuck."""
        why = silence(status, before, self._stuck_after)
        if why and not self._complained:
            log.error("the watchdog is not fed: %s", why)
        self._complained = bool(why)
        if not why:
            self._tell(now, status, "WATCHDOG=1")

    def _tell(self, now: float, status: Status, *words: str) -> None:
        before = None if self._told is None else self._told.status
        if self._notifier.say(*words, f"STATUS={redacted(sentence(status, before))}"):
            self._told = _Told(status, now)

    def _run(self) -> None:
        while not self._stop.wait(LOOK_EVERY):
            try:
                self.look(time.monotonic())
            except Exception:  # a thread's root: silence would cost the show
                log.exception("the supervisor could not be told how the show is")
        self._notifier.say("STOPPING=1", "STATUS=ending: films are finished, everything closes")


def silence(status: Status, before: Status, stuck_after: float) -> str:
    """Why `status` is no sign of life after `before`; empty if it is one.

    All outputs are shown by one thread in turn: one that hangs stops them all, and one that is lost
    raises, which stops none.  So what counts is that any of them presented a picture.  Nor does a
    painter that has nothing new to paint count as stuck: it goes on turning.
    """
    if status.turned is None or status.at - status.turned > stuck_after:
        return f"the painter has not come round for {stuck_after:g} s"
    if any(n > before.presented.get(name, 0) for name, n in status.presented.items()):
        return ""
    return "nothing was presented"


def sentence(status: Status, before: Status | None) -> str:
    """For `systemctl status`: `wave 70%, starry 30%; 24.8 painted a second; camera hall held`."""
    parts = [mix_words(status.look.mix) if status.look.lit else "dark by plan"]
    if before is not None and status.at > before.at:
        rate = (status.painted - before.painted) / (status.at - before.at)
        parts.append(f"{rate:.1f} painted a second")
    if status.degraded is not None and status.degraded.rung:
        parts.append(f"degraded: {status.degraded.words[status.degraded.rung]}")
    return "; ".join([*parts, *troubles(status, before)])


def troubles(status: Status, before: Status | None) -> list[str]:
    """What is not as it should be, a few words each."""
    found = [f"camera {n} {h.state}" for n, h in status.cameras.items() if h.state != "live"]
    errors = {} if before is None else before.errors
    for part, count in status.errors.items():
        if count > errors.get(part, 0):
            found.append(f"{part} lost" if part.startswith(OUTPUT) else f"{part} fails")
    return found + [
        f"output {name} not connected" for name, on in status.connected.items() if not on
    ]
