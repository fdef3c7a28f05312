"""A painter that shrinks paints what it painted as nearly as what is left of it can."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from murai_show.nets.conditional import neutral_style
from murai_show.nets.grow import grow
from murai_show.nets.painter import Painter
from murai_show.nets.shrink import can_shrink, shrink

LARGE = {"half": 8, "quarter": 10, "blocks": 2}


@pytest.fixture
def photos() -> Tensor:
    """Coarse colours, no two alike, as smooth as photographs are."""
    coarse = torch.rand(6, 3, 12, 12, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.interpolate(coarse, size=(96, 96), mode="bicubic").clamp(0, 1)


@pytest.fixture
def large() -> Painter:
    torch.manual_seed(3)
    return Painter(**LARGE)


@pytest.fixture
def vectors(large: Painter) -> Tensor:
    """Two styles, no two numbers alike."""
    torch.manual_seed(4)
    return neutral_style(large) + 0.5 * torch.rand(2, len(neutral_style(large)))


@torch.no_grad()
def painted(weights: dict[str, Tensor], config: dict[str, int], vectors: Tensor, photos: Tensor):
    painter = Painter(**config)
    painter.load_state_dict(weights)
    return painter(photos, vectors[torch.arange(len(photos)) % len(vectors)])


def distance(one: Tensor, two: Tensor) -> float:
    """Root of the mean square, where 1 is white."""
    return (one - two).square().mean().sqrt().item()


def test_without_less_room_nothing_changes(large, vectors, photos) -> None:
    weights, same = shrink(large.state_dict(), vectors, LARGE, LARGE, photos)
    assert torch.equal(same, vectors)
    before = painted(large.state_dict(), LARGE, vectors, photos)
    assert distance(painted(weights, LARGE, same, photos), before) < 1e-4


@pytest.mark.parametrize(
    "more", [{"half": 13}, {"quarter": 17}, {"blocks": 4}, {"half": 12, "quarter": 14, "blocks": 3}]
)
def test_what_is_there_twice_goes_first(large, vectors, photos, more) -> None:
    """A painter that grew, and whose repeated channels differ a little, loses next to nothing."""
    wide = {**LARGE, **more}
    grown, longer = grow(large.state_dict(), vectors, LARGE, wide)
    weights, shorter = shrink(grown, longer, wide, LARGE, photos)
    assert shorter.shape == vectors.shape
    before = painted(grown, wide, longer, photos)
    after = painted(weights, LARGE, shorter, photos)
    assert distance(after, before) < 0.01
    assert distance(after[:2], after[1:3]) > 0.02  # the styles are still two


@pytest.mark.parametrize("less", [{"half": 6}, {"quarter": 8}, {"blocks": 1}], ids=str)
def test_what_is_left_is_fitted_to_what_it_lost(large, vectors, photos, less) -> None:
    """It paints nearer to the whole than kernels of the same channels that nobody fitted."""
    new = {**LARGE, **less}
    weights, shorter = shrink(large.state_dict(), vectors, LARGE, new, photos)
    assert shorter.shape == (2, len(neutral_style(Painter(**new))))
    before = painted(large.state_dict(), LARGE, vectors, photos)
    fitted = distance(painted(weights, new, shorter, photos), before)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("murai_show.nets.shrink._fit", lambda *_: None)
        cut, vectors_of_cut = shrink(large.state_dict(), vectors, LARGE, new, photos)
    assert fitted < 0.8 * distance(painted(cut, new, vectors_of_cut, photos), before)


def test_it_is_the_same_every_time(large, vectors, photos) -> None:
    new = {**LARGE, "quarter": 8}
    one, two = (shrink(large.state_dict(), vectors, LARGE, new, photos)[0] for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_it_does_not_grow(large, vectors, photos) -> None:
    more = {**LARGE, "half": 9}
    assert not can_shrink(LARGE, more)
    with pytest.raises(ValueError, match="cannot shrink to"):
        shrink(large.state_dict(), vectors, LARGE, more, photos)
