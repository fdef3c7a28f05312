"""What the loop counts: cheap to write, copied whole to be read."""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass

# Seconds.  Dense where a crowd notices: a frame at 60 fps, at 30 fps, a tenth of a second.
BOUNDS = (0.002, 0.004, 0.008, 0.0167, 0.025, 0.0334, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5)
REMEMBERED = 100_000  # latencies kept for percentiles: nearly an hour at 30 fps
PROFILED = 10_000  # times of each stage that are kept for the profile
# What happens to one frame, in order: it waits in the camera's slot, is developed into pixels, is
# painted, waits on the easel, and is presented.  Together that is glass to glass.
STAGES = ("slot", "develop", "style", "easel", "present")


@dataclass(frozen=True)
class Histogram:
    """`counts[i]` observations were at most `bounds[i]` seconds, the last one counts all others."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float

    @property
    def count(self) -> int:
        return sum(self.counts)


class _Bins:
    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def freeze(self) -> Histogram:
        return Histogram(BOUNDS, tuple(self.counts), self.total)


class _Last:
    """The last so many times, in memory that is taken once: floats that live for an hour among
    pictures that live for a frame kept the heap growing for as long."""

    def __init__(self, size: int) -> None:
        self._times = array("d", bytes(8 * size))
        self._seen = 0

    def add(self, seconds: float) -> None:
        self._times[self._seen % len(self._times)] = seconds
        self._seen += 1

    def ordered(self) -> list[float]:
        return sorted(self._times[: self._seen])


@dataclass(frozen=True)
class Counts:
    """A copy of a tally at one moment."""

    painted: int
    presented: Mapping[str, int]
    fresh: Mapping[str, int]
    errors: Mapping[str, int]
    seconds: Mapping[str, Histogram]
    glass: Mapping[str, Histogram]
    turned: float | None = None


class Tally:
    """Counts of one run.  The painter's thread and the presenter's write, anyone may read.

    `painting` is since when the painter has been at the picture at hand (monotonic), None between
    two: a call that never returns is seen from outside by nothing else.
    """

    def __init__(self) -> None:
        self.painting: float | None = None
        self._lock = threading.Lock()
        self._painted = 0
        self._turned: float | None = None
        self._presented: Counter[str] = Counter()
        self._fresh: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._seconds: dict[str, _Bins] = {}
        self._glass: dict[str, _Bins] = {}
        self._latencies = _Last(REMEMBERED)
        self._unread: deque[float] = deque(maxlen=PROFILED)
        self._profile = {stage: _Last(PROFILED) for stage in STAGES}

    def spent(self, stage: str, seconds: float) -> None:
        """A frame spent `seconds` in one of `STAGES`."""
        with self._lock:
            self._spend(stage, seconds)

    def painted(self, seconds: float) -> None:
        """One frame was painted, which took `seconds`."""
        with self._lock:
            self._painted += 1
            self._spend("style", seconds)

    def turned(self, now: float) -> None:
        """The painter came round at `now` (monotonic seconds): it painted what was due, or nothing
        was.  A picture that is held is no work, a call that never returns is no turn."""
        with self._lock:
            self._turned = now

    def presented(self, output: str, seconds: float, latency: float | None) -> None:
        """`output` presented a picture, which took `seconds`; where it shows that frame for the
        first time, `latency` is the time since the frame was captured."""
        with self._lock:
            self._presented[output] += 1
            self._seconds.setdefault("present", _Bins()).add(seconds)
            if latency is not None:
                self._profile["present"].add(seconds)
                self._fresh[output] += 1
                self._glass.setdefault(output, _Bins()).add(latency)
                self._latencies.add(latency)
                self._unread.append(latency)

    def failed(self, part: str) -> None:
        """`part` raised an error that the show survived."""
        with self._lock:
            self._errors[part] += 1

    def read(self) -> Counts:
        with self._lock:
            return Counts(
                self._painted,
                dict(self._presented),
                dict(self._fresh),
                dict(self._errors),
                {k: b.freeze() for k, b in self._seconds.items()},
                {k: b.freeze() for k, b in self._glass.items()},
                self._turned,
            )

    def profile(self) -> dict[str, list[float]]:
        """The last times of every stage, in seconds, sorted."""
        with self._lock:
            return {stage: times.ordered() for stage, times in self._profile.items()}

    def _spend(self, stage: str, seconds: float) -> None:
        self._seconds.setdefault(stage, _Bins()).add(seconds)
        self._profile[stage].add(seconds)

    def latencies(self) -> list[float]:
        """Glass to glass of the last pictures, in seconds, sorted."""
        with self._lock:
            return self._latencies.ordered()

    def unread(self) -> list[float]:
        """Glass to glass of the pictures since the last call, in seconds, for one reader."""
        with self._lock:
            found = list(self._unread)
            self._unread.clear()
        return found


def percentile(ordered: list[float], share: float) -> float:
    """The nearest-rank percentile of sorted values; 0 when there are none."""
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
