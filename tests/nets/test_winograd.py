import pytest
import torch
import torch.nn.functional as F

from murai_show.nets.vgg import BLOCKS, VggFeatures
from murai_show.nets.winograd import CACHE, FrozenConvolution

# Beside rounding to fp32 alone: Lavin and Gray's F(4×4, 3×3) loses about two of its bits.
CLOSE = {"rtol": 1e-4, "atol": 1e-4}


@pytest.mark.parametrize(
    "shape",
    [
        (1, 64, 4, 4),
        (2, 64, 8, 12),
        (1, 64, 33, 50),  # no multiple of a tile
        (3, 64, 1, 7),  # less than a tile
        (1, 64, 104, 96),  # several bands, the last beginning within the one before
    ],
)
def test_it_convolves_as_a_convolution_does(shape: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    weight, bias = torch.randn(72, 64, 3, 3) / 24, torch.randn(72)
    x, y = (torch.randn(shape).requires_grad_() for _ in range(2))
    with torch.no_grad():
        y.copy_(x)
    found = FrozenConvolution(weight, bias)(x)
    wanted = F.relu(F.conv2d(y, weight, bias, padding=1))
    torch.testing.assert_close(found, wanted, **CLOSE)
    towards = torch.randn_like(wanted)
    found.backward(towards)
    wanted.backward(towards)
    torch.testing.assert_close(x.grad, y.grad, **CLOSE)


def test_the_largest_picture_has_several_bands() -> None:
    """Else the case of the last band says nothing."""
    tiles = CACHE // (36 * 64 * 4)
    assert 2 * tiles < (96 // 4) * (104 // 4)
    assert (104 // 4) % -(-tiles // (96 // 4)) != 0


@pytest.mark.parametrize("depth", BLOCKS)
def test_vgg_sees_the_same(depth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Features and gradient, quick and direct, of a VGG with random kernels of its real widths."""
    torch.manual_seed(2)
    weights, inputs = {}, 3
    for block, count in enumerate(BLOCKS[depth][:3], start=1):
        for i in range(1, count + 1):
            outputs = 32 << block
            kernel = torch.randn(outputs, inputs, 3, 3) * (2 / (9 * inputs)) ** 0.5
            weights[f"conv{block}_{i}.weight"] = kernel
            weights[f"conv{block}_{i}.bias"] = torch.randn(outputs) / 10
            inputs = outputs
    network = VggFeatures(weights, ("relu1_2", "relu2_2", "relu3_1"), depth)
    photo = torch.rand(2, 3, 36, 48)
    seen = []
    for narrowest in (64, 10_000):
        monkeypatch.setattr("murai_show.nets.vgg.NARROWEST", narrowest)
        picture = photo.clone().requires_grad_()
        found = network(picture)
        torch.stack([one.square().mean() for one in found.values()]).sum().backward()
        seen.append((found, picture.grad))
    quick, direct = seen
    for layer, wanted in direct[0].items():
        torch.testing.assert_close(quick[0][layer], wanted, rtol=1e-3, atol=1e-3)
    # A maximum between equals, or a ReLU at 0, may fall out either way: a few pixels differ more.
    assert (quick[1] - direct[1]).norm() < 1e-2 * direct[1].norm()
