"""A painter that grows still paints what it painted, and what it repeats can part."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from murai_show.nets.conditional import neutral_style
from murai_show.nets.grow import can_grow, grow
from murai_show.nets.painter import Painter

SMALL = {"half": 8, "quarter": 10, "blocks": 1}


@pytest.fixture
def small() -> Painter:
    torch.manual_seed(3)
    return Painter(**SMALL)


@pytest.fixture
def vectors(small: Painter) -> Tensor:
    """Two styles, no two numbers alike."""
    return neutral_style(small) + 0.5 * torch.rand(2, len(neutral_style(small)))


@torch.no_grad()
def painted(weights: dict[str, Tensor], config: dict[str, int], vector: Tensor) -> Tensor:
    painter = Painter(**config)
    painter.load_state_dict(weights)
    photo = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(1))
    return painter(photo, vector[None])


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"half": 12},
        {"half": 27},
        {"quarter": 15},
        {"blocks": 3},
        {"half": 12, "quarter": 17, "blocks": 2},
    ],
    ids=str,
)
def test_it_paints_the_same(small, vectors, changed) -> None:
    new = {**SMALL, **changed}
    weights, longer = grow(small.state_dict(), vectors, SMALL, new, noise=0.0)
    assert longer.shape == (2, len(neutral_style(Painter(**new))))
    for old, grown in zip(vectors, longer, strict=True):
        before = painted(small.state_dict(), SMALL, old)
        assert torch.allclose(painted(weights, new, grown), before, atol=1e-4)
    assert not torch.allclose(
        painted(weights, new, longer[0]), painted(weights, new, longer[1]), atol=1e-2
    )


def test_a_little_noise_moves_the_picture_a_little(small, vectors) -> None:
    new = {"half": 12, "quarter": 17, "blocks": 2}
    weights, longer = grow(small.state_dict(), vectors, SMALL, new)
    moved = painted(weights, new, longer[0]) - painted(small.state_dict(), SMALL, vectors[0])
    assert 0 < moved.square().mean().sqrt() < 0.03


def test_repeated_channels_part_when_they_learn(small, vectors) -> None:
    new = {**SMALL, "half": 16}
    weights, longer = grow(small.state_dict(), vectors, SMALL, new)
    painter = Painter(**new)
    painter.load_state_dict(weights)
    photo = torch.rand(1, 3, 24, 32)
    painter(photo, longer[:1]).square().mean().backward()
    gradient = painter.enter.weight.grad
    assert gradient is not None
    assert not torch.allclose(gradient[:8], gradient[8:], rtol=0.05)


def test_new_blocks_can_learn(small, vectors) -> None:
    """Their last norms have scale 0, which has a gradient though their kernels have none yet."""
    new = {**SMALL, "blocks": 2}
    weights, longer = grow(small.state_dict(), vectors, SMALL, new)
    painter = Painter(**new)
    painter.load_state_dict(weights)
    style = longer[:1].clone().requires_grad_()
    painter(torch.rand(1, 3, 24, 32), style).square().mean().backward()
    assert style.grad is not None
    # Behind enter, down, and the two norms of the block that was there, and one of the new ones.
    start = 2 * 8 + 2 * 10 + 2 * 2 * 10 + 2 * 10
    assert (longer[:, start : start + 10] == 0).all()
    assert (style.grad[:, start : start + 10] != 0).any()


def test_it_is_the_same_each_time(small, vectors) -> None:
    new = {**SMALL, "half": 12, "blocks": 2}
    one, other = (grow(small.state_dict(), vectors, SMALL, new)[0] for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_it_does_not_shrink(small, vectors) -> None:
    less = {**SMALL, "quarter": 9}
    assert not can_grow(SMALL, less)
    with pytest.raises(ValueError, match="cannot grow to"):
        grow(small.state_dict(), vectors, SMALL, less)
