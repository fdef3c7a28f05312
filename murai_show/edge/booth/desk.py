"""The desk: runs the session of the booth on a thread of its own, and keeps its ledger.

What happens when is `show.boothing`'s to say; here it is done.  The state lies in one slot: the
loop reads it for what is written over the picture, and waits for nothing.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from murai_show.edge.booth.clerk import Clerk
from murai_show.edge.booth.ledger import Entry
from murai_show.errors import MuraiError
from murai_show.show.boothing import (
    IDLE,
    Answered,
    Asking,
    By,
    Darkened,
    Decide,
    Effect,
    Event,
    Failed,
    Idle,
    LetGo,
    Pressed,
    Shoot,
    State,
    Taken,
    Tick,
    step,
)
from murai_show.show.planned_booth import PlannedBooth

MOST = 16  # things that may have happened and were not looked at yet
LOOKS = 0.1  # seconds between two looks at whether the wall is lit, while people are there

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sight:
    """What was taken: pixels, wherever they lie, the leading style and its painting's credit."""

    picture: Any
    style: str
    credit: str


class Wall(Protocol):
    """What the desk asks of the show.  All but `lit` is called from the desk's thread alone."""

    def lit(self) -> bool:
        """Whether there is light to take a picture by, and to read a question."""
        ...

    def take(self, seconds: float) -> Sight | None:
        """The painted picture of now, which stays on the wall for `seconds` at most."""
        ...

    def let_go(self) -> None:
        """Show the live picture again."""
        ...

    def name(self, number: int, taken: float) -> Path:
        """The file of a portrait."""
        ...

    def develop(self, sight: Sight, entry: Entry) -> None:
        """Write the picture of `entry`: whole, or not at all.  Raises MuraiError."""
        ...


class Desk:
    """Open from its making to `close`.  `monotonic` are the seconds of sessions.

    `wanted` may be set to a newer version's at any time.  `booth` is what holds: whoever is being
    asked is asked by the rules that stood there when they pressed.
    """

    def __init__(
        self,
        booth: PlannedBooth,
        clerk: Clerk,
        wall: Wall,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.booth = self.wanted = booth
        self.clerk = clerk
        self._wall, self._monotonic = wall, monotonic
        self._state: State = IDLE
        self._events: queue.Queue[tuple[Event, float] | None] = queue.Queue(MOST)
        clerk.recover()
        self._thread = threading.Thread(target=self._run, name="booth", daemon=True)
        self._thread.start()

    def close(self, timeout: float = 2.0) -> None:
        """Whoever is being asked is not any more: their picture goes."""
        try:
            self._events.put(None, timeout=timeout / 2)
        except queue.Full:
            log.warning("booth: it hangs; it is left as it is")
            return
        self._thread.join(timeout / 2)
        self._wall.let_go()

    # ---- what people do, on any thread -------------------------------------------------------

    @property
    def state(self) -> State:
        return self._state

    def press(self, by: By) -> str:
        """Start a session, or answer in one.  What that does, as a sentence; empty when it does
        nothing."""
        state = self._state
        if isinstance(state, Idle) and not self._wall.lit():
            return ""
        taken = self._put(Pressed(by))
        return "the countdown runs" if taken and isinstance(state, Idle) else ""

    def answer(self, yes: bool) -> str:
        """What people say to the question.  As for `press`."""
        asked = isinstance(self._state, Asking) and self._put(Answered(yes))
        return f"the answer is {'yes' if yes else 'no'}" if asked else ""

    def _put(self, event: Event) -> bool:
        try:
            self._events.put_nowait((event, self._monotonic()))
        except queue.Full:
            return False
        return True

    # ---- the session, on the desk's thread ---------------------------------------------------

    def _run(self) -> None:
        """A thread's root: whatever fails costs a session, never the booth."""
        going = True
        while going:
            try:
                going = self._turn()
            except Exception as error:
                self._state = IDLE
                self._wall.let_go()
                if isinstance(error, MuraiError):
                    self.clerk.tell(str(error))
                else:
                    log.exception("booth: a session failed")

    def _turn(self) -> bool:
        """One thing that happened; False when nothing will any more."""
        state = self._state
        left = max(0.0, state.until - self._monotonic())
        try:
            found = self._events.get(timeout=None if isinstance(state, Idle) else min(left, LOOKS))
        except queue.Empty:
            event: Event = Tick() if self._wall.lit() else Darkened()
            self._happens(event, self._monotonic())
            return True
        if isinstance(self._state, Idle):
            self.booth = self.wanted
        if found is None:
            self._happens(Darkened(), self._monotonic())
            return False
        self._happens(*found)
        return True

    def _happens(self, event: Event, now: float) -> None:
        self._state, effects = step(self.booth, self._state, event, now)
        for effect in effects:
            self._do(effect)

    def _do(self, effect: Effect) -> None:
        match effect:
            case Shoot():
                number = self._shoot(effect.by)
                event = Failed() if number is None else Taken(number)
                self._happens(event, self._monotonic())
            case Decide():
                number, moderated = effect.number, self.booth.moderated
                self.clerk.settle(number, effect.keep, effect.how, moderated)
            case LetGo():
                self._wall.let_go()

    def _shoot(self, by: By) -> int | None:
        """The number of the portrait that is on the disk now; None when there is none."""
        sight = self._wall.take(self.booth.within + 30.0)
        if sight is None:
            self.clerk.tell("booth: no picture came; nothing is taken")
            return None
        now = self.clerk.wall()
        entry = self.clerk.ledger.begin(
            now,
            now + self.booth.keep,
            by,
            sight.style,
            sight.credit,
            lambda number: self._wall.name(number, now),
        )
        try:
            self._wall.develop(sight, entry)
        except MuraiError as error:
            self.clerk.tell(str(error))
            self.clerk.spoilt(entry.number)
            return None
        log.info("booth: portrait %d is taken (%s)", entry.number, by)
        return entry.number
