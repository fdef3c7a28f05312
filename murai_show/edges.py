"""The edges of a show that runs: what looks after it, tells of it, and is told by people.

Each has a thread of its own or none; the loop meets them in its mailbox, its board and its shutter.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import ExitStack

from murai_show import __version__
from murai_show.booth_on_air import BoothOnAir, keep_file
from murai_show.edge.control import Control
from murai_show.edge.expect import Expecting
from murai_show.edge.metrics import Identity, Listening, Result
from murai_show.edge.routine import Routine
from murai_show.edge.selfcheck import Surroundings
from murai_show.edge.social.port import Portrait
from murai_show.loop.mailbox import Mailbox
from murai_show.loop.shutter import Shutter
from murai_show.loop.tally import Tally
from murai_show.on_air import OnAir
from murai_show.output.damage import damage
from murai_show.ports import Clock
from murai_show.posting import open_posting
from murai_show.show.planned import Plan
from murai_show.watched import watch_over


class Edges:
    """Those of the show that is `air`, until `close`.

    `counts` are the newer versions of the show's file so far.  When one cannot open, those that are
    open are closed.
    """

    def __init__(
        self,
        air: OnAir,
        clock: Clock,
        mailbox: Mailbox,
        tally: Tally,
        shutter: Shutter,
        counts: Mapping[Result, int],
    ) -> None:
        self._air, self._counts = air, counts
        with ExitStack() as stack:
            self._routine = _routine(air)
            stack.callback(self._routine.close)
            self._posting = open_posting(lambda: air.plan, os.environ)
            stack.callback(self._posting.close)
            self._booth = BoothOnAir(air, shutter, self._routine.jobs, clock, self._deliver)
            stack.callback(self._booth.close)
            self.expecting = Expecting(
                lambda: air.plan.expect, mailbox.newest, tally.unread, clock.monotonic
            )
            stack.callback(self.expecting.close)
            self._control = Control(air.board, os.environ, self._booth)
            stack.callback(self._control.close)
            further = (self._posting, self._booth.metrics, self._control.refusals)
            watched = watch_over(air, mailbox, self._identity, clock, self._routine, *further)
            self._listening = Listening(mailbox, self._identity, clock.monotonic, *watched)
            stack.callback(self._listening.close)
            self._serve(air.plan)
            self._open = stack.pop_all()

    def follow(self, plan: Plan) -> None:
        """`plan` is on air."""
        self._serve(plan)
        self._routine.follow(plan)
        self._booth.follow(plan)

    def close(self) -> None:
        self._open.close()

    def _serve(self, plan: Plan) -> None:
        self._listening.move(plan.metrics)
        self._control.move(plan.control)

    def _deliver(self, portrait: Portrait) -> None:
        booth = self._air.plan.booth
        if booth is None or not booth.post:
            keep_file(portrait)
            return
        self._posting.put(portrait, booth.post)

    def _identity(self) -> Identity:
        air, plan = self._air, self._air.plan
        return Identity(
            plan.show,
            plan.config_hash,
            __version__,
            air.engine,
            plan.bank.styles,
            dict(self._counts),
            air.board.counts(),
            air.board.calls.panicking,
            self.expecting.broken,
        )


def _routine(air: OnAir) -> Routine:
    """Housekeeping and self-checks, by the clock of this machine: files have its times."""
    around = Surroundings(
        lambda: air.plan, lambda: air.writing, lambda: air.recorded, damage, time.time
    )
    return Routine(air.plan, around)
