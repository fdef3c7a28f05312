"""Where a training computes, and in which precision."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from murai_show.errors import UsageError
from murai_show.train.cost import machine

QUICKER = 0.9  # the share of fp32's time below which bf16 is worth its bits
LOOK_SIDE = 160  # pixels of the picture that decides it


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
    """What the VGG, and a teacher, multiply in.  The painter that learns, its norms and all losses
    are fp32 whatever it is."""

    device: torch.device
    name: str  # fp32 or bf16

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.name == "bf16")


def choose_precision(wanted: str, device: torch.device, network: nn.Module) -> Precision:
    """`wanted` is one of the recipe's PRECISIONS; "auto" asks the device what `network`, the VGG
    of this training on it, is quicker in."""
    if wanted != "auto":
        return Precision(device, wanted)
    fp32, bf16 = Precision(device, "fp32"), Precision(device, "bf16")
    if device.type == "cuda":
        # Emulated bf16, which GPUs before Ampere have, is slower than fp32.
        return bf16 if torch.cuda.is_bf16_supported(including_emulation=False) else fp32
    if not any(torch.cpu.get_capabilities().get(word) for word in ("avx512_bf16", "amx_bf16")):
        return fp32
    # The instructions alone promise nothing: on a Xeon with them bf16 takes 1.7 times as long as
    # fp32, on a Zen 5 half as long (docs/LOG.md).
    one, other = (look_time(network, precision) for precision in (fp32, bf16))
    return bf16 if other < QUICKER * one else fp32


def look_time(network: nn.Module, precision: Precision, side: int = LOOK_SIDE) -> float:
    """Seconds that `network` takes for a picture and the gradient at it, the best of three."""
    picture = torch.rand(1, 3, side, side, device=precision.device, requires_grad=True)
    taken: list[float] = []
    for _ in range(4):  # the first is to warm up
        begun = time.perf_counter()
        with precision.autocast():
            found: dict[str, Tensor] = network(picture)
        torch.stack(
            [features.float().square().mean() for features in found.values()]
        ).sum().backward()
        taken.append(time.perf_counter() - begun)
    return min(taken[1:])
