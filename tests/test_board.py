"""The board: what is called is on, once, and what is over is forgotten."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from murai_show.board import MOST_CUES, Board
from murai_show.errors import UsageError
from murai_show.show.cueing import NONE
from murai_show.show.moments import Moment
from murai_show.show.planned_cues import CueTime
from tests.show.test_cues import cue, hold, plan_of, style, wait

TEN = datetime(2026, 11, 20, 22, 0, tzinfo=ZoneInfo("America/Montreal")).timestamp()
BRIEF = cue(style("b"), hold(10.0, delay=2.0), name="brief")
LONG = replace(cue(style("b"), name="long", stays=True), key="f")
ACT = cue(wait("go", 100.0), style("b"), hold(50.0, delay=2.0), name="act")
PLAN = plan_of(BRIEF, LONG, ACT)


class Wall:
    now = TEN

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def board(wall: Wall) -> Board:
    return Board(PLAN, wall)


def test_a_call_is_on_at_the_next_look_and_is_logged_once(board, wall, caplog) -> None:
    caplog.set_level(logging.INFO)
    assert board.call("brief", "key f") == "cue brief is called"
    assert board.look_at(PLAN, wall.now + 3).main == "b"
    assert [record.getMessage() for record in caplog.records] == ["cue brief is called (key f)"]


def test_unknown_names_are_refused_with_the_nearest(board) -> None:
    with pytest.raises(UsageError, match="no cue 'brif'; did you mean brief"):
        board.call("brif", "test")
    with pytest.raises(UsageError, match="no trigger 'gone'; did you mean go"):
        board.trigger("gone", "test")
    assert board.calls == NONE


def test_a_trigger_is_kept_only_when_a_cue_waits_for_it(board, wall) -> None:
    assert board.trigger("go", "test") == "trigger go: no cue waits for it now"
    board.call("act", "test")
    wall.now += 5
    assert board.status()["waits"] == ["go"]
    assert board.trigger("go", "test") == "trigger go"
    assert board.trigger("go", "test") == "trigger go: no cue waits for it now"
    assert board.look_at(PLAN, wall.now + 2).main == "b"


def test_release_ends_the_panic_first_and_then_the_cues(board, wall) -> None:
    board.call("long", "test")
    wall.now += 60
    assert board.panic("test") == "panic: the wall goes dark"
    assert board.panic("test") == "panic: the wall is dark already"
    wall.now += 60
    assert not board.look_at(PLAN, wall.now).lit
    assert board.release("test") == "the panic is over"
    wall.now += 60
    assert board.look_at(PLAN, wall.now).main == "b"
    assert board.release("test") == "cues are released"
    wall.now += 60
    assert board.look_at(PLAN, wall.now).main == "a"
    assert board.release("test") == "nothing to release: the schedule is on"


def test_keys_call_panic_and_release(board, wall) -> None:
    board.press("x")
    assert board.calls == NONE
    board.press("f")
    wall.now += 10
    board.press("backspace")
    assert board.calls.panicking
    board.press("backspace")
    assert not board.calls.panicking
    wall.now += 10
    assert board.status()["on"]["cue"] == "long"
    board.press("delete")
    assert board.status()["on"] is None


def test_what_is_over_is_forgotten(board, wall) -> None:
    for _ in range(100):
        board.call("brief", "test")
        wall.now += 17
    assert len(board.calls.cues) == 1
    wall.now += 40 * 3600
    board.call("brief", "test")
    assert len(board.calls.cues) == 1
    assert (board.calls.releases, board.calls.panics, board.calls.triggers) == ((), (), ())


def test_somebody_who_leans_on_a_key_fills_no_memory(board, wall) -> None:
    for _ in range(50):
        board.press("f")
        board.press("backspace")
        wall.now += 0.1
    assert len(board.calls.cues) == MOST_CUES
    assert board.look_at(PLAN, wall.now + 100).main == "b"


def test_a_clock_that_is_set_back_leaves_no_call_in_the_future(board, wall) -> None:
    board.call("brief", "test")
    wall.now -= 3600
    board.call("long", "test")
    assert [call.cue for call in board.calls.cues] == ["long"]


def test_a_newer_version_keeps_the_calls_but_for_cues_that_are_gone(board, wall, caplog) -> None:
    caplog.set_level(logging.INFO)
    board.call("long", "test")
    board.call("brief", "test")
    wall.now += 5
    newer = plan_of(LONG)
    board.take(newer)
    assert [call.cue for call in board.calls.cues] == ["long"]
    assert caplog.records[-1].getMessage() == (
        "cue brief is gone from the show; what it showed is left"
    )
    assert board.look_at(newer, wall.now).main == "b"


def test_calls_of_the_schedule_are_counted_too(wall) -> None:
    plan = plan_of(BRIEF, LONG, times=(CueTime(30, BRIEF, Moment("clock", 22 * 3600.0)),))
    board = Board(plan, wall)
    wall.now = TEN - 60
    board.look_at(plan, wall.now)
    assert board.counts() == {"brief": 0, "long": 0}
    board.call("long", "test")
    wall.now = TEN + 1
    assert board.counts() == {"brief": 1, "long": 1}
    assert board.counts() == {"brief": 1, "long": 1}
    wall.now += 86400
    assert board.counts() == {"brief": 2, "long": 1}


def test_a_release_of_a_scheduled_cue_is_remembered_while_that_may_be_on(wall) -> None:
    plan = plan_of(LONG, BRIEF, times=(CueTime(30, LONG, Moment("clock", 22 * 3600.0)),))
    board = Board(plan, wall)
    wall.now = TEN + 60
    board.release("test")
    for _ in range(13):
        wall.now += 3600
        board.call("brief", "test")
        wall.now += 60
        assert board.look_at(plan, wall.now).main == "a"


def test_the_status_is_for_people_who_are_far_away(board, wall) -> None:
    board.call("act", "test")
    wall.now += 1
    found = board.status()
    assert found["on"] == {
        "cue": "act",
        "line": 9,
        "step": 1,
        "of": 3,
        "shows": "waits for go",
        "since": "2026-11-20T22:00:00-05:00",
        "until": "2026-11-20T22:02:32-05:00",
        "by": "a call",
    }
    assert found["triggers"] == ["go"]
    assert [cue["name"] for cue in found["cues"]] == ["brief", "long", "act"]
    assert found["light"] == 1.0
    assert found["mix"] == {"a": 1.0}
    assert found["panic"] is False


def test_many_who_call_at_once_lose_nothing(wall) -> None:
    cues = [cue(hold(100.0), name=f"c{n}") for n in range(MOST_CUES)]
    board = Board(plan_of(*cues), wall)
    threads = [threading.Thread(target=board.call, args=(each.name, "test")) for each in cues]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(call.cue for call in board.calls.cues) == sorted(each.name for each in cues)
