"""The booth's metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from murai_show.edge.booth.clerk import OUTCOMES
from murai_show.edge.booth.desk import Desk
from murai_show.errors import MuraiError


class ShotsCollector(Collector):
    """What became of portraits, and how many wait, of the desk that `desk` gives at a scrape."""

    def __init__(self, desk: Callable[[], Desk | None]) -> None:
        self._desk = desk

    def collect(self) -> Iterator[Metric]:
        if (desk := self._desk()) is None:
            return
        shots = CounterMetricFamily(
            "murai_booth_shots", "Portraits by what became of them.", labels=("outcome",)
        )
        for outcome in OUTCOMES:
            shots.add_metric((outcome,), desk.clerk.outcomes[outcome])
        yield shots
        try:
            waiting = desk.clerk.waiting()
        except MuraiError as error:
            desk.clerk.tell(str(error))
            return
        yield GaugeMetricFamily(
            "murai_booth_waiting", "Portraits that wait for the operator.", value=waiting
        )
