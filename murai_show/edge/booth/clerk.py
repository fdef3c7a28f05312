"""The clerk: keeps the ledger of the booth, lets pictures go, and hands portraits over.

Used by the desk of a show that runs, and by `murai-show booth` beside it or without it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from murai_show.edge.booth.ledger import LIVING, Entry, Ledger, Stage
from murai_show.edge.social.port import Portrait
from murai_show.errors import MuraiError

Outcome = Literal["delivered", "denied", "timeout", "expired"]
OUTCOMES: tuple[Outcome, ...] = ("delivered", "denied", "timeout", "expired")
Deliver = Callable[[Portrait], object]

log = logging.getLogger(__name__)


class Clerk:
    """`wall` gives POSIX seconds.  Safe to use from any thread; other processes may have clerks of
    the same ledger.

    `deliver` gets each portrait that people, and the operator where there is one, agreed to; it may
    get one a second time, under the same number, when the program died in the middle.  It raises
    MuraiError or OSError when it cannot take it, and is asked again at the next `tidy`.  Without it
    they wait for a clerk who has one.
    """

    def __init__(
        self, ledger: Ledger, deliver: Deliver | None, wall: Callable[[], float] = time.time
    ) -> None:
        self.ledger, self.wall = ledger, wall
        self.outcomes: Counter[Outcome] = Counter()
        self._deliver = deliver
        self._keeping = threading.Lock()
        self._trouble = ""

    # ---- for the session ---------------------------------------------------------------------

    def settle(self, number: int, keep: bool, how: str, moderated: bool) -> None:
        """Portrait `number` was asked about: it goes, or goes on."""
        answer = f"{'yes' if keep else 'no'} by {how}"
        with self._keeping:
            if not keep:
                self._deny(number, answer, "denied" if how == "people" else "timeout")
                return
            stage: Stage = "waiting" if moderated else "agreed"
            also = {"answer": answer, "answered": self.wall()}
            entry = self.ledger.move(number, ("asked",), stage, **also)
            log.info("booth: portrait %d: %s", number, answer)
            if entry is not None and stage == "agreed":
                self._hand_over(entry)

    def spoilt(self, number: int) -> None:
        """There is no picture of portrait `number`."""
        with self._keeping:
            self._deny(number, "no picture", None)

    def recover(self) -> None:
        """Nobody stands there any more who could answer: what was being asked about goes."""
        with self._keeping:
            for entry in self.ledger.entries(("asked",)):
                self._deny(entry.number, "no by a restart", "timeout")
            self._erase_doomed()

    # ---- for the operator --------------------------------------------------------------------

    def approve(self, number: int) -> str:
        """A portrait that waits may go out.  What was done, as a sentence; MuraiError when it does
        not wait."""
        with self._keeping:
            entry = self._moved(number, ("waiting",), "agreed", moderated=self.wall())
            self._hand_over(entry)
        return f"portrait {number} is approved"

    def deny(self, number: int) -> str:
        """A portrait that waits may not.  As above."""
        with self._keeping:
            self._moved(number, ("waiting",), "denied", moderated=self.wall())
            self.outcomes["denied"] += 1
            self._erase_now(number)
        return f"portrait {number} is denied and deleted"

    def erase(self, number: int) -> str:
        """Somebody wants their picture gone, whatever they said before.  As above."""
        with self._keeping:
            before = self.ledger.find(number)
            self._moved(number, LIVING, "erased")
            self._erase_now(number)
        posted = before is not None and before.delivered is not None
        return f"portrait {number} is deleted" + (
            "; what was posted of it is not" if posted else ""
        )

    # ---- now and then ------------------------------------------------------------------------

    def tidy(self, patience: float) -> None:
        """Deliver what was approved meanwhile, let go what is too old, delete what must go.
        Whoever was asked about a portrait more than `patience` seconds ago is not any more."""
        with self._keeping:
            now = self.wall()
            for entry in self.ledger.entries(("asked",)):
                if abs(now - entry.taken) > patience:
                    self._deny(entry.number, "no by late", "timeout")
            for entry in self.ledger.expired(now):
                if entry.stage == "delivered":
                    self._delete(entry)
                elif entry.stage in LIVING and self.ledger.move(
                    entry.number, (entry.stage,), "expired"
                ):
                    self.outcomes["expired"] += 1
            self._erase_doomed()
            for entry in self.ledger.entries(("agreed",)):
                self._hand_over(entry)

    def waiting(self) -> int:
        """Portraits that the operator has not looked at."""
        return len(self.ledger.entries(("waiting",)))

    def tell(self, trouble: str) -> None:
        """Once, until another comes."""
        if trouble != self._trouble:
            log.warning("%s", trouble)
        self._trouble = trouble

    # ---- with the ledger in hand -------------------------------------------------------------

    def _deny(self, number: int, answer: str, outcome: Outcome | None) -> None:
        """The picture first: on a full disk nothing can be written, not even a no."""
        entry = self.ledger.find(number)
        if entry is None or entry.stage != "asked" or not self._unlinked(entry):
            return
        also = {"answer": answer, "answered": self.wall()}
        if self.ledger.move(number, ("asked",), "denied", **also):
            log.info("booth: portrait %d: %s; it is deleted", number, answer)
            if outcome is not None:
                self.outcomes[outcome] += 1
        self._erase_doomed()

    def _moved(self, number: int, here: tuple[Stage, ...], there: Stage, **also: float) -> Entry:
        entry = self.ledger.find(number)
        if entry is None:
            raise MuraiError(f"there is no portrait {number}")
        moved = None if entry.deleted else self.ledger.move(number, here, there, **also)
        if moved is None:
            deleted = " and deleted" if entry.deleted else ""
            raise MuraiError(f"portrait {number} is {entry.stage}{deleted}")
        return moved

    def _erase_now(self, number: int) -> None:
        self._erase_doomed()
        entry = self.ledger.find(number)
        if entry is not None and entry.deleted is None:
            said = f"the picture of portrait {number} cannot be deleted; it is tried again"
            raise MuraiError(f"{said}: {entry.picture}")

    def _erase_doomed(self) -> None:
        for entry in self.ledger.doomed():
            self._delete(entry)

    def _delete(self, entry: Entry) -> None:
        """The file first: a ledger that says so must be right."""
        if self._unlinked(entry):
            self.ledger.erase(entry.number, self.wall())

    def _unlinked(self, entry: Entry) -> bool:
        path = Path(entry.picture)
        try:
            path.with_name(f".{path.name}.part").unlink(missing_ok=True)
            path.unlink(missing_ok=True)
        except NotADirectoryError:  # where its folder should be is something else: it is not there
            return True
        except OSError as error:
            self.tell(f"booth: {path} cannot be deleted: {error.strerror}; it is tried again")
            return False
        return True

    def _hand_over(self, entry: Entry) -> None:
        if self._deliver is None:
            return
        portrait = Portrait(
            Path(entry.picture), entry.style, entry.credit, entry.number, entry.taken, entry.expires
        )
        try:
            self._deliver(portrait)
        except (MuraiError, OSError) as error:
            why = f"booth: portrait {entry.number} cannot be delivered: {error}"
            self.tell(f"{why}; it is tried again")
            return
        if self.ledger.move(entry.number, ("agreed",), "delivered", delivered=self.wall()):
            self.outcomes["delivered"] += 1


def entry_to_json(entry: Entry) -> Mapping[str, Any]:
    """A row of the ledger for programs, without what is empty."""
    return {name: value for name, value in vars(entry).items() if value not in (None, "")}
