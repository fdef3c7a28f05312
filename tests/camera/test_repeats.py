"""A live camera that sends one picture over and over."""

from __future__ import annotations

import logging
from itertools import pairwise

import av
import numpy as np
import pytest
import torch

from murai_show.camera.darkroom import Darkroom, Surface, Tags
from murai_show.camera.live import FROZEN, stream_source, v4l2_source
from murai_show.camera.repeats import Repeats, fingerprint
from murai_show.camera.source import Picture
from murai_show.errors import CameraError
from murai_show.show.schema import StreamCamera, V4l2Camera
from murai_show.show.words import Url
from tests.camera.engine import Engine, HostLane
from tests.camera.stand_ins import FakeWire


def picture(value: int | None) -> Picture:
    made = Picture(lambda: np.zeros((16, 16, 3), np.uint8), 0.0, 0.0)
    made.fingerprint = lambda: value
    return made


def refusals(repeats: Repeats, begin: float, end: float, value: int | None) -> list[float]:
    """When the source was given up, to the second, shown one picture 25 times a second."""
    found = []
    for now in np.arange(begin, end, 0.04).tolist():
        try:
            repeats.saw(picture(value), now)
        except CameraError:
            found.append(now)
    return found


def test_one_picture_is_frozen_after_a_while_and_no_longer_when_it_moves(caplog) -> None:
    caplog.set_level(logging.INFO)
    repeats = Repeats("hall", 10.0)
    assert refusals(repeats, 0.0, 9.9, 7) == []
    assert not repeats.frozen
    refusals(repeats, 9.9, 10.5, 7)
    assert repeats.frozen
    repeats.saw(picture(8), 12.0)
    assert not repeats.frozen
    said = [record.getMessage() for record in caplog.records]
    assert [line.partition(".")[0] for line in said] == [
        "camera hall: frozen: one picture for 10",
        "camera hall: no longer frozen, after 12",
    ]


def test_it_is_opened_anew_ever_more_seldom_until_that_helps() -> None:
    """A lens in the dark is no reason to knock at the camera every minute of the night."""
    repeats = Repeats("hall", 10.0)
    tries = refusals(repeats, 0.0, 400.0, 7)
    assert [round(at / 10) for at in tries] == [2, 4, 8, 16, 32]
    assert repeats.frozen  # all the while
    repeats.saw(picture(8), 401.0)
    assert [round((at - 401) / 10) for at in refusals(repeats, 401.0, 450.0, 8)] == [2, 4]


def test_two_pictures_in_turn_are_none_that_repeats() -> None:
    repeats = Repeats("hall", 1.0)
    for number in range(200):
        repeats.saw(picture(number % 2), 0.21 * number)
        assert not repeats.frozen


def test_what_nobody_knows_is_not_frozen_and_what_may_stand_still_is_never_asked() -> None:
    repeats = Repeats("hall", 1.0)
    assert refusals(repeats, 0.0, 9.0, None) == []
    asked = []
    film = picture(7)
    film.fingerprint = lambda: asked.append(1)
    for now in range(100):
        Repeats("film", None).saw(film, float(now))
    assert asked == []


@pytest.mark.parametrize("layout", ["yuv420p", "yuvj422p", "yuyv422", "yuv420p10le", "gray"])
def test_a_fingerprint_tells_one_level_in_one_corner(layout: str) -> None:
    """And not what lies beyond the right edge, in memory that nobody wrote."""

    def made(beyond: int, corner: int) -> av.VideoFrame:
        frame = av.VideoFrame(100, 60, layout)
        plane = frame.planes[0]
        wide = {"yuyv422": 200, "yuv420p10le": 200}.get(layout, 100)
        rows = np.full((plane.height, plane.line_size), beyond, np.uint8)
        rows[:, :wide] = 90
        rows[-1, wide - 1] = corner
        plane.update(rows.tobytes())
        return frame

    assert fingerprint(made(1, 90)) == fingerprint(made(2, 90))
    assert fingerprint(made(1, 90)) != fingerprint(made(1, 91))


def test_a_surface_of_the_gpu_has_one_too() -> None:
    """Here with a lane of the host's, which does what CUDA's does but on the CPU."""
    planes = torch.randint(0, 255, (90, 96), dtype=torch.uint8)
    room = Darkroom(HostLane(Engine(), 0), Tags(1, False, 8, 0), None)
    prints = []
    for change in (0, 0, 1):
        planes[40, 40] += change
        prints.append(Surface(planes, 0.0, room, FakeWire()).fingerprint())
    assert [a == b for a, b in pairwise(prints)] == [True, False]


def test_only_live_cameras_are_held_to_it() -> None:
    device = V4l2Camera.model_validate(
        {"kind": "v4l2", "device": "/dev/video0", "read_timeout": "2s"}
    )
    stream = StreamCamera.model_validate(
        {"kind": "stream", "url": Url("rtsp://127.0.0.1/x"), "read_timeout": "3s"}
    )
    assert v4l2_source(device).frozen_after == FROZEN * 2.0
    assert stream_source(stream).frozen_after == FROZEN * 3.0
