"""The session of the booth: whatever happens in whatever order, nobody is shown against their will,
every portrait is decided about once, and every wait ends."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from murai_show.show.boothing import (
    DEVELOPING,
    IDLE,
    TELLING,
    UNREAD,
    Answered,
    Asking,
    Counting,
    Darkened,
    Decide,
    Developing,
    Effect,
    Event,
    Failed,
    Idle,
    LetGo,
    Pressed,
    Shoot,
    State,
    Taken,
    Telling,
    Tick,
    booth_captions,
    step,
)
from murai_show.show.caption import Caption
from murai_show.show.planned_booth import PlannedBooth

DENY = PlannedBooth(Path("/p/{number}.png"), ask="Yes? {left}", thanks="№ {number}", gone="Gone")
ALLOW = PlannedBooth(Path("/p/{number}.png"), default="allow")
TICK = Tick()


def asking(booth: PlannedBooth = DENY) -> Asking:
    """Somebody pressed at 100 s, and is being asked."""
    state, effects = step(booth, IDLE, Pressed("key"), 100.0)
    assert (state, effects) == (Counting("key", 100.0, 103.0), ())
    state, effects = step(booth, state, TICK, 103.0)
    assert (state, effects) == (Developing("key", 103.0, 103.0 + DEVELOPING), (Shoot("key"),))
    state, effects = step(booth, state, Taken(7), 104.0)
    assert (state, effects) == (Asking(7, 104.0, 124.0), ())
    assert isinstance(state, Asking)
    return state


def test_a_press_counts_down_takes_asks_and_a_second_one_is_a_yes() -> None:
    state, effects = step(DENY, asking(), Pressed("key"), 108.0)
    assert (state, effects) == (Telling(7, True, 108.0, 111.0), (Decide(7, True, "people"),))
    assert step(DENY, state, TICK, 108.0 + TELLING) == (IDLE, (LetGo(),))


def test_a_second_press_during_the_countdown_or_the_taking_does_nothing() -> None:
    counting = Counting("key", 100.0, 103.0)
    assert step(DENY, counting, Pressed("gpio"), 101.0) == (counting, ())
    developing = Developing("key", 103.0, 113.0)
    assert step(DENY, developing, Pressed("key"), 103.5) == (developing, ())


def test_an_impatient_press_is_no_answer_to_a_question_that_nobody_could_read() -> None:
    state = asking()
    assert step(DENY, state, Pressed("key"), 103.9) == (state, ())  # made before it was asked
    assert step(DENY, state, Pressed("key"), 104.0 + UNREAD - 0.01) == (state, ())
    decided = step(DENY, state, Pressed("key"), 104.0 + UNREAD)
    assert decided[1] == (Decide(7, True, "people"),)


def test_a_request_for_a_picture_is_no_consent_but_an_answer_is() -> None:
    state = asking()
    assert step(DENY, state, Pressed("http"), 110.0) == (state, ())
    assert step(DENY, state, Pressed("schedule"), 110.0) == (state, ())
    assert step(DENY, state, Answered(True), 110.0)[1] == (Decide(7, True, "people"),)
    assert step(DENY, state, Answered(False), 110.0)[1] == (Decide(7, False, "people"),)


@pytest.mark.parametrize(("booth", "keep"), [(DENY, False), (ALLOW, True)])
def test_silence_is_what_default_says_and_a_press_the_contrary(
    booth: PlannedBooth, keep: bool
) -> None:
    assert step(booth, asking(booth), TICK, 124.0)[1] == (Decide(7, keep, "silence"),)
    pressed = step(booth, asking(booth), Pressed("gpio"), 110.0)[1]
    assert pressed == (Decide(7, not keep, "people"),)


def test_a_press_after_the_time_is_over_begins_anew_and_answers_nothing() -> None:
    state, effects = step(DENY, asking(), Pressed("key"), 130.0)
    assert state == Counting("key", 130.0, 133.0)
    assert effects == (Decide(7, False, "silence"), LetGo())


@pytest.mark.parametrize(("booth", "keep"), [(DENY, False), (ALLOW, True)])
def test_what_the_clock_takes_is_asked_of_nobody(booth: PlannedBooth, keep: bool) -> None:
    state = Developing("schedule", 103.0, 113.0)
    told, effects = step(booth, state, Taken(7), 104.0)
    assert told == Telling(7, keep, 104.0, 107.0)
    assert effects == (Decide(7, keep, "schedule"),)


@pytest.mark.parametrize("booth", [DENY, ALLOW])
def test_the_dark_ends_it_and_keeps_nothing(booth: PlannedBooth) -> None:
    assert step(booth, asking(booth), Darkened(), 110.0) == (
        IDLE,
        (Decide(7, False, "dark"), LetGo()),
    )
    assert step(booth, asking(booth), Darkened(), 300.0)[1][0] == Decide(7, False, "dark")
    assert step(booth, Counting("key", 0.0, 3.0), Darkened(), 9.0) == (IDLE, (LetGo(),))
    assert step(booth, IDLE, Darkened(), 9.0) == (IDLE, ())


def test_a_picture_that_comes_too_late_to_be_asked_about_goes() -> None:
    late = Developing("key", 103.0, 113.0)
    state, effects = step(ALLOW, late, Taken(7), 114.0)
    assert (state, effects) == (IDLE, (LetGo(), Decide(7, False, "late")))
    assert step(DENY, late, Failed(), 105.0) == (IDLE, (LetGo(),))


EVENTS = st.one_of(
    st.sampled_from([TICK, Darkened(), Failed(), Answered(True), Answered(False)]),
    st.sampled_from([Pressed("key"), Pressed("gpio"), Pressed("http"), Pressed("schedule")]),
)
PACES = st.floats(0.0, 40.0) | st.sampled_from([0.0, 0.5, 1.0, 3.0, 20.0])


class Session:
    """The machine as the desk runs it: a wish to shoot is followed by a picture or by none."""

    def __init__(self, booth: PlannedBooth) -> None:
        self.booth, self.state, self.now = booth, IDLE, 0.0
        self.state: State
        self.taken = 0
        self.said: list[tuple[int, Event, float]] = []  # what people did while asked, by number
        self.decided: dict[int, Decide] = {}
        self.asked: dict[int, Asking] = {}

    def happens(self, event: Event, draws: bool) -> None:
        asked = self.state
        if isinstance(asked, Asking) and self.now < asked.until:
            self.said.append((asked.number, event, self.now))
        self.state, effects = step(self.booth, self.state, event, self.now)
        if isinstance(self.state, Asking):
            self.asked[self.state.number] = self.state
        for effect in effects:
            self.does(effect, draws)

    def does(self, effect: Effect, draws: bool) -> None:
        if isinstance(effect, Shoot):
            self.taken += draws
            self.happens(Taken(self.taken) if draws else Failed(), draws)
        elif isinstance(effect, Decide):
            assert effect.number not in self.decided, "decided twice"
            self.decided[effect.number] = effect

    def yes_to(self, number: int) -> bool:
        """Whether somebody said yes while they were asked, in a way that counts."""
        asked = self.asked.get(number)
        presses = not self.booth.allows
        return asked is not None and any(
            event == Answered(True)
            or (
                presses
                and event in (Pressed("key"), Pressed("gpio"))
                and at >= asked.since + UNREAD
            )
            for n, event, at in self.said
            if n == number
        )


@given(
    st.sampled_from([DENY, ALLOW]),
    st.lists(st.tuples(EVENTS, PACES, st.booleans()), max_size=60),
)
@settings(max_examples=300, deadline=None)
def test_no_order_of_things_delivers_without_consent(
    booth: PlannedBooth, story: list[tuple[Event, float, bool]]
) -> None:
    session = Session(booth)
    for event, pause, draws in story:
        session.now += pause
        session.happens(event, draws)
        assert session.state.until > session.now, "a state outlived its end"
    session.now += 400.0
    session.happens(TICK, True)  # every wait ends by itself
    session.now += 400.0
    session.happens(TICK, True)
    assert session.state == IDLE
    assert set(session.decided) == set(range(1, session.taken + 1)), "a portrait was forgotten"
    for number, decide in session.decided.items():
        if not booth.allows:
            assert not decide.keep or session.yes_to(number)
        if decide.how in ("dark", "late"):
            assert not decide.keep
        if decide.how == "silence":
            assert decide.keep == booth.allows


def texts(state: State, now: float) -> list[str]:
    return [caption.text for caption in booth_captions(DENY, state, now)]


def test_the_wall_counts_asks_and_thanks() -> None:
    counting = Counting("key", 100.0, 103.0)
    assert [texts(counting, 100.0 + t) for t in (0.4, 1.4, 2.4)] == [["3"], ["2"], ["1"]]
    assert texts(counting, 103.0) == []
    assert texts(Asking(7, 104.0, 124.0), 112.5) == ["Yes? 12"]
    assert texts(Telling(7, True, 110.0, 113.0), 111.0) == ["№ 7"]
    assert texts(Telling(7, False, 110.0, 113.0), 111.0) == ["Gone"]
    assert texts(Developing("key", 103.0, 113.0), 104.0) == []  # people look at their picture
    assert texts(IDLE, 104.0) == []


@given(st.floats(0.0, 3.0, exclude_max=True))
def test_a_digit_has_gone_before_the_next_one_comes(at: float) -> None:
    found = booth_captions(DENY, Counting("key", 0.0, 3.0), at)
    assert len(found) <= 1
    for caption in found:
        assert caption == Caption("booth count", str(math.ceil(3.0 - at)), caption.opacity)
        assert 0.0 < caption.opacity <= 1.0
    around = (booth_captions(DENY, Counting("key", 0.0, 3.0), t) for t in (0.999, 1.0, 1.001))
    assert all(c.opacity < 0.02 for captions in around for c in captions)


def test_idle_never_ends() -> None:
    assert Idle().until == math.inf
