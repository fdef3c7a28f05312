"""How long a call takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def timed(call: Callable[[], object], seconds: float) -> float:
    """The median milliseconds of `call`, repeated for `seconds`, three times at least."""
    taken: list[float] = []
    while sum(taken) < seconds or len(taken) < 3:
        begun = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken) * 1e3
