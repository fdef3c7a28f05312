"""A small bank with two styles and random weights, for tests that need no beauty."""

from __future__ import annotations

from pathlib import Path

import torch

from murai_show.nets.conditional import neutral_style
from murai_show.nets.painter import Painter
from murai_show.style.bank import write_bank
from murai_show.style.card import BankCard, StyleCard


def write_small_bank(path: Path, styles: tuple[str, ...] = ("a", "b")) -> Path:
    torch.manual_seed(5)
    painter = Painter(half=8, quarter=8, blocks=1)
    vectors = torch.stack([neutral_style(painter) * (1 + i) for i in range(len(styles))])
    card = BankCard(
        "painter",
        {"half": 8, "quarter": 8, "blocks": 1},
        tuple(StyleCard(name, f"credit of {name}", "CC0") for name in styles),
    )
    write_bank(path, card, {k: v.numpy() for k, v in painter.state_dict().items()}, vectors.numpy())
    return path
