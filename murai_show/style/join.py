"""Put banks together: one bank with the styles of several, each painted as before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from murai_show.errors import BankError
from murai_show.style.bank import Bank, Weights, kernel_sets, kernels_of, write_bank
from murai_show.style.card import SHARED, StyleCard


@dataclass
class _Joined:
    """What is put together: by name a style's card and vector, by number a kernel set."""

    network: Weights
    rows: dict[str, tuple[StyleCard, np.ndarray]] = field(default_factory=dict)
    own: dict[int, Weights] = field(default_factory=dict)

    def number(self, network: Weights) -> int:
        """The number of the kernel set that paints as `network` does, an old one or a new one."""
        if _alike(network, self.network):
            return SHARED
        half = {name: _half(kernel) for name, kernel in network.items()}
        for number, known in self.own.items():
            if _alike(half, {**self.network, **known}):
                return number
        self.own[max(self.own, default=SHARED) + 1] = half
        return max(self.own)


def join_banks(banks: Sequence[Bank], path: Path, *, replacing: bool = False) -> None:
    """Write a bank with the styles of `banks`, in their order, to `path`.

    What the styles of the first one share stays what styles share; every other network becomes a
    kernel set, in half precision.  A style that two of them have is an error, or, with `replacing`,
    the later one's, in the place of the earlier one's.  Raises BankError, and OSError when `path`
    cannot be written.
    """
    first = banks[0]
    joined = _Joined(first.network)
    # Its kernel sets keep their numbers, and stay as they are to the bit.
    joined.own.update(first.own)
    for bank in banks:
        check_kind(bank, first, "joined")
        for part in kernel_sets(bank):
            number = kernels_of(part) if bank is first else joined.number(part.network)
            for style, vector in zip(part.card.styles, part.styles, strict=True):
                if style.name in joined.rows and not replacing:
                    raise BankError(f"{bank.path}: an earlier bank has a style {style.name} too")
                joined.rows[style.name] = (replace(style, kernels=number), vector)
    order = dict.fromkeys(name for bank in banks for name in bank.card.names)
    cards, vectors = zip(*(joined.rows[name] for name in order), strict=True)
    card = replace(first.card, styles=cards, made={"joined": histories(banks)})
    write_bank(path, card, joined.network, np.stack(vectors), joined.own)


def histories(banks: Sequence[Bank]) -> list[Any]:
    """How each of `banks` was made, for the card of what is made of them."""
    told = [{"bank": one.path.name, "sha256": one.sha256, "made": one.card.made} for one in banks]
    return _told_once(told, set())


def _told_once(history: Any, told: set[str]) -> Any:
    """`history` with the making of each bank told where its hash first appears, and not again.

    Banks that are joined mostly come from one: with its history in each of them, a card that is
    learned on from and joined a few times would be larger than its bank.
    """
    if isinstance(history, Mapping):
        known = history.get("sha256")
        if known is not None and "made" in history:
            if known in told:
                return {key: value for key, value in history.items() if key != "made"}
            told.add(known)
        return {key: _told_once(value, told) for key, value in history.items()}
    if isinstance(history, list):
        return [_told_once(one, told) for one in history]
    return history


def check_kind(bank: Bank, first: Bank, what: str) -> None:
    """Raises BankError, which says that they cannot be `what`, where networks are of two kinds."""
    kinds = [(one.card.architecture, dict(one.card.config)) for one in (first, bank)]
    if kinds[0] != kinds[1]:
        told = [f"{name} {config}" for name, config in kinds]
        raise BankError(
            f"{bank.path}: its network is a {told[1]}, that of {first.path.name} a {told[0]}; "
            f"only banks of one kind and size can be {what}"
        )


def _half(kernel: np.ndarray) -> np.ndarray:
    """`kernel` in half precision, where that can hold it."""
    with np.errstate(over="ignore"):
        half = kernel.astype(np.float16)
    return half if np.isfinite(half).all() else kernel


def _alike(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)
