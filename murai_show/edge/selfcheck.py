"""The daily self-check: is there room, can the films of the last evening be opened, is the clock
sane, is the bank what it was."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from murai_show.edge.disk import floors, writers
from murai_show.edge.retention import about, matches, retained, stored
from murai_show.show.planned import Plan, PlannedBank

EVENING = 24 * 3600.0  # seconds
MOST_FILES = 200  # opened in one check
EARLIEST = datetime(2026, 1, 1, tzinfo=UTC).timestamp()  # no clock that is right shows less
AHEAD = 3600.0  # seconds that a show file may be younger than now

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Surroundings:
    """What the check asks of the rest: the plan that runs, the files that are being written, those
    written in this run, why a file cannot be opened (empty when it can), POSIX time."""

    plan: Callable[[], Plan]
    writing: Callable[[], Collection[Path]]
    written: Callable[[], Collection[Path]]
    damage: Callable[[Path], str]
    wall: Callable[[], float]


class SelfCheck(Collector):
    """Call it for one check: a line in the log, and metrics for whoever watches many shows."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._bank: tuple[Path, str] | None = None
        self._gone: set[Path] = set()
        self._last: tuple[float, bool] | None = None

    def know(self, bank: PlannedBank) -> None:
        """Remember what the bank that paints from now on is made of."""
        self._bank = (bank.file, digest(bank.file))

    def __call__(self) -> None:
        now, plan = self._around.wall(), self._around.plan()
        troubles = [*self._disk(plan), *self._files(plan, now), *clock(plan, now), *self._paint()]
        self._last = (now, not troubles)
        if troubles:
            log.warning("self-check: %s", "; ".join(troubles))
        else:
            log.info("self-check: disk, files, clock and bank are well")

    def collect(self) -> Iterator[Metric]:
        if self._last is None:
            return
        at, good = self._last
        yield GaugeMetricFamily(
            "murai_selfcheck_ok", "1 when the last self-check found all well.", value=float(good)
        )
        yield GaugeMetricFamily(
            "murai_selfcheck_timestamp", "When the last self-check was, POSIX seconds.", value=at
        )

    def _disk(self, plan: Plan) -> Iterator[str]:
        """One sentence for each folder that is short of room."""
        for folder, floor in floors(plan).items():
            free = shutil.disk_usage(folder).free
            if free < floor:
                yield f"only {about(free)} is free in {folder}"

    def _files(self, plan: Plan, now: float) -> Iterator[str]:
        """One sentence for each file of the last evening that is gone or cannot be opened."""
        files = [f for output in writers(plan) for f in stored(output.file or Path())]
        recent = sorted((f for f in files if now - f.modified <= EVENING), key=lambda f: f.modified)
        busy = self._around.writing()  # after the listing: what is begun since is not in it
        for file in recent[-MOST_FILES:]:
            why = "" if file.path in busy else self._around.damage(file.path)
            if why and file.path.exists():
                yield f"{file.path} cannot be opened: {why}"
        for path in self._around.written():
            if path in self._gone or path.exists() or _may_go(plan, path):
                continue
            self._gone.add(path)  # said once: somebody may have carried it away
            yield f"{path} is gone"

    def _paint(self) -> Iterator[str]:
        if self._bank is None:
            return
        path, before = self._bank
        now = digest(path)
        if now != before:
            yield f"the bank {path} is " + ("another than when it was read" if now else "gone")


def clock(plan: Plan, now: float) -> Iterator[str]:
    """A sentence when the clock cannot be right."""
    shown = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M UTC")
    try:
        saved = plan.source.stat().st_mtime
    except OSError:
        saved = 0.0
    if now < EARLIEST:
        yield f"the clock shows {shown}; set it, by NTP at best"
    elif now < saved - AHEAD:
        yield f"the clock shows {shown}, before the show file was saved; set it, by NTP at best"


def digest(path: Path) -> str:
    """SHA-256 of a file; empty when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _may_go(plan: Plan, path: Path) -> bool:
    """Whether an output that lets old files go gave `path` its name."""
    return any(output.file and matches(output.file, path) for output in retained(plan))
