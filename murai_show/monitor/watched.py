"""A show as Prometheus sees it, and how PromQL speaks of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from murai_show.show.planned import Plan
from murai_show.show.words import write_duration

EVERY = 15.0  # seconds between two scrapes
HERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what listens everywhere is asked here


@dataclass(frozen=True)
class Watched:
    """`plan`, scraped at `targets` (`host:port`) every so many seconds."""

    plan: Plan
    targets: tuple[str, ...]
    every: float = EVERY

    @property
    def show(self) -> str:
        return self.plan.show

    @property
    def window(self) -> float:
        """Seconds in which something must have moved: four scrapes, so that one may be missed, and
        never less than the show itself allows."""
        return max(4 * self.every, math.ceil(self.plan.expect.frozen_after or 0.0))

    def series(self, metric: str, **labels: str) -> str:
        """`metric{show="plaza",stage="painted"}`; label values are names of the show language or
        our own words, so nothing in them wants escaping."""
        inside = ",".join(
            f'{name}="{value}"' for name, value in {"show": self.show, **labels}.items()
        )
        return f"{metric}{{{inside}}}"

    def over(self, metric: str, seconds: float, **labels: str) -> str:
        """The same over the last `seconds`."""
        return f"{self.series(metric, **labels)}[{span(seconds)}]"

    @property
    def lit(self) -> str:
        """What an expression is followed by to be silent in the dark: 1 for each instance that has
        been lit for the whole window."""
        lasting = self.over("murai_expected_lit", self.window)
        return f"on (show, instance) (min_over_time({lasting}) == 1)"


def span(seconds: float) -> str:
    """Seconds as Prometheus writes them: 15s, 1m, 26h; whole ones, rounded up."""
    return write_duration(float(math.ceil(seconds)))
