"""What a running show tells those who watch it, beyond what its loop publishes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from murai_show.edge import condition
from murai_show.edge.condition import Condition
from murai_show.edge.metrics import Collector, Identity, Page
from murai_show.edge.routine import Routine
from murai_show.edge.statusz import Statusz
from murai_show.last_good import home
from murai_show.loop.mailbox import Mailbox
from murai_show.on_air import OnAir
from murai_show.ports import Clock


def watch_over(
    air: OnAir,
    mailbox: Mailbox,
    identity: Callable[[], Identity],
    clock: Clock,
    routine: Routine,
    *others: Collector,
) -> tuple[Sequence[Collector], Mapping[str, Page]]:
    """The collectors and the pages of the show that is `air`.  Clocks and disks are those of this
    machine, whatever the time of the show is."""
    machine = Condition(lambda: air.plan, mailbox, home(), clock.monotonic, time.time)
    machine.look()  # here, so that the first scrape tells it
    routine.jobs.every(condition.EVERY, "condition", machine.look)
    statusz = Statusz(
        lambda: air.plan, identity, mailbox, air.board.status, clock.monotonic, clock.wall
    )
    return (routine, machine, *others), {"/statusz": statusz}
