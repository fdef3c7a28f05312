"""The mean of a training and of those that went on from it.

Izmailov et al., "Averaging Weights Leads to Wider Optima", 2018: a training over single photographs
wanders about what is best for all of them, and the mean of several of its ends lies nearer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from murai_show.errors import BankError
from murai_show.style.bank import Bank, Weights, write_bank
from murai_show.style.join import check_kind, histories

# The cosine of two kernels below which a mean was seen to paint like neither: trainings that went
# on from one another had 0.90 to 0.97 and a better mean, others 0.5 and one of five times the loss.
NEAR = 0.8


def mean_banks(banks: Sequence[Bank], path: Path) -> None:
    """Write the mean of `banks`, which have the same styles, to `path`.

    Raises BankError when they have not, or are too far from each other for a mean, and OSError when
    `path` cannot be written.
    """
    first = banks[0]
    for bank in banks[1:]:
        check_kind(bank, first, "averaged")
        _check_styles(bank, first)
        _check_near(bank, first)
    network = _mean([bank.network for bank in banks])
    own = {number: _mean([bank.own[number] for bank in banks]) for number in first.own}
    styles = _mean([{"styles": bank.styles} for bank in banks])["styles"]
    card = replace(first.card, made={"mean": histories(banks)})
    write_bank(path, card, network, styles, own)


def _mean(networks: Sequence[Weights]) -> Weights:
    return {
        name: np.mean([one[name] for one in networks], 0, np.float64).astype(kernel.dtype)
        for name, kernel in networks[0].items()
    }


def _kernels(bank: Bank) -> dict[str, np.ndarray]:
    """All that are shared and all that are styles' own, by a name for a sentence."""
    found = dict(bank.network)
    for number, kernels in bank.own.items():
        found |= {f"{name} of set {number}": kernel for name, kernel in kernels.items()}
    return found


def _check_styles(bank: Bank, first: Bank) -> None:
    """Raises BankError where their styles, or which of them have kernels of their own, differ."""
    one, other = ([(s.name, s.kernels) for s in b.card.styles] for b in (first, bank))
    if one != other or _kernels(first).keys() != _kernels(bank).keys():
        here, there = (", ".join(b.card.names) for b in (bank, first))
        raise BankError(
            f"{bank.path}: has {here}, and {first.path.name} {there}; a mean is of banks with the "
            "same styles, in the same order and with the same kernels of their own"
        )


def _check_near(bank: Bank, first: Bank) -> None:
    """Raises BankError where kernels point elsewhere."""
    known = _kernels(first)
    for name, kernel in _kernels(bank).items():
        if kernel.ndim != 4:
            continue
        one, other = known[name].astype(np.float64).ravel(), kernel.astype(np.float64).ravel()
        cosine = one @ other / (np.linalg.norm(one) * np.linalg.norm(other))
        if not cosine >= NEAR:
            raise BankError(
                f"{bank.path}: too far from {first.path.name} (the cosine of {name} is "
                f"{cosine:.2f}, and should be {NEAR} or more): the mean of networks that learned "
                "apart paints like neither; take a training and one that went on from it"
            )
