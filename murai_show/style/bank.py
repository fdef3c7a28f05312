"""A bank: the weights of one painter, its style vectors, and a card that says whose art it is.

`NAME.safetensors` holds tensors only: ``network.*`` and ``styles``, shape (styles, style_length).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from murai_show.errors import BankError
from murai_show.style.card import FORMAT, BankCard, card_path, read_card


@dataclass(frozen=True)
class Bank:
    """A bank in memory.  `styles` is float32 of shape (len(card.styles), style_length)."""

    path: Path
    card: BankCard
    network: Mapping[str, np.ndarray]
    styles: np.ndarray
    sha256: str

    def __repr__(self) -> str:
        return f"Bank({self.path.name}, {self.card.architecture}, {', '.join(self.card.names)})"


def read_bank(path: Path) -> Bank:
    """Read a bank whole.  Raises BankError, also when card and tensors do not fit together."""
    card = read_card(path)
    try:
        data = path.read_bytes()
        tensors = load(data)
    except FileNotFoundError:
        raise BankError(f"{path}: no such bank") from None
    except (OSError, SafetensorError) as error:
        raise BankError(f"{path}: the bank cannot be read: {error}") from None
    styles = tensors.pop("styles", np.zeros((0, 0), np.float32)).astype(np.float32)
    if styles.ndim != 2 or len(styles) != len(card.styles):
        raise BankError(
            f"{path}: holds {len(styles)} style vectors, its card names {len(card.styles)} styles"
        )
    network = {k.removeprefix("network."): v for k, v in tensors.items()}
    return Bank(path, card, network, styles, hashlib.sha256(data).hexdigest())


def write_bank(
    path: Path, card: BankCard, network: Mapping[str, np.ndarray], styles: np.ndarray
) -> None:
    """Write tensors, then card, each whole or not at all (a temporary file, then a rename)."""
    if styles.ndim != 2 or len(styles) != len(card.styles):
        raise ValueError(f"{len(card.styles)} styles on the card, vectors of shape {styles.shape}")
    tensors = {f"network.{k}": np.ascontiguousarray(v) for k, v in network.items()}
    tensors["styles"] = np.ascontiguousarray(styles, np.float32)
    text = json.dumps({"murai_bank": FORMAT, **asdict(card)}, indent=1, ensure_ascii=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    _replace(path, save(tensors))
    _replace(card_path(path), (text + "\n").encode())


def _replace(path: Path, data: bytes) -> None:
    """Write `data` beside `path`, sync it, and move it into place."""
    temporary = path.with_name(path.name + ".new")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
