"""Whatever paints and can be scored: the styles of a bank, and other people's networks."""

from __future__ import annotations

import difflib
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from murai_show.errors import BankError, UsageError
from murai_show.nets.classic import Classic
from murai_show.nets.lengstrom import Lengstrom
from murai_show.style.bank import Bank, kernel_sets
from murai_show.style.network import build_network
from murai_show.train.importers import read_classic

# (B, 3, H, W), RGB, 0..1, to the same.
Paint = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Entrant:
    """One style as one network paints it.

    `style` is the bank's style that it is compared with; `parameters` counts the network and one
    style vector.  Styles of one kernel set share their `network`, which is what is timed.
    """

    name: str
    style: str
    kind: str
    peer: bool
    paint: Paint
    network: nn.Module
    parameters: int


def bank_entrants(bank: Bank) -> tuple[Entrant, ...]:
    """Each style of `bank`, in its order.  Raises BankError when its weights do not fit."""
    found: dict[str, Entrant] = {}
    for part in kernel_sets(bank):
        network = build_network(part)
        for name, numbers in zip(part.card.names, part.styles, strict=True):
            paint = _in_style(network, torch.from_numpy(numbers.copy()))
            size = _count(network) + numbers.size
            found[name] = Entrant(name, name, part.card.architecture, False, paint, network, size)
    return tuple(found[name] for name in bank.card.names)


def open_peer(choice: str, styles: Sequence[str]) -> Entrant:
    """The network that `choice` names, `FILE` or `NAME=FILE`, ready to paint.

    FILE is a .pth of pytorch/examples fast_neural_style or a .npz of lengstrom/fast-style-transfer.
    Raises UsageError when it cannot be told which of `styles` it is to be compared with, and
    BankError when the file is something else.
    """
    style, file = _which(choice, styles)
    name = file.name if file.stem in styles else file.stem
    if file.suffix == ".npz":
        network = read_lengstrom(file)
        size = _count(network)
        return Entrant(name, style, "lengstrom", True, network, network, size)
    if file.suffix in {".pth", ".pt", ".model"}:
        old = read_classic(file)
        network = Classic(**old.config)
        network.load_state_dict(old.network)
        network = _for_inference(network)
        paint, size = _in_style(network, old.vector), _count(network) + old.vector.numel()
        return Entrant(name, style, "pytorch/examples", True, paint, network, size)
    raise UsageError(f"--against {file}: write a .pth of pytorch/examples or a .npz of lengstrom")


def _which(choice: str, styles: Sequence[str]) -> tuple[str, Path]:
    """The style and the file that `choice` means."""
    name, mark, path = choice.partition("=")
    if mark and "/" not in name:
        if name not in styles:
            near = difflib.get_close_matches(name, styles, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(styles)}"
            raise UsageError(f"--against {choice}: no style {name!r} in this bank; {hint}")
        return name, Path(path)
    file = Path(choice)
    found = [style for style in styles if file.name.startswith(style)]
    if not found:
        raise UsageError(
            f"--against {choice}: which style is that? write NAME={choice}, "
            f"NAME one of {', '.join(styles)}"
        )
    return max(found, key=len), file


def read_lengstrom(file: Path) -> nn.Module:
    """Read a network of lengstrom/fast-style-transfer from its TensorFlow variables.

    A .npz with `Variable`, `Variable_1` …: for each layer its kernel (H, W, in, out; transposed
    ones H, W, out, in), shift and scale.  Nothing unpickles.  Raises BankError.
    """
    try:
        # A .npy by another name is an array, which raises TypeError here.
        with np.load(file, allow_pickle=False) as archive:
            arrays = {name: np.asarray(archive[name], np.float32) for name in archive.files}
    except FileNotFoundError:
        raise BankError(f"{file}: no such file") from None
    except (OSError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise BankError(f"{file}: not a .npz of plain arrays: {error}") from None
    layers = len(arrays) // 3
    blocks = (layers - 6) // 2  # three layers down, two up, the head
    kernels = [f"encode.{i}" for i in range(3)] + [f"blocks.{i}" for i in range(2 * blocks)]
    kernels += ["decode.0", "decode.1", "head"]
    try:
        state: dict[str, Tensor] = {}
        for layer, kernel in enumerate(kernels):
            weights, shift, scale = (_variable(arrays, 3 * layer + i) for i in range(3))
            state[f"{kernel}.weight"] = weights.permute(3, 2, 0, 1).contiguous()
            state[f"norms.{layer}.bias"], state[f"norms.{layer}.weight"] = shift, scale
        widths = [len(_variable(arrays, 3 * layer + 1)) for layer in range(3)]
        network = Lengstrom(widths, blocks)
        network.load_state_dict(state)
    except KeyError as error:
        raise BankError(
            f"{file}: not a network of lengstrom/fast-style-transfer: {error} is missing"
        ) from None
    except RuntimeError as error:
        first = str(error).strip().splitlines()[-1].strip()
        raise BankError(f"{file}: its layers do not fit together: {first}") from None
    return _for_inference(network)


def _variable(arrays: Mapping[str, np.ndarray], number: int) -> Tensor:
    return torch.from_numpy(arrays[f"Variable_{number}" if number else "Variable"])


def _in_style(network: nn.Module, vector: Tensor) -> Paint:
    return lambda picture: network(picture, vector.expand(len(picture), -1))


def _for_inference(network: nn.Module) -> nn.Module:
    network.requires_grad_(False)
    return network.eval().to(memory_format=torch.channels_last)  # pyright: ignore


def _count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
