"""From a bank to the network that paints it."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from murai_show.errors import BankError
from murai_show.nets.classic import Classic
from murai_show.nets.conditional import style_length
from murai_show.nets.painter import Painter
from murai_show.style.bank import Bank


def build_network(bank: Bank) -> nn.Module:
    """The bank's network, for inference; of a bank with several, see `kernel_sets`.

    Raises BankError when the weights do not fit.
    """
    if bank.own:
        raise ValueError(f"{bank} has several networks; take its kernel sets")
    architecture: Any = {"painter": Painter, "classic": Classic}[bank.card.architecture]
    try:
        network: nn.Module = architecture(**bank.card.config)
        network.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in bank.network.items()})
    except (TypeError, ValueError, RuntimeError) as error:
        first = str(error).strip().splitlines()[0]
        raise BankError(f"{bank.path}: the weights do not fit its card: {first}") from None
    if bank.styles.shape[1] != style_length(network):
        raise BankError(
            f"{bank.path}: style vectors have {bank.styles.shape[1]} numbers, "
            f"this network wants {style_length(network)}"
        )
    network.requires_grad_(False)
    return network.eval().to(memory_format=torch.channels_last)  # pyright: ignore
