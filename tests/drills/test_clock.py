"""Faults of time: clocks that jump, nights with an hour more or less, and the worst moment."""

from __future__ import annotations

import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from murai_show.app import SystemClock
from murai_show.clocks import FastClock
from tests.drills.stage import OUTPUTS, SHOW, Outcome, Stage, drill

PARIS = ZoneInfo("Europe/Paris")
SCHEDULE = 'schedule: [{default: all}, {from: "FROM", to: "TO", style: b}]\n'


def scheduled(begin: str, end: str) -> str:
    rule = SCHEDULE.replace("FROM", begin).replace("TO", end)
    return SHOW.replace("each: 1h", "each: 1h, fade: 0s") + rule


class Jumping(SystemClock):
    """A wall clock that is set while the show runs."""

    def __init__(self, now: datetime) -> None:
        self.ahead = now.timestamp() - time.time()

    def wall(self) -> float:
        return time.time() + self.ahead


@drill("clock set by an hour", "the wall clock jumps an hour ahead, then two back, then ahead")
def test_the_clock_is_set(stage: Stage) -> Outcome:
    clock = Jumping(datetime(2026, 6, 1, 9, 30, tzinfo=PARIS))
    slowest = 0.0
    with stage.on_air(scheduled("10:00", "11:00"), clock) as night:
        begun = time.monotonic()
        for hours, style in ((1, "b"), (-2, "a"), (1, "a"), (1, "b")):
            clock.ahead += 3600 * hours
            set_at = time.monotonic()

            def right(since: float = set_at, style: str = style) -> bool:
                seen = night.eyes.seen["wall"][-1]
                return seen.at > since and seen.mix == ((style, 1.0),)

            night.wait(right, f"not {style}")
            slowest = max(slowest, night.steady(set_at))
        assert night.camera().reconnects == 0
        assert night.status.errors == {}
        lost = night.lost(begun)
    return Outcome("the look of the new time at the next picture; frames are not touched",
                   slowest, lost)  # fmt: skip


@pytest.mark.parametrize(
    ("midnight", "first", "last"),
    [  # in UTC: what the rule means that night; an hour that comes twice counts the first time
        ("2026-10-25T00:00+00:00", "2026-10-25T00:15+00:00", "2026-10-25T00:45+00:00"),
        ("2027-03-28T00:00+00:00", "2027-03-28T01:00+00:00", "2027-03-28T01:30+00:00"),
    ],
    ids=["autumn", "spring"],
)
@drill("night of the clock change", "two hours of Paris time at 3,000 times their speed over it")
def test_a_night_with_an_hour_more_or_less(
    stage: Stage, midnight: str, first: str, last: str
) -> Outcome:
    """From 02:15 to 02:45 in autumn, when that comes twice; to 03:30 in spring, when there is no
    02:15."""
    begins, on, off = (datetime.fromisoformat(t).timestamp() for t in (midnight, first, last))
    rule = scheduled("02:15", "02:45" if "10-25" in midnight else "03:30")
    clock = FastClock(begins, 3000.0)
    with stage.on_air(rule, clock, steady=()) as night:
        begun = time.monotonic()
        night.wait(lambda: clock.wall() > begins + 7200, "time stands still")
        took = night.steady(time.monotonic())
        seen = [s for s in night.eyes.seen["side"] if s.mix]
        unsure = 240.0  # seconds there between two looks here, a twelfth of a second
        for each in seen:
            if min(abs(each.wall - on), abs(each.wall - off)) > unsure:
                assert each.mix == (("b" if on < each.wall < off else "a", 1.0),), each
        assert any(on < s.wall < off for s in seen)
        lost = night.lost(begun)
    return Outcome("each moment has its look, and none is met twice", took, lost)


@drill("show file broken before opening", "saved with a typo at 18:25, opening at 18:30")
def test_the_show_is_broken_five_minutes_before_it_opens(stage: Stage) -> Outcome:
    """What runs goes on, and opens; what is started again runs in its last good version."""
    text = SHOW + 'schedule: [{default: dark}, {from: "18:30", to: "23:00", play: all}]\n'
    eve, opening = (
        datetime(2026, 11, 21, 18, m, tzinfo=PARIS).timestamp() for m in (24, 30)
    )  # fmt: skip
    clock = FastClock(eve, 120.0)
    with stage.on_air(text, clock, steady=(), keep_after=0.05) as night:
        night.wait(lambda: (stage.folder / "state").exists(), "no last good version")
        night.wait(lambda: night.eyes.seen["wall"], "nothing is presented")
        broken = night.file.read_text().replace("outputs:", "ouputs:")
        night.file.write_text(broken)
        said = night.ears.wait_for("not taken")
        assert "did you mean outputs" in said
        assert clock.wall() < opening, "too late for this drill; is the machine very busy?"
        night.wait(lambda: clock.wall() >= opening, "time stands still")
        took = night.steady(time.monotonic())
        dark = [s for s in night.eyes.seen["wall"] if s.wall < opening - 60]
        assert dark
        assert all(s.black for s in dark)
        lost = night.lost(time.monotonic() - 1.0)
    with stage.on_air(None, FastClock(opening + 60, 1.0), steady=OUTPUTS) as again:
        assert any("its last good version" in line for line in again.ears.lines)
    return Outcome("the old version opens on time; a restart runs the last good one", took, lost)
