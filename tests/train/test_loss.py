import pytest
import torch

from murai_show.train.loss import content_loss, gram, noise_loss, style_loss, total_variation


def test_gram_is_its_definition() -> None:
    x = torch.randn(2, 3, 4, 5)
    expected = torch.einsum("bchw,bdhw->bcd", x, x) / 20
    assert torch.allclose(gram(x), expected, atol=1e-6)
    assert torch.allclose(gram(x.to(memory_format=torch.channels_last)), expected, atol=1e-6)


def test_losses_vanish_where_they_should() -> None:
    x = torch.rand(2, 3, 8, 8)
    assert content_loss(x, x) == 0
    assert noise_loss(x, x) == 0
    assert total_variation(torch.full((1, 3, 4, 4), 0.7)) == 0
    target = [{"relu1_1": gram(x)[i]} for i in range(2)]
    assert style_loss({"relu1_1": x}, target) == pytest.approx(0, abs=1e-12)


def test_losses_are_normalised() -> None:
    """Features ten times as large, or a layer more, weigh the same."""
    x, y = torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8)
    assert content_loss(10 * x, 10 * y) == pytest.approx(content_loss(x, y).item(), rel=1e-5)
    one = style_loss({"a": x}, [{"a": gram(y)[0]}])
    two = style_loss({"a": x, "b": x * 5}, [{"a": gram(y)[0], "b": gram(y * 5)[0]}])
    assert two == pytest.approx(one.item(), rel=1e-5)


def test_total_variation_of_a_step() -> None:
    step = torch.zeros(1, 1, 4, 5)
    step[..., 2:] = 1.0
    assert total_variation(step) == pytest.approx(1 / 4)  # one of four differences across


def test_style_does_not_care_where_things_are() -> None:
    x = torch.rand(1, 3, 8, 8)
    shuffled = x.flatten(2)[..., torch.randperm(64)].reshape(x.shape)
    assert style_loss({"a": shuffled}, [{"a": gram(x)[0]}]) < 1e-10
