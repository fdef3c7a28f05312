"""What `expect` says, held against what the show does, while it runs.

A thread of its own looks, so that a loop that hangs is found too; what it concludes is pure.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from murai_show.loop.mailbox import Status
from murai_show.show.guard import Promise

log = logging.getLogger(__name__)

WINDOW = 10.0  # seconds that a rate and a percentile are taken over
EVERY = 0.5  # seconds between two looks
FEW = 20  # latencies below which there is no 95th percentile
SHARE = 0.95


@dataclass(frozen=True)
class Finding:
    """One thing that is expected, as it is: `broken`, and in words what was measured."""

    what: str
    broken: bool
    words: str


class Expectations:
    """Judges one status after the other.  `lasted` has the seconds that each thing was broken.

    What is dark by plan breaks nothing, and a rate is only judged once the show has been lit for
    the whole window.
    """

    def __init__(self) -> None:
        self.lasted: dict[str, float] = {}
        self._since: dict[str, float] = {}  # broken since
        self._painted: deque[tuple[float, int]] = deque()
        self._latencies: deque[tuple[float, tuple[float, ...]]] = deque()
        self._moved: tuple[int, float] | None = None  # pictures painted, and when that changed
        self._last: float | None = None

    @property
    def broken(self) -> Mapping[str, bool]:
        """Whether each thing that has been judged is broken."""
        return {what: what in self._since for what in self.lasted}

    def see(
        self, promise: Promise, status: Status, latencies: Iterable[float], now: float
    ) -> tuple[tuple[Finding, float], ...]:
        """Judge `status` at `now` (monotonic seconds); `latencies` are those since the last call.

        What has changed, each with the seconds that it was as before.
        """
        if status.look.lit:
            self._take(status, tuple(latencies), now)
            return self._compared(promise, self._findings(promise, now), now)
        self._painted.clear()
        self._latencies.clear()
        self._moved = None
        dark = tuple(Finding(what, False, "dark by plan") for what in self._since)
        return self._compared(promise, dark, now)

    def _take(self, status: Status, latencies: tuple[float, ...], now: float) -> None:
        self._painted.append((status.at, status.painted))
        self._latencies.append((now, latencies))
        while status.at - self._painted[0][0] > WINDOW + EVERY:
            self._painted.popleft()
        while now - self._latencies[0][0] > WINDOW:
            self._latencies.popleft()
        if self._moved is None or self._moved[0] != status.painted:
            self._moved = (status.painted, status.at)

    def _findings(self, promise: Promise, now: float) -> tuple[Finding, ...]:
        found: list[Finding] = []
        (begun, first), (ended, last) = self._painted[0], self._painted[-1]
        if promise.painted is not None and ended - begun >= WINDOW - EVERY:
            rate = (last - first) / (ended - begun)
            words = f"{rate:.1f} a second, {promise.painted:g} are expected"
            found.append(Finding("painted", rate < 0.97 * promise.painted, words))
        times = sorted(time for _, some in self._latencies for time in some)
        if promise.glass_to_glass_p95 is not None and len(times) >= FEW:
            p95 = times[min(len(times) - 1, int(SHARE * len(times)))]
            limit = promise.glass_to_glass_p95
            words = f"{1e3 * p95:.0f} ms, at most {1e3 * limit:.0f} ms are expected"
            found.append(Finding("glass_to_glass_p95", p95 > limit, words))
        if promise.frozen_after is not None and self._moved is not None:
            age, limit = now - self._moved[1], promise.frozen_after
            words = f"the last new picture is {age:.1f} s old, {limit:g} s are allowed"
            found.append(Finding("frozen_after", age > limit, words))
        return tuple(found)

    def _compared(
        self, promise: Promise, found: tuple[Finding, ...], now: float
    ) -> tuple[tuple[Finding, float], ...]:
        changed: list[tuple[Finding, float]] = []
        passed = 0.0 if self._last is None else now - self._last
        self._last = now
        for what in tuple(self.lasted):
            if getattr(promise, what) is None:  # a newer version of the show expects it no more
                del self.lasted[what]
                self._since.pop(what, None)
            elif what in self._since:
                self.lasted[what] += passed
        for finding in found:
            self.lasted.setdefault(finding.what, 0.0)
            since = self._since.get(finding.what)
            if finding.broken and since is None:
                self._since[finding.what] = now
                changed.append((finding, 0.0))
            elif not finding.broken and since is not None:
                del self._since[finding.what]
                changed.append((finding, now - since))
        return tuple(changed)


class Expecting:
    """Looks at the newest status every so often, and says in the log what broke and what is kept
    again.  `promise` is asked for at each look: a newer version of the show may expect other
    things.  `broken` says of each thing whether it is, `lasted` for how many seconds it was."""

    def __init__(
        self,
        promise: Callable[[], Promise],
        newest: Callable[[], Status | None],
        latencies: Callable[[], Iterable[float]],
        now: Callable[[], float],
        every: float = EVERY,
    ) -> None:
        self._promise, self._newest, self._latencies, self._now = promise, newest, latencies, now
        self._judge = Expectations()
        self.broken: Mapping[str, bool] = {}  # these two are exchanged whole, for other threads
        self.lasted: Mapping[str, float] = {}
        self._every = every
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="expect", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        while not self._closing.wait(self._every):
            try:
                self._look()
            except Exception:  # a thread's root: the show goes on, and the next look tries again
                log.exception("what the show is held to could not be looked at")

    def _look(self) -> None:
        status, latencies = self._newest(), self._latencies()
        if status is None:
            return
        changed = self._judge.see(self._promise(), status, latencies, self._now())
        self.broken, self.lasted = self._judge.broken, dict(self._judge.lasted)
        for finding, before in changed:
            if not finding.broken:
                log.info("expect: %s is kept again after %.0f s", finding.what, before)
                continue
            why = _why(status)
            log.warning("expect: %s is broken: %s%s", finding.what, finding.words, why)


def _why(status: Status) -> str:
    """What else is out of order, for the person who reads the line."""
    known = [
        f"camera {name} is {health.state}"
        for name, health in status.cameras.items()
        if health.state != "live"
    ]
    if status.degraded is not None and status.degraded.rung:
        known.append(f"the show stands on {status.degraded.words[status.degraded.rung]}")
    return f" ({', '.join(known)})" if known else ""
