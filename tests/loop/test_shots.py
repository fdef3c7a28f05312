"""Several shots in one loop: real threads, stand-ins that count."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np

from murai_show.bell import Bell
from murai_show.frame import Frame
from murai_show.loop.mailbox import Mailbox
from murai_show.loop.run import Easel, Parts, Scene
from murai_show.loop.tally import Tally
from murai_show.ports import CameraHealth
from murai_show.show.timeline import Look
from tests.loop.stand_ins import CountingCamera, ListOutput, RealClock, SlowStylizer
from tests.loop.test_run import running

LIT = Look((("a", 1.0),))


class Named(CountingCamera):
    """A camera with a name of its own; `width` tells its pictures from others'."""

    def __init__(self, name: str, width: int, last: int = 10**9) -> None:
        super().__init__(last)
        self.name, self.width = name, width

    def newest(self, now: float) -> Frame:
        frame = super().newest(now)
        return replace(frame, pixels=np.zeros((9, self.width, 3), np.uint8), camera=self.name)


class Batch(SlowStylizer):
    """Notes how many frames came at once."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, ...]] = []

    def paint_all(self, frames: Sequence[Frame], look: Look) -> list[Frame]:
        self.calls.append(tuple(frame.camera for frame in frames))
        return [self(frame, look) for frame in frames]


class Ringing(Named):
    """Gives a newer frame only when it is told to, and rings then."""

    def __init__(self, name: str, width: int, bell: Bell) -> None:
        super().__init__(name, width, last=1)
        self._bell = bell

    def film(self) -> None:
        self.last += 1
        self._bell.ring()

    def wait(self, after: int, timeout: float) -> bool:
        return self.last > after


def scene_of(stylizer: Any, street: Named, stage: Named, *outputs: ListOutput) -> Scene:
    """`left` shows what `play` films, `right` the stage."""
    return Scene(
        ThreadPoolExecutor(1),
        street,
        stylizer,
        outputs,
        lambda _: LIT,
        {"stage": stage},
        {"right": "stage"},
        (street, stage),
    )


def parts_of(scene: Scene) -> Parts:
    return Parts(lambda: scene, RealClock(), Mailbox(), Tally())


def test_each_output_shows_its_own_camera_and_one_call_paints_both() -> None:
    left, right, stylizer = ListOutput("left"), ListOutput("right"), Batch()
    scene = scene_of(stylizer, Named("street", 16), Named("stage", 32), left, right)
    parts = parts_of(scene)
    with running(parts):
        assert left.wait_for(20)
        assert right.wait_for(20)
    assert {frame.camera for frame, _ in left.shown} == {"street"}
    assert {frame.camera for frame, _ in right.shown} == {"stage"}
    assert set(stylizer.calls) == {("street", "stage")}
    counts = parts.tally.read()
    assert counts.painted == 2 * len(stylizer.calls)
    assert counts.errors == {}


def test_a_stylizer_that_takes_one_at_a_time_is_given_one_at_a_time() -> None:
    left, right = ListOutput("left"), ListOutput("right")
    scene = scene_of(SlowStylizer(), Named("street", 16), Named("stage", 32), left, right)
    with running(parts_of(scene)):
        assert left.wait_for(10)
        assert right.wait_for(10)
    assert {frame.width for frame, _ in right.shown} == {32}


def test_a_camera_that_stands_still_is_painted_once_beside_one_that_runs() -> None:
    left, right, stylizer = ListOutput("left"), ListOutput("right"), Batch()
    stage = Named("stage", 32, last=1)
    with running(parts_of(scene_of(stylizer, Named("street", 16), stage, left, right))):
        assert left.wait_for(50)
        assert right.wait_for(5)
    assert stylizer.calls == [("street", "stage")]
    assert len({id(frame) for frame, _ in right.shown}) == 1
    assert len({frame.number for frame, _ in left.shown}) > 5


def test_the_bell_brings_a_frame_of_any_shot() -> None:
    """Both stand still; each time one of them films it is painted, and the other is not."""
    bell = Bell()
    street, stage = Ringing("street", 16, bell), Ringing("stage", 32, bell)
    left, right, stylizer = ListOutput("left"), ListOutput("right"), Batch()
    scene = replace(scene_of(stylizer, street, stage, left, right), bell=bell)
    with running(parts_of(scene)):
        for number, camera, output in ((2, stage, right), (2, street, left), (3, stage, right)):
            camera.film()
            while not output.shown or output.shown[-1][0].number < number:
                assert output.wait_for(len(output.shown) + 1)
    numbers = [number for number, _ in stylizer.painted]
    assert sorted(numbers) == [1, 1, 2, 2, 3]


def test_status_tells_of_every_camera_by_its_name() -> None:
    left, right = ListOutput("left"), ListOutput("right")
    parts = parts_of(scene_of(Batch(), Named("street", 16), Named("stage", 32), left, right))
    with running(parts):
        assert left.wait_for(5)
    status = parts.mailbox.newest()
    assert status is not None
    assert set(status.cameras) == {"street", "stage"}
    assert all(isinstance(health, CameraHealth) for health in status.cameras.values())
    assert status.drops["stage", "superseded"] == 2


def test_an_easel_gives_the_main_picture_until_a_shot_has_its_own() -> None:
    """An output that is given another camera does not go dark meanwhile."""
    easel = Easel()
    assert easel.newest("stage") == (None, 0.0)
    main, own = (Frame(np.zeros((9, 16, 3), np.uint8), 0.0, 0.0, n, "x") for n in (1, 2))
    easel.put(main, 1.0)
    assert easel.newest("stage") == (main, 1.0)
    easel.put(own, 2.0, "stage")
    assert easel.newest("stage") == (own, 2.0)
    assert easel.newest() == (main, 1.0)
    easel.keep({"": CountingCamera()})
    assert easel.newest("stage") == (main, 1.0)
