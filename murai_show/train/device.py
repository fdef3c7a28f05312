"""Where a training computes, and in which precision."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from murai_show.errors import UsageError
from murai_show.train.cost import machine


def choose_device(wanted: str | None, place: int | None = None) -> torch.device:
    """The device that `--device` names: cuda, cuda:1, cpu; when None, a GPU where there is one.

    `place` is the number of this process on its machine when torchrun started several: each then
    takes the GPU of that number.  Raises UsageError with what there is.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    word = wanted or ("cuda" if count else "cpu")
    if word == "cpu":
        return torch.device("cpu")
    kind, _, number = word.partition(":")
    if kind != "cuda" or not (number.isdecimal() or word == "cuda"):
        raise UsageError(f"--device {word}: no such device; there is: {_there_is(count)}")
    if place is not None and number:
        raise UsageError(
            f"--device {word}: each process of torchrun takes a GPU of its own; write cuda"
        )
    index = int(number) if number else place or 0
    if index >= count:
        what = f"process {index}" if place else f"--device {word}"
        raise UsageError(f"{what}: this machine has no such GPU; there is: {_there_is(count)}")
    return torch.device("cuda", index)


def _there_is(count: int) -> str:
    gpus = [f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(count)]
    return ", ".join([*gpus, "cpu"])


def device_name(device: torch.device) -> str:
    """For the bank's card: the GPU's name, or the processor's."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else machine()


@dataclass(frozen=True)
class Precision:
    """What painter and VGG multiply in.  Losses and norms are fp32 whatever it is."""

    device: torch.device
    name: str  # fp32 or bf16

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.name == "bf16")


def choose_precision(wanted: str, device: torch.device) -> Precision:
    """`wanted` is one of the recipe's PRECISIONS."""
    if wanted == "auto":
        # Emulated bf16, which GPUs before Ampere have, is slower than fp32.
        fast = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return Precision(device, "bf16" if fast else "fp32")
    return Precision(device, wanted)
