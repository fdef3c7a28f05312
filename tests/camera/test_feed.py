"""The feed: states, the slot, reconnecting, and what never leaves it."""

from __future__ import annotations

import logging
import threading
import time
from random import Random

import numpy as np
import pytest

from murai_show.backoff import Backoff
from murai_show.camera.feed import Feed, standing
from murai_show.camera.source import Picture, Pictures, Source, Wire, ticks
from murai_show.errors import CameraError
from tests.camera.stand_ins import FakeWire, WallClock, until

QUICK = Backoff(first=0.01, most=0.02, good=10.0)
SLATE = np.full((16, 16, 3), 7, np.uint8)


def feed(pictures, *, hold: float = 0.1, patience: float = 2.0, redact=None) -> Feed:
    source = Source(pictures, patience, redact or (lambda text: text))
    return Feed("cam", source, WallClock(), slate=SLATE, hold=hold, backoff=QUICK, draw=Random(1))


def picture(value: int = 100) -> Picture:
    return Picture(lambda: np.full((16, 16, 3), value, np.uint8), 0.0, time.monotonic())


class Scripted:
    """A source that a test drives: it sends what is put in, fails or ends when told to."""

    def __init__(self) -> None:
        self.send = threading.Semaphore(0)
        self.fail: Exception | None = None
        self.away = False
        self.over = False
        self.opened = 0
        self.closed = 0

    def __call__(self, wire: Wire) -> Pictures:
        self.opened += 1
        if self.away:
            raise CameraError("nobody is there")
        try:
            while not wire.closing and not self.over:
                if self.fail is not None:
                    error, self.fail = self.fail, None
                    raise error
                if self.send.acquire(timeout=0.005):
                    yield picture()
        finally:
            self.closed += 1


# ---- pure ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "last", "due", "lost", "state"),
    [
        (9.0, None, 0.0, None, "connecting"),
        (9.0, None, 0.0, 3.0, "connecting"),  # never there: the slate, but not a loss
        (10.0, 10.0, 10.0, None, "live"),
        (11.9, 10.0, 10.0, None, "live"),  # inside the patience of 2 s
        (12.0, 10.0, 10.0, None, "held"),  # open, but silent
        (14.9, 10.0, 10.0, None, "held"),  # held for 3 s from the moment it was lost
        (15.0, 10.0, 10.0, None, "slate"),
        (10.4, 10.0, 10.0, 10.3, "held"),  # failed: lost at once
        (13.2, 10.0, 10.0, 10.3, "held"),
        (13.3, 10.0, 10.0, 10.3, "slate"),
        (16.0, 10.0, 20.0, None, "live"),  # a slow film: the next picture is due at 20
        (22.0, 10.0, 20.0, None, "held"),
        (15.0, 10.0, 10.0, 14.0, "slate"),  # failing after a silence does not start the hold anew
    ],
)
def test_standing(now, last, due, lost, state) -> None:
    assert standing(now, last, due, lost, hold=3.0, patience=2.0) == state


def test_backoff_doubles_jitters_and_is_bounded() -> None:
    backoff, draw = Backoff(), Random(3)
    waits = [[backoff.delay(n, draw) for _ in range(200)] for n in range(1, 12)]
    assert all(0.5 <= wait <= 10.0 for row in waits for wait in row)
    assert [round(max(row)) for row in waits[:6]] == [1, 2, 4, 8, 10, 10]
    assert all(len(set(row)) > 100 for row in waits)
    assert [backoff.delay(4, Random(5)) for _ in range(2)] == [backoff.delay(4, Random(5))] * 2
    assert backoff.delay(100_000, draw) <= 10.0  # a week without the camera overflows nothing


def test_ticks_skip_rather_than_slow_down() -> None:
    wire = FakeWire(end=2.0)
    seen = []
    for number, moment in ticks(wire, 10.0):
        seen.append((number, round(moment - 100.0, 6)))
        wire.now += 0.35 if number == 3 else 0.01
    assert [n for n, _ in seen] == [0, 1, 2, 3, *range(6, 20)]
    assert all(moment == round(n / 10, 6) for n, moment in seen)
    assert wire.drops == {"late": 2}


