"""How often an account may post: a limit in a sliding window, a budget in the last 24 hours.

Both are counted from the ledger of what was sent: a post with unknown success counts as one, since
it may be there and may have been paid for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

DAY = 86_400.0
_CENT = 1e-9  # what sums of floats may be wrong by


@dataclass(frozen=True)
class Spent:
    """One post of the ledger: `at` in POSIX seconds, `cost` in USD."""

    at: float
    cost: float


@dataclass(frozen=True)
class Allowance:
    """`limit` is how many posts in how many seconds, `budget` USD in 24 hours, None for no end;
    a post costs `cost`."""

    limit: tuple[int, float] | None = None
    budget: float | None = None
    cost: float = 0.0

    @property
    def window(self) -> float:
        """Seconds of the past that matter."""
        return max(DAY, self.limit[1] if self.limit else 0.0)

    def free_at(self, ledger: Sequence[Spent], now: float) -> float:
        """When one more post keeps to both: `now` if it does already, infinity if it never will.

        `ledger` is in the order of time.  What it has of the future (a clock was set back) counts
        as of now.
        """
        past = [Spent(min(spent.at, now), spent.cost) for spent in ledger]
        return max(now, self._limit_free(past), self._budget_free(past, now))

    def _limit_free(self, past: list[Spent]) -> float:
        if self.limit is None:
            return -math.inf
        count, seconds = self.limit
        if count < 1:
            return math.inf
        return past[-count].at + seconds if len(past) >= count else -math.inf

    def _budget_free(self, past: list[Spent], now: float) -> float:
        if self.budget is None or self.cost <= 0:
            return -math.inf
        if self.cost > self.budget + _CENT:
            return math.inf
        day = [spent for spent in past if spent.at > now - DAY]
        total, free = sum(spent.cost for spent in day), -math.inf
        for spent in day:
            if total + self.cost <= self.budget + _CENT:
                break
            total, free = total - spent.cost, spent.at + DAY
        return free
