"""Which device and precision are meant, on machines with and without GPUs."""

from __future__ import annotations

import pytest
import torch

from murai_show.errors import TrainError, UsageError
from murai_show.train.device import choose_device, choose_precision, device_name
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
    cpu, cuda = torch.device("cpu"), torch.device("cuda", 0)
    gpus(1)
    assert choose_precision("auto", cuda).name == "bf16"
    assert choose_precision("auto", cpu).name == "fp32"
    assert choose_precision("fp32", cuda).name == "fp32"
    gpus(1, bf16=False)
    assert choose_precision("auto", cuda).name == "fp32"


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
