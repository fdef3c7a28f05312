"""Networks in fp16: fitted exactly, and with the pictures that they had."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from murai_show.frame import Frame
from murai_show.nets.classic import Classic
from murai_show.nets.conditional import neutral_style
from murai_show.nets.painter import Painter
from murai_show.show.timeline import Look
from murai_show.show.words import Size
from murai_show.style.bank import kernel_sets, read_bank
from murai_show.style.cuda import CudaStylizer
from murai_show.style.half import fit_to_half
from murai_show.style.program import TorchNetwork
from murai_show.style.pytorch import PytorchStylizer
from tests.plans import REPOSITORY

TRAINED = REPOSITORY / "models/montreal.safetensors"
CPU = torch.device("cpu")


def a_scene(width: int, height: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    picture = np.stack([x * 255 / width, y * 255 / height, (x + y) % 256], -1)
    picture[: height // 2, width // 3 :] *= 0.3
    return picture.astype(np.uint8)


@pytest.mark.parametrize(
    ("scene", "mean"),
    [
        # fp16 rounds to 11 bits, an eighth of a step of 255 near white; some 12 convolutions in a
        # row round what they read and give, and in a smooth ramp, of which this scene has three,
        # norms make much of little.  Found on ten styles: mean 0.23, 99.9 % within 2, most 7.
        ("ramps", 0.4),
        # A lens cap, no noise: each channel is constant, and what the norms leave of it is their
        # shift.  Found: 2.7 in a style whose fp32 picture hangs on eps.
        ("black", 4.0),
    ],
)
def test_a_trained_bank_keeps_its_picture_in_fp16(scene: str, mean: float) -> None:
    """Its convolutions give values of 10⁶, which fp16 cannot hold, before they are fitted."""
    size = Size(160, 96)
    pixels = a_scene(*size) if scene == "ramps" else np.zeros((96, 160, 3), np.uint8)
    for trained in kernel_sets(read_bank(TRAINED)):
        half = CudaStylizer(trained, size, network=TorchNetwork(trained, CPU, torch.float16))
        single = PytorchStylizer(trained, size)
        for style in trained.card.names:
            frame, look = Frame(pixels, 0.0, 0.0, 1, "test"), Look(((style, 1.0),))
            wanted = single(frame, look).pixels.astype(int)
            difference = np.abs(half(frame, look).pixels - wanted)
            assert difference.mean() <= mean, style
            assert np.quantile(difference, 0.999) <= 4, style
            assert difference.max() <= 12, style


def test_weights_are_fitted_by_powers_of_two() -> None:
    torch.manual_seed(5)
    big = Painter(half=8, quarter=8, blocks=1)
    with torch.no_grad():
        for module in big.modules():
            if isinstance(module, torch.nn.Conv2d) and module.bias is None:
                module.weight.mul_(2.0**15)
    before = {name: tensor.clone() for name, tensor in big.state_dict().items()}
    fit_to_half(big)
    for name, tensor in big.state_dict().items():
        if name == "head.weight" or "bias" in name:
            assert torch.equal(tensor, before[name])
            continue
        ratio = before[name][tensor != 0] / tensor[tensor != 0]
        assert len(set(ratio.tolist())) == 1, name
        assert ratio[0].item() == 2.0 ** round(np.log2(ratio[0].item()))
        largest = 255 if name == "enter.weight" else 1
        assert 64 < largest * tensor.abs().sum((1, 2, 3)).max() <= 128


def test_a_fitted_classic_network_paints_what_it_painted() -> None:
    """It takes no centred picture, pads by reflection, and its eps is small."""
    torch.manual_seed(3)
    network = Classic(widths=(4, 4, 4), blocks=1).eval()
    style = neutral_style(network)[None]
    picture = torch.from_numpy(a_scene(64, 48)).permute(2, 0, 1)[None].float()
    with torch.inference_mode():
        wanted = network(picture / 255.0, style)
        fitted = fit_to_half(network)
        assert torch.allclose(fitted(picture, style), wanted, atol=1 / 255)
        half = fitted.half()(picture.half(), style).float()
    assert (half - wanted).abs().max() < 4 / 255
