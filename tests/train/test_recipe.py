import pytest

from murai_show.train.recipe import Recipe


def test_the_rate_warms_up_and_comes_down() -> None:
    recipe = Recipe(steps=1000)
    shares = [recipe.rate_at(step, recipe.done(step, 0.0)) for step in range(1000)]
    assert shares[0] == pytest.approx(1 / 50)
    assert max(shares) == pytest.approx(1.0, rel=0.02)
    assert shares[-1] < 0.03


def test_a_bank_that_is_good_already_takes_shorter_steps() -> None:
    long, short = Recipe(steps=1000), Recipe(steps=1000, rate=0.25)
    for step in (0, 49, 500, 999):
        done = long.done(step, 0.0)
        assert short.rate_at(step, done) == pytest.approx(long.rate_at(step, done) / 4)


def test_crops_grow_for_the_last_part_of_the_run() -> None:
    recipe = Recipe(steps=100, last_share=0.15)
    sides = [recipe.crop_at(recipe.done(step, 0.0)) for step in range(100)]
    assert sides == [recipe.crop] * 85 + [recipe.last_crop] * 15


def test_minutes_count_instead_of_steps() -> None:
    recipe = Recipe(steps=10, minutes=2.0)
    assert recipe.done(500, 30.0) == pytest.approx(0.25)
    assert recipe.done(1, 500.0) == 1.0
    assert Recipe(steps=10).done(5, 500.0) == 0.5


def test_noise_and_motion_take_turns() -> None:
    recipe = Recipe(stability_every=2)
    turns = [recipe.stability_at(step) for step in range(8)]
    assert turns == ["noise", None, "motion", None] * 2
