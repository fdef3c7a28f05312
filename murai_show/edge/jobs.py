"""Periodic jobs, on a thread of their own: housekeeping, self-checks, rounds of posting.

When they are due is the business of the `schedule` library.  The picture has nothing to do with it:
that is a pure function of the time (`look_at`).
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime

import schedule
from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

LONGEST_SLEEP = 20.0  # seconds: a clock that was set, or a job that came later, is noticed then

log = logging.getLogger(__name__)

Job = Callable[[], object]


class Jobs(Collector):
    """Runs jobs by name; one that raises is logged and counted, and runs again when it is due.

    A name that is given again replaces the job.  Any thread may add jobs; they run on one.
    """

    def __init__(self) -> None:
        self._scheduler = schedule.Scheduler()
        self._lock = threading.RLock()  # the library has none
        self._ran: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def every(self, seconds: int, name: str, job: Job) -> None:
        """Run `job` soon and then every so many seconds."""
        with self._lock:
            self.forget(name)
            planned = self._scheduler.every(seconds).seconds.do(self._attempt, name, job).tag(name)
            planned.next_run = datetime.now()

    def once(self, name: str, job: Job) -> None:
        """Run `job` soon, and not again."""
        self.every(1, name, lambda: (self.forget(name), job()))

    def daily(self, hour: str, zone: str, name: str, job: Job) -> None:
        """Run `job` each day at `hour`, such as 12:00, on the clock of the IANA time `zone`.  An
        hour that a change of clocks leaves out comes an hour later."""
        with self._lock:
            self.forget(name)
            self._scheduler.every().day.at(hour, zone).do(self._attempt, name, job).tag(name)

    def forget(self, name: str) -> None:
        with self._lock:
            self._scheduler.clear(name)

    def run_pending(self) -> None:
        """Run what is due, on this thread."""
        with self._lock:
            due = sorted(job for job in self._scheduler.jobs if job.should_run)
        for job in due:
            with self._lock:
                if job not in self._scheduler.jobs:  # replaced meanwhile
                    continue
            job.run()

    def start(self) -> None:
        self._thread.start()

    def close(self, timeout: float = 2.0) -> None:
        """Start no further job; waits for the one under way, but not for ever."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def collect(self) -> Iterator[Metric]:
        known = tuple(self._ran)  # of what never failed there is a 0, so that a first time is seen
        for name, what, counts in (
            ("murai_jobs", "Periodic jobs that ran, by name.", self._ran),
            ("murai_job_failures", "Periodic jobs that failed, by name.", self._failed),
        ):
            metric = CounterMetricFamily(name, what, labels=("job",))
            for job in known:
                metric.add_metric((job,), counts[job])
            yield metric

    def _attempt(self, name: str, job: Job) -> None:
        """What it returns must not be the job's: the library would take it for a wish to end."""
        self._ran[name] += 1
        try:
            job()
        except Exception:  # a thread's root: the others go on
            self._failed[name] += 1
            log.exception("job %s failed; it runs again when it is due", name)

    def _run(self) -> None:
        while not self._stop.wait(self._sleep()):
            self.run_pending()

    def _sleep(self) -> float:
        with self._lock:
            idle = self._scheduler.idle_seconds
        return LONGEST_SLEEP if idle is None else min(LONGEST_SLEEP, max(0.0, idle))
