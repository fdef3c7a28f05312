"""A process that posts portraits is killed with kill -9 hundreds of times: was one lost, or posted
twice?

A network of its own, over real HTTP on loopback, misbehaves in every fifth answer: it refuses, is
slow, or does what it was asked and cuts the line.  Half of the kills fall on the named steps
of the outbox, half on moments drawn by chance.  In the end a person sees to what nobody knows.

    python bench/outbox_kills.py [--kills 240] [--seed 1] [--out docs/scores/outbox-kills.json]
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from tests.edge.social.network import Network  # noqa: E402 - the network is the tests' own
from tests.edge.social.world import STEPS, World  # noqa: E402

MOODS = ["well"] * 24 + ["slow"] * 2 + ["busy", "cut", "crash", "limit"]


def main() -> None:
    ask = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    ask.add_argument("--kills", type=int, default=240)
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--out", type=Path)
    chosen = ask.parse_args()
    draw = random.Random(chosen.seed)  # noqa: S311 - no secret
    network = Network(lambda _what: draw.choice(MOODS))
    begun = time.monotonic()
    at: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), network)
        while world.kills < chosen.kills:
            world.want(draw.choice((1, 2, 3)))
            if world.kills % 2:
                name = STEPS[(world.kills // 2) % len(STEPS)]
                # A step that this life does not come to is no kill; another life tries it again.
                at[name] += world.live((name, draw.choice((1, 2))))
            else:
                at["at random"] += world.live(after=draw.uniform(0.1, 0.8))
        network.mood = lambda _what: "well"
        parked = world.finish()["parked"]
        world.check()
        assert world.acknowledged == set(world.wanted)
    times = network.times()
    found = {
        "kills": world.kills,
        "seed": chosen.seed,
        "starts": world.starts,
        "killed": dict(at),
        "accounts": len(world.accounts),
        "portraits": len(world.wanted),
        "posts_wanted": len(world.wanted) * len(world.accounts),
        "posts_made": sum(times.values()),
        "posted_twice": sum(count > 1 for count in times.values()),
        "lost": len(world.wanted) * len(world.accounts) - len(times),
        "pictures_damaged": 0,  # `check` compares every one
        "looked_for": network.asked["find"],
        "left_to_a_person": parked,
        "seconds": round(time.monotonic() - begun, 1),
    }
    network.close()
    table = Table("", "", title="kill -9 and the outbox", show_header=False)
    for name, value in found.items():
        if name != "killed":
            table.add_row(name.replace("_", " "), str(value))
    for name, count in at.items():
        table.add_row(f"killed: {name}", str(count))
    Console().print(table)
    if chosen.out is not None:
        chosen.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
