"""A painter and a camera on a ladder: a clock that is set, sizes that are counted."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from murai_show.frame import Frame
from murai_show.loop.degraded import DegradedCamera, DegradedStylizer, Relief, relieved
from murai_show.loop.mailbox import Mailbox
from murai_show.loop.run import Parts, Scene, run_loop, status
from murai_show.loop.tally import Tally
from murai_show.show.guard import LadderSpec, parse_step, rungs_of
from murai_show.show.sizes import inside
from murai_show.show.timeline import Look
from murai_show.show.words import Size
from murai_show.style.ensemble import Ensemble
from tests.loop.stand_ins import CountingCamera, ListOutput, RealClock

PAINT = Size(64, 36)
LOOK = Look((("a", 1.0),))
SLATE = np.full((36, 64, 3), 77, np.uint8)


class SetClock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return 0.0


class Laborious:
    """Paints nothing; each picture costs `whole` seconds of the clock at the paint size."""

    engine = "laborious"

    def __init__(self, clock: SetClock, whole: float, styles: tuple[str, ...] = ("a", "b")) -> None:
        self.styles = styles
        self.clock, self.whole, self.paint = clock, whole, PAINT
        self.sizes: list[Size] = []
        self.closed = False
        self.fault: Exception | None = None

    def __call__(self, frame: Frame, look: Look) -> Frame:
        if self.fault:
            raise self.fault
        size = inside(Size(frame.width, frame.height), self.paint)
        self.sizes.append(size)
        self.clock.now += self.whole * size.width * size.height / (PAINT.width * PAINT.height)
        return frame.painted(np.zeros((size.height, size.width, 3), np.uint8))

    def close(self) -> None:
        self.closed = True


class SteadyCamera(CountingCamera):
    """Frames of 64x36; waiting for one passes the clock's time."""

    def __init__(self, clock: SetClock) -> None:
        super().__init__()
        self.clock = clock

    def newest(self, now: float) -> Frame:
        frame = super().newest(now)
        return frame.painted(np.full((36, 64, 3), frame.number % 256, np.uint8))

    def wait(self, after: int, timeout: float) -> bool:
        self.clock.now += timeout
        return True


def ladder(*steps: str, budget: float = 20.0) -> LadderSpec:
    return LadderSpec(rungs_of(tuple(map(parse_step, steps))), budget, 5.0, 30.0)


class Studio:
    def __init__(self, whole: float, *steps: str) -> None:
        self.clock = SetClock()
        self.painter = Laborious(self.clock, whole)
        self.relief = Relief(ladder(*steps), PAINT, self.clock)
        self.stylizer = DegradedStylizer(self.painter, self.relief, [PAINT])
        self.bare = SteadyCamera(self.clock)
        camera = relieved(self.bare, self.stylizer, lambda: SLATE)
        assert isinstance(camera, DegradedCamera)
        self.camera = camera
        camera._wait = self._rest  # pyright: ignore - time passes by the clock that is set

    def _rest(self, seconds: float) -> None:
        self.clock.now += seconds

    def turn(self) -> Frame:
        """One round of the loop's painter."""
        return self.stylizer(self.camera.newest(self.clock.now), LOOK)

    def run(self, seconds: float) -> list[Frame]:
        end, pictures = self.clock.now + seconds, []
        while self.clock.now < end:
            pictures.append(self.turn())
        return pictures


def test_every_size_is_made_ready_before_the_show() -> None:
    studio = Studio(0.01, "paint 0.75", "paint 0.5", "fps 12", "slate")
    assert studio.painter.sizes == [Size(64, 36), Size(48, 28), Size(32, 16)]


def test_every_network_is_made_ready_before_the_show() -> None:
    """A fade to a style of another network, on a lower rung, then waits for no compiler."""
    clock = SetClock()
    painters = [Laborious(clock, 0.01), Laborious(clock, 0.01, ("c",))]
    DegradedStylizer(Ensemble(painters), Relief(ladder("paint 0.5"), PAINT, clock), [PAINT])
    assert [painter.sizes for painter in painters] == [[Size(64, 36), Size(32, 16)]] * 2


def test_a_frame_of_another_size_has_its_sizes_made_ready_one_a_picture() -> None:
    studio = Studio(0.01, "paint 0.5")
    studio.painter.sizes.clear()
    tall = Frame(np.zeros((72, 32, 3), np.uint8), 0.0, 0.0, 1, "tall")
    for _ in range(4):
        studio.stylizer(tall, LOOK)
    whole, half = Size(16, 36), Size(16, 16)
    assert studio.painter.sizes == [whole, whole, whole, half, whole, whole]


def test_it_paints_smaller_and_says_why(caplog) -> None:
    studio = Studio(0.080, "paint 0.75", "paint 0.5")
    with caplog.at_level(logging.WARNING):
        pictures = studio.run(20)
    assert (pictures[0].width, pictures[-1].width) == (64, 48)
    assert studio.stylizer.degraded.rung == 1
    (line,) = caplog.messages
    assert line == (
        "degrade: step 1 of 2, paint 0.75: a picture takes 80 ms at 64x36, "
        "that is 12.5 a second of 20 wanted"
    )


