"""Shows that are ended at random moments, politely and not."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

from tests.drills.ending import Child, kill_once, prepare, seconds_of, whole
from tests.drills.stage import Outcome, drill

KILLS = 3  # bench/drills.py does thirty


@drill("SIGTERM at random moments", "two shows are asked to end, the film being written")
def test_shows_are_asked_to_end(egl, tmp_path: Path) -> Outcome:
    draw, slowest = random.Random(6), 0.0
    prepare(tmp_path)
    for _ in range(2):
        child = Child(tmp_path)
        try:
            child.first_picture()
            lived = draw.uniform(0.0, 1.5)
            time.sleep(lived)
            asked = time.monotonic()
            assert child.end(signal.SIGTERM) == 0, child.lines
            slowest = max(slowest, time.monotonic() - asked)
        finally:
            child.process.kill()
        film = child.film()
        assert film is not None
        assert seconds_of(film) > lived - 1.5
        assert not any("Traceback" in line for line in child.lines)
    assert slowest < 5.0
    return Outcome("ends with status 0, the film whole to its last picture", slowest, 0)


@drill("kill -9 of everything", f"the process group is killed at random moments, {KILLS} times")
def test_shows_are_killed(egl, tmp_path: Path) -> Outcome:
    draw = random.Random(9)
    prepare(tmp_path)
    for _ in range(KILLS):
        whole(tmp_path, kill_once(tmp_path, draw))
    child = Child(tmp_path)
    try:
        first = child.first_picture()
        left = list((tmp_path / "shots").glob(".*.part"))
        assert len(left) <= 1, "what killed shows left half written lies about"
        assert child.end(signal.SIGTERM) == 0
    finally:
        child.process.kill()
    said = "films play up to their last fragment, nothing is half written, the next start is clean"
    return Outcome(said, first, 0)
