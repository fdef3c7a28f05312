"""The only thing that the loop and the edges share: the newest status, and nothing that waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from murai_show.loop.tally import Histogram as Histogram
from murai_show.ports import CameraHealth
from murai_show.show.timeline import Look


@dataclass(frozen=True)
class Degraded:
    """Which rung of its ladder a show stands on, 0 for the whole picture, and the words of all."""

    rung: int
    words: tuple[str, ...]


@dataclass(frozen=True)
class Status:
    """How the show is, at `at` (monotonic seconds).  Counters only grow, so a reader that comes
    seldom loses detail and no sum.  `seconds` and `glass` are keyed by stage and by output.
    `recoveries` counts how often the painter's GPU was out of memory and went on, `flashes` those
    that were kept from the wall; `connected` and `reconnects` are of the outputs that are sent to a
    server; `degraded` is None for a show without a ladder; `turned` is when the painter last came
    round (monotonic seconds), having painted or found nothing to paint, None before that;
    `painting` is for how many seconds it has been at the picture at hand."""

    at: float
    look: Look
    cameras: Mapping[str, CameraHealth]
    painted: int
    presented: Mapping[str, int]
    drops: Mapping[tuple[str, str], int] = field(default_factory=dict)
    errors: Mapping[str, int] = field(default_factory=dict)
    seconds: Mapping[str, Histogram] = field(default_factory=dict)
    glass: Mapping[str, Histogram] = field(default_factory=dict)
    recoveries: int = 0
    connected: Mapping[str, bool] = field(default_factory=dict)
    reconnects: Mapping[str, int] = field(default_factory=dict)
    flashes: int = 0
    degraded: Degraded | None = None
    turned: float | None = None
    painting: float = 0.0


REMEMBERED = 40  # statuses: ten seconds of them, for whoever wants a rate


class Mailbox:
    """The newest status, and the few before it.  Putting one in and taking one out are single steps
    of the interpreter: neither side ever waits."""

    def __init__(self) -> None:
        self._statuses: deque[Status] = deque(maxlen=REMEMBERED)

    def publish(self, status: Status) -> None:
        self._statuses.append(status)

    def newest(self) -> Status | None:
        return self._statuses[-1] if self._statuses else None

    def oldest(self) -> Status | None:
        """The one of about ten seconds ago, or the first there was."""
        return self._statuses[0] if self._statuses else None
