"""The jobs of a running show: housekeeping every few minutes, a self-check each day."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial

from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from murai_show.edge.jobs import Jobs
from murai_show.edge.retention import sweep
from murai_show.edge.selfcheck import SelfCheck, Surroundings
from murai_show.show.planned import Plan

HOUSEKEEPING_EVERY = 180  # seconds

log = logging.getLogger(__name__)


class Routine(Collector):
    """Runs from its making to `close`.  Whatever else is to happen now and then joins in one line:
    `routine.jobs.every(600, "posting", post)`."""

    def __init__(self, plan: Plan, around: Surroundings) -> None:
        self.jobs = Jobs()
        self._around = around
        self._check = SelfCheck(around)
        self._deleted: dict[str, int] = {}
        self.jobs.every(HOUSEKEEPING_EVERY, "housekeeping", self._keep_house)
        self.follow(plan)
        self.jobs.start()

    def follow(self, plan: Plan) -> None:
        """`plan` is on air: its bank, its hour."""
        self.jobs.once("bank", partial(self._check.know, plan.bank))
        if plan.selfcheck == "off":
            self.jobs.forget("selfcheck")
            return
        try:
            self.jobs.daily(plan.selfcheck, plan.place.tz, "selfcheck", self._check)
        except LookupError:  # pytz, which `schedule` asks, has zones of its own
            log.warning("no self-check: %s is a time zone unknown to it", plan.place.tz)

    def close(self) -> None:
        self.jobs.close()

    def collect(self) -> Iterator[Metric]:
        yield from self.jobs.collect()
        yield from self._check.collect()
        deleted = CounterMetricFamily(
            "murai_files_deleted", "Old files deleted, by output.", labels=("output",)
        )
        for output, count in dict(self._deleted).items():
            deleted.add_metric((output,), count)
        yield deleted

    def _keep_house(self) -> None:
        around = self._around
        for swept in sweep(around.plan(), around.writing, around.wall()):
            self._deleted[swept.output] = self._deleted.get(swept.output, 0) + swept.files
