import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from murai_show.train.flow import Pair, inside
from murai_show.train.peers import Paint
from murai_show.train.stability import (
    IDLE,
    NOISE,
    NOISY,
    ROUNDING_MEAN,
    ROUNDING_RMS,
    exposures,
    flicker,
    idle_change,
    motion,
    warping_error,
)


def identity(picture: Tensor) -> Tensor:
    return picture


def smooth(seed: int, height: int = 48, width: int = 64) -> Tensor:
    """A smooth picture, (3, H, W), between 0.2 and 0.8."""
    knots = torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(seed))
    found = F.interpolate(knots, (height, width), mode="bicubic", align_corners=True)[0]
    return (0.2 + 0.6 * found).clamp(0.2, 0.8)


def walking(noise: float = 0.01) -> Pair:
    """A picture that walks 3 pixels to the right and 1 down, with a little noise of its own."""
    wide = smooth(1, 60, 80)
    before, after = wide[:, 4:52, 6:70], wide[:, 3:51, 3:67]
    flow = torch.tensor([3.0, 1.0]).view(2, 1, 1).expand(2, 48, 64)
    draw = torch.Generator().manual_seed(2)
    noisy = [f + noise * torch.randn(f.shape, generator=draw) for f in (before, after)]
    return Pair("test", "walk", 1, noisy[0], noisy[1], flow, inside(flow))


def stuck(picture: Tensor) -> Tensor:
    """Paints a texture that is fixed to the screen: a painter that shows the glass."""
    texture = torch.rand(picture.shape[1:], generator=torch.Generator().manual_seed(9))
    return 0.8 * picture + 0.2 * texture


def softened(picture: Tensor) -> Tensor:
    return F.avg_pool2d(F.pad(picture, (1,) * 4, mode="replicate"), 3, 1)


def restless() -> Paint:
    """Paints another texture every time."""
    draw = torch.Generator().manual_seed(10)
    return lambda picture: 0.8 * picture + 0.2 * torch.rand(picture.shape, generator=draw)


def test_exposures_have_the_noise_that_they_say_and_are_the_same_again() -> None:
    photo = torch.full((3, 64, 64), 0.5)
    shots = exposures(photo, 3)
    assert len(shots) == NOISY
    assert torch.stack(shots).std(0).mean() == pytest.approx(NOISE * c4(NOISY), rel=0.02)
    assert all(torch.equal(a, b) for a, b in zip(shots, exposures(photo, 3), strict=True))
    assert not torch.equal(shots[0], exposures(photo, 4)[0])
    assert exposures(torch.ones(3, 8, 8), 1)[0].max() <= 1


def c4(n: int) -> float:
    """By how much the deviation of n samples falls short in the mean (Cochran's theorem)."""
    return math.sqrt(2 / (n - 1)) * math.gamma(n / 2) / math.gamma((n - 1) / 2)


def test_the_flicker_of_a_painter_that_does_nothing_is_one() -> None:
    shots = exposures(smooth(1), 1)
    assert flicker(identity, shots).ratio == pytest.approx(1)
    assert flicker(lambda p: 0.5 * p, shots).ratio == pytest.approx(0.5, rel=1e-4)
    assert flicker(lambda p: 0 * p, shots).ratio == 0
    assert flicker(stuck, shots).ratio == pytest.approx(0.8, rel=1e-4)
    assert flicker(restless(), shots).ratio > 2


def test_the_warping_error_of_a_painter_that_does_nothing_is_one() -> None:
    (found,) = motion(identity, [walking()])
    assert found.ratio == pytest.approx(1)
    assert found.own == pytest.approx(0.01 * math.sqrt(2), rel=0.05)  # the noise of two frames


def test_paint_that_sticks_to_the_screen_is_caught_in_motion() -> None:
    """A local filter moves with the picture; a texture on the glass does not."""
    pair = walking()
    (filtered,) = motion(softened, [pair])
    (on_glass,) = motion(stuck, [pair])
    assert filtered.ratio < 1.5
    assert on_glass.ratio > 3 * max(filtered.ratio, 1)
    assert motion(restless(), [pair])[0].ratio > 3


def test_the_warping_error_looks_at_the_mask_only() -> None:
    pair = walking(noise=0)
    spoilt = pair.after.clone()
    spoilt[:, 20, 30] = 1.0
    bad = Pair("test", "walk", 1, pair.before, spoilt, pair.flow, pair.mask)
    clean = pair.mask.clone()
    clean[19, 27] = False  # what flows to (20, 30)
    good = Pair("test", "walk", 1, pair.before, spoilt, pair.flow, clean)
    assert warping_error(pair.before, pair.after, pair) < 1e-6
    assert warping_error(bad.before, bad.after, bad) > 1e-3
    assert warping_error(good.before, good.after, good) < 1e-6


def test_a_shared_frame_is_painted_once() -> None:
    pair = walking()
    further = Pair("test", "walk", 2, pair.before, pair.after.clone(), pair.flow, pair.mask)
    seen: list[int] = []

    def paint(picture: Tensor) -> Tensor:
        seen.append(1)
        return picture

    assert len(motion(paint, [pair, further])) == 2
    assert len(seen) == 3


def test_the_floors_are_the_errors_of_rounding() -> None:
    """Of one scene, rounded to 8 bits twice, each time with a dither of its own taken off again."""
    draw = torch.Generator().manual_seed(6)
    scene = 255 * torch.rand(3, 200, 200, generator=draw)
    dithers = torch.rand(2, 3, 200, 200, generator=draw) - 0.5
    one, two = (((scene + dither).round() - dither) / 255 for dither in dithers)
    assert (one - two).square().mean().sqrt() == pytest.approx(ROUNDING_RMS, rel=0.01)
    assert (one - two).abs().mean() == pytest.approx(ROUNDING_MEAN, rel=0.01)


def test_nothing_is_divided_by_less_than_rounding() -> None:
    frame, everywhere = smooth(2), torch.ones(48, 64, dtype=torch.bool)
    still = Pair("test", "still", 1, frame, frame, torch.zeros(2, 48, 64), everywhere)
    (found,) = motion(restless(), [still])
    assert found.own < ROUNDING_RMS / 100
    assert found.ratio == pytest.approx(found.error / ROUNDING_RMS)
    frozen = idle_change(restless(), [frame, frame])
    assert frozen.own == 0
    assert frozen.ratio == pytest.approx(frozen.error / ROUNDING_MEAN)


def test_idle_change_looks_where_the_film_stands_still() -> None:
    """Half of the picture flashes; in the other half there is a little noise."""
    draw = torch.Generator().manual_seed(4)
    frames: list[Tensor] = []
    for number in range(4):
        frame = smooth(1) + 0.004 * torch.randn(3, 48, 64, generator=draw)
        frame[:, :, 32:] += 0.2 * (number % 2)
        frames.append(frame)
    assert idle_change(identity, frames).ratio == pytest.approx(1)
    own = idle_change(identity, frames).own
    assert own == pytest.approx(0.004 * 2 / math.sqrt(math.pi), rel=0.05)  # mean |difference|
    assert own < IDLE  # not a trace of the flashes

    def quiet_on_the_left(picture: Tensor) -> Tensor:
        found = picture.clone()
        found[..., :32] = 0.5
        return found

    assert idle_change(quiet_on_the_left, frames).ratio < 0.1
    assert idle_change(lambda p: 3 * p, frames).ratio == pytest.approx(3, rel=1e-3)
