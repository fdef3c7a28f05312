"""Evenings that nobody would invent: random answers, deaths at any step, clocks that jump.

Whatever happens: no item is sent twice unless a person said so in between, nothing is lost, limit
and budget are kept.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from murai_show.edge.social.delivery import Delivery
from murai_show.edge.social.outbox import Outbox
from murai_show.edge.social.pictures import Folder
from murai_show.edge.social.port import Absent, Dead, Posted, Refused, Stopped, Unknown
from murai_show.edge.social.tidying import Caps, tidy
from tests.edge.social.stand_ins import NOW, VENUE, a_portrait, an_account

MEMORY = Path("/dev/shm")  # no power is cut here, and most of the time would go to the disk
WINDOW, COUNT, COST, BUDGET = 600.0, 3, 0.1, 0.5
ANSWERS = (
    "posted",
    "heard nothing",
    "never arrived",
    "refused before",
    "refused",
    "stopped",
    "dead",
)


DEADLY = ("row begun", "claimed", "uploaded", "sending", "sent", "sent", "answered", "looked")


class KilledError(BaseException):
    """The process is gone: nothing catches it, and no clean-up runs."""


class Fickle:
    """A network that has what it was sent, whatever it says of it."""

    name, cost = "one", COST

    def __init__(self, machine: Evening) -> None:
        self.machine = machine

    def upload(self, item) -> Any:
        assert item.picture.is_file()
        return Refused("no net") if self.machine.answer == "refused before" else "media"

    def send(self, item, media) -> Any:
        machine, answer = self.machine, self.machine.answer
        machine.sends.append((machine.real, item.mark))
        if item.mark in machine.unsure:  # not asserted here: a client may raise what it likes
            machine.blind.append(item.mark)
        machine.unsure.add(item.mark)  # until an answer says more
        if answer in ("posted", "heard nothing"):
            machine.there.append(item.mark)
        if answer == "posted":
            return Posted("r")
        if answer in ("heard nothing", "never arrived"):
            return Unknown(answer)
        machine.sends.pop()
        machine.unsure.discard(item.mark)
        return {"refused": Refused("429"), "stopped": Stopped("402")}.get(answer, Dead("400"))

    def find(self, item) -> Any:
        if self.machine.answer == "refused":
            return Refused("503")
        return Posted("r") if item.mark in self.machine.there else Absent()

    def close(self) -> None:
        pass


class Evening:
    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        self.wall = NOW  # what the clock says
        self.real = 0.0  # seconds that have truly passed
        self.answer = "posted"
        self.deadly: tuple[str, int] | None = None
        self.there: list[str] = []
        self.sends: list[tuple[float, str]] = []  # those that may have arrived
        self.unsure: set[str] = set()
        self.blind: list[str] = []  # sent again, and nobody was sure
        self.put: set[int] = set()
        self._start()

    def _start(self) -> None:
        folder = Folder(self.root / "outbox", floor=0, ballast=4096, step=self._step)
        self.outbox = Outbox(folder, step=self._step)
        self.outbox.put_down(self.wall)
        self.outbox.miss_pictures(self.wall)
        planned = an_account(limit=(COUNT, WINDOW), budget=BUDGET)
        self.delivery = Delivery(
            planned, self.outbox, lambda _p: Fickle(self), lambda: self.wall, step=self._step
        )

    def _step(self, name: str) -> None:
        if self.deadly and self.deadly[0] == name:
            self.deadly = (name, self.deadly[1] - 1)
            if self.deadly[1] == 0:
                self.deadly = None
                raise KilledError

    def _lives(self, do) -> None:
        try:
            do()
        except KilledError:
            self.outbox.close()
            self._start()

    # ---- what may happen -------------------------------------------------------------------------

    def go_on(
        self, portraits: int, answers: list[str], death: tuple[str, int] | None, gap: float
    ) -> None:
        """Portraits come and are posted, and a death may fall on any step of it."""
        self.deadly = death
        for _ in range(portraits):
            self._take(len(self.put) + 1)
        for self.answer in answers:
            self._lives(self.delivery.round)
            self.wait(gap)

    def _take(self, number: int) -> None:
        portrait = a_portrait(self.root, number)

        def put() -> None:
            self.outbox.put(portrait, [self.delivery.planned], VENUE, self.wall)

        for _ in range(3):  # as a booth does that died in between
            self._lives(put)
        self.put.add(number)

    def restart(self) -> None:
        self.outbox.close()
        self._start()

    def wait(self, seconds: float) -> None:
        self.wall += seconds
        self.real += seconds

    def set_the_clock_back(self, seconds: float) -> None:
        self.wall -= seconds

    def lift_stops(self) -> None:
        self.outbox.resume()

    def tidy(self) -> None:
        self._lives(lambda: tidy(self.outbox, Caps(age=1e12, keep=1e12), self.wall))

    def a_person_looks_and_is_sure(self) -> None:
        for entry in self.outbox.entries():
            if entry.state == "unknown" and entry.mark not in self.there:
                self.outbox.retry(entry.id, self.wall, sure=True)
                self.unsure.discard(entry.mark)
                return

    # ---- what always holds -----------------------------------------------------------------------

    def nothing_is_there_twice(self) -> None:
        assert len(set(self.there)) == len(self.there)
        assert not self.blind

    def nothing_is_lost(self) -> None:
        entries = {e.number: e for e in self.outbox.entries()}
        assert set(entries) >= self.put
        for entry in entries.values():
            if entry.state == "posted":
                assert entry.mark in self.there
            elif entry.state != "dead":
                assert (self.outbox.folder.pictures / entry.picture).is_file()
            if entry.state == "queued":
                assert entry.mark not in self.unsure

    def limit_and_budget_are_kept(self) -> None:
        """In time that truly passed, however the clock was set back meanwhile."""
        for at, _ in self.sends[-COUNT - 1 :]:
            window = [s for s, _ in self.sends if at - WINDOW + 1e-6 < s <= at]
            assert len(window) <= COUNT
            day = [s for s, _ in self.sends if at - 86_400 + 1e-6 < s <= at]
            assert len(day) * COST <= BUDGET + 1e-9

    def comes_to_an_end(self) -> None:
        """In the end all that can be known is known: nothing stays in anyone's hands."""
        self.deadly, self.answer = None, "posted"
        self.restart()
        self.outbox.resume()
        for _ in range(200):
            wait = self.delivery.round()
            if wait == float("inf"):
                break
            self.wait(wait)
        for entry in self.outbox.entries():
            assert entry.state in ("posted", "dead") or entry.not_before is None
            assert (entry.mark in self.there) == (entry.state == "posted")
        self.nothing_is_there_twice()


