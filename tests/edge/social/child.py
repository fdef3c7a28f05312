"""A process that puts and posts until all is done, or until it is killed; started by `world.py`.

It says `put N` once the outbox has taken portrait N, and `done` when nothing is left to do.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path

from murai_show.edge.social.delivery import Delivery
from murai_show.edge.social.outbox import Outbox
from murai_show.edge.social.pictures import Folder
from murai_show.edge.social.port import Portrait
from murai_show.edge.social.tidying import Caps, tidy
from murai_show.edge.social.wording import Venue
from murai_show.show.planned_post import PlannedAccount
from tests.edge.social.network import HttpAccount


def main() -> None:
    order = json.loads(sys.argv[1])
    seen: Counter[str] = Counter()

    def step(name: str) -> None:
        seen[name] += 1
        if [name, seen[name]] == order["kill"]:
            os.kill(os.getpid(), signal.SIGKILL)

    begun, speed = order["clock"]

    def wall() -> float:
        """The same in every child: hours pass in a second."""
        return begun + (time.time() - begun) * speed

    folder = Folder(Path(order["home"]), floor=0, ballast=4096, step=step)
    outbox = Outbox(folder, step=step)
    assert folder.own()
    outbox.put_down(wall())
    assert not outbox.miss_pictures(wall())
    # Years pass here, and nothing may be given up for its age.
    tidy(outbox, Caps(age=1e12, keep=1e12), wall())
    accounts = [
        PlannedAccount(name, "x", "{title} {number}", "{style}") for name in order["accounts"]
    ]
    deliveries = [
        Delivery(
            account,
            outbox,
            lambda planned: HttpAccount(planned.name, order["port"]),
            wall,
            step=step,
            longest=0.01,
        )
        for account in accounts
    ]
    for delivery in deliveries:
        delivery.start()
    for number in order["put"]:
        picture = Path(order["pictures"]) / f"{number}.png"
        portrait = Portrait(picture, "wave", "The Wave", number, begun + number)
        outbox.put(portrait, accounts, Venue("A test", "UTC"), wall())
        _say(f"put {number}")
    open_ones = "state IN ('queued', 'uploading', 'sending') OR not_before IS NOT NULL"
    while outbox.database.read(f"SELECT 1 FROM items WHERE {open_ones} LIMIT 1"):
        time.sleep(0.01)
    for delivery in deliveries:
        delivery.stop()
        assert delivery.join(5.0)
    _say("done")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
