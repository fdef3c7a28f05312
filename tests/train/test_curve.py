import numpy as np
import pytest

from murai_show.train.curve import COLOURS, smoothed
from murai_show.train.loss import NAMES


def test_smoothing_follows_a_fall_without_lag_and_calms_noise() -> None:
    fall = np.exp(-np.arange(400) / 40)
    assert smoothed(fall)[20:-20] == pytest.approx(fall[20:-20], rel=0.05)
    noisy = np.exp(np.random.default_rng(1).normal(size=2000))
    assert np.log(smoothed(noisy)[100:-100]).std() < 0.25
    assert smoothed(np.full(3, 0.7)) == pytest.approx([0.7] * 3)


def test_every_loss_has_a_colour_of_its_own() -> None:
    assert set(COLOURS) == set(NAMES)
    assert len(set(COLOURS.values())) == len(NAMES)
