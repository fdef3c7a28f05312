"""The post office of a running show: one outbox, a thread for each account, one that tends them.

The loop knows nothing of it.  Whatever fails here is a line in the log and a metric.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from murai_show.edge.social.delivery import Delivery
from murai_show.edge.social.outbox import FILE, Outbox
from murai_show.edge.social.outbox_metrics import outbox_metrics
from murai_show.edge.social.pictures import Folder
from murai_show.edge.social.port import Account, Portrait
from murai_show.edge.social.practice import Practice
from murai_show.edge.social.tidying import Caps, tidy
from murai_show.edge.social.wording import Venue
from murai_show.errors import MuraiError, OutboxError
from murai_show.show.planned_post import PlannedAccount

TEND_EVERY = 10.0  # seconds
TIDY_EVERY = 60.0
ENDING = 1.5  # seconds that a round under way may take when the show ends

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Surroundings:
    """What the post office asks of the rest: where its folder is, the accounts that the plan of now
    has, what the words say of the show, how an account is opened, POSIX time."""

    home: Path
    accounts: Callable[[], Sequence[PlannedAccount]]
    venue: Callable[[], Venue]
    open_account: Callable[[PlannedAccount], Account]
    wall: Callable[[], float]


class PostOffice(Collector):
    """Runs from its making to `close`; a newer plan is noticed by itself.

    Without accounts, and where nothing was ever put, it makes no file.
    """

    def __init__(self, around: Surroundings, caps: Caps | None = None) -> None:
        self._around, self._caps = around, caps or Caps()
        self._outbox: Outbox | None = None
        self._owner = False
        self._said = ""
        self._tidied: float | None = None
        self._running: dict[str, Delivery] = {}
        self._leaving: list[Delivery] = []
        self._opening = threading.Lock()
        self._stop, self._bell = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="post office", daemon=True)
        self._thread.start()

    def put(self, portrait: Portrait, accounts: Sequence[str] | None = None) -> None:
        """Take `portrait` for the accounts of these names, None for all that the plan has; once it
        returns, it is on the disk.  Takes as long as a disk does; on any thread but the loop's.

        Raises OutboxError when it cannot be kept.
        """
        planned = self._around.accounts()
        wanted = [a for a in planned if accounts is None or a.name in accounts]
        if not wanted:
            return
        now = self._around.wall()
        self._have_outbox().put(portrait, wanted, self._around.venue(), now)
        self._bell.set()
        for delivery in list(self._running.values()):
            delivery.ring()

    def collect(self) -> Iterator[Metric]:
        accounts = {a.name for a in self._around.accounts()}
        troubled = {name for name, d in dict(self._running).items() if d.trouble}
        outbox = self._outbox
        try:
            if outbox is not None:
                yield from outbox_metrics(outbox, accounts, troubled, self._around.wall())
        except sqlite3.Error as error:  # a scrape does not fail for one part
            log.debug("outbox: no metrics: %s", error)

    def close(self, timeout: float = ENDING) -> None:
        """Let the rounds under way end, but not for long: what is being sent then is unknown."""
        self._stop.set()
        self._bell.set()
        ending = time.monotonic() + timeout
        self._thread.join(timeout)
        going = [*self._running.values(), *self._leaving]
        for delivery in going:
            delivery.stop()
        for delivery in going:
            delivery.join(max(0.0, ending - time.monotonic()))
        with self._opening:
            outbox, self._outbox = self._outbox, None
        if outbox is None:
            return
        try:
            if self._owner:
                for entry in outbox.put_down(self._around.wall()):
                    log.warning("post %s: portrait %d: %s", entry.account, entry.number, entry.why)
        except sqlite3.Error as error:  # the next start finds it as it is, and means the same
            log.warning("outbox: %s", error)
        finally:
            outbox.close()

    # ---- on the thread that tends ------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.is_set():
            self._bell.clear()
            try:
                self._tend()
            except (MuraiError, sqlite3.Error, OSError) as error:
                self._say(str(error))
            except Exception:  # a thread's root: it is tried again
                log.exception("post office: a round failed; it goes on")
            self._bell.wait(TEND_EVERY)

    def _tend(self) -> None:
        around = self._around
        accounts = around.accounts()
        if self._outbox is None and not accounts and not (around.home / FILE).exists():
            return
        outbox = self._have_outbox()
        if not outbox.folder.own():
            self._say(f"outbox: another process posts from {around.home}; this one waits for it")
            return
        if not self._owner:
            self._begin(outbox)
        self._follow(outbox, {account.name: account for account in accounts})
        now = time.monotonic()
        if self._tidied is None or now - self._tidied >= TIDY_EVERY:
            tidy(outbox, self._caps, around.wall())
            self._tidied = now
        self._said = ""

    def _begin(self, outbox: Outbox) -> None:
        """The first rounds after a start, which may have been a crash."""
        now = self._around.wall()
        for entry in outbox.put_down(now):
            log.warning("post %s: portrait %d: %s", entry.account, entry.number, entry.why)
        for entry in outbox.miss_pictures(now):
            log.error("post %s: portrait %d: its picture is gone", entry.account, entry.number)
        self._owner = True

    def _follow(self, outbox: Outbox, wanted: Mapping[str, PlannedAccount]) -> None:
        """One delivery for each account of the plan of now; never two for one account."""
        for name, delivery in list(self._running.items()):
            if wanted.get(name) != delivery.planned:
                delivery.stop()
                self._leaving.append(self._running.pop(name))
        self._leaving = [d for d in self._leaving if not d.join(0.0)]
        busy = {*self._running, *(d.planned.name for d in self._leaving)}
        for name, planned in wanted.items():
            if name not in busy:
                delivery = Delivery(planned, outbox, self._open, self._around.wall)
                self._running[name] = delivery
                delivery.start()

    def _open(self, planned: PlannedAccount) -> Account:
        if planned.practice:
            return Practice(planned.name, self._around.home / "practice")
        return self._around.open_account(planned)

    def _have_outbox(self) -> Outbox:
        with self._opening:
            if self._stop.is_set():
                raise OutboxError("outbox: the show has ended; nothing more is taken")
            if self._outbox is None:
                self._outbox = Outbox(Folder(self._around.home))
            return self._outbox

    def _say(self, sentence: str) -> None:
        """Once, until something else is wrong or all is well."""
        if sentence != self._said:
            log.warning("%s", sentence)
        self._said = sentence
