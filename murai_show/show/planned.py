"""What a plan holds, and the facts of a machine that it is made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from murai_show.show.schema import Camera, Corners, Output
from murai_show.show.timeline import Mix
from murai_show.show.words import Address, Size

Engine = Literal["tensorrt", "cuda", "openvino", "pytorch", "identity"]


@dataclass(frozen=True)
class PlannedPlace:
    lat: float
    lon: float
    tz: str


@dataclass(frozen=True)
class PlannedCamera:
    """`spec` with absolute paths; `stands_for` is the declared kind when rehearsing."""

    name: str
    spec: Camera
    stands_for: str = ""


@dataclass(frozen=True)
class PlannedBank:
    """`file` is the bank's safetensors; `engine` is never `auto`."""

    name: str
    file: Path
    engine: Engine
    styles: tuple[str, ...]


@dataclass(frozen=True)
class PlannedPlaylist:
    """`entries` are mixes with weights of sum 1; `each` and `fade` are seconds."""

    name: str
    entries: tuple[Mix, ...]
    each: float
    fade: float
    order: Literal["listed", "shuffle"]


@dataclass(frozen=True)
class CanvasSpec:
    """One drawing of the picture.  Equal specs are drawn once."""

    size: Size
    fit: Literal["cover", "contain", "stretch"]
    corners: Corners
    mirror: Literal["none", "horizontal", "vertical", "both"]
    rotate: Literal[0, 90, 180, 270]
    brightness: float
    gamma: float


@dataclass(frozen=True)
class PlannedOutput:
    """`canvas` is None for `memory` alone; `file` is the resolved pattern of files to write."""

    name: str
    spec: Output
    canvas: CanvasSpec | None
    file: Path | None = None
    stands_for: str = ""


@dataclass(frozen=True)
class Plan:
    show: str
    title: str
    source: Path
    config_hash: str
    place: PlannedPlace
    camera: PlannedCamera
    bank: PlannedBank
    playlist: PlannedPlaylist
    paint: Size
    outputs: tuple[PlannedOutput, ...]
    metrics: Address | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Monitor:
    """A monitor of this machine, as GLFW names it, with its present size in pixels."""

    name: str
    size: Size


@dataclass(frozen=True)
class BankFacts:
    """A bank that this machine has; `trouble` is a sentence when it cannot be used."""

    file: Path
    styles: tuple[str, ...]
    trouble: str = ""


@dataclass(frozen=True)
class Facts:
    """What this machine has; `app` gathers it, so that `show/` opens no device and loads no torch.

    `banks` by name; `read_bank` reads the card of a bank given as a file; `monitors` is None when
    nobody asked (`check`); `work` is the absolute working folder, below which files are written;
    `openvino`, `pytorch`, `tensorrt` and `demo_photos` tell what is installed; `gpu`
    whether there is an NVIDIA GPU, None when nobody asked.
    """

    banks: Mapping[str, BankFacts]
    read_bank: Callable[[Path], BankFacts]
    monitors: tuple[Monitor, ...] | None
    work: Path
    openvino: bool
    pytorch: bool
    tensorrt: bool
    gpu: bool | None
    demo_photos: bool
