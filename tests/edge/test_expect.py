"""What a show is held to: statuses made by hand, and the thread that reads them."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace

import pytest

from murai_show.edge.expect import Expectations, Expecting
from murai_show.loop.mailbox import Degraded, Mailbox, Status
from murai_show.ports import CameraHealth
from murai_show.show.guard import Promise
from murai_show.show.timeline import Look

LIT, DARK = Look((("a", 1.0),)), Look((), 0.0)
ALL = Promise(20.0, 0.120, 3.0)


def a_status(at: float, painted: int, look: Look = LIT) -> Status:
    return Status(at, look, {}, painted, {})


class Evening:
    """A show that is looked at twice a second, with what it said."""

    def __init__(self, promise: Promise = ALL) -> None:
        self.judge, self.promise = Expectations(), promise
        self.now, self.painted = 100.0, 0.0
        self.said: list[tuple[str, bool]] = []

    def go(
        self, seconds: float, rate: float, latency: float = 0.08, look: Look = LIT, hangs=False
    ) -> None:
        for _ in range(round(seconds * 2)):
            self.now += 0.5
            self.painted += rate / 2
            status = a_status(self.now, int(self.painted), look)
            if hangs:
                status = a_status(self.now - seconds, int(self.painted), look)
            found = self.judge.see(self.promise, status, [latency] * round(rate / 2), self.now)
            self.said += [(finding.what, finding.broken) for finding, _ in found]


def test_a_show_that_is_what_it_should_be() -> None:
    evening = Evening()
    evening.go(60, 20)
    assert evening.said == []
    assert evening.judge.broken == {
        "painted": False,
        "glass_to_glass_p95": False,
        "frozen_after": False,
    }
    assert set(evening.judge.lasted.values()) == {0.0}


def test_too_few_pictures_are_said_once_and_again_when_there_are_enough() -> None:
    evening = Evening()
    evening.go(20, 20)
    evening.go(30, 12)
    assert evening.said == [("painted", True)]
    evening.go(30, 20)
    assert evening.said == [("painted", True), ("painted", False)]
    assert 25 <= evening.judge.lasted["painted"] <= 45


def test_a_short_gap_is_no_reason() -> None:
    evening = Evening(Promise(painted=20.0))
    evening.go(20, 25)
    evening.go(1.0, 0)
    evening.go(20, 25)
    assert evening.said == []


def test_late_pictures() -> None:
    evening = Evening()
    evening.go(20, 20, 0.08)
    evening.go(20, 20, 0.2)
    assert evening.said == [("glass_to_glass_p95", True)]
    evening.go(20, 20, 0.08)
    assert evening.said[-1] == ("glass_to_glass_p95", False)


def test_one_late_picture_in_thirty_is_forgiven() -> None:
    evening = Evening(Promise(glass_to_glass_p95=0.120))
    for _ in range(20):
        evening.go(1.5, 20, 0.08)
        evening.judge.see(
            evening.promise, a_status(evening.now, int(evening.painted)), [0.5], evening.now
        )
    assert evening.said == []


@pytest.mark.parametrize("hangs", [False, True], ids=["no picture", "no status"])
def test_frozen(hangs: bool) -> None:
    evening = Evening(Promise(frozen_after=3.0))
    evening.go(10, 20)
    evening.go(2.5, 0)
    assert evening.said == []
    evening.go(2.0, 0, hangs=hangs)
    assert evening.said == [("frozen_after", True)]
    evening.go(5, 20)
    assert evening.said[-1] == ("frozen_after", False)


def test_dark_by_plan_breaks_nothing_and_ends_what_was_broken() -> None:
    evening = Evening()
    evening.go(20, 20)
    evening.go(60, 0, look=DARK)
    assert evening.said == []
    evening.go(9, 20)  # not judged before it has been lit for the whole window
    evening.go(20, 0)
    assert {what for what, _ in evening.said} == {"painted", "frozen_after"}
    evening.go(1, 0, look=DARK)
    assert not any(evening.judge.broken.values())


def test_what_a_newer_version_expects_no_more_is_forgotten() -> None:
    evening = Evening()
    evening.go(20, 12)
    evening.promise = Promise(frozen_after=3.0)
    evening.go(1, 12)
    assert evening.judge.broken == {"frozen_after": False}


def test_the_thread_says_what_else_is_out_of_order(caplog) -> None:
    mailbox, now, looked = Mailbox(), [100.0], threading.Event()
    health = CameraHealth("held", 5.0, 1, 0)
    status = replace(
        a_status(100.0, 7),
        cameras={"hall": health},
        degraded=Degraded(1, ("full", "paint 0.5")),
    )
    mailbox.publish(status)

    def latencies() -> list[float]:
        if now[0] > 100.0 and expecting_broken():
            looked.set()
        return []

    def expecting_broken() -> bool:
        return "is broken" in caplog.text

    with caplog.at_level(logging.WARNING):
        expecting = Expecting(
            lambda: Promise(frozen_after=3.0), mailbox.newest, latencies, lambda: now[0], 0.01
        )
        try:
            while expecting.broken != {"frozen_after": False}:
                looked.wait(0.01)
            now[0] = 104.0
            assert looked.wait(10)
        finally:
            expecting.close()
    (line,) = caplog.messages
    assert line == (
        "expect: frozen_after is broken: the last new picture is 4.0 s old, 3 s are allowed "
        "(camera hall is held, the show stands on paint 0.5)"
    )
    assert expecting.broken == {"frozen_after": True}
