"""Other people's networks become banks."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from murai_show.errors import BankError
from murai_show.nets.classic import Classic
from murai_show.style.bank import write_bank
from murai_show.style.card import BankCard, StyleCard

# The names in a state dict of pytorch/examples fast_neural_style, in the order of our modules.
_ENCODE = ("conv1", "conv2", "conv3")
_DECODE = ("deconv1", "deconv2")


@dataclass(frozen=True)
class OldNetwork:
    """What a `.pth` of pytorch/examples holds, in our words: the arguments of `Classic`, its
    weights, and the affine parameters of its norms, which are a style vector."""

    config: Mapping[str, Any]
    network: Mapping[str, Tensor]
    vector: Tensor


def import_classic(file: Path, bank: Path, style: StyleCard) -> None:
    """Turn the `.pth` of a pytorch/examples style network into a bank of one style.

    Unpickling is limited to tensors (`weights_only`).  Raises BankError when the file is anything
    else, or holds other layers.
    """
    old = read_classic(file)
    card = BankCard(
        "classic",
        old.config,
        (style,),
        {"imported_from": file.name, "format": "pytorch/examples fast_neural_style"},
    )
    arrays = {k: v.numpy() for k, v in old.network.items()}
    write_bank(bank, card, arrays, old.vector.numpy()[None])


def read_classic(file: Path) -> OldNetwork:
    """Read the `.pth` of a pytorch/examples style network.  Raises BankError."""
    state = read_state(file)
    blocks = sum(key.endswith(".conv1.conv2d.weight") for key in state)
    residual = [f"res{i}.conv{j}" for i in range(1, blocks + 1) for j in (1, 2)]
    norms = ["in1", "in2", "in3"]
    norms += [f"res{i}.in{j}" for i in range(1, blocks + 1) for j in (1, 2)]
    norms += ["in4", "in5"]
    try:
        widths = tuple(state[f"{name}.conv2d.weight"].shape[0] for name in _ENCODE)
        groups = {"encode": _ENCODE, "blocks": residual, "decode": _DECODE}
        network = {
            f"{group}.{i}.weight": state[f"{name}.conv2d.weight"].float()
            for group, names in groups.items()
            for i, name in enumerate(names)
        }
        network["head.weight"] = state["deconv3.conv2d.weight"].float()
        network["head.bias"] = state["deconv3.conv2d.bias"].float()
        vector = torch.cat([state[f"{n}.{part}"] for n in norms for part in ("weight", "bias")])
        Classic(widths, blocks).load_state_dict(network)  # pyright: ignore[reportArgumentType]
    except KeyError as error:
        raise BankError(
            f"{file}: not a network of pytorch/examples fast_neural_style: {error} is missing"
        ) from None
    except RuntimeError as error:
        first = str(error).strip().splitlines()[-1].strip()
        raise BankError(f"{file}: its layers do not fit together: {first}") from None
    return OldNetwork({"widths": list(widths), "blocks": blocks}, network, vector.float())


def read_state(file: Path) -> Mapping[str, Tensor]:
    """A state dict, tensors only.  Raises BankError."""
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise BankError(f"{file}: no such file") from None
    except (OSError, RuntimeError, EOFError, ValueError, LookupError, TypeError) as error:
        # The restricted unpickler raises whatever its stack machine trips over in a broken file.
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise BankError(f"{file}: not a PyTorch file: {first}") from None
    except pickle.UnpicklingError:
        raise BankError(
            f"{file}: refused, it holds more than tensors; save its state_dict() alone"
        ) from None
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise BankError(f"{file}: not a state dict of tensors")
    return state
