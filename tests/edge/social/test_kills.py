"""kill -9 at every step and at any moment: posted at most once, nothing lost, pictures whole."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge.social.network import Network
from tests.edge.social.world import STEPS, World
from tests.plans import REPOSITORY

KILLS = 15


@pytest.fixture
def network() -> Iterator[Network]:
    found = Network()
    yield found
    found.close()


def test_a_kill_at_every_step(tmp_path: Path, network: Network) -> None:
    world = World(tmp_path, network, accounts=("only",))
    for name in STEPS:
        world.want(2)
        # The second post of a life arrives, and nobody hears of it: so that there is a look.
        calm = iter(["well", "cut"])
        network.mood = lambda what, calm=calm: next(calm, "well") if what == "posts" else "well"
        assert world.live((name, 1)), f"there is no step {name}"
    network.mood = lambda _what: "well"
    world.finish()
    world.check()
    assert world.acknowledged == set(world.wanted)
    assert world.kills == len(STEPS)


def test_kills_at_random_moments(tmp_path: Path, network: Network) -> None:
    draw = random.Random(20261123)
    moods = ["well"] * 14 + ["busy", "cut", "crash", "slow", "limit", "slow"]
    network.mood = lambda _what: draw.choice(moods)
    world = World(tmp_path, network)
    while world.kills < KILLS:
        world.want(3)
        world.live(after=draw.uniform(0.1, 0.6))
    world.finish()
    world.check()
    assert world.acknowledged == set(world.wanted)


def test_the_outbox_loads_nothing_heavy() -> None:
    """A verb that lists it, and a child that is killed two hundred times, start quickly."""
    code = "import sys, murai_show.edge.social.outbox; print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert not set(ran.stdout.split()) & {"torch", "numpy", "PIL", "moderngl", "pydantic"}
