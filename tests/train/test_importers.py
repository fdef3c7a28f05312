"""An old network must paint as it did; the reference here is written from the paper's table."""

import pickle
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from murai_show.errors import BankError
from murai_show.frame import Frame
from murai_show.show.timeline import Look
from murai_show.show.words import Size
from murai_show.style.bank import read_bank
from murai_show.style.card import StyleCard
from murai_show.style.pytorch import PytorchStylizer, build_network
from murai_show.train.importers import import_classic
from tests.plans import DATA

PEERS = DATA / "peers"


def a_state(widths=(4, 6, 8), blocks=2) -> dict[str, torch.Tensor]:
    """A state dict with the layer names of pytorch/examples and weights drawn at random."""
    torch.manual_seed(3)
    one, two, four = widths
    state: dict[str, torch.Tensor] = {}

    def conv(name: str, inputs: int, outputs: int, side: int) -> None:
        state[f"{name}.conv2d.weight"] = torch.randn(outputs, inputs, side, side) * 0.1
        state[f"{name}.conv2d.bias"] = torch.randn(outputs)

    def norm(name: str, channels: int) -> None:
        state[f"{name}.weight"] = torch.rand(channels) + 0.5
        state[f"{name}.bias"] = torch.randn(channels)

    for name, i, o, side in (("conv1", 3, one, 9), ("conv2", one, two, 3), ("conv3", two, four, 3)):
        conv(name, i, o, side)
    for name, channels in (("in1", one), ("in2", two), ("in3", four), ("in4", two), ("in5", one)):
        norm(name, channels)
    for block in range(1, blocks + 1):
        for j in (1, 2):
            conv(f"res{block}.conv{j}", four, four, 3)
            norm(f"res{block}.in{j}", four)
    conv("deconv1", four, two, 3)
    conv("deconv2", two, one, 3)
    conv("deconv3", one, 3, 9)
    return state


def reference(state: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """The published network, step by step, biases and all; RGB 0..255 in and out."""

    def conv(name: str, x: torch.Tensor, stride: int = 1) -> torch.Tensor:
        weight, bias = state[f"{name}.conv2d.weight"], state[f"{name}.conv2d.bias"]
        x = F.pad(x, (weight.shape[-1] // 2,) * 4, mode="reflect")
        return F.conv2d(x, weight, bias, stride)

    def norm(name: str, x: torch.Tensor) -> torch.Tensor:
        return F.instance_norm(x, weight=state[f"{name}.weight"], bias=state[f"{name}.bias"])

    x = F.relu(norm("in1", conv("conv1", x)))
    x = F.relu(norm("in2", conv("conv2", x, 2)))
    x = F.relu(norm("in3", conv("conv3", x, 2)))
    for block in range(1, 1 + sum(k.endswith(".conv1.conv2d.weight") for k in state)):
        inner = F.relu(norm(f"res{block}.in1", conv(f"res{block}.conv1", x)))
        x = x + norm(f"res{block}.in2", conv(f"res{block}.conv2", inner))
    for deconv, each in (("deconv1", "in4"), ("deconv2", "in5")):
        x = F.relu(norm(each, conv(deconv, F.interpolate(x, scale_factor=2, mode="nearest"))))
    return conv("deconv3", x)


def check_same(state: dict[str, torch.Tensor], bank: Path) -> None:
    found = read_bank(bank)
    photo = torch.rand(1, 3, 48, 64)
    ours = build_network(found)(photo, torch.from_numpy(found.styles))
    theirs = (reference(state, photo * 255) / 255).clamp(0, 1)
    assert (ours - theirs).abs().max() < 1 / 255  # under one step of 8 bits; the rest is rounding


def test_an_imported_network_paints_as_it_did(tmp_path: Path) -> None:
    state = a_state()
    # models of the years before 2018 carry running statistics that nobody used
    torch.save({**state, "in1.running_mean": torch.zeros(4)}, tmp_path / "old.pth")
    bank = tmp_path / "old.safetensors"
    import_classic(tmp_path / "old.pth", bank, StyleCard("old", "Somebody", "CC0"))
    check_same(state, bank)
    card = read_bank(bank).card
    assert card.styles == (StyleCard("old", "Somebody", "CC0"),)
    assert card.made["imported_from"] == "old.pth"


@pytest.mark.skipif(not PEERS.is_dir(), reason="../shared/data/peers is not here")
@pytest.mark.parametrize("name", ["mosaic_nc16", "udnie_nc16"])
def test_real_models_of_others(tmp_path: Path, name: str) -> None:
    bank = tmp_path / "peer.safetensors"
    import_classic(PEERS / f"{name}.pth", bank, StyleCard(name))
    check_same(torch.load(PEERS / f"{name}.pth", weights_only=True), bank)
    stylizer = PytorchStylizer(read_bank(bank), Size(128, 96))
    photo = torch.randint(0, 255, (96, 128, 3), dtype=torch.uint8).numpy()
    painted = stylizer(Frame(photo, 0, 0, 1, "x"), Look(((name, 1.0),)))
    assert painted.pixels.std() > 5


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("/tmp/murai-show-was-here"),))


def test_a_pickle_with_code_in_it_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "evil.pth"
    torch.save({"a": Evil()}, file)
    with pytest.raises(BankError, match="refused, it holds more than tensors"):
        import_classic(file, tmp_path / "evil.safetensors", StyleCard("evil"))
    assert not Path("/tmp/murai-show-was-here").exists()
    assert not (tmp_path / "evil.safetensors").exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not a PyTorch file"),
        (b"this is no model", "refused, it holds more than tensors|not a PyTorch file"),
        (pickle.dumps([1, 2]), "not a state dict|not a PyTorch file|refused"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    file = tmp_path / "x.pth"
    file.write_bytes(content)
    with pytest.raises(BankError, match=sentence):
        import_classic(file, tmp_path / "x.safetensors", StyleCard("x"))


def test_other_networks_are_refused(tmp_path: Path) -> None:
    state = a_state()
    del state["deconv3.conv2d.weight"]
    torch.save(state, tmp_path / "x.pth")
    with pytest.raises(BankError, match=r"not a network of .*'deconv3.conv2d.weight'"):
        import_classic(tmp_path / "x.pth", tmp_path / "x.safetensors", StyleCard("x"))
    state = a_state()
    state["conv2.conv2d.weight"] = torch.zeros(6, 5, 3, 3)
    torch.save(state, tmp_path / "y.pth")
    with pytest.raises(BankError, match="do not fit together"):
        import_classic(tmp_path / "y.pth", tmp_path / "y.safetensors", StyleCard("y"))
    with pytest.raises(BankError, match="no such file"):
        import_classic(tmp_path / "z.pth", tmp_path / "z.safetensors", StyleCard("z"))
