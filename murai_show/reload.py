"""Hot reload: a show file that is saved is the show from the next frame on, if it is right.

Reading, checking, planning and building happen on the thread of the watch; the loop only ever meets
what is finished.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Protocol

from murai_show.edge.metrics import Result
from murai_show.edge.watch import Stamps, stamps
from murai_show.errors import MuraiError, ShowError
from murai_show.on_air import OnAir
from murai_show.show.changes import plan_files
from murai_show.show.plan import Monitor, Plan

# A save in place empties the file before it writes it: found empty this often, it is meant.
EMPTY_LOOKS = 5

log = logging.getLogger(__name__)


class Replan(Protocol):
    """Reads the show anew: what `make_plan` does, for the show and the options of this run."""

    def __call__(self, *, monitors: tuple[Monitor, ...]) -> Plan:
        """Raises ShowError with every problem, or UsageError."""
        ...


class Reload:
    """Takes newer versions of the show that is `air`, and counts in `counts` what became of them.

    `show` is the file's path as it was found, a link included; `seen` how all files stood before
    anything was built.  `monitors` are those of the start; `list_monitors` asks for them again on
    any thread, or raises CancelledError when the show is over.  `taken` is told about every plan
    that runs from then on.
    """

    def __init__(
        self,
        show: Path,
        seen: Stamps,
        air: OnAir,
        replan: Replan,
        monitors: tuple[Monitor, ...],
        list_monitors: Callable[[], tuple[Monitor, ...]],
        taken: Callable[[Plan], None],
        counts: dict[Result, int],
        stop: threading.Event,
    ) -> None:
        self._show, self._air, self._replan, self._counts = show, air, replan, counts
        self._list_monitors, self._taken, self._stop = list_monitors, taken, stop
        self._monitors = monitors
        self._built = seen
        self._empty_looks = 0

    def files(self) -> frozenset[Path]:
        """What is to be watched now."""
        return plan_files(self._air.plan) | {self._show}

    def settled(self, now: Stamps) -> Stamps | None:
        """Take the version whose files stand at `now`, or say why not.

        The stamps that were dealt with; None when a file moved meanwhile, or the show is empty and
        was not just before: what was read may be half of a version.
        """
        if self._is_filling(now):
            return None
        try:
            plan = self._plan()
            verdict = None
        except MuraiError as error:
            plan, verdict = None, error
        except CancelledError:
            return now
        if stamps(now) != now:
            return None
        if plan is not None:
            now = {**stamps(plan_files(plan)), **now}
            verdict = self._take(plan, now)
        if verdict is not None:
            self._counts["refused"] += 1
            log.warning("the newer version is not taken, the show goes on as it was:\n%s", verdict)
        return {file: now[file] for file in now if file in self.files()}

    def _is_filling(self, now: Stamps) -> bool:
        """Whether the show is empty, and may be so for a moment only."""
        found = now.get(self._show)
        self._empty_looks = self._empty_looks + 1 if found is not None and found[1] == 0 else 0
        return 0 < self._empty_looks < EMPTY_LOOKS

    def _plan(self) -> Plan:
        """The show as it stands in its file.  A monitor may have come since it was last asked."""
        try:
            return self._replan(monitors=self._monitors)
        except ShowError:
            found = self._list_monitors()
            if found == self._monitors:
                raise
            self._monitors = found
            return self._replan(monitors=found)

    def _take(self, plan: Plan, now: Stamps) -> MuraiError | None:
        """Why not, when it is not taken."""
        built = self._built
        touched = {file for file in now if file in built and now[file] != built[file]}
        notes = set(self._air.plan.notes)
        try:
            changed = self._air.take(plan, touched, self._stop)
        except MuraiError as error:
            return error
        except CancelledError:
            return None
        self._built = now
        self._counts["taken"] += 1
        self._taken(self._air.plan)
        log.info("%s: version %s is on: %s", plan.show, plan.config_hash, changed)
        for note in plan.notes:
            if note not in notes:
                log.info("%s", note)
        return None
