"""The composition root of posting: a plan's accounts become a post office."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from murai_show.edge.social.port import Account
from murai_show.edge.social.post_office import PostOffice, Surroundings
from murai_show.edge.social.wording import Venue
from murai_show.show.planned import Plan
from murai_show.show.planned_post import PlannedAccount


def outbox_home(show: str, environ: Mapping[str, str]) -> Path:
    """The folder of a show's outbox: in systemd's for the service, else in the user's state."""
    if service := environ.get("STATE_DIRECTORY"):
        return Path(service.split(":")[0]) / "outbox"
    state = (
        environ.get("XDG_STATE_HOME") or Path(environ.get("HOME") or Path.home()) / ".local/state"
    )
    return Path(state) / "murai-show" / show / "outbox"


def open_posting(
    plan: Callable[[], Plan],
    environ: Mapping[str, str],
    open_account: Callable[[PlannedAccount], Account] | None = None,
    wall: Callable[[], float] = time.time,
) -> PostOffice:
    """The post office for whatever `plan` gives at the time.

    `open_account` takes the place of the networks; `wall` gives POSIX seconds.
    """

    def network(planned: PlannedAccount) -> Account:
        from murai_show.edge.social.accounts import open_account  # the clients load slowly

        return open_account(planned, environ)

    def venue() -> Venue:
        now = plan()
        return Venue(now.title, now.place.tz)

    home = outbox_home(plan().show, environ)
    around = Surroundings(home, lambda: plan().post, venue, open_account or network, wall)
    return PostOffice(around)
