import pytest
import torch

from murai_show.train.loss import (
    content_loss,
    gram,
    motion_loss,
    noise_loss,
    style_loss,
    total_variation,
)


def test_gram_is_its_definition() -> None:
    x = torch.randn(2, 3, 4, 5)
    expected = torch.einsum("bchw,bdhw->bcd", x, x) / 20
    assert torch.allclose(gram(x), expected, atol=1e-6)
    assert torch.allclose(gram(x.to(memory_format=torch.channels_last)), expected, atol=1e-6)


def test_the_gradient_of_gram_is_that_of_its_definition() -> None:
    """Also where what comes back is not symmetric."""
    torch.manual_seed(3)
    x = torch.rand(2, 5, 6, 4, dtype=torch.float32, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    towards = torch.rand(2, 5, 5)
    gram(x).backward(towards)
    flat = y.flatten(2)
    (flat @ flat.mT / 24).backward(towards)
    torch.testing.assert_close(x.grad, y.grad)


def test_gram_adds_up_in_fp32_whatever_the_features_are() -> None:
    """Ones over 300×300 pixels: bf16 cannot count beyond 256."""
    ones = torch.ones(1, 2, 300, 300, dtype=torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        found = gram(ones)
    assert found.dtype == torch.float32
    assert torch.equal(found, torch.ones(1, 2, 2))


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


def test_every_loss_of_a_batch_is_the_mean_of_its_pictures() -> None:
    """So several processes may share a batch.  The pictures differ a hundredfold in brightness, the
    masks in size: a sum over the batch in a denominator would show."""
    torch.manual_seed(1)
    x = torch.rand(4, 3, 8, 8) * torch.tensor([0.01, 0.1, 0.5, 1.0]).view(4, 1, 1, 1)
    y = torch.rand(4, 3, 8, 8) * torch.tensor([1.0, 0.01, 0.1, 0.5]).view(4, 1, 1, 1)
    mask = torch.zeros(4, 1, 8, 8)
    for i in range(4):
        mask[i, :, : 2 * i] = 1.0
    grams = [{"a": one} for one in gram(y)]
    losses = {
        "content": lambda i: content_loss(x[i], y[i]),
        "style": lambda i: style_loss({"a": x[i]}, grams[i]),
        "tv": lambda i: total_variation(x[i]),
        "noise": lambda i: noise_loss(x[i], y[i]),
        "motion": lambda i: motion_loss(x[i], y[i], mask[i]),
    }
    for name, loss in losses.items():
        halves = [loss(slice(0, 2)), loss(slice(2, 4))]
        mean = torch.stack(halves).mean().item()
        assert loss(slice(None)).item() == pytest.approx(mean, rel=1e-5), name


def test_motion_is_compared_where_the_mask_is() -> None:
    x, y = torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    y[..., 0, 0], y[..., 3, 3] = 5.0, 1.0
    mask = torch.ones(1, 1, 4, 4)
    mask[..., 0, 0] = 0.0
    assert motion_loss(x, y, mask) == pytest.approx(1 / 15)
    assert motion_loss(x, y, torch.zeros(1, 1, 4, 4)) == 0


def test_total_variation_of_a_step() -> None:
    step = torch.zeros(1, 1, 4, 5)
    step[..., 2:] = 1.0
    assert total_variation(step) == pytest.approx(1 / 4)  # one of four differences across


def test_style_does_not_care_where_things_are() -> None:
    x = torch.rand(1, 3, 8, 8)
    shuffled = x.flatten(2)[..., torch.randperm(64)].reshape(x.shape)
    assert style_loss({"a": shuffled}, [{"a": gram(x)[0]}]) < 1e-10
