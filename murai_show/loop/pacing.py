"""When an output is due.  Pure."""

from __future__ import annotations

import math


def next_due(due: float, now: float, fps: float) -> float:
    """The first tick after `now` of a rate of `fps` that ticked at `due`.  All in seconds.

    The phase is kept, so the rate does not drift; ticks that were missed are not caught up.
    """
    period = 1.0 / fps
    if now < due:
        return due
    following = due + (math.floor((now - due) / period) + 1) * period
    return following if following > now else following + period  # rounding fell on `now` itself
