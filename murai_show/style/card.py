"""The card of a bank: which styles it holds, whose art they are, how it was made.

`NAME.json` stands beside `NAME.safetensors`.  Reading it costs neither NumPy nor torch, so
`murai-show check` can.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from murai_show.errors import BankError

FORMAT = 2  # 1 had no kernel sets
SHARED = 0  # the kernel set that is nobody's own
ARCHITECTURES = ("painter", "classic")


@dataclass(frozen=True)
class StyleCard:
    """Who made the picture that a style was learned from.

    `picture` is its file's name; `crop` the part of it that was learned: x, y, width, height in
    pixels, all of it when None; `kernels` the number of the kernel set that the style is painted
    with, `SHARED` or one of its own.
    """

    name: str
    credit: str = ""
    licence: str = ""
    picture: str = ""
    crop: tuple[int, int, int, int] | None = None
    kernels: int = SHARED


@dataclass(frozen=True)
class BankCard:
    """The sidecar of a bank.  `config` are the keyword arguments of the architecture's module;
    `made` is free: how the bank was trained or where it was imported from."""

    architecture: str
    config: Mapping[str, Any]
    styles: tuple[StyleCard, ...]
    made: Mapping[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(style.name for style in self.styles)


def card_path(bank: Path) -> Path:
    """The sidecar that belongs to the safetensors file `bank`."""
    return bank.with_suffix(".json")


def read_card(bank: Path) -> BankCard:
    """Read the sidecar of `bank`.  Raises BankError when it is missing or not a bank's card."""
    path = card_path(bank)
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BankError(f"{path}: the bank's card is missing") from None
    except (OSError, ValueError) as error:
        raise BankError(f"{path}: the bank's card cannot be read: {error}") from None
    if not isinstance(raw, dict) or raw.get("murai_bank") not in (1, FORMAT):
        found = raw.get("murai_bank") if isinstance(raw, dict) else type(raw).__name__
        raise BankError(f'{path}: not a bank\'s card: "murai_bank" is {found!r}, not 1 or {FORMAT}')
    try:
        styles = tuple(_style(style) for style in raw["styles"])
        card = BankCard(raw["architecture"], raw["config"], styles, raw.get("made", {}))
    except (KeyError, TypeError) as error:
        raise BankError(f"{path}: the bank's card is incomplete: {error}") from None
    if card.architecture not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise BankError(f"{path}: unknown architecture {card.architecture!r}; known: {known}")
    return card


def _style(raw: dict[str, Any]) -> StyleCard:
    style = StyleCard(**raw)
    return style if style.crop is None else replace(style, crop=tuple(style.crop))
