"""The last frame of a camera whose device passes on."""

from __future__ import annotations

from murai_show.held import Held
from tests.loop.stand_ins import CountingCamera


def test_it_shows_one_frame_and_grows_older() -> None:
    camera = CountingCamera()
    held = Held(camera, 10.0)
    camera.close()
    assert held.name == "counter"
    assert held.newest(11.0) is held.newest(12.0)
    assert held.newest(11.0).number == 1
    assert held.health(12.5).state == "held"
    assert held.health(12.5).age == 2.5
    assert not held.wait(1, 0.0)
    assert held.wait(0, 0.0)
    held.close()
    assert not held.wait(1, 3600.0)  # whoever waits is let go
