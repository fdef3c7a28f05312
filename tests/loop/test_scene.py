"""The scene is exchanged while the loop turns: real threads, stand-ins that count."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from murai_show.errors import DeviceLostError
from murai_show.frame import Frame
from murai_show.loop.errands import Errands
from murai_show.loop.mailbox import Mailbox
from murai_show.loop.run import Parts, Scene, run_loop
from murai_show.loop.tally import Tally
from murai_show.show.timeline import Look
from tests.loop.stand_ins import CountingCamera, ListOutput, RealClock, SlowStylizer
from tests.loop.test_run import running

LIT = Look((("a", 1.0),))


class Slot:
    def __init__(self, *outputs: ListOutput) -> None:
        self.scene = Scene(
            ThreadPoolExecutor(1), CountingCamera(), SlowStylizer(), outputs, lambda _: LIT
        )
        self.errands = Errands()
        self.parts = Parts(lambda: self.scene, RealClock(), Mailbox(), Tally(), self.errands)

    def running(self):
        return running(self.parts)


class OneThread(SlowStylizer):
    """Notes the thread that each frame is painted on."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[int] = set()

    def __call__(self, frame: Frame, look: Look) -> Frame:
        self.threads.add(threading.get_ident())
        return super().__call__(frame, look)


def test_another_stylizer_paints_on_its_own_thread_and_the_first_is_left() -> None:
    wall = ListOutput()
    slot = Slot(wall)
    first, second = OneThread(), OneThread()
    slot.scene = replace(slot.scene, stylizer=first)
    thread = ThreadPoolExecutor(1)
    own = thread.submit(threading.get_ident).result()
    with slot.running():
        assert wall.wait_for(5)
        before = slot.scene
        slot.scene = replace(before, painter=thread, stylizer=second)
        assert before.left.wait(5)
        painted = len(first.painted)
        assert wall.wait_for(len(wall.shown) + 20)
        assert len(first.painted) == painted
    assert second.threads == {own}
    assert own not in first.threads
    numbers = [frame.number for frame, _ in wall.shown]
    assert numbers == sorted(numbers)


def test_a_slow_opening_elsewhere_never_stops_the_wall() -> None:
    """Whatever a newer version builds, it builds on another thread: this one takes for ever."""
    wall = ListOutput()
    slot = Slot(wall)
    opening, opened = threading.Event(), threading.Event()
    thread = ThreadPoolExecutor(1)

    def open_stylizer() -> SlowStylizer:
        opening.set()
        opened.wait(30)
        return SlowStylizer()

    with slot.running():
        building = thread.submit(open_stylizer)
        assert opening.wait(5)
        assert wall.wait_for(len(wall.shown) + 100)
        assert not building.done()
        opened.set()
        slot.scene = replace(slot.scene, painter=thread, stylizer=building.result(5))
        assert wall.wait_for(len(wall.shown) + 20)


def test_outputs_come_and_go_between_two_rounds() -> None:
    wall, late = ListOutput("wall"), ListOutput("late")
    slot = Slot(wall)
    with slot.running():
        assert wall.wait_for(5)
        before = slot.scene

        def exchange() -> None:
            slot.scene = replace(before, outputs=(wall, late))

        slot.errands.ask(exchange)
        assert late.wait_for(5)

        def back() -> None:
            slot.scene = before

        slot.errands.ask(back)
        there = len(late.shown)
        assert wall.wait_for(len(wall.shown) + 20)
        assert len(late.shown) == there
        assert slot.parts.mailbox.newest() is not None


def test_another_camera_with_the_same_number_is_painted() -> None:
    """A new camera counts from 1 again, and the old one may just have been at that number."""
    wall = ListOutput()
    slot = Slot(wall)
    slot.scene = replace(slot.scene, camera=CountingCamera(last=1))
    with slot.running():
        assert wall.wait_for(5)
        one = wall.shown[-1][0]
        slot.scene = replace(slot.scene, camera=CountingCamera(last=1))
        while wall.shown[-1][0] is one:
            assert wall.wait_for(len(wall.shown) + 1)
    assert wall.shown[-1][0].number == one.number == 1


def test_a_device_that_is_lost_after_the_exchange_ends_the_show() -> None:
    wall = ListOutput()
    slot = Slot(wall)
    lost = SlowStylizer()
    lost.fault = DeviceLostError("the GPU has fallen off the bus")
    begun = threading.Event()
    failed: list[BaseException] = []

    def run() -> None:
        begun.set()
        try:
            run_loop(slot.parts, threading.Event())
        except DeviceLostError as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert wall.wait_for(5)
    slot.scene = replace(slot.scene, painter=ThreadPoolExecutor(1), stylizer=lost)
    thread.join(10)
    assert not thread.is_alive()
    assert [str(error) for error in failed] == ["the GPU has fallen off the bus"]


def test_the_newest_of_two_quick_exchanges_wins() -> None:
    wall = ListOutput()
    slot = Slot(wall)
    stylizers = [SlowStylizer() for _ in range(5)]
    with slot.running():
        assert wall.wait_for(3)
        for stylizer in stylizers:
            slot.scene = replace(slot.scene, painter=ThreadPoolExecutor(1), stylizer=stylizer)
        assert wall.wait_for(len(wall.shown) + 30)
        painted = [len(s.painted) for s in stylizers[:-1]]
        assert wall.wait_for(len(wall.shown) + 30)
        assert [len(s.painted) for s in stylizers[:-1]] == painted
    assert stylizers[-1].painted


def test_an_output_that_is_opened_anew_keeps_its_place_in_time() -> None:
    """It is due when the one before it was: many edits do not make it faster."""
    tick = ListOutput("tick", fps=200.0)
    walls = [ListOutput("wall", fps=5.0) for _ in range(12)]
    slot = Slot(tick, walls[0])
    with slot.running():
        assert walls[0].wait_for(1)
        begun = slot.parts.clock.monotonic()
        for wall in walls[1:]:
            slot.scene = replace(slot.scene, outputs=(tick, wall))
            assert tick.wait_for(len(tick.shown) + 2)
        shown = sum(len(wall.shown) for wall in walls)
        seconds = slot.parts.clock.monotonic() - begun
    assert shown <= seconds * 5.0 + 2
