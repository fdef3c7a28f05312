"""What a plan holds, and the facts of a machine that it is made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from murai_show.show.guard import NOTHING, LadderSpec, Promise
from murai_show.show.moments import Dates, Moment, write_days
from murai_show.show.playing import DARK
from murai_show.show.projection import ProjectionSpec
from murai_show.show.schema import Camera, Corners, Output
from murai_show.show.timeline import Mix, mix_words
from murai_show.show.words import Address, Size

Engine = Literal["tensorrt", "cuda", "openvino", "pytorch", "identity"]


@dataclass(frozen=True)
class PlannedPlace:
    """`known` is False for a show without a place: its clock is UTC, and it has no sun."""

    lat: float
    lon: float
    tz: str
    known: bool = True


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
    """`entries` are mixes with weights of sum 1; `each` and `fade` are seconds; `line` is where
    the show file names it."""

    name: str
    entries: tuple[Mix, ...]
    each: float
    fade: float
    order: Literal["listed", "shuffle"]
    line: int = 0

    @property
    def words(self) -> str:
        """Its name; of a rule's own style or mix, that."""
        return self.name or mix_words(self.entries[0])

    @property
    def lit(self) -> bool:
        """Whether it ever shows a picture."""
        return any(style != DARK for entry in self.entries for style, _ in entry)


@dataclass(frozen=True)
class Hours:
    """From `begin` to `end` of a date, kept within the bounds where there are any."""

    begin: Moment
    end: Moment
    not_before: Moment | None = None
    not_after: Moment | None = None

    def moments(self) -> tuple[Moment, ...]:
        return tuple(m for m in (self.begin, self.end, self.not_before, self.not_after) if m)

    def __str__(self) -> str:
        bounds = (("not before", self.not_before), ("not after", self.not_after))
        parts = [f"{self.begin} to {self.end}", *(f"{name} {m}" for name, m in bounds if m)]
        return ", ".join(parts)


@dataclass(frozen=True)
class PlannedRule:
    """When it plays what.  `order` counts the rules from 0, which always holds; `line` is the
    rule's in the show file.

    `hours` is None for whole dates; without `days` (Monday is 0) every day is meant, without
    `dates` every date.  `playlist` may be a single entry: a style of the rule's own, or dark.
    `fade` is the walk into it in seconds; None is that of what ends.
    """

    order: int
    line: int
    playlist: PlannedPlaylist
    fade: float | None
    hours: Hours | None = None
    days: tuple[int, ...] = ()
    dates: tuple[Dates, ...] = ()

    @property
    def when(self) -> str:
        """`sat, sun, dusk to 23:00`; `otherwise` for the first."""
        parts = [", ".join(map(str, self.dates)), write_days(self.days), str(self.hours or "")]
        every = "otherwise" if self.order == 0 else "always"
        return ", ".join(part for part in parts if part) or every


@dataclass(frozen=True)
class CanvasSpec:
    """One drawing of the picture.  Equal specs are drawn once.  Without `projection` the canvas
    is a wall of its own, which nothing overlaps."""

    size: Size
    fit: Literal["cover", "contain", "stretch"]
    corners: Corners
    mirror: Literal["none", "horizontal", "vertical", "both"]
    rotate: Literal[0, 90, 180, 270]
    brightness: float
    gamma: float
    projection: ProjectionSpec | None = None


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
    """What runs.  `playlist` is what `play` names; without a `schedule` it always plays."""

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
    schedule: tuple[PlannedRule, ...] = ()
    expect: Promise = NOTHING
    degrade: LadderSpec | None = None
    limits_flashes: bool = True

    @property
    def playlists(self) -> tuple[PlannedPlaylist, ...]:
        """All that may play: those of the schedule, else the one that always does."""
        ruled = dict.fromkeys(rule.playlist for rule in self.schedule)
        return tuple(ruled) or (self.playlist,)


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
