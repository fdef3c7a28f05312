"""A real show under a real supervisor: ready when it shows, alive while it shows, ended on time."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.banks import write_small_bank
from tests.plans import REPOSITORY
from tests.supervisor import Supervisor, murai_show

SHOW = """\
murai: 1
show: small
cameras:
  hall: {kind: pattern, size: 64x36, fps: 20, hold: 200ms}
bank: {name: small, engine: identity}
playlists:
  all: {styles: [a], each: 1m}
play: {playlist: all, paint: 64x36}
outputs:
  wall: {kind: memory, fps: 20}
  film: {kind: recording, path: film.mp4, size: 64x36, fps: 20}
"""
WATCHDOG = 1.6  # seconds
Start = Callable[..., Supervisor]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    write_small_bank(tmp_path / "models/small.safetensors")
    (tmp_path / "small.yaml").write_text(SHOW)
    started: list[Supervisor] = []

    def begin(argv: list[str], **options: bool) -> Supervisor:
        started.append(Supervisor(tmp_path, argv, WATCHDOG, **options))
        return started[-1]

    yield begin
    for supervisor in started:
        supervisor.close()


def hanging() -> list[str]:
    return [sys.executable, str(REPOSITORY / "tests/hanging_show.py"), "small.yaml"]


def test_a_show_that_is_frozen_is_started_again(start: Start) -> None:
    watch = start(murai_show("run", "small.yaml"), abstract=True)
    watch.hear_until(lambda message: message.startswith("EXTEND_TIMEOUT_USEC="))
    assert "STATUS=a" in watch.hear_word("READY=1")
    watch.hear_pulses(2)
    pulses = [at for at, message in watch.heard if "WATCHDOG=1" in message]
    assert min(b - a for a, b in pairwise(pulses)) >= WATCHDOG / 2 - 0.3
    assert "painted a second" in watch.heard[-1][1]

    watch.run.send_signal(signal.SIGSTOP)
    assert watch.silence_kills(patience=3 * WATCHDOG) >= WATCHDOG
    watch.hear_word("READY=1")
    watch.hear_pulses(1)

    status, seconds = watch.terminate()
    assert (status, watch.said("READY=1")) == (0, 2)
    assert seconds < 5
    watch.hear_word("STOPPING=1", 1.0)


def test_a_camera_that_stalls_is_no_reason_but_a_painter_that_hangs_is(
    start: Start, tmp_path: Path
) -> None:
    gate = tmp_path / "paint"
    gate.touch()
    watch = start(hanging())
    watch.hear_until(lambda message: message.startswith("EXTEND_TIMEOUT_USEC="))
    while "small is on" not in watch.log:  # built, filming, and not a picture painted
        watch.hear(0.1)
    assert not watch.hear(1.0), "nothing was presented yet"
    gate.unlink()
    watch.hear_word("READY=1")

    (tmp_path / "film").touch()
    watch.hear_until(lambda message: "camera hall slate" in message)
    watch.hear_pulses(3)
    (tmp_path / "film").unlink()
    watch.hear_until(lambda message: "WATCHDOG=1" in message and "camera" not in message)

    gate.touch()
    watch.silence_kills(patience=1.0 + 3 * WATCHDOG)
    assert "the watchdog is not fed: the painter has not come round for 1 s" in watch.log
    assert "hanging_show.py" in watch.log, "the log says where it hung"
    gate.unlink()
    watch.hear_word("READY=1")


def test_a_show_is_ended_while_its_engine_is_built(start: Start, tmp_path: Path) -> None:
    (tmp_path / "build").touch()
    watch = start(hanging())
    watch.hear_until(lambda message: message.startswith("EXTEND_TIMEOUT_USEC="))
    while not (tmp_path / "building").exists():
        watch.hear(0.1)
    status, seconds = watch.terminate()
    assert status == 0, watch.log
    assert seconds < 5
    watch.hear_word("STOPPING=1", 1.0)
    assert not watch.said("READY=1")
