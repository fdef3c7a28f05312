"""The shutter: takes the next picture that is presented, and holds it until it is let go."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from murai_show.frame import Frame
from murai_show.loop.shutter import Shutter


def picture(number: int) -> Frame:
    return Frame(np.zeros((2, 2, 3), np.uint8), 0.0, 0.0, number, "bars")


class Taker(threading.Thread):
    """Whoever wants a picture, and waits for it."""

    def __init__(self, shutter: Shutter, shot: str = "", until: float = 100.0) -> None:
        super().__init__(daemon=True)
        self.found: Frame | None = None
        self._take = lambda: shutter.take(shot, until, 10.0)
        self.start()
        while shutter._wish is None:
            pass

    def run(self) -> None:
        self.found = self._take()


def test_it_is_open() -> None:
    shutter, one = Shutter(), picture(1)
    assert shutter.through("", one, 0.0) is one
    shutter.let_go()
    assert shutter.through("", one, 0.0) is one


def test_the_next_picture_of_the_shot_is_taken_and_held() -> None:
    shutter, (one, two, three) = Shutter(), map(picture, (1, 2, 3))
    taker = Taker(shutter)
    assert shutter.through("yard", three, 0.0) is three  # another shot is none of its business
    assert shutter.through("", one, 0.0) is one
    taker.join(10.0)
    assert taker.found is one
    assert shutter.through("", two, 5.0) is one
    assert shutter.through("yard", three, 5.0) is three
    shutter.let_go()
    assert shutter.through("", two, 5.1) is two


def test_nothing_is_held_for_ever() -> None:
    shutter, (one, two) = Shutter(), map(picture, (1, 2))
    taker = Taker(shutter, until=7.0)
    shutter.through("", one, 0.0)
    taker.join(10.0)
    assert shutter.through("", two, 6.9) is one
    assert shutter.through("", two, 7.0) is two


def test_where_nothing_is_presented_nothing_is_taken_then_or_later() -> None:
    shutter, (one, two) = Shutter(), map(picture, (1, 2))
    assert shutter.take("", 100.0, 0.01) is None
    assert shutter.through("", one, 0.0) is one
    assert shutter.through("", two, 0.0) is two


@pytest.mark.parametrize("shots", [("", ""), ("yard", "")])
def test_all_outputs_of_a_shot_hold_the_same(shots: tuple[str, str]) -> None:
    shutter = Shutter()
    taker = Taker(shutter, shot=shots[1])
    first = shutter.through(shots[1], picture(1), 0.0)
    taker.join(10.0)
    assert shutter.through(shots[1], picture(2), 0.0) is first
