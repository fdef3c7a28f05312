import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from murai_show.nets.classic import Classic
from murai_show.nets.conditional import (
    ConditionalNorm,
    LearningNorm,
    neutral_style,
    style_length,
)
from murai_show.nets.painter import Painter


def small() -> Painter:
    torch.manual_seed(1)
    return Painter(half=8, quarter=12, blocks=2).eval()


def test_conditional_norm_is_instance_norm_with_a_style() -> None:
    """Against torch's own instance norm; 1e-5 is fp32 rounding of E[x²] - E[x]²."""
    torch.manual_seed(2)
    x, scale, shift = torch.randn(3, 5, 16, 18) * 3 + 1, torch.rand(3, 5), torch.randn(3, 5)
    norm = ConditionalNorm(5, 1e-3)
    expected = torch.nn.functional.instance_norm(x, eps=1e-3)
    expected = expected * scale[:, :, None, None] + shift[:, :, None, None]
    assert torch.allclose(norm(x, scale, shift), expected, atol=1e-5)


def test_the_norm_that_learns_is_the_norm_that_paints() -> None:
    torch.manual_seed(3)
    x, scale, shift = torch.randn(2, 5, 16, 18) * 3 + 1, torch.rand(2, 5), torch.randn(2, 5)
    norm = ConditionalNorm(5, 1e-3)
    learning = norm(x, scale.requires_grad_(), shift)
    with torch.no_grad():
        assert torch.equal(learning, norm(x, scale, shift))
    assert learning.requires_grad


def test_the_norm_that_learns_has_the_gradient_that_differences_find() -> None:
    torch.manual_seed(4)
    x, scale, shift = (
        torch.randn(shape, dtype=torch.float64, requires_grad=True)
        for shape in ((2, 3, 5, 4), (2, 3), (2, 3))
    )
    assert torch.autograd.gradcheck(LearningNorm.apply, (x, scale, shift, 1e-3))


def test_conditional_norm_keeps_its_statistics_in_fp32() -> None:
    """Squares of 400 overflow half precision (65504); the result must not."""
    x = torch.randn(1, 4, 8, 8).half() * 100 + 400
    out = ConditionalNorm(4, 1e-3)(x, torch.ones(1, 4), torch.zeros(1, 4))
    assert out.dtype == torch.float16
    assert out.isfinite().all()
    assert out.abs().max() < 10


@settings(max_examples=25, deadline=None)
@given(st.integers(4, 61), st.integers(4, 61))
def test_any_size_comes_back_as_it_went_in(height: int, width: int) -> None:
    painter = small()
    out = painter(torch.rand(1, 3, height, width), neutral_style(painter)[None])
    assert out.shape == (1, 3, height, width)
    assert 0 <= out.min() <= out.max() <= 1


def test_a_flat_picture_stays_flat_to_its_borders() -> None:
    """No dirty frame around the picture and no dot grid in it, for any weights."""
    painter = small()
    out = painter(torch.full((1, 3, 40, 48), 0.3), neutral_style(painter)[None])
    assert (out.amax((2, 3)) - out.amin((2, 3))).max() < 1e-5


def test_the_head_cannot_draw_a_checkerboard() -> None:
    """Whatever the head learns, the period-2 component of a flat picture is cancelled."""
    painter = small()
    torch.nn.init.normal_(painter.head.weight, std=1.0)  # no longer equal sub-pixels
    out = painter(torch.full((1, 3, 40, 48), 0.3), neutral_style(painter)[None])[0, :, 4:-4, 4:-4]
    assert (out[:, ::2, ::2] - out[:, 1::2, 1::2]).abs().max() < 1e-5


def test_sensor_noise_on_black_is_not_blown_up_into_texture() -> None:
    """A lens cap: deviation 0.2 % in must stay small after all norms (large eps)."""
    painter = small()
    noise = torch.randn(1, 3, 64, 64) * 0.002
    out = painter(noise, neutral_style(painter)[None])
    assert out.std() < 0.15


def test_a_batch_paints_each_picture_in_its_own_style() -> None:
    painter = small()
    photo = torch.rand(1, 3, 32, 32)
    styles = torch.stack([neutral_style(painter), neutral_style(painter) * 0.5])
    both = painter(photo.expand(2, -1, -1, -1), styles)
    for i in range(2):
        assert torch.allclose(both[i], painter(photo, styles[i : i + 1])[0], atol=1e-5)


@pytest.mark.parametrize("network", [small(), Classic((4, 6, 8), 2)])
def test_style_length_is_what_the_network_reads(network: torch.nn.Module) -> None:
    """The last number matters and one more or less is an error."""
    vector = neutral_style(network)[None]
    assert vector.shape == (1, style_length(network))
    photo = torch.rand(1, 3, 32, 32)
    changed = vector.clone()
    changed[0, -1] += 5
    assert not torch.allclose(network(photo, vector), network(photo, changed))
    with pytest.raises(RuntimeError):
        network(photo, vector[:, :-1])