# ---- the slot -----------------------------------------------------------------------------


def test_newest_wins_and_what_nobody_took_is_counted() -> None:
    source = Scripted()
    camera = feed(source)
    try:
        assert camera.health(time.monotonic()).state == "connecting"
        assert camera.newest(time.monotonic()).number == 1  # the slate
        source.send.release(3)
        assert until(lambda: camera.health(time.monotonic()).frames == 3)
        frame = camera.newest(time.monotonic())
        assert frame.number == 4
        assert frame.pixels[0, 0, 0] == 100
        source.send.release()
        assert camera.wait(after=4, timeout=5.0)
        health = camera.health(time.monotonic())
        assert health.drops == {"superseded": 2}  # the fourth came after the third was taken
        assert health.age is not None
        assert 0.0 <= health.age < 1.0
    finally:
        camera.close()


def test_wait_sleeps_until_a_frame_or_its_timeout() -> None:
    source = Scripted()
    camera = feed(source)
    try:
        began = time.monotonic()
        assert not camera.wait(after=1, timeout=0.3)
        assert 0.28 <= time.monotonic() - began < 2.0
        threading.Timer(0.05, source.send.release).start()
        assert camera.wait(after=1, timeout=10.0)
        assert not camera.wait(after=2, timeout=0.0)
    finally:
        camera.close()


def test_lost_then_held_then_slate_then_live_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    source = Scripted()
    camera = feed(source, hold=0.3)
    try:
        source.send.release()
        assert camera.wait(after=1, timeout=5.0)
        live = camera.newest(time.monotonic())
        source.away, source.fail = True, CameraError("the cable is out")
        assert until(lambda: camera.health(time.monotonic()).state == "held")
        assert camera.newest(time.monotonic()) is live
        assert camera.wait(after=live.number, timeout=5.0)  # the slate wakes the loop, too
        slate = camera.newest(time.monotonic())
        assert slate.number == live.number + 1
        assert slate.pixels[0, 0, 0] == 7
        assert camera.newest(time.monotonic()) is slate
        assert until(lambda: source.opened > 4)
        assert camera.health(time.monotonic()).trouble == "nobody is there"
        source.away = False
        source.send.release()
        assert camera.wait(after=slate.number, timeout=5.0)
        back = camera.newest(time.monotonic())
        assert back.number == slate.number + 1
        health = camera.health(time.monotonic())
        assert (health.state, health.reconnects, health.trouble) == ("live", 1, "")
    finally:
        camera.close()
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("murai_show.camera")]
    assert len(ours) == 2, ours  # one line when lost, one when back, none for each attempt
    assert ours[0] == "camera cam: lost: the cable is out; it is tried again"
    assert ours[1].startswith("camera cam: live again after")
    assert source.closed == 2  # both that opened were freed


def test_silence_is_a_loss_though_the_source_is_open() -> None:
    source = Scripted()
    camera = feed(source, hold=0.05, patience=0.1)
    try:
        source.send.release()
        assert camera.wait(after=1, timeout=5.0)
        assert until(lambda: camera.health(time.monotonic()).state == "slate")
        assert source.opened == 1
        source.send.release()
        assert until(lambda: camera.health(time.monotonic()).state == "live")
    finally:
        camera.close()


def test_a_source_that_waits_on_purpose_is_not_lost() -> None:
    def slow(wire: Wire) -> Pictures:
        yield picture()
        while wire.wait_until(wire.clock.monotonic() + 0.4):
            yield picture()

    camera = feed(slow, hold=0.0, patience=0.2)
    try:
        assert camera.wait(after=1, timeout=5.0)
        states = set()
        while camera.health(time.monotonic()).frames < 3:
            states.add(camera.health(time.monotonic()).state)
            time.sleep(0.01)
        assert states == {"live"}
    finally:
        camera.close()


