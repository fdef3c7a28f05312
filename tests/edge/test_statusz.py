"""The status page, made of values: what it says to programs, to people, and what it never says."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from murai_show import redact
from murai_show.board import Board
from murai_show.edge.metrics import Identity
from murai_show.edge.statusz import Sight, Statusz, statusz, statusz_text, wants_text
from murai_show.loop.mailbox import Degraded, Mailbox, Status
from murai_show.ports import CameraHealth
from murai_show.show.evening import why_at
from murai_show.show.plan import Plan, PlannedRule
from murai_show.show.timeline import look_at
from tests import plans

WALL = 1_700_000_000.0
WHO = Identity("test", "0123456789ab", "1.2.3", "identity", ("a", "b"), broken={"painted": True})


def a_plan() -> Plan:
    plan = plans.a_plan()
    return replace(plan, schedule=(PlannedRule(0, 10, plan.playlist, None),))


def a_status(plan: Plan, at: float, painted: int, presented: int, **changed: Any) -> Status:
    health = CameraHealth("held", 1.5, 40, 2, {}, "rtsp://me:pw@10.0.0.7/main is lost: timeout")
    status = Status(
        at,
        look_at(plan, WALL),
        {"bars": health},
        painted,
        {"wall": presented},
        {("wall", "late"): 3, ("bars", "superseded"): 9},
        {"painter": 1},
        connected={"wall": False},
        degraded=Degraded(1, ("full", "paint 0.5")),
    )
    return replace(status, **changed)


def sight(plan: Plan | None = None, **changed: Any) -> Sight:
    plan = plan or a_plan()
    found = Sight(
        plan,
        WHO,
        a_status(plan, 90.0, 100, 200),
        a_status(plan, 100.0, 350, 500),
        Board(plan, lambda: WALL).status(),
        why_at(plan, WALL),
        WALL,
        101.0,
        3 * 3600.0 + 61,
    )
    return replace(found, **changed)


def test_what_a_program_reads() -> None:
    found = statusz(sight())
    assert json.loads(json.dumps(found)) == found
    plays = found.pop("plays")
    assert found["cameras"].pop("bars")["trouble"] == "its address is lost: timeout"
    assert found == {
        "show": "test",
        "title": "A test",
        "at": "2023-11-14T22:13:20+00:00",
        "version": "1.2.3",
        "config_hash": "0123456789ab",
        "up_seconds": 10861,
        "live": True,
        "ready": True,
        "words": "presenting",
        "engine": "identity",
        "bank": "none",
        "painted_per_second": 25.0,
        "degraded": {"rung": 1, "of": 1, "words": "paint 0.5"},
        "cameras": {},
        "outputs": {
            "wall": {
                "presented": 500,
                "per_second": 30.0,
                "fps": 60.0,
                "connected": False,
                "drops": {"late": 3},
            }
        },
        "expect": None,
        "expect_broken": ["painted"],
        "errors": {"painter": 1},
        "flashes_limited": 0,
    }
    # Entries a and b take turns of a minute, counted from noon; this is 22:13:20.
    assert plays["since"] == "2023-11-14T22:13:00+00:00"
    assert plays["next"] == {"at": "2023-11-14T22:14:00+00:00", "plays": "a"}
    assert not plays["panic"]


def test_what_a_person_reads() -> None:
    page = statusz_text(statusz(sight()))
    assert page.splitlines()[0] == "test: A test"
    for line in (
        "next         2023-11-14 22:14:00, a",
        "step         1 of 1: paint 0.5",
        "camera bars  held, last frame 1.5 s ago; its address is lost: timeout",
        "output wall  30 of 60 a second, its server is away, 3 late",
        "broken       painted",
        "survived     1 × painter",
        "version      1.2.3, show file 0123456789ab, up 3 h 1 min",
    ):
        assert line in page.splitlines(), page


def test_a_playlist_of_one_changes_never() -> None:
    plan = a_plan()
    single = replace(plan.playlist, entries=plan.playlist.entries[:1])
    plan = replace(plan, schedule=(PlannedRule(0, 10, single, None),))
    plays = statusz(sight(plan))["plays"]
    assert (plays["since"], plays["next"]) == (None, None)


def test_a_panic_says_so_and_promises_nothing() -> None:
    plan = a_plan()
    board = Board(plan, lambda: WALL)
    board.panic("a test")
    found = statusz(sight(plan, board=board.status()))
    assert found["plays"]["panic"]
    assert found["plays"]["next"] is None
    assert ", panic; " in statusz_text(found)


def test_before_the_loop_turns() -> None:
    found = statusz(sight(before=None, status=None))
    assert not found["live"]
    assert (found["painted_per_second"], found["outputs"]["wall"]["per_second"]) == (None, None)
    assert "the loop has not started" in statusz_text(found)


@pytest.mark.parametrize(
    ("accept", "text"),
    [
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("application/json, text/plain, */*", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("text/plain;q=0.5", True),
    ],
)
def test_a_browser_gets_lines_and_a_program_json(accept: str, text: bool) -> None:
    assert wants_text(accept) is text


def test_a_secret_that_slips_into_a_trouble_is_not_told(monkeypatch) -> None:
    monkeypatch.setattr(redact, "_known", {"hunter2hunter2"})
    plan, mailbox = a_plan(), Mailbox()
    health = CameraHealth("held", 1.0, 1, 0, {}, "refused for hunter2hunter2")
    mailbox.publish(a_status(plan, 100.0, 1, 1, cameras={"bars": health}))
    page = Statusz(
        lambda: plan,
        lambda: WHO,
        mailbox,
        Board(plan, lambda: WALL).status,
        lambda: 100.0,
        lambda: WALL,
    )
    for accept in ("text/html", "application/json"):
        _, text = page(accept)
        assert "refused for ***" in text
        assert "hunter2" not in text
