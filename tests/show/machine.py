"""A machine that is the same everywhere: a bank of four styles, no monitors asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from murai_show.app import find_banks
from murai_show.show.plan import BankFacts, Facts

STYLES = ("wave", "starry", "kandinsky", "delaunay")
ROOT = Path(__file__).resolve().parents[2]
SHOWS = tuple(sorted((ROOT / "shows").glob("*.yaml")))

GOOD = """\
murai: 1
show: wall
cameras:
  hall: { kind: pattern }
bank: first
playlists:
  evening: { styles: [wave, starry] }
play: evening
outputs:
  wall: { kind: offscreen }
"""


def machine(work: Path = ROOT, **changes: Any) -> Facts:
    """Facts of a machine that has everything; `changes` take some of it away."""
    facts = Facts(
        banks={
            "first": BankFacts(Path("/banks/first.safetensors"), STYLES),
            "torn": BankFacts(Path("/banks/torn.safetensors"), (), "the bank's card is missing"),
        },
        read_bank=lambda path: BankFacts(path, ("ink",)),
        monitors=None,
        work=work,
        openvino=True,
        pytorch=True,
        tensorrt=False,
        gpu=False,
        demo_photos=True,
    )
    return replace(facts, **changes)


def shipped_machine(**changes: Any) -> Facts:
    """The same with the banks that are shipped, for the shows that are."""
    return machine(banks=find_banks(ROOT / "shows/none.yaml", ROOT), **changes)


def write(folder: Path, text: str, name: str = "wall.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
