"""What every camera owes the loop, whatever its kind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from murai_show.camera import KINDS, open_camera
from murai_show.ports import Camera
from murai_show.show import schema
from murai_show.show.plan import PlannedCamera
from murai_show.show.words import Size, Url
from tests.camera.stand_ins import WallClock, until, write_film
from tests.rtsp_server import RtspServer, encode

SIZE = Size(96, 64)


@pytest.fixture(params=["file", "stream", "still", "pattern"])
def planned(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PlannedCamera]:
    """A camera of each kind that can run on any machine."""
    server = None
    if request.param == "file":
        film = write_film(tmp_path / "film.mp4", frames=6, fps=30, size=SIZE)
        spec: schema.Camera = schema.FileCamera(kind="file", path=str(film))
    elif request.param == "stream":
        server = RtspServer(encode(*SIZE, 10)).start()
        url = Url(f"rtsp://127.0.0.1:{server.port}/x")
        spec = schema.StreamCamera(kind="stream", url=url)
    elif request.param == "still":
        noise = np.random.default_rng(1).integers(0, 256, (90, 120, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / "photo.png")
        spec = schema.StillCamera(kind="still", photos=str(tmp_path), size=SIZE)
    else:
        spec = schema.PatternCamera(kind="pattern", size=SIZE)
    yield PlannedCamera(f"a-{request.param}", spec)
    if server is not None:
        server.stop()


@pytest.fixture
def camera(planned: PlannedCamera) -> Iterator[Camera]:
    opened = open_camera(planned, WallClock())
    yield opened
    opened.close()


def test_the_kinds_are_those_of_the_schema() -> None:
    models = get_args(get_args(schema.Camera)[0])
    assert set(KINDS) == {get_args(model.model_fields["kind"].annotation)[0] for model in models}


def test_there_is_a_picture_from_the_first_moment(camera: Camera) -> None:
    frame = camera.newest(time.monotonic())
    assert frame.pixels.dtype == np.uint8
    assert frame.number >= 1
    assert frame.camera == camera.name


def test_frames_are_what_the_port_says_and_their_numbers_grow(camera: Camera) -> None:
    assert until(lambda: camera.health(time.monotonic()).state == "live")
    seen = [camera.newest(time.monotonic())]
    while len(seen) < 12:
        assert camera.wait(after=seen[-1].number, timeout=10.0)
        seen.append(camera.newest(time.monotonic()))
    assert all(a.number < b.number for a, b in pairwise(seen))
    assert all(a.captured <= b.captured for a, b in pairwise(seen))
    assert {f.pixels.shape for f in seen} == {(64, 96, 3)}
    assert {f.pixels.dtype for f in seen} == {np.dtype(np.uint8)}
    assert all(f.pixels.flags.c_contiguous for f in seen)
    assert len({id(f.pixels) for f in seen}) == len(seen)  # no buffer is used again
    assert -0.001 <= time.monotonic() - seen[-1].captured < 1.0
    health = camera.health(time.monotonic())
    assert health.frames >= 11
    assert health.reconnects == 0
    assert health.age is not None
    assert health.age < 2.0
    assert health.trouble == ""


def test_newest_never_blocks(camera: Camera) -> None:
    worst = 0.0
    for _ in range(300):
        began = time.perf_counter()
        camera.newest(time.monotonic())
        worst = max(worst, time.perf_counter() - began)
        time.sleep(0.001)
    assert worst < 0.2  # microseconds; the bound is for a machine that is busy elsewhere


def test_what_nobody_takes_is_counted_not_kept(camera: Camera) -> None:
    assert until(lambda: camera.health(time.monotonic()).drops.get("superseded", 0) >= 3)
    assert camera.health(time.monotonic()).frames >= 4


def test_wait_gives_up_in_time(camera: Camera) -> None:
    began = time.monotonic()
    assert not camera.wait(after=10**9, timeout=0.1)
    assert 0.09 <= time.monotonic() - began < 1.0


def test_close_is_prompt_and_safe_twice_and_leaves_no_thread(camera: Camera) -> None:
    assert until(lambda: camera.health(time.monotonic()).frames > 0)
    began = time.monotonic()
    camera.close()
    camera.close()
    assert time.monotonic() - began < 2.0
    named = [t.name for t in threading.enumerate() if t.name == f"camera-{camera.name}"]
    assert not named
    last = camera.newest(time.monotonic()).number
    assert not camera.wait(after=last, timeout=0.05)


@pytest.mark.parametrize(
    "broken",
    [
        lambda: schema.FileCamera(kind="file", path="/no/such/film.mp4"),
        lambda: schema.V4l2Camera(kind="v4l2", device="/dev/murai-no-such-camera"),
        lambda: schema.StreamCamera(kind="stream", url=Url("rtsp://u:secret@127.0.0.1:9/x")),
        lambda: schema.StillCamera(kind="still", photos="/no/such/photos"),
    ],
)
def test_a_device_that_is_away_shows_the_slate(broken: Callable[[], schema.Camera]) -> None:
    began = time.monotonic()
    camera = open_camera(PlannedCamera("away", broken()), WallClock())
    try:
        frame = camera.newest(time.monotonic())
        assert time.monotonic() - began < 2.0  # the slate is drawn; nothing is waited for
        assert frame.pixels.shape == (720, 1280, 3)
        assert until(lambda: camera.health(time.monotonic()).trouble)
        health = camera.health(time.monotonic())
        assert (health.state, health.age, health.frames) == ("connecting", None, 0)
        assert "secret" not in repr(health)
        assert camera.newest(time.monotonic()) is frame
    finally:
        camera.close()
    assert time.monotonic() - began < 6.0
