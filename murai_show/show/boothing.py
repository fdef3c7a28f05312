"""What happens at the booth: a pure state machine, and what it writes over the picture.

`step` takes a state, what happened and when, and gives the next state and what is to be done.
Nothing is read and nothing waits: each state but `Idle` has an end, and whatever happens after
that end happens in the state that follows it.

    idle → counting → developing → asking → telling → idle

Every portrait that was taken is decided about exactly once.  It is kept where people said yes, or
where the show's `default` allows it and they said nothing; in all else it is not: they left, the
wall went dark in the middle of the question, the disk was too slow to ask them at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from murai_show.show.booth import LEFT, NUMBER
from murai_show.show.caption import Caption
from murai_show.show.mix import smooth
from murai_show.show.planned_booth import COUNT, WORDS, PlannedBooth

UNREAD = 1.0  # seconds: a press sooner than that after the question came is no answer to it
DEVELOPING = 10.0  # seconds that taking and writing a picture may take
TELLING = 3.0  # seconds that the last words stand, and the picture with them
COMES, GOES = 0.12, 0.3  # seconds in which a digit and a sentence come and go

By = Literal["key", "gpio", "http", "schedule"]
How = Literal["people", "silence", "schedule", "dark", "late"]


@dataclass(frozen=True)
class Idle:
    """Waits for somebody.  Times are seconds of the monotonic clock, here and below."""

    until: float = math.inf


@dataclass(frozen=True)
class Counting:
    """Counts down to `until`."""

    by: By
    since: float
    until: float


@dataclass(frozen=True)
class Developing:
    """The picture is taken, held on the wall and written to the disk."""

    by: By
    since: float
    until: float


@dataclass(frozen=True)
class Asking:
    """Portrait `number` is on the wall, and people are asked about it."""

    number: int
    since: float
    until: float


@dataclass(frozen=True)
class Telling:
    """People are told what becomes of their portrait."""

    number: int
    kept: bool
    since: float
    until: float


State = Idle | Counting | Developing | Asking | Telling
IDLE = Idle()


@dataclass(frozen=True)
class Pressed:
    """A button, a key, a request, or the clock."""

    by: By


@dataclass(frozen=True)
class Answered:
    """Somebody said yes or no, in so many words."""

    yes: bool


@dataclass(frozen=True)
class Taken:
    """The picture of portrait `number` is on the disk."""

    number: int


@dataclass(frozen=True)
class Failed:
    """There is no picture, and no number was given."""


@dataclass(frozen=True)
class Darkened:
    """The wall is dark: nobody can read anything on it."""


@dataclass(frozen=True)
class Tick:
    """Nothing but the time."""


Event = Pressed | Answered | Taken | Failed | Darkened | Tick


@dataclass(frozen=True)
class Shoot:
    """Take the picture, hold it on the wall, write it."""

    by: By


@dataclass(frozen=True)
class Decide:
    """Portrait `number` may be kept and delivered, or must go; `how` that came to be."""

    number: int
    keep: bool
    how: How


@dataclass(frozen=True)
class LetGo:
    """Show the live picture again."""


Effect = Shoot | Decide | LetGo
Effects = tuple[Effect, ...]


def step(booth: PlannedBooth, state: State, event: Event, now: float) -> tuple[State, Effects]:
    """The state after `event` at `now`, and what is to be done, in order."""
    if isinstance(event, Darkened):
        return _left(state)
    done: list[Effect] = []
    while now >= state.until:
        state, effects = _ended(booth, state)
        done += effects
    state, effects = _heard(booth, state, event, now)
    return state, (*done, *effects)


def _ended(booth: PlannedBooth, state: State) -> tuple[State, Effects]:
    """What follows when a state's time is over, as of that moment."""
    at = state.until
    match state:
        case Counting():
            return Developing(state.by, at, at + DEVELOPING), (Shoot(state.by),)
        case Asking():
            return _decided(state.number, booth.allows, "silence", at)
        case _:
            return IDLE, (LetGo(),)


def _heard(booth: PlannedBooth, state: State, event: Event, now: float) -> tuple[State, Effects]:
    match state, event:
        case Idle(), Pressed():
            return Counting(event.by, now, now + booth.countdown), ()
        case Developing(), Failed():
            return IDLE, (LetGo(),)
        case Developing(by="schedule"), Taken():
            return _decided(event.number, booth.allows, "schedule", now)
        case Developing(), Taken():
            return Asking(event.number, now, now + booth.within), ()
        case _, Taken():
            return state, (Decide(event.number, keep=False, how="late"),)
        case Asking(), Answered():
            return _decided(state.number, event.yes, "people", now)
        # A request without an answer in it could be anybody's, and the clock is nobody.
        case Asking(), Pressed(by="key" | "gpio") if now >= state.since + UNREAD:
            return _decided(state.number, not booth.allows, "people", now)
        case _:
            return state, ()


def _left(state: State) -> tuple[State, Effects]:
    """Whatever was under way is over, whenever it would have ended."""
    match state:
        case Idle():
            return IDLE, ()
        case Asking():
            return IDLE, (Decide(state.number, keep=False, how="dark"), LetGo())
        case _:
            return IDLE, (LetGo(),)


def _decided(number: int, keep: bool, how: How, now: float) -> tuple[State, Effects]:
    return Telling(number, keep, now, now + TELLING), (Decide(number, keep, how),)


# ---- what is written -----------------------------------------------------------------------------


def booth_captions(booth: PlannedBooth, state: State, now: float) -> tuple[Caption, ...]:
    """What the booth writes over the picture at `now`.  A state that is over writes nothing."""
    if isinstance(state, Idle) or not state.since <= now < state.until:
        return ()
    match state:
        case Counting():
            left = state.until - now
            digit = math.ceil(left)
            # It comes with its second and has gone before the next: digits do not overlap.
            shown = smooth((digit - left) / COMES) * smooth((left - digit + 1) / GOES)
            return _caption(COUNT.name, str(digit), shown)
        case Asking():
            left = max(1, math.ceil(state.until - now))
            words = booth.ask.replace(LEFT, str(left))
        case Telling():
            words = booth.thanks if state.kept else booth.gone
        case _:
            return ()
    shown = smooth((now - state.since) / GOES)
    shown *= smooth((state.until - now) / GOES)
    return _caption(WORDS.name, words.replace(NUMBER, str(state.number)), shown)


def _caption(overlay: str, text: str, shown: float) -> tuple[Caption, ...]:
    opacity = round(255 * shown) / 255
    return (Caption(overlay, text, opacity),) if opacity else ()


def state_words(state: State) -> str:
    """For a person and for programs."""
    return type(state).__name__.lower()
