"""The booth of a show that runs: its parts, put together, and exchanged when the show changes."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from murai_show.edge.booth.answers import answer
from murai_show.edge.booth.button import Button
from murai_show.edge.booth.clerk import Clerk, Deliver
from murai_show.edge.booth.desk import Desk, Sight
from murai_show.edge.booth.ledger import Entry, Ledger, booth_folder
from murai_show.edge.booth.shots import ShotsCollector
from murai_show.edge.jobs import Jobs
from murai_show.edge.social.port import Portrait
from murai_show.errors import MuraiError
from murai_show.loop.shutter import Shutter
from murai_show.on_air import OnAir
from murai_show.output.files import named
from murai_show.output.portrait import Label, develop
from murai_show.ports import Clock
from murai_show.show.boothing import booth_captions
from murai_show.show.caption import Caption
from murai_show.show.plan_overlays import credit_lines
from murai_show.show.planned import Plan
from murai_show.show.planned_booth import PlannedBooth
from murai_show.show.playing import PLAIN
from murai_show.show.timeline import Look

log = logging.getLogger(__name__)

TIDY_EVERY = 5  # seconds: how long what an operator approved elsewhere waits
CLOCK_EVERY = 1  # seconds between two looks at whether a picture by the clock is due
PATIENCE = 2.0  # seconds in which a picture must come
LATE = 60.0  # seconds beyond the question after which nobody is asked any more
JOBS = ("booth", "booth clock")


def keep_file(portrait: Portrait) -> None:
    """What becomes of a portrait in a show that posts nothing."""
    log.info("booth: portrait %d is kept: %s", portrait.number, portrait.picture)


def due(before: float, now: float, every: float) -> bool:
    """Whether a whole multiple of `every` lies between `before` and `now`, POSIX seconds: a show
    that is started again takes none too many, and a clock that was set back none twice."""
    return now // every > before // every


def painted(look: Look) -> bool:
    """Whether nowhere in the picture more of the camera's than of a style's is seen."""
    mixes = (look.mix, *(area.mix for area in look.areas))
    return all(dict(mix).get(PLAIN, 0.0) < 0.5 for mix in mixes)


@dataclass(frozen=True, eq=False)
class _Wall:
    """The show, as the desk sees it."""

    air: OnAir
    shutter: Shutter
    clock: Clock

    def lit(self) -> bool:
        return self.look().lit

    def look(self) -> Look:
        return self.air.board.look_at(self.air.plan, self.clock.wall())

    def take(self, seconds: float) -> Sight | None:
        plan, until = self.air.plan, self.clock.monotonic() + seconds
        shot = plan.booth.shot if plan.booth else ""
        look = self.look()
        if not painted(look):
            log.warning("booth: the picture is plain now, as it was filmed; nothing is taken")
            return None
        picture = self.shutter.take(shot, until, PATIENCE)
        if picture is None:
            return None
        style = look.main
        known = dict(zip(plan.bank.styles, plan.bank.credits, strict=False))
        return Sight(picture.pixels, style, known.get(style, ""))

    def let_go(self) -> None:
        self.shutter.let_go()

    def name(self, number: int, taken: float) -> Path:
        plan = self.air.plan
        assert plan.booth is not None
        path = named(plan.booth.picture, datetime.fromtimestamp(taken, ZoneInfo(plan.place.tz)))
        return Path(str(path).replace("{number}", str(number)))

    def develop(self, sight: Sight, entry: Entry) -> None:
        plan = self.air.plan
        wanted = plan.booth is not None and plan.booth.credit
        develop(sight.picture, label(plan, entry) if wanted else None, Path(entry.picture))


def label(plan: Plan, entry: Entry) -> Label:
    """The artist and the work; the show, the day and the number."""
    lines = dict(credit_lines(plan.bank, 2)).get(entry.style, "")
    day = datetime.fromtimestamp(entry.taken, ZoneInfo(plan.place.tz)).strftime("%Y-%m-%d")
    work = tuple(lines.split("\n")) if lines else (entry.style,)
    return Label(work, (plan.title, f"{day} · № {entry.number}"))


class BoothOnAir:
    """The booth of whatever version of the show runs; nothing where it has none, or where it cannot
    be had, which one line says.

    `deliver` takes portraits (see `Clerk`); without one they are kept.  Call it with the method and
    the path of a request for what the control answers; `metrics` are its counts.
    """

    def __init__(
        self, air: OnAir, shutter: Shutter, jobs: Jobs, clock: Clock, deliver: Deliver | None = None
    ) -> None:
        self._air, self._jobs, self._clock = air, jobs, clock
        self._wall, self._deliver = _Wall(air, shutter, clock), deliver or keep_file
        self._show = ""
        self._desk: Desk | None = None
        self._button: Button | None = None
        self._looked = 0.0
        self.metrics = ShotsCollector(lambda: self._desk)
        air.board.writes, air.board.hears = self._writes, self._hears
        self.follow(air.plan)

    def follow(self, plan: Plan) -> None:
        """`plan` is on air."""
        booth, desk = plan.booth, self._desk
        if booth is None or (desk is not None and self._show != plan.show):
            self.close()
        if booth is None:
            return
        if self._desk is None and not self._open(plan, booth):
            return
        assert self._desk is not None
        old, self._desk.wanted = self._desk.wanted, booth
        if self._button is None or old.gpio != booth.gpio:
            self._wire(booth)
        self._looked = self._clock.wall()
        self._jobs.every(TIDY_EVERY, JOBS[0], self._tidy)
        self._jobs.forget(JOBS[1])
        if booth.every is not None:
            self._jobs.every(CLOCK_EVERY, JOBS[1], partial(self._by_the_clock, booth.every))

    def close(self) -> None:
        """Whoever is being asked is not any more.  Safe to call twice."""
        for job in JOBS:
            self._jobs.forget(job)
        button, self._button = self._button, None
        desk, self._desk = self._desk, None
        if button is not None:
            button.close()
        if desk is not None:
            desk.close()
            _closed(desk.clerk.ledger)

    def __call__(self, method: str, path: str) -> tuple[HTTPStatus, Any] | None:
        return answer(self._desk, method, path, self._clock.monotonic())

    def _open(self, plan: Plan, booth: PlannedBooth) -> bool:
        try:
            ledger = Ledger(booth_folder(os.environ, plan.show))
        except MuraiError as error:
            log.warning("%s; the booth stays closed", error)
            return False
        try:
            ledger.hold()
            clerk = Clerk(ledger, self._deliver, self._clock.wall)
            self._desk = Desk(booth, clerk, self._wall, self._clock.monotonic)
        except MuraiError as error:
            log.warning("%s; the booth stays closed", error)
            _closed(ledger)
            return False
        self._show = plan.show
        log.info("booth: open; portraits go to %s", booth.picture)
        return True

    def _wire(self, booth: PlannedBooth) -> None:
        if self._button is not None:
            self._button.close()
        press: Callable[[], object] = partial(self._press, "gpio")
        self._button = Button(booth.gpio, press) if booth.gpio else None

    def _press(self, by: Any) -> None:
        if (desk := self._desk) is not None and (done := desk.press(by)):
            log.info("booth: %s (%s)", done, by)

    # ---- called by the show ------------------------------------------------------------------

    def _writes(self, look: Look) -> tuple[Caption, ...]:
        """On the loop's threads, for each frame."""
        if (desk := self._desk) is None or not look.lit:
            return ()
        return booth_captions(desk.booth, desk.state, self._clock.monotonic())

    def _hears(self, key: str) -> None:
        if (desk := self._desk) is not None and desk.wanted.key == key:
            self._press("key")

    def _tidy(self) -> None:
        if (desk := self._desk) is None:
            return
        try:
            desk.clerk.tidy(desk.booth.within + LATE)
        except MuraiError as error:
            desk.clerk.tell(str(error))

    def _by_the_clock(self, every: float) -> None:
        before, self._looked = self._looked, self._clock.wall()
        if due(before, self._looked, every):
            self._press("schedule")


def _closed(ledger: Ledger) -> None:
    try:
        ledger.close()
    except MuraiError as error:
        log.warning("%s", error)
