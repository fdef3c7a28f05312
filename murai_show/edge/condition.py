"""How the machine and the process are, for whoever watches many shows: room on the disks, clock,
memory, and whether the show file holds what runs."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from prometheus_client import ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from murai_show.edge.disk import LEAST_FREE, existing, floors, tightest
from murai_show.edge.kernel_clock import synchronised
from murai_show.loop.mailbox import Mailbox
from murai_show.show.planned import Plan

log = logging.getLogger(__name__)

EVERY = 30  # seconds between two looks at the disks: a scrape must not wait for a network's


class Condition(Collector):
    """`look` asks the disks and the file system, now and then, on a thread that may wait for them;
    a scrape tells what it found.

    `state` is the folder of what a show keeps between two runs; `now` are monotonic seconds, those
    of the mailbox, and `wall` POSIX seconds.
    """

    def __init__(
        self,
        plan: Callable[[], Plan],
        mailbox: Mailbox,
        state: Path,
        now: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._plan, self._mailbox, self._state = plan, mailbox, state
        self._now, self._wall = now, wall
        self._rooms: Mapping[str, tuple[int, int]] = {}
        self._differs: bool | None = None
        self._process = ProcessCollector(registry=None)

    def look(self) -> None:
        """Find out what a scrape will tell."""
        plan = self._plan()
        self._differs = file_differs(plan)
        try:
            rooms = {
                "recordings": tightest(floors(plan)),
                "state": tightest({existing(self._state / "any"): LEAST_FREE}),
            }
        except (
            OSError
        ) as error:  # a disk that went away: there is no number, rather than an old one
            log.debug("the room on a disk cannot be known: %s", error.strerror)
            rooms = {}
        self._rooms = {of: room for of, room in rooms.items() if room is not None}

    def collect(self) -> Iterator[Metric]:
        yield from self._process.collect()
        yield from self._clocks()
        yield from self._disks()
        if self._differs is not None:
            yield GaugeMetricFamily(
                "murai_file_differs",
                "1 while the show file holds another version than the one that runs.",
                value=float(self._differs),
            )

    def _clocks(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "murai_wall_seconds", "The clock of this machine, POSIX seconds.", value=self._wall()
        )
        kept = synchronised()
        if kept is not None:
            yield GaugeMetricFamily(
                "murai_clock_synchronised",
                "1 while the clock is kept by NTP or the like.",
                value=float(kept),
            )
        status = self._mailbox.newest()
        if status is not None:
            yield GaugeMetricFamily(
                "murai_status_age_seconds",
                "Seconds since the loop last told how it is.",
                value=max(0.0, self._now() - status.at),
            )

    def _disks(self) -> Iterator[Metric]:
        free = GaugeMetricFamily(
            "murai_disk_free_bytes", "Room where the show writes.", labels=("of",)
        )
        floor = GaugeMetricFamily(
            "murai_disk_floor_bytes",
            "Room that must be left where the show writes.",
            labels=("of",),
        )
        for of, (left, needed) in self._rooms.items():
            free.add_metric((of,), left)
            floor.add_metric((of,), needed)
        yield from (free, floor)


def file_differs(plan: Plan) -> bool | None:
    """Whether the show file holds another text than the one of `plan`; None when it is gone."""
    try:
        data = plan.source.read_bytes()
    except OSError:
        return None
    return not hashlib.sha256(data).hexdigest().startswith(plan.config_hash)
