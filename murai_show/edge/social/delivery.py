"""Carrying items to one account, on a thread of its own: one account's trouble delays no other."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from murai_show.edge.social.allowance import Allowance
from murai_show.edge.social.entry import Entry
from murai_show.edge.social.outbox import NO_PICTURE, Outbox
from murai_show.edge.social.outcome import Event, Interrupted, State, Step, can_meet
from murai_show.edge.social.port import Account, Dead, Item, Refused, Unknown
from murai_show.errors import MuraiError
from murai_show.redact import redacted
from murai_show.show.planned_post import PlannedAccount

LONGEST = 5.0  # seconds between two looks at the outbox: other processes change it, clocks are set
AGAIN = 60.0  # seconds until an account that could not be opened, or a disk, is tried again

log = logging.getLogger(__name__)

Found = TypeVar("Found")
Failed = TypeVar("Failed", Refused, Unknown)


@dataclass(frozen=True)
class Answered:
    """What an account has answered and what could not be written down yet."""

    entry: Entry
    event: Event


class Delivery:
    """Posts what the outbox has for one account.

    `open_account` may take its time and raise MuraiError; `wall` gives POSIX seconds; `step` is
    told each point that a crash may fall on.  `trouble` says why the account cannot be had, empty
    if it can.  Without `start`, `round` does one thing at a time.
    """

    def __init__(
        self,
        planned: PlannedAccount,
        outbox: Outbox,
        open_account: Callable[[PlannedAccount], Account],
        wall: Callable[[], float],
        *,
        step: Callable[[str], None] = lambda _name: None,
        longest: float = LONGEST,
    ) -> None:
        self.planned, self.trouble = planned, ""
        self._outbox, self._open, self._wall, self._step = outbox, open_account, wall, step
        self._longest = longest
        self._account: Account | None = None
        self._owed: Answered | None = None
        self._stop, self._bell = threading.Event(), threading.Event()
        self._tried: float | None = None
        self._said = ""
        self._thread = threading.Thread(target=self._run, name=f"post {planned.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ring(self) -> None:
        """There is something new."""
        self._bell.set()

    def stop(self) -> None:
        """Begin nothing more; the round under way goes on."""
        self._stop.set()
        self._bell.set()

    def join(self, timeout: float) -> bool:
        """Wait for the round under way; whether it is over."""
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._bell.clear()
            try:
                wait = self.round()
                self._said = ""
            except Exception as error:  # noqa: BLE001 - a thread's root: it goes on
                wait = AGAIN
                self._complain(error)
            if wait > 0:
                self._bell.wait(min(wait, self._longest))
        if self._account is not None:
            self._account.close()

    def _complain(self, error: Exception) -> None:
        """Once, until a round goes well."""
        if self._stop.is_set():
            return  # the outbox is closed: what was answered since is unknown, and looked for
        known = isinstance(error, sqlite3.Error | OSError)
        why = "the outbox cannot be written" if known else "a round failed"
        sentence = f"{why}: {redacted(str(error) if known else repr(error))}"
        if sentence != self._said:
            log.error("post %s: %s", self.planned.name, sentence)
        self._said = sentence

    def round(self) -> float:
        """Do what is due next, one item at most; seconds until there may be more to do.

        Raises sqlite3.Error when the outbox cannot be written.
        """
        if self._owed is not None:
            self._settle(self._owed)
        account = self._have_account()
        if account is None:
            return AGAIN
        planned = self.planned
        allowance = Allowance(planned.limit, planned.budget, account.cost)
        found = self._outbox.claim(
            planned.name,
            Allowance() if planned.practice else allowance,
            self._wall(),
            practice=planned.practice,
        )
        if not isinstance(found, Entry):
            return found
        item = found.item(self._outbox.folder.pictures)
        if found.state == "unknown":
            self._look(account, found, item)
        else:
            self._post(account, found, item)
        return 0.0

    def _have_account(self) -> Account | None:
        now = self._wall()
        if self._account is not None or (
            self._tried is not None and 0 <= now - self._tried < AGAIN
        ):
            return self._account
        self._tried = now
        try:
            account = self._open(self.planned)
        except MuraiError as error:
            if str(error) != self.trouble:
                log.warning("post %s: %s; portraits wait", self.planned.name, redacted(str(error)))
            self.trouble = str(error)
            return None
        self.trouble, self._account = "", account
        budget = self.planned.budget
        if budget is not None and account.cost > budget and not self.planned.practice:
            self.trouble = f"a post costs {account.cost:g} USD, more than the budget of {budget:g}"
            log.warning("post %s: %s; nothing is posted", self.planned.name, self.trouble)
        return account

    def _post(self, account: Account, entry: Entry, item: Item) -> None:
        if not item.picture.is_file():
            self._settle(Answered(entry, Dead(NO_PICTURE)))
            return
        media = _asked(lambda: account.upload(item), Refused)
        self._step("uploaded")
        if not isinstance(media, str):
            self._settle(Answered(entry, _meant("uploading", media, Refused)))
            return
        if self._stop.is_set():
            self._settle(Answered(entry, Interrupted()))
            return
        self._owed = Answered(entry, Interrupted())  # if this cannot be written, nothing is sent
        sending = self._outbox.begin_sending(entry, account.cost, self._wall())
        self._owed = None
        if sending is None:
            self._settle(Answered(entry, Interrupted()))
            return
        answer = _asked(lambda: account.send(item, media), Unknown)
        self._step("sent")
        self._settle(Answered(sending, _meant("sending", answer, Unknown)))

    def _look(self, account: Account, entry: Entry, item: Item) -> None:
        answer = _asked(lambda: account.find(item), Refused)
        self._step("looked")
        self._settle(Answered(entry, _meant("unknown", answer, Refused)))

    def _settle(self, answered: Answered) -> None:
        """Write down what was answered.  It is owed until it is: the answer of a network is not to
        be had a second time."""
        self._owed = answered
        step = self._outbox.settle(answered.entry, answered.event, self._wall())
        self._owed = None
        if step is not None:
            _tell(answered.entry, step)


def _asked(ask: Callable[[], Found], failed: Callable[[str], Failed]) -> Found | Failed:
    """What an account answers; one that raises, which none should, has answered `failed`."""
    try:
        return ask()
    except Exception as error:  # noqa: BLE001 - a client library of a network may raise anything
        return failed(f"its client failed: {type(error).__name__}")


def _meant(state: State, answer: Event, otherwise: Callable[[str], Event]) -> Event:
    """`answer`, if it means something of an item in `state`."""
    if can_meet(state, answer):
        return answer
    return otherwise(f"an answer that means nothing here: {type(answer).__name__}")


def _tell(entry: Entry, step: Step) -> None:
    """One line for each turn; none for a look that found nothing yet."""
    name, number, quiet = entry.account, entry.number, step.state == entry.state
    if step.stop:
        log.error("post %s: it takes nothing until a person has seen to it: %s", name, step.stop)
    elif step.state == "posted":
        log.info("post %s: portrait %d is posted (%s)", name, number, redacted(step.remote))
    elif step.state == "dead":
        log.error("post %s: portrait %d will not be posted: %s", name, number, step.why)
    elif step.state == "unknown" and (not quiet or step.not_before is None):
        log.warning("post %s: portrait %d may be posted or not: %s", name, number, step.why)
    elif step.state == "queued":
        log.info("post %s: portrait %d waits: %s", name, number, step.why)
