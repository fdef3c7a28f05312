"""A bank: the weights of one painter, its style vectors, and a card that says whose art it is.

`NAME.safetensors` holds tensors only: ``styles``, shape (styles, style_length); ``network.*``, the
weights that styles share; and for each number N of a kernel set, ``kernels.N.*``, what those
styles whose card says so have in place of the shared ones.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from murai_show.errors import BankError
from murai_show.style.card import FORMAT, SHARED, BankCard, StyleCard, card_path, read_card

Weights = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Bank:
    """A bank in memory.  `styles` is float32 of shape (len(card.styles), style_length).

    `network` is what the styles share, `own` by number what each kernel set has in place of it; a
    network is built of one of `kernel_sets`.  `sha256` changes with any of them.
    """

    path: Path
    card: BankCard
    network: Weights
    styles: np.ndarray
    sha256: str
    own: Mapping[int, Weights] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """`montreal`, or `montreal (wave)` for a kernel set of the bank."""
        aside = not self.own and kernels_of(self) != SHARED
        return f"{self.path.stem} ({', '.join(self.card.names)})" if aside else self.path.stem

    def __repr__(self) -> str:
        return f"Bank({self.path.name}, {self.card.architecture}, {', '.join(self.card.names)})"


def kernel_sets(bank: Bank) -> tuple[Bank, ...]:
    """`bank` taken apart: for each kernel set that its styles use a bank of one network, float32,
    in the order of their first styles.  A bank whose styles share everything is its own.

    The `sha256` of each is that of its own tensors, so what was built for it stays good when the
    bank gets another style.
    """
    if not bank.own:
        return (bank,)
    numbers = dict.fromkeys(style.kernels for style in bank.card.styles)
    return tuple(_kernel_set(bank, number) for number in numbers)


def kernels_of(bank: Bank) -> int:
    """The number of the kernel set that `bank`, of one network, is."""
    return next((style.kernels for style in bank.card.styles), SHARED)


def _kernel_set(bank: Bank, number: int) -> Bank:
    rows = [i for i, style in enumerate(bank.card.styles) if style.kernels == number]
    card = replace(bank.card, styles=tuple(bank.card.styles[i] for i in rows))
    network = {**bank.network, **bank.own.get(number, {})}
    network = {key: weights.astype(np.float32) for key, weights in network.items()}
    styles = bank.styles[rows]
    digest = hashlib.sha256(save({**network, "styles": styles})).hexdigest()
    return Bank(bank.path, card, network, styles, digest)


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
    network: dict[str, np.ndarray] = {}
    own: dict[int, dict[str, np.ndarray]] = {}
    for key, weights in tensors.items():
        match key.split(".", 2):
            case "kernels", number, rest if number.isdecimal():
                own.setdefault(int(number), {})[rest] = weights
            case _:
                network[key.removeprefix("network.")] = weights
    for style in card.styles:
        if style.kernels != SHARED and style.kernels not in own:
            raise BankError(
                f"{path}: {style.name} has kernel set {style.kernels} on the card, "
                f"the bank holds {', '.join(map(str, sorted(own))) or 'none'}"
            )
    return Bank(path, card, network, styles, hashlib.sha256(data).hexdigest(), own)


def write_bank(
    path: Path,
    card: BankCard,
    network: Weights,
    styles: np.ndarray,
    own: Mapping[int, Weights] | None = None,
) -> None:
    """Write tensors, then card, each whole or not at all (a temporary file, then a rename).

    Of `own` only the kernel sets that a style on the card has are written.
    """
    if styles.ndim != 2 or len(styles) != len(card.styles):
        raise ValueError(f"{len(card.styles)} styles on the card, vectors of shape {styles.shape}")
    used = {style.kernels for style in card.styles} - {SHARED}
    if missing := used - set(own or {}):
        raise ValueError(f"kernel sets {sorted(missing)} are on the card and not given")
    tensors = {f"network.{k}": np.ascontiguousarray(v) for k, v in network.items()}
    for number in sorted(used):
        sets = (own or {})[number].items()
        tensors |= {f"kernels.{number}.{k}": np.ascontiguousarray(v) for k, v in sets}
    tensors["styles"] = np.ascontiguousarray(styles, np.float32)
    # A bank without kernel sets is as it always was, and older versions can read it.
    facts = {
        "murai_bank": FORMAT if used else FORMAT - 1,
        **asdict(card),
        "styles": [_style_facts(style) for style in card.styles],
    }
    text = json.dumps(facts, indent=1, ensure_ascii=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    _replace(path, save(tensors))
    _replace(card_path(path), (text + "\n").encode())


def _style_facts(style: StyleCard) -> dict[str, Any]:
    facts = asdict(style)
    if style.kernels == SHARED:
        del facts["kernels"]
    return facts


def _replace(path: Path, data: bytes) -> None:
    """Write `data` beside `path`, sync it, and move it into place."""
    temporary = path.with_name(path.name + ".new")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
