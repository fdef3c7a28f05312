"""Which device and precision are meant, on machines with and without GPUs."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from murai_show.errors import TrainError, UsageError
from murai_show.train import device
from murai_show.train.device import (
    Precision,
    choose_device,
    choose_precision,
    device_name,
    look_time,
)
from murai_show.train.ranks import Ranks


@pytest.fixture
def gpus(monkeypatch):
    def have(count: int, *, bf16: bool = True) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA X1")
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: bf16)

    return have


def test_a_gpu_is_taken_where_there_is_one(gpus) -> None:
    gpus(0)
    assert choose_device(None) == torch.device("cpu")
    gpus(2)
    assert choose_device(None) == torch.device("cuda", 0)
    assert choose_device("cuda:1") == torch.device("cuda", 1)
    assert choose_device("cpu") == torch.device("cpu")


def test_each_process_takes_a_gpu_of_its_own(gpus) -> None:
    gpus(2)
    assert choose_device(None, 1) == torch.device("cuda", 1)
    assert choose_device("cuda", 1) == torch.device("cuda", 1)
    with pytest.raises(UsageError, match="--device cuda:1: each process of torchrun takes a GPU"):
        choose_device("cuda:1", 0)
    with pytest.raises(UsageError, match="process 2: this machine has no such GPU"):
        choose_device(None, 2)


@pytest.mark.parametrize(
    ("count", "wanted", "sentence"),
    [
        (0, "cuda", "--device cuda: this machine has no such GPU; there is: cpu"),
        (1, "cuda:3", r"no such GPU; there is: cuda:0 \(NVIDIA X1\), cpu"),
        (1, "gpu", "--device gpu: no such device; there is: cuda:0"),
        (1, "cuda:", "--device cuda:: no such device"),
        (1, "cuda:-1", "no such device"),
    ],
)
def test_what_is_not_there_is_a_sentence_with_what_is(gpus, count, wanted, sentence) -> None:
    gpus(count)
    with pytest.raises(UsageError, match=sentence):
        choose_device(wanted)


def test_half_precision_is_for_gpus_that_have_it(gpus) -> None:
    vgg, cuda = nn.Identity(), torch.device("cuda", 0)
    gpus(1)
    assert choose_precision("auto", cuda, vgg).name == "bf16"
    assert choose_precision("fp32", cuda, vgg).name == "fp32"
    gpus(1, bf16=False)
    assert choose_precision("auto", cuda, vgg).name == "fp32"


@pytest.mark.parametrize(
    ("instructions", "seconds", "chosen"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, {"fp32": 1.0, "bf16": 0.5}, "bf16"),
        ({"avx512_bf16": False, "amx_bf16": True}, {"fp32": 1.0, "bf16": 0.5}, "bf16"),
        ({"avx512_bf16": True, "amx_bf16": False}, {"fp32": 1.0, "bf16": 1.7}, "fp32"),
        ({"avx512_bf16": True, "amx_bf16": False}, {"fp32": 1.0, "bf16": 0.95}, "fp32"),
        ({"avx512_bf16": False, "amx_bf16": False}, {}, "fp32"),  # emulated: not even tried
        ({}, {}, "fp32"),  # ARM
    ],
)
def test_a_cpu_takes_half_precision_where_that_is_quicker(
    monkeypatch, instructions, seconds, chosen
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: instructions)
    monkeypatch.setattr(device, "look_time", lambda _, precision: seconds[precision.name])
    cpu = torch.device("cpu")
    assert choose_precision("auto", cpu, nn.Identity()).name == chosen
    assert choose_precision("bf16", cpu, nn.Identity()).name == "bf16"


def test_what_is_timed_is_what_a_step_does() -> None:
    """Forward and backward, in the precision that is asked about."""
    convolve = nn.Conv2d(3, 4, 3)
    seen: list[torch.dtype] = []

    class Eye(nn.Module):
        def forward(self, picture: torch.Tensor) -> dict[str, torch.Tensor]:
            found = convolve(picture)
            found.register_hook(lambda gradient: seen.append(gradient.dtype))
            return {"relu1_1": found}

    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        seen.clear()
        assert look_time(Eye(), Precision(torch.device("cpu"), name), side=8) > 0.0
        assert seen == [dtype] * 4


def test_the_card_names_the_machine(gpus) -> None:
    gpus(1)
    assert device_name(torch.device("cuda", 0)) == "NVIDIA X1"
    assert "thread" in device_name(torch.device("cpu"))


def test_a_batch_is_shared_out_whole() -> None:
    shares = [Ranks(rank=rank, count=3).places(6) for rank in range(3)]
    assert [place for share in shares for place in share] == list(range(6))
    with pytest.raises(TrainError, match="--batch 4 cannot be shared by 3 processes; 3 can"):
        Ranks(rank=1, count=3).places(4)


def test_alone_there_is_nobody_to_talk_to() -> None:
    ranks, numbers = Ranks(), torch.arange(3.0)
    ranks.average([numbers])
    ranks.wait()
    assert torch.equal(numbers, torch.arange(3.0))
    assert ranks.from_first(b"abc") == b"abc"
    assert ranks.first
