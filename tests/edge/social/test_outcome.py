"""What becomes of an item: a test for each row of the table, and that there are no others."""

from __future__ import annotations

import pytest

from murai_show.edge.social.outcome import (
    LOOKS,
    TABLE,
    Again,
    Event,
    Interrupted,
    Past,
    State,
    Step,
    decide,
    rest_after,
)
from murai_show.edge.social.port import Absent, Dead, Posted, Refused, Stopped, Unknown

NOW = 1000.0
ENDED = "the program ended"

ROWS: list[tuple[State, Event, Past, Step]] = [
    (
        "uploading",
        Refused("no net"),
        Past(),
        Step("queued", 1010, "no net", rest=1010, outcome="refused"),
    ),
    (
        "uploading",
        Stopped("401"),
        Past(),
        Step("queued", 1000, "401", stop="401", outcome="stopped"),
    ),
    ("uploading", Dead("too big"), Past(), Step("dead", None, "too big", outcome="dead")),
    ("uploading", Interrupted(), Past(), Step("queued", 1000, f"{ENDED} before it was sent")),
    ("sending", Posted("7"), Past(3, 0), Step("posted", None, remote="7", outcome="posted")),
    (
        "sending",
        Refused("429", 4000),
        Past(),
        Step("queued", 4000, "429", rest=4000, outcome="refused"),
    ),
    (
        "sending",
        Refused("no net"),
        Past(2),
        Step("queued", 1040, "no net", rest=1040, outcome="refused"),
    ),
    ("sending", Unknown("cut"), Past(), Step("unknown", 1015, "cut", rest=1015, outcome="unknown")),
    ("sending", Stopped("402"), Past(), Step("queued", 1000, "402", stop="402", outcome="stopped")),
    ("sending", Dead("400"), Past(), Step("dead", None, "400", outcome="dead")),
    (
        "sending",
        Interrupted(),
        Past(),
        Step("unknown", 1015, f"{ENDED} while it was being sent", outcome="unknown"),
    ),
    ("unknown", Posted("7"), Past(0, 2), Step("posted", None, remote="7", outcome="posted")),
    (
        "unknown",
        Absent(),
        Past(0, 0),
        Step("unknown", 1060, "looked for 1 times and not found yet"),
    ),
    (
        "unknown",
        Absent(),
        Past(0, 3),
        Step("unknown", 4600, "looked for 4 times and not found yet"),
    ),
    (
        "unknown",
        Refused("503"),
        Past(1, 2),
        Step("unknown", 1020, "cannot be looked for yet: 503", rest=1020),
    ),
    (
        "unknown",
        Stopped("403"),
        Past(),
        Step("unknown", 1000, "403", stop="403", outcome="stopped"),
    ),
    ("unknown", Again(sure=True), Past(), Step("queued", 1000, "sent again by a person")),
    ("dead", Again(), Past(), Step("queued", 1000, "sent again by a person")),
    ("queued", Again(), Past(), Step("queued", 1000, "sent again by a person")),
]


@pytest.mark.parametrize(("state", "event", "past", "step"), ROWS)
def test_a_row(state: State, event: Event, past: Past, step: Step) -> None:
    assert decide(state, event, past, NOW) == step


def test_every_row_is_tested() -> None:
    assert {(state, type(event)) for state, event, _, _ in ROWS} == set(TABLE)


def test_what_cannot_be_found_is_left_to_a_person() -> None:
    """After the last look nothing happens by itself: it may be there, and is not sent again."""
    step = decide("unknown", Absent(), Past(looks=len(LOOKS) - 1), NOW)
    assert (step.state, step.not_before) == ("unknown", None)
    assert "looked for 5 times in 81 minutes" in step.why
    assert "retry --sure" in step.why


def test_only_a_person_sends_what_may_be_posted() -> None:
    """No answer of a network, and no restart, leads from unknown back to queued."""
    for state, kind in TABLE:
        if state == "unknown" and kind is not Again:
            event = kind() if kind in (Absent, Interrupted) else kind("x")
            assert decide(state, event, Past(), NOW).state in ("unknown", "posted")


def test_refusals_in_a_row_are_asked_less_often() -> None:
    assert [rest_after(n) for n in (1, 2, 3, 4, 8, 500)] == [10, 20, 40, 80, 900, 900]


@pytest.mark.parametrize(("at", "then"), [(500, 1001), (1500, 1500), (1e12, 1000 + 86400)])
def test_a_time_that_a_network_names_is_believed_within_reason(at: float, then: float) -> None:
    assert decide("sending", Refused("429", at), Past(), NOW).not_before == then
