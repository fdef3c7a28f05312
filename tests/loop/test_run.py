"""The loop with real threads.  No test here measures time; each waits for something to happen."""

import itertools
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from murai_show.errors import DeviceLostError
from murai_show.frame import Frame
from murai_show.loop.mailbox import Mailbox
from murai_show.loop.run import Parts, Scene, run_loop, status
from murai_show.loop.tally import Tally
from murai_show.show.caption import Caption
from murai_show.show.timeline import Look
from tests.loop.stand_ins import CountingCamera, ListOutput, RealClock, SlowStylizer

LIT = Look((("a", 1.0),))


def parts(*outputs: ListOutput, camera=None, stylizer=None, look_at=lambda wall: LIT) -> Parts:
    scene = Scene(
        ThreadPoolExecutor(1),
        camera or CountingCamera(),
        stylizer or SlowStylizer(),
        outputs,
        look_at,
    )
    return Parts(lambda: scene, RealClock(), Mailbox(), Tally())


@contextmanager
def running(these: Parts):
    stop = threading.Event()
    thread = threading.Thread(target=run_loop, args=(these, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(5)
        assert not thread.is_alive()


def test_pictures_reach_every_output_newest_last() -> None:
    one, two = ListOutput("one"), ListOutput("two")
    with running(parts(one, two)):
        assert one.wait_for(5)
        assert two.wait_for(5)
    numbers = [frame.number for frame, _ in one.shown]
    assert numbers == sorted(numbers)
    assert all(light == 1.0 for _, light in one.shown)


def test_the_stages_of_a_frame_add_up_to_glass_to_glass() -> None:
    """Each frame by itself: what was measured at its stages is what passed from lens to wall."""
    wall, stylizer = ListOutput(), SlowStylizer(0.005)
    these = parts(wall, camera=CountingCamera(last=1), stylizer=stylizer)
    with running(these):
        assert wall.wait_for(1)
    profile = these.tally.profile()
    assert all(len(times) == 1 for times in profile.values()), profile
    assert these.tally.latencies() == [pytest.approx(sum(t[0] for t in profile.values()))]
    assert profile["style"][0] >= 0.005


def test_a_slow_painter_does_not_slow_a_fast_output() -> None:
    """While one picture is painted, the last one is presented again and again."""
    wall, stylizer = ListOutput(fps=240), SlowStylizer(0.2)
    these = parts(wall, stylizer=stylizer)
    with running(these):
        assert wall.wait_for(60)
    counts = these.tally.read()
    assert counts.fresh["wall"] < counts.presented["wall"] / 3


def test_a_frame_is_painted_once() -> None:
    stylizer, wall = SlowStylizer(), ListOutput()
    with running(parts(wall, camera=CountingCamera(last=3), stylizer=stylizer)):
        assert wall.wait_for(30)
    assert [number for number, _ in stylizer.painted] == [1, 2, 3]


def test_a_held_frame_is_painted_again_when_the_look_moves_on() -> None:
    looks = iter([Look((("a", 1.0),)), Look((("b", 1.0),))])
    now = next(looks)

    def look_at(wall: float) -> Look:
        return now

    stylizer, wall = SlowStylizer(), ListOutput()
    these = parts(wall, camera=CountingCamera(last=1), stylizer=stylizer, look_at=look_at)
    with running(these):
        assert wall.wait_for(10)
        now = next(looks)
        assert wall.wait_for(len(wall.shown) + 40)
    assert [look.main for _, look in stylizer.painted] == ["a", "b"]
    assert these.tally.read().fresh == {"wall": 1}  # its age is not counted as latency again


def test_in_a_fade_a_held_frame_is_painted_once_for_each_time_it_can_be_shown() -> None:
    """A painter that is faster than the outputs leaves its cores to them."""
    moved = itertools.count()
    begun: list[float] = []

    class Noting(SlowStylizer):
        def __call__(self, frame: Frame, look: Look) -> Frame:
            assert these.tally.painting is not None
            begun.append(these.tally.painting)
            return super().__call__(frame, look)

    def look_at(wall: float) -> Look:
        share = next(moved) % 1000 / 1000
        return Look((("a", 1.0 - share), ("b", share)))

    slow, fast = ListOutput("slow", fps=5), ListOutput("fast", fps=50)
    these = parts(slow, fast, camera=CountingCamera(last=1), stylizer=Noting(), look_at=look_at)
    with running(these):
        assert fast.wait_for(12)
    assert len(begun) > 2
    assert min(later - before for before, later in itertools.pairwise(begun)) >= 1 / 50


def test_captions_come_and_go_and_nothing_is_painted_anew() -> None:
    said = itertools.count()

    def look_at(wall: float) -> Look:
        return Look((("a", 1.0),), captions=(Caption("clock", str(next(said))),))

    stylizer, wall = SlowStylizer(), ListOutput()
    with running(parts(wall, camera=CountingCamera(last=1), stylizer=stylizer, look_at=look_at)):
        assert wall.wait_for(40)
    assert len(stylizer.painted) == 1
    assert next(said) >= 40


def test_dark_paints_nothing_and_shows_the_last_picture_without_light() -> None:
    now = LIT
    stylizer, wall = SlowStylizer(), ListOutput()
    these = parts(wall, stylizer=stylizer, look_at=lambda wall: now)
    with running(these):
        assert wall.wait_for(5)
        now = Look((), 0.0)
        assert wall.wait_for(len(wall.shown) + 20)
        painted = len(stylizer.painted)
        assert wall.wait_for(len(wall.shown) + 20)
        assert len(stylizer.painted) <= painted + 1
    assert wall.shown[-1][1] == 0.0


def test_a_lost_output_does_not_stop_the_others_and_comes_back(caplog) -> None:
    lost, fine = ListOutput("lost"), ListOutput("fine")
    lost.lost = True
    these = parts(lost, fine)
    with caplog.at_level(logging.WARNING), running(these):
        assert fine.wait_for(400)  # long enough for a second try
        lost.lost = False
        assert lost.wait_for(3)
    assert these.tally.read().errors["output lost"] >= 2
    assert caplog.text.count("the cable is out") == 1


def test_a_failing_painter_keeps_the_last_picture_and_recovers(caplog) -> None:
    stylizer, wall = SlowStylizer(), ListOutput()
    these = parts(wall, stylizer=stylizer)
    with caplog.at_level(logging.ERROR), running(these):
        assert wall.wait_for(5)
        stylizer.fault = RuntimeError("out of paint")
        assert wall.wait_for(len(wall.shown) + 20)
        painted = len(stylizer.painted)
        stylizer.fault = None
        assert wall.wait_for(len(wall.shown) + 400)
        assert len(stylizer.painted) > painted
    assert these.tally.read().errors == {"painter": 1}
    assert caplog.text.count("the painter failed") == 1


def test_a_lost_device_ends_the_show_and_says_why() -> None:
    """Another process can do what this one cannot any more; the supervisor sees the status."""
    stylizer, wall = SlowStylizer(), ListOutput()
    stylizer.fault = DeviceLostError("the GPU has fallen off the bus")
    with pytest.raises(DeviceLostError, match="fallen off") as lost:
        run_loop(parts(wall, stylizer=stylizer), threading.Event())
    assert lost.value.exit_status == 70


def test_a_device_that_is_lost_to_the_camera_ends_the_show_too() -> None:
    class Lost(CountingCamera):
        def newest(self, now: float) -> Frame:
            if self.number == 5:
                raise DeviceLostError("NVDEC failed: an illegal memory access")
            return super().newest(now)

    with pytest.raises(DeviceLostError, match="NVDEC failed"):
        run_loop(parts(ListOutput(), camera=Lost()), threading.Event())


def test_a_closed_window_ends_the_show() -> None:
    wall = ListOutput(enough=3)
    run_loop(parts(wall), threading.Event())
    assert len(wall.shown) == 3


def test_it_ends_on_time() -> None:
    wall = ListOutput()
    these = parts(wall)
    until = these.clock.monotonic() + 0.3
    run_loop(these, threading.Event(), until)
    assert these.clock.monotonic() >= until
    assert wall.shown


def test_the_mailbox_has_the_newest_status() -> None:
    wall = ListOutput()
    these = parts(wall)
    with running(these):
        assert wall.wait_for(150)
    newest = these.mailbox.newest()
    assert newest is not None
    assert newest.look == LIT
    assert newest.drops == {("counter", "superseded"): 2, ("wall", "late"): 1}
    assert newest.recoveries == 0


def test_the_status_tells_whether_servers_are_there() -> None:
    """Of the outputs that are sent to one, and of no others."""
    wall, live = ListOutput(), ListOutput("live")
    vars(live).update(connected=True, reconnects=3)
    found = status(parts(wall, live), LIT, 100.0)
    assert (found.connected, found.reconnects) == ({"live": True}, {"live": 3})


def test_what_a_gpu_s_painter_recovered_from_is_in_the_status() -> None:
    stylizer, wall = SlowStylizer(), ListOutput()
    these = parts(wall, stylizer=stylizer)
    stylizer.recoveries = 2  # pyright: ignore - as CudaStylizer has it
    with running(these):
        assert wall.wait_for(5)
    newest = these.mailbox.newest()
    assert newest is not None
    assert newest.recoveries == 2
    assert newest.cameras["counter"].state == "live"
