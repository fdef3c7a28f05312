"""Small banks with random weights, for tests that need no beauty."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from murai_show.nets.conditional import neutral_style
from murai_show.nets.painter import Painter
from murai_show.style.bank import write_bank
from murai_show.style.card import BankCard, StyleCard

CONFIG = {"half": 8, "quarter": 8, "blocks": 1}


def write_small_bank(path: Path, styles: tuple[str, ...] = ("a", "b")) -> Path:
    """Styles that share everything."""
    card = BankCard("painter", CONFIG, tuple(_card(name) for name in styles))
    write_bank(path, card, _weights(5), _vectors(len(styles)))
    return path


def write_bank_of_two(path: Path, styles: tuple[str, ...] = ("a", "b", "c")) -> Path:
    """All share a network but `b`, which has kernels of its own."""
    card = BankCard("painter", CONFIG, tuple(_card(name, int(name == "b")) for name in styles))
    own = {name: kernel.astype(np.float16) for name, kernel in _weights(6).items()}
    write_bank(path, card, _weights(5), _vectors(len(styles)), {1: own})
    return path


def _card(name: str, kernels: int = 0) -> StyleCard:
    return StyleCard(name, f"credit of {name}", "CC0", kernels=kernels)


def _weights(seed: int) -> dict[str, np.ndarray]:
    torch.manual_seed(seed)
    return {name: weights.numpy() for name, weights in Painter(**CONFIG).state_dict().items()}


def _vectors(count: int) -> np.ndarray:
    neutral = neutral_style(Painter(**CONFIG))
    return torch.stack([neutral * (1 + i) for i in range(count)]).numpy()
