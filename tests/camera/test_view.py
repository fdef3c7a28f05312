"""A view is a camera like any other, and its members are cameras that come and go."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from murai_show.bell import Bell
from murai_show.camera import View, open_camera
from murai_show.camera.view import STEP
from murai_show.errors import DeviceLostError
from murai_show.frame import Frame
from murai_show.ports import Camera, CameraHealth, CameraState
from murai_show.show import schema
from murai_show.show.plan import PlannedCamera
from murai_show.show.shot import Filmed, Shot, Tiles, Walk
from murai_show.show.words import Size
from tests.camera.stand_ins import WallClock
from tests.contract.test_camera import (  # noqa: F401 - what every camera owes the loop
    test_frames_are_what_the_port_says_and_their_numbers_grow,
    test_newest_never_blocks,
    test_there_is_a_picture_from_the_first_moment,
    test_wait_gives_up_in_time,
)

SIZE = Size(96, 64)
PAIR = Tiles((Filmed("left"), Filmed("right")), 2, 0.0, "cover")


@pytest.fixture
def camera() -> Iterator[Camera]:
    """Two patterns side by side, for the contract of cameras."""
    bell, clock = Bell(), WallClock()
    cameras = {
        name: open_camera(
            PlannedCamera(name, schema.PatternCamera(kind="pattern", size=SIZE)), clock, bell=bell
        )
        for name in ("left", "right")
    }
    view = View("pair", SIZE, cameras, lambda _: PAIR, clock, bell)
    yield view
    view.close()
    for member in cameras.values():
        member.close()


class Hand:
    """A camera whose frames are made by hand; its grey level is the frame's number."""

    def __init__(self, name: str, bell: Bell) -> None:
        self.name, self._bell = name, bell
        self.state: CameraState = "live"
        self.trouble = ""
        self.fault: Exception | None = None
        self.frame = self._made(1, 0.0)

    def _made(self, number: int, captured: float) -> Frame:
        pixels = np.full((32, 48, 3), number, np.uint8)
        return Frame(pixels, captured, captured, number, self.name)

    def film(self, captured: float) -> None:
        self.frame = self._made(self.frame.number + 1, captured)
        self._bell.ring()

    def newest(self, now: float) -> Frame:
        if self.fault is not None:
            raise self.fault
        return self.frame

    def wait(self, after: int, timeout: float) -> bool:
        return self.frame.number > after

    def health(self, now: float) -> CameraHealth:
        return CameraHealth(self.state, now - self.frame.captured, 5, 1, {"late": 2}, self.trouble)

    def close(self) -> None:
        raise AssertionError("its cameras are not the view's to close")


class Clock:
    def __init__(self) -> None:
        self.now = 10.0
        self.hour = 0.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.hour


class Pair:
    """A view of two cameras made by hand, under a clock that is set."""

    def __init__(self, shot: Shot = PAIR) -> None:
        self.bell, self.clock, self.shot = Bell(), Clock(), shot
        self.left, self.right = Hand("left", self.bell), Hand("right", self.bell)
        cameras = {"left": self.left, "right": self.right}
        self.view = View("pair", SIZE, cameras, lambda _: self.shot, self.clock, self.bell)

    def newest(self) -> Frame:
        return self.view.newest(self.clock.now)


def test_a_picture_is_composed_once_and_again_when_any_member_moves() -> None:
    pair = Pair()
    first = pair.newest()
    assert (first.number, first.camera) == (1, "pair")
    assert pair.newest() is first
    assert not pair.view.wait(1, 0.0)
    pair.right.film(11.0)
    assert pair.view.wait(1, 0.0)
    second = pair.newest()
    assert second.number == 2
    assert (second.pixels[:, :48] == 1).all()
    assert (second.pixels[:, 48:] == 2).all()
    assert not pair.view.wait(2, 0.0)


def test_its_latency_is_that_of_the_oldest_news() -> None:
    """What was shown before does not count, and of two new frames the older does."""
    pair = Pair()
    pair.newest()
    pair.right.film(11.0)
    assert pair.newest().captured == 11.0
    pair.left.film(12.5)
    pair.right.film(12.0)
    assert pair.newest().captured == 12.0
    pair.left.film(11.9)
    assert pair.newest().captured == 12.0  # time does not run backwards


