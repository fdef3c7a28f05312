from hypothesis import given
from hypothesis import strategies as st

from murai_show.loop.pacing import next_due


@given(st.floats(0, 1e6), st.floats(0, 100), st.floats(1, 240))
def test_the_next_tick_is_ahead_and_at_most_a_period_away(due: float, late: float, fps: float):
    now = due + late
    following = next_due(due, now, fps)
    assert now < following <= now + 1 / fps + 1e-6


@given(st.floats(0, 1000), st.integers(1, 240), st.integers(0, 500))
def test_the_phase_is_kept(due: float, fps: int, missed: int) -> None:
    ticks = (next_due(due, due + (missed + 0.5) / fps, fps) - due) * fps
    assert abs(ticks - round(ticks)) < 1e-6
    assert round(ticks) == missed + 1


def test_an_output_that_is_not_due_waits() -> None:
    assert next_due(10.0, 9.99, 30) == 10.0