def test_it_comes_back_and_says_what_it_expects(caplog) -> None:
    studio = Studio(0.080, "paint 0.5")
    studio.run(10)
    studio.painter.whole = 0.020
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        pictures = studio.run(60)
    assert pictures[-1].width == 64
    (line,) = caplog.messages
    assert line.startswith("degrade: back to the whole picture: a picture takes 4 ms at 32x18, ")
    assert line.endswith(" ms are expected of 50 that it has")


def test_a_capped_rate_is_even_and_takes_the_newest_frame() -> None:
    studio = Studio(0.060, "fps 10")
    studio.run(10)
    assert studio.stylizer.degraded.rung == 1
    began: list[float] = []
    for _ in range(10):
        frame = studio.camera.newest(studio.clock.now)
        assert frame.number == studio.bare.number  # nothing newer lies in the slot
        began.append(studio.clock.now)
        studio.stylizer(frame, LOOK)
    assert np.diff(began[1:]) == pytest.approx(0.1)


def test_the_slate_is_painted_once_and_the_show_comes_back_from_it() -> None:
    studio = Studio(0.300, "slate")
    studio.run(10)
    assert studio.stylizer.degraded.rung == 1
    first = studio.turn()
    painted = len(studio.painter.sizes)
    again = [studio.turn() for _ in range(20)]
    assert len(studio.painter.sizes) == painted
    assert {p.number for p in again} == {first.number}  # the loop has no reason to paint it again
    assert all(p.pixels is first.pixels for p in again)
    studio.painter.whole = 0.010
    later = studio.run(60)
    assert studio.stylizer.degraded.rung == 0
    numbers = [first.number, *(p.number for p in later)]
    assert numbers == sorted(numbers)
    assert later[-1].number > first.number


def test_a_fault_is_no_cost() -> None:
    studio = Studio(0.010, "paint 0.5")
    for _ in range(30):
        studio.painter.fault = RuntimeError("out of paint")
        with pytest.raises(RuntimeError):
            studio.turn()
        studio.clock.now += 1.0  # as the loop waits
        studio.painter.fault = None
        studio.turn()
    assert studio.stylizer.degraded.rung == 0


def test_another_painter_takes_its_own_ladder_or_none() -> None:
    studio, other = Studio(0.01, "paint 0.5"), Studio(0.01, "slate")
    taken = relieved(studio.camera, other.stylizer, lambda: SLATE)
    assert isinstance(taken, DegradedCamera)
    assert taken.camera is studio.bare
    assert relieved(studio.camera, studio.painter, lambda: SLATE) is studio.bare
    studio.stylizer.close()
    assert studio.painter.closed


def test_the_loop_runs_on_it_and_tells_the_rung() -> None:
    """Real threads and a real clock, on the slate from the beginning."""
    clock, wall = RealClock(), ListOutput()
    relief = Relief(ladder("slate"), PAINT, clock)
    relief.at = relief.at.__class__(1, clock.monotonic(), relief.at.slice)
    painter = Laborious(SetClock(), 0.0)
    stylizer = DegradedStylizer(painter, relief, [PAINT])
    camera = relieved(CountingCamera(), stylizer, lambda: SLATE)
    scene = Scene(ThreadPoolExecutor(1), camera, stylizer, (wall,), lambda wall: LOOK)
    parts = Parts(lambda: scene, clock, Mailbox(), Tally())
    stop = threading.Event()
    thread = threading.Thread(target=run_loop, args=(parts, stop))
    thread.start()
    try:
        assert wall.wait_for(200)
    finally:
        stop.set()
        thread.join(5)
    assert not thread.is_alive()
    assert parts.tally.read().painted == 1
    found = status(parts, LOOK, clock.monotonic()).degraded
    assert found is not None
    assert found.words[found.rung] == "slate"


def test_what_a_frame_takes_before_it_is_painted_is_work() -> None:
    """Decoding and composing: a slow machine misses its budget there too."""
    studio = Studio(0.010, "paint 0.5")
    newest = studio.bare.newest

    def developed(now: float) -> Frame:
        studio.clock.now += 0.090
        return newest(now)

    studio.bare.newest = developed
    studio.run(20)
    assert studio.stylizer.degraded.rung == 1


def test_waiting_for_a_frame_is_no_work() -> None:
    """A camera of 5 a second, polled as the loop polls it."""
    studio = Studio(0.030, "paint 0.5")
    for _ in range(200):
        frame = studio.camera.newest(studio.clock.now)
        studio.stylizer(frame, LOOK)
        studio.bare.last = studio.bare.number
        for _ in range(8):
            assert studio.camera.newest(studio.clock.now).number == frame.number
            studio.clock.now += 0.02
        studio.bare.last += 1
    assert studio.stylizer.degraded.rung == 0
