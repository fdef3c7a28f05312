import pytest
import torch
from safetensors.torch import load_file

from murai_show.nets.vgg import BLOCKS, VggFeatures
from tests.plans import DATA

FILE = DATA / "vgg/vgg19_to_conv4_4_fp16.safetensors"


def test_layers_stop_at_the_last_that_is_asked_for() -> None:
    weights = {f"conv1_{i}.weight": torch.rand(2, 3 if i == 1 else 2, 3, 3) for i in (1, 2)}
    weights |= {f"conv1_{i}.bias": torch.zeros(2) for i in (1, 2)}
    found = VggFeatures(weights, ("relu1_1",))(torch.rand(1, 3, 8, 8))
    assert list(found) == ["relu1_1"]
    assert found["relu1_1"].min() >= 0
    with pytest.raises(KeyError, match="conv2_1"):
        VggFeatures(weights, ("relu2_1",))


def test_pooling_stands_between_the_blocks_of_either_depth() -> None:
    for depth, blocks in BLOCKS.items():
        weights, inputs = {}, 3
        for block, count in enumerate(blocks, start=1):
            for i in range(1, count + 1):
                weights[f"conv{block}_{i}.weight"] = torch.rand(2, inputs, 3, 3)
                weights[f"conv{block}_{i}.bias"] = torch.zeros(2)
                inputs = 2
        last = f"relu4_{blocks[3]}"
        vgg = VggFeatures(weights, ("relu1_1", "relu3_1", last), depth)
        assert [name for name in vgg.plan if name != "pool"] == [
            f"conv{b}_{i}" for b, count in enumerate(blocks, 1) for i in range(1, count + 1)
        ]
        sides = {k: v.shape[-1] for k, v in vgg(torch.rand(1, 3, 16, 16)).items()}
        assert sides == {"relu1_1": 16, "relu3_1": 4, last: 2}


def test_it_is_not_learned() -> None:
    weights = {"conv1_1.weight": torch.rand(2, 3, 3, 3), "conv1_1.bias": torch.zeros(2)}
    vgg = VggFeatures(weights, ("relu1_1",))
    assert list(vgg.parameters()) == []
    picture = torch.rand(1, 3, 8, 8, requires_grad=True)
    vgg(picture)["relu1_1"].sum().backward()
    assert picture.grad is not None


@pytest.mark.skipif(not FILE.exists(), reason="../shared/data/vgg is not here")
def test_real_weights_see_colour_in_the_right_order() -> None:
    """Red and blue swapped must not look the same, and features halve in size at each block."""
    vgg = VggFeatures(load_file(FILE), ("relu1_1", "relu4_2"))
    red = torch.zeros(1, 3, 32, 32)
    red[:, 0] = 1.0
    features = vgg(red)
    assert features["relu1_1"].shape == (1, 64, 32, 32)
    assert features["relu4_2"].shape == (1, 512, 4, 4)
    assert not torch.allclose(vgg(red.flip(1))["relu4_2"], features["relu4_2"])