def test_the_bell_wakes_whoever_waits() -> None:
    """At once, not at the end of a slice of time: no wait here is that short."""
    pair = Pair()
    pair.newest()
    waiting, woken = threading.Event(), threading.Event()

    def wait() -> None:
        waiting.set()
        if pair.view.wait(1, 30.0):
            woken.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert waiting.wait(5)
    pair.left.film(11.0)
    assert woken.wait(10)
    thread.join(5)


def test_a_member_that_is_lost_keeps_its_place_and_the_rest_goes_on() -> None:
    pair = Pair()
    pair.newest()
    pair.left.state, pair.left.trouble = "slate", "the cable is out"
    pair.right.film(11.0)
    frame = pair.newest()
    assert (frame.pixels[:, :48] == 1).all()
    assert (frame.pixels[:, 48:] == 2).all()
    health = pair.view.health(12.0)
    assert health == CameraHealth("slate", 1.0, 10, 2, {"late": 4}, "left: the cable is out")


def test_a_crossfade_rides_on_the_frames_and_walks_by_itself_where_none_come() -> None:
    pair = Pair(Filmed("left"))
    first = pair.newest()
    assert first.pixels.shape == (64, 96, 3)
    pair.shot = Walk(((Filmed("left"), 0.75), (Filmed("right"), 0.25)))
    pair.clock.now += STEP / 2
    assert pair.newest().number == 2  # another camera is new to the picture
    pair.shot = Walk(((Filmed("left"), 0.5), (Filmed("right"), 0.5)))
    assert not pair.view.wait(2, 0.0)
    assert pair.newest().number == 2  # too soon without a frame
    pair.clock.now += 1.5 * STEP
    assert pair.view.wait(2, 0.0)
    stepped = pair.newest()
    assert (stepped.number, stepped.captured) == (3, pair.clock.now)
    pair.shot = Filmed("right")
    pair.right.film(pair.clock.now)
    assert pair.newest().number == 4


def test_a_camera_that_is_not_seen_is_not_waited_for() -> None:
    pair = Pair(Filmed("left"))
    first = pair.newest()
    pair.right.film(11.0)
    assert not pair.view.wait(1, 0.0)
    assert pair.newest() is first


def test_a_lost_gpu_is_not_hidden() -> None:
    pair = Pair()
    pair.right.fault = DeviceLostError("the GPU is gone")
    with pytest.raises(DeviceLostError):
        pair.newest()


def test_closing_wakes_and_leaves_the_cameras_alone() -> None:
    pair = Pair()
    pair.newest()
    done = threading.Event()
    thread = threading.Thread(target=lambda: (pair.view.wait(1, 30.0), done.set()))
    thread.start()
    pair.view.close()
    pair.view.close()
    assert done.wait(10)
    thread.join(5)


def test_a_real_member_that_is_away_shows_its_slate() -> None:
    """In its own half, while the other half runs."""
    bell, clock = Bell(), WallClock()
    away = schema.FileCamera(kind="file", path="/no/such/film.mp4")
    bars = schema.PatternCamera(kind="pattern", size=SIZE)
    cameras = {
        name: open_camera(PlannedCamera(name, spec), clock, bell=bell)
        for name, spec in (("left", away), ("right", bars))
    }
    view = View("pair", SIZE, cameras, lambda _: PAIR, clock, bell)
    try:
        first = view.newest(time.monotonic())
        assert view.wait(first.number, 10.0)
        second = view.newest(time.monotonic())
        while np.array_equal(second.pixels[:, 48:], first.pixels[:, 48:]):
            assert view.wait(second.number, 10.0)
            second = view.newest(time.monotonic())
        assert np.array_equal(second.pixels[:, :48], first.pixels[:, :48])
        assert view.health(time.monotonic()).state == "connecting"
    finally:
        view.close()
        for camera in cameras.values():
            camera.close()
