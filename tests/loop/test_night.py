"""A show that is started in the afternoon: dark by plan, and its outputs alive."""

from murai_show.loop.run import NIGHT
from murai_show.show.timeline import Look
from tests.loop.stand_ins import ListOutput, SlowStylizer
from tests.loop.test_run import LIT, parts, running


def test_a_show_that_begins_in_the_dark_presents_the_dark_until_it_is_lit() -> None:
    """A window that nobody draws on keeps what was there before and does not hear a key."""
    now = Look((), 0.0)
    stylizer, wall = SlowStylizer(), ListOutput()
    these = parts(wall, stylizer=stylizer, look_at=lambda _: now)
    with running(these):
        assert wall.wait_for(20)
        assert not stylizer.painted
        assert all(shown == (NIGHT, 0.0) for shown in wall.shown)
        assert these.tally.latencies() == []
        now = LIT
        assert wall.wait_for(len(wall.shown) + 20)
    numbers = [picture.number for picture, light in wall.shown if light]
    assert numbers
    assert numbers[0] > 0
    assert these.tally.read().fresh["wall"] <= len(stylizer.painted)


def test_nothing_is_presented_before_the_first_picture_of_a_lit_show() -> None:
    wall = ListOutput()
    with running(parts(wall, stylizer=SlowStylizer(0.1))):
        assert wall.wait_for(3)
    assert all(picture is not NIGHT for picture, _ in wall.shown)
