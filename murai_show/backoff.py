"""How long to wait before knocking again."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Backoff:
    """Waits that double from `first` to `most` seconds, with jitter, so that many kiosks do not
    knock at one door in step.  What went well for `good` seconds starts anew."""

    first: float = 0.5
    most: float = 10.0
    good: float = 10.0

    def delay(self, failures: int, draw: Random) -> float:
        """Seconds to wait after `failures` failures in a row (1 or more); `first` … `most`."""
        doubled = self.first * 2.0 ** min(failures, 30)
        return draw.uniform(self.first, min(self.most, doubled))
