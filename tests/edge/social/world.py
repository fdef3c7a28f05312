"""A show's posting over many deaths: a child that is killed and started again, and the network that
saw what arrived."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from murai_show.edge.social.outbox import Outbox
from murai_show.edge.social.pictures import Folder
from tests.edge.social.network import Network
from tests.plans import REPOSITORY

STEPS = (
    "picture begun",
    "picture written",
    "picture named",
    "picture safe",
    "row begun",
    "row written",
    "claimed",
    "uploaded",
    "sending",
    "sent",
    "answered",
    "looked",
)
SPEED = 20_000.0  # the five looks of 81 minutes take a quarter of a second


@dataclass
class World:
    """`accounts` take every portrait; `acknowledged` are those that a child said it had put."""

    root: Path
    network: Network
    accounts: tuple[str, ...] = ("first", "second")
    acknowledged: set[int] = field(default_factory=set)
    wanted: list[int] = field(default_factory=list)
    starts: int = 0
    kills: int = 0
    begun: float = field(default_factory=time.time)

    @property
    def home(self) -> Path:
        return self.root / "outbox"

    def __post_init__(self) -> None:
        (self.root / "pictures").mkdir(parents=True)

    def want(self, count: int) -> None:
        """So many portraits more."""
        for number in range(len(self.wanted) + 1, len(self.wanted) + count + 1):
            data = random.Random(number).randbytes(20_000)
            (self.root / "pictures" / f"{number}.png").write_bytes(data)
            self.wanted.append(number)

    def live(self, kill: tuple[str, int] | None = None, after: float | None = None) -> bool:
        """One life of the child, until it is done or killed: at a step, or after so many seconds.
        Whether it was killed."""
        order = {
            "home": str(self.home),
            "pictures": str(self.root / "pictures"),
            "port": self.network.port,
            "accounts": self.accounts,
            "put": [n for n in self.wanted if n not in self.acknowledged],
            "clock": [self.begun, SPEED],
            "kill": kill,
        }
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.edge.social.child", json.dumps(order)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        )
        self.starts += 1
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(60.0 if after is None else after)
        child.kill()
        out, err = child.communicate()
        self.acknowledged |= {int(line[4:]) for line in out.splitlines() if line.startswith("put ")}
        killed = child.returncode == -signal.SIGKILL
        assert killed or (child.returncode == 0 and "done" in out), err
        self.kills += killed
        return killed

    def finish(self) -> Counter[str]:
        """Let it live to the end, and a person see to what nobody knows; what there was to see to.

        The person looks at the network, and sends again only what is not there.
        """
        seen: Counter[str] = Counter()
        assert not self.live()
        while unknown := self._entries("unknown"):  # what is sent again may be lost again
            assert seen["parked"] < 10 * len(self.wanted)
            for entry in unknown:
                assert entry.not_before is None
                there = (entry.account, entry.mark) in self.network.times()
                assert not there, "it was there to be found"
                seen["parked"] += 1
                outbox = Outbox(Folder(self.home, floor=0))
                outbox.retry(entry.id, time.time(), sure=True)
                outbox.close()
            assert not self.live()
        return seen

    def check(self) -> None:
        """Nothing was posted twice, nothing that was taken is lost, every picture is whole."""
        times = self.network.times()
        assert not [mark for mark, count in times.items() if count > 1], "posted twice"
        posted = {(e.account, e.number): e for e in self._entries("posted")}
        for number in self.acknowledged:
            for account in self.accounts:
                entry = posted[account, number]
                assert times[account, entry.mark] == 1
        for post in self.network.posts:
            number = int(post["mark"][:4])
            picture = (self.root / "pictures" / f"{number}.png").read_bytes()
            assert post["digest"] == hashlib.sha256(picture).hexdigest()
        leftovers = [path.name for path in (self.home / "pictures").iterdir()]
        assert not leftovers, "pictures of posted items stay behind"

    def _entries(self, state: str):
        outbox = Outbox(Folder(self.home, floor=0))
        try:
            return [entry for entry in outbox.entries() if entry.state == state]
        finally:
            outbox.close()