def test_a_film_that_is_over_is_not_started_again() -> None:
    source = Scripted()
    camera = feed(source, hold=0.05)
    try:
        source.send.release()
        assert camera.wait(after=1, timeout=5.0)
        source.over = True
        assert until(lambda: camera.health(time.monotonic()).state == "slate")
        assert camera.health(time.monotonic()).trouble == "the film is over"
        time.sleep(0.1)  # five times the longest backoff
        assert source.opened == 1
    finally:
        camera.close()


def test_a_fault_of_ours_is_counted_logged_once_and_survived(
    caplog: pytest.LogCaptureFixture,
) -> None:
    faults = 3

    def broken(wire: Wire) -> Pictures:
        nonlocal faults
        faults -= 1
        if faults >= 0:
            raise KeyError("rtsp://u:hunter2@host/")
        while wire.rest(0.005):
            yield picture()

    camera = feed(broken, redact=lambda text: text.replace("hunter2", "***"))
    try:
        assert camera.wait(after=1, timeout=5.0)
        assert camera.health(time.monotonic()).drops["fault"] == 3
        errors = [r for r in caplog.records if r.levelno == logging.ERROR]
        assert len(errors) == 1
        assert "Traceback" in errors[0].getMessage()
        assert "hunter2" not in caplog.text
    finally:
        camera.close()


def test_close_leaves_a_stuck_thread_behind_in_time() -> None:
    release = threading.Event()

    def stuck(wire: Wire) -> Pictures:
        release.wait(20.0)  # a driver that ignores everybody
        yield picture()

    camera = feed(stuck)
    began = time.monotonic()
    camera.close()
    camera.close()
    release.set()
    assert time.monotonic() - began < 4.0
    assert until(lambda: not camera._thread.is_alive())
    assert camera.newest(time.monotonic()).pixels[0, 0, 0] == 7


def test_a_picture_is_developed_when_it_is_taken_and_once() -> None:
    """What nobody looks at costs nothing; what is held is not developed again."""
    developed: list[int] = []
    more = threading.Semaphore(0)

    def pictures(wire):
        for value in range(1, 5):
            yield Picture(lambda v=value: develop(v), 0.0, time.monotonic())
        more.acquire()

    def develop(value: int) -> np.ndarray:
        developed.append(value)
        return np.full((16, 16, 3), value, np.uint8)

    camera = feed(pictures)
    try:
        assert until(lambda: camera.health(time.monotonic()).frames == 4)
        assert developed == []
        first = camera.newest(time.monotonic())
        assert camera.newest(time.monotonic()) is first
        assert developed == [4]
        assert first.pixels[0, 0, 0] == 4
    finally:
        more.release()
        camera.close()


def test_a_picture_that_cannot_be_developed_leaves_the_one_before() -> None:
    more = threading.Semaphore(0)

    def pictures(wire):
        yield picture(9)
        more.acquire()
        yield Picture(broken, 0.0, time.monotonic())
        more.acquire()

    def broken() -> np.ndarray:
        raise CameraError("no such colours")

    camera = feed(pictures)
    try:
        assert until(lambda: camera.newest(time.monotonic()).pixels[0, 0, 0] == 9)
        before = camera.newest(time.monotonic()).number
        more.release()
        assert until(lambda: camera.newest(time.monotonic()).number > before)
        assert camera.newest(time.monotonic()).pixels[0, 0, 0] == 9
        assert camera.health(time.monotonic()).drops["unreadable"] == 1
    finally:
        more.release()
        camera.close()


def test_a_source_hears_that_nobody_keeps_up() -> None:
    heard: list[bool] = []
    more = threading.Semaphore(0)

    def pictures(wire):
        while not wire.closing:
            more.acquire()
            heard.append(wire.behind)
            yield picture()

    camera = feed(pictures)
    try:
        for _ in range(4):
            more.release()
        assert until(lambda: len(heard) == 4)
        assert heard[0] is False
        more.release()
        assert until(lambda: heard[-1] is True)
        camera.newest(time.monotonic())
        for _ in range(2):
            more.release()
        assert until(lambda: heard[-1] is False)
    finally:
        more.release()
        camera.close()
