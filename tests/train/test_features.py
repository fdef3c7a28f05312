"""Which VGG a file holds, and what is said when it holds none."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

import pytest
import torch
from safetensors.torch import load_file, save_file

from murai_show.errors import TrainError
from murai_show.nets.vgg import BLOCKS
from murai_show.train import features
from murai_show.train.features import load_features
from tests.train.conftest import save_vgg


def test_a_vgg19_file_gives_the_layers_of_gatys(tmp_path) -> None:
    found = load_features(save_vgg(tmp_path / "a.safetensors"))
    assert (found.content, found.name) == ("relu4_2", "a.safetensors")
    assert found.style == ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
    assert found.network.flipped
    assert set(found.network(torch.rand(1, 3, 32, 32))) == {found.content, *found.style}


def test_a_vgg16_file_gives_the_layers_of_johnson(tmp_path) -> None:
    about = {"arch": "VGG16", "input": "RGB, 0..1, minus mean, over deviation"}
    found = load_features(save_vgg(tmp_path / "a.safetensors", 16, about))
    assert found.content == "relu3_3"
    assert found.style == ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
    assert not found.network.flipped
    assert set(found.network(torch.rand(1, 3, 32, 32))) == set(found.style)


@pytest.mark.parametrize(
    ("about", "sentence"),
    [
        ({}, "not VGG weights: its metadata says arch ''; it should begin with vgg16 or vgg19"),
        ({"arch": "resnet50"}, "its metadata says arch 'resnet50'"),
        ({"arch": "vgg19", "input": "HSV"}, "its metadata says input 'HSV'; it should begin with"),
    ],
)
def test_metadata_that_says_something_else(tmp_path, about, sentence) -> None:
    with pytest.raises(TrainError, match=sentence):
        load_features(save_vgg(tmp_path / "a.safetensors", about=about))


def test_files_that_are_no_weights(tmp_path) -> None:
    file = tmp_path / "a.safetensors"
    with pytest.raises(TrainError, match="no such file; --features names VGG weights"):
        load_features(file)
    file.write_bytes(b"x" * 100)
    with pytest.raises(TrainError, match="not a safetensors file"):
        load_features(file)
    with pytest.raises(TrainError, match=r"not VGG-19 weights: 'conv3_2\.weight' is missing"):
        load_features(save_vgg(file, leave_out="conv3_2.weight"))
    weights = load_file(save_vgg(file))
    weights["conv2_1.weight"] = torch.zeros(4, 7, 3, 3)
    save_file(weights, file, {"arch": "vgg19", "input": "RGB, 0..1"})
    with pytest.raises(TrainError, match=r"conv2_1\.weight has shape \(4, 7, 3, 3\), not \(any, 4"):
        load_features(file)


def torchvision_vgg16(channels: int = 4) -> OrderedDict[str, torch.Tensor]:
    """A state dict as torchvision names it: convolution, ReLU, … and a pooling after each block."""
    torch.manual_seed(3)
    state, index, inputs = OrderedDict(), 0, 3
    for count in BLOCKS[16]:
        for _ in range(count):
            state[f"features.{index}.weight"] = torch.randn(channels, inputs, 3, 3)
            state[f"features.{index}.bias"] = torch.rand(channels)
            index, inputs = index + 2, channels
        index += 1
    return state


def test_vgg16_is_fetched_once_checked_and_named_anew(tmp_path, monkeypatch) -> None:
    """From a local file of the same layout; torch's own hub code fetches it and checks its hash."""
    state = torchvision_vgg16()
    served = tmp_path / "served.pth"
    torch.save(state, served)
    digest = hashlib.sha256(served.read_bytes()).hexdigest()[:8]
    served = served.rename(tmp_path / f"vgg16-{digest}.pth")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(features, "VGG16_URL", served.as_uri())
    found = load_features(None)
    assert torch.equal(found.network.get_buffer("conv2_1_weight"), state["features.5.weight"])
    assert torch.equal(found.network.get_buffer("conv4_3_bias"), state["features.21.bias"])
    assert found.content == "relu3_3"
    served.unlink()
    load_features(None)  # from the cache


def test_vgg16_that_cannot_be_fetched_or_is_another_is_a_sentence(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    missing = tmp_path / "vgg16-00000000.pth"
    monkeypatch.setattr(features, "VGG16_URL", missing.as_uri())
    with pytest.raises(TrainError, match=r"VGG-16 cannot be fetched: .*; give a file"):
        load_features(None)
    torch.save(torchvision_vgg16(), missing)
    with pytest.raises(TrainError, match=r"VGG-16 cannot be fetched: .*hash"):
        load_features(None)
    digest = hashlib.sha256(b"half a file").hexdigest()[:8]
    half = tmp_path / f"vgg16-{digest}.pth"
    half.write_bytes(b"half a file")
    monkeypatch.setattr(features, "VGG16_URL", half.as_uri())
    with pytest.raises(TrainError, match="VGG-16 cannot be fetched"):
        load_features(None)
