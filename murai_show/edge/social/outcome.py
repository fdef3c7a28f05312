"""What becomes of an item when a network has answered: a table, without clock, disk or network.

    queued → uploading → sending → posted
       ↑        │           ├────→ dead
       └────────┴───────────┤
                            └────→ unknown → posted

A post that was sent with unknown success is looked for, and is never sent again by the program:
only a person may do that.  All times are POSIX seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from murai_show.edge.social.port import Absent, Dead, Posted, Refused, Stopped, Unknown

State = Literal["queued", "uploading", "sending", "unknown", "posted", "dead"]
STATES: tuple[State, ...] = ("queued", "uploading", "sending", "unknown", "posted", "dead")
IN_HAND: tuple[State, ...] = ("uploading", "sending")
OVER: tuple[State, ...] = ("posted", "dead")

Outcome = Literal["posted", "refused", "unknown", "stopped", "dead"]
OUTCOMES: tuple[Outcome, ...] = ("posted", "refused", "unknown", "stopped", "dead")

FIRST_REST = 10.0  # seconds after the first refusal; each further one in a row doubles it
LONGEST_REST = 900.0
FURTHEST = 86_400.0  # seconds that a network may put an account off
LOOKS = (15.0, 60.0, 300.0, 900.0, 3600.0)  # seconds before each look for what may have been posted


@dataclass(frozen=True)
class Interrupted:
    """The program ended, or had to, while the item was in its hands."""


@dataclass(frozen=True)
class Again:
    """A person wants it sent, or sent again; `sure` that it is not there already."""

    sure: bool = False


Event = Posted | Refused | Unknown | Stopped | Dead | Absent | Interrupted | Again


@dataclass(frozen=True)
class Past:
    """`refusals` of the account in a row before this answer; `looks` for the item so far in which
    it was not found."""

    refusals: int = 0
    looks: int = 0


@dataclass(frozen=True)
class Step:
    """The item's new `state`, and nothing is done for it before `not_before` (None: not until a
    person says so).  `rest` is when the account may be asked again, if it is not at once; `stop`
    why it takes nothing until a person has seen to it.  `outcome` is what is counted."""

    state: State
    not_before: float | None
    why: str = ""
    remote: str = ""
    rest: float | None = None
    stop: str = ""
    outcome: Outcome | None = None


def decide(state: State, event: Event, past: Past, now: float) -> Step:
    """What `event` makes of an item in `state`.  Raises KeyError where the two cannot meet."""
    return TABLE[state, type(event)](event, past, now)


def can_meet(state: State, event: object) -> bool:
    return (state, type(event)) in TABLE


def rest_after(refusals: int) -> float:
    """Seconds of rest after so many refusals in a row, 1 or more."""
    return min(LONGEST_REST, FIRST_REST * 2.0 ** min(refusals - 1, 30))


def _posted(event: Posted, _past: Past, _now: float) -> Step:
    return Step("posted", None, remote=event.remote, outcome="posted")


def _refused(event: Refused, past: Past, now: float) -> Step:
    """Not posted for certain.  The account rests with the item: what kept this one out (no network,
    a limit) would keep out the next."""
    at = _later(event, past, now)
    return Step("queued", at, event.why, rest=at, outcome="refused")


def _stopped(event: Stopped, _past: Past, now: float) -> Step:
    return Step("queued", now, event.why, stop=event.why, outcome="stopped")


def _dead(event: Dead, _past: Past, _now: float) -> Step:
    return Step("dead", None, event.why, outcome="dead")


def _unknown(event: Unknown, _past: Past, now: float) -> Step:
    """The account rests until the first look: it is not well, and the look may tell why."""
    at = now + LOOKS[0]
    return Step("unknown", at, event.why, rest=at, outcome="unknown")


def _found_absent(_event: Absent, past: Past, now: float) -> Step:
    looks = past.looks + 1
    if looks < len(LOOKS):
        return Step("unknown", now + LOOKS[looks], f"looked for {looks} times and not found yet")
    minutes = sum(LOOKS) / 60
    why = (
        f"looked for {looks} times in {minutes:.0f} minutes and not found; it may be there or not: "
        "look yourself, then `retry --sure` sends it again and `drop` forgets it"
    )
    return Step("unknown", None, why)


def _not_looked(event: Refused, past: Past, now: float) -> Step:
    """A look that was refused tells nothing of the item, and is made again."""
    at = _later(event, past, now)
    return Step("unknown", at, f"cannot be looked for yet: {event.why}", rest=at)


def _may_not_look(event: Stopped, _past: Past, now: float) -> Step:
    return Step("unknown", now, event.why, stop=event.why, outcome="stopped")


def _not_begun(_event: Interrupted, _past: Past, now: float) -> Step:
    """What was uploaded and not posted is seen by nobody: it may begin anew."""
    return Step("queued", now, "the program ended before it was sent")


def _cut_off(_event: Interrupted, _past: Past, now: float) -> Step:
    return Step(
        "unknown", now + LOOKS[0], "the program ended while it was being sent", outcome="unknown"
    )


def _once_more(_event: Again, _past: Past, now: float) -> Step:
    return Step("queued", now, "sent again by a person")


TABLE: dict[tuple[State, type], Callable[[Any, Past, float], Step]] = {
    ("uploading", Refused): _refused,
    ("uploading", Stopped): _stopped,
    ("uploading", Dead): _dead,
    ("uploading", Interrupted): _not_begun,
    # A network that takes the same words only once says so of what it has already: Posted as well.
    ("sending", Posted): _posted,
    ("sending", Refused): _refused,
    ("sending", Unknown): _unknown,
    ("sending", Stopped): _stopped,
    ("sending", Dead): _dead,
    ("sending", Interrupted): _cut_off,
    ("unknown", Posted): _posted,
    ("unknown", Absent): _found_absent,
    ("unknown", Refused): _not_looked,
    ("unknown", Stopped): _may_not_look,
    ("unknown", Again): _once_more,
    ("dead", Again): _once_more,
    ("queued", Again): _once_more,
}


def _later(event: Refused, past: Past, now: float) -> float:
    """When to try again: at the time that the network named, if it can be meant."""
    own = now + rest_after(past.refusals + 1)
    return own if event.at is None else min(max(event.at, now + 1.0), now + FURTHEST)