SECONDS = st.sampled_from((1.0, 20.0, 90.0, 700.0, 4000.0, 50_000.0))
GO_ON = st.tuples(
    st.just("go_on"),
    st.integers(1, 3),
    st.lists(st.sampled_from(("posted", *ANSWERS)), min_size=3, max_size=6),
    st.none() | st.tuples(st.sampled_from(DEADLY), st.integers(1, 2)),
    st.sampled_from((0.0, 16.0, 100.0)),
)
BESIDES = st.one_of(
    st.tuples(st.sampled_from(("restart", "lift_stops", "tidy", "a_person_looks_and_is_sure"))),
    st.tuples(st.just("wait"), SECONDS),
    st.tuples(st.just("set_the_clock_back"), st.sampled_from((30.0, 3600.0, 2e5, 1e8))),
)


@given(st.lists(st.tuples(GO_ON, BESIDES), min_size=5, max_size=8))
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # to shrink an evening takes longer than to read it
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_an_evening(events: list[tuple[tuple, tuple]]) -> None:
    evening = Evening()
    try:
        for name, *values in (event for pair in events for event in pair):
            getattr(evening, name)(*values)
            evening.nothing_is_there_twice()
            evening.nothing_is_lost()
            evening.limit_and_budget_are_kept()
        evening.comes_to_an_end()
    finally:
        evening.outbox.close()
        shutil.rmtree(evening.root)
