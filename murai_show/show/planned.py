"""What a plan holds, and the facts of a machine that it is made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from murai_show.show.caption import OverlaySpec, PlannedOverlay
from murai_show.show.guard import NOTHING, LadderSpec, Promise
from murai_show.show.moments import Dates, Moment, write_days
from murai_show.show.planned_booth import PlannedBooth
from murai_show.show.planned_post import PlannedAccount
from murai_show.show.playing import DARK
from murai_show.show.projection import ProjectionSpec
from murai_show.show.schema import Camera, Corners, Output
from murai_show.show.timeline import MaskFile as MaskFile
from murai_show.show.timeline import Mix, mix_words
from murai_show.show.viewing import View
from murai_show.show.words import Address, Size

if TYPE_CHECKING:
    from murai_show.show.planned_cues import CueTime, PlannedCue

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
class PlannedView:
    """A composition of cameras and other views, which it names.  There are no circles."""

    name: str
    spec: View


@dataclass(frozen=True)
class PlannedBank:
    """`file` is the bank's safetensors; `engine` is never `auto`; `credits` say who made the
    picture of each of its `styles`, empty where nobody knows."""

    name: str
    file: Path
    engine: Engine
    styles: tuple[str, ...]
    credits: tuple[str, ...] = ()


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
    `fade` is the walk into it in seconds; None is that of what ends.  `camera` is the camera or
    view that films meanwhile; empty is that of `play`, in the dark the one before.
    """

    order: int
    line: int
    playlist: PlannedPlaylist
    fade: float | None
    hours: Hours | None = None
    days: tuple[int, ...] = ()
    dates: tuple[Dates, ...] = ()
    camera: str = ""

    @property
    def when(self) -> str:
        """`sat, sun, dusk to 23:00`; `otherwise` for the first."""
        parts = [", ".join(map(str, self.dates)), write_days(self.days), str(self.hours or "")]
        every = "otherwise" if self.order == 0 else "always"
        return ", ".join(part for part in parts if part) or every


@dataclass(frozen=True)
class PlannedArea:
    """A part of the picture where `playlist` plays: where `mask` is white or, without one, behind
    an edge that runs to `wipe` and back in `every` seconds.

    `soft` is the width of its edge as a share of the picture's; `line` is where the file names it.
    """

    name: str
    line: int
    playlist: PlannedPlaylist
    soft: float
    mask: MaskFile | None = None
    wipe: Literal["right", "left", "down", "up"] | None = None
    every: float = 0.0


@dataclass(frozen=True)
class CanvasSpec:
    """One drawing of the picture.  Equal specs are drawn once.  Without `projection` the canvas
    is a wall of its own, which nothing overlaps.  `camera` is what it shows instead of what `play`
    films: canvases with different pictures are never shared.  `overlays` may be written over the
    picture."""

    size: Size
    fit: Literal["cover", "contain", "stretch"]
    corners: Corners
    mirror: Literal["none", "horizontal", "vertical", "both"]
    rotate: Literal[0, 90, 180, 270]
    brightness: float
    gamma: float
    projection: ProjectionSpec | None = None
    camera: str = ""
    overlays: tuple[OverlaySpec, ...] = ()


@dataclass(frozen=True)
class PlannedOutput:
    """`canvas` is None for `memory` alone; `file` is the resolved pattern of files to write;
    `camera` is the camera or view that it shows, empty for what `play` and the schedule film."""

    name: str
    spec: Output
    canvas: CanvasSpec | None
    file: Path | None = None
    stands_for: str = ""
    camera: str = ""


@dataclass(frozen=True)
class Plan:
    """What runs.  `playlist` is what `play` names; without a `schedule` it always plays.

    `camera` is the one that `play` names, or the first of the view `view` that it names;
    `more_cameras` are the others that something shows, and `views` the views.

    `cues` are in the order of the file, and `cue_times` when the schedule calls them; `control` is
    where others may; `selfcheck` is the hour of the day, `12:00`, or `off`.
    """

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
    areas: tuple[PlannedArea, ...] = ()
    cues: tuple[PlannedCue, ...] = ()
    cue_times: tuple[CueTime, ...] = ()
    control: Address | None = None
    selfcheck: str = "off"
    more_cameras: tuple[PlannedCamera, ...] = ()
    views: tuple[PlannedView, ...] = ()
    view: str = ""
    overlays: tuple[PlannedOverlay, ...] = ()
    expect: Promise = NOTHING
    degrade: LadderSpec | None = None
    limits_flashes: bool = True
    post: tuple[PlannedAccount, ...] = ()
    booth: PlannedBooth | None = None

    @property
    def cameras(self) -> tuple[PlannedCamera, ...]:
        """All that are opened, the one of `play` first."""
        return (self.camera, *self.more_cameras)

    @property
    def films(self) -> str:
        """The camera or view that `play` names."""
        return self.view or self.camera.name

    @property
    def playlists(self) -> tuple[PlannedPlaylist, ...]:
        """All that may play: those of the schedule, else the one that always does, and of cues."""
        ruled = [rule.playlist for rule in self.schedule] or [self.playlist]
        called = [step.playlist for cue in self.cues for step in cue.steps if step.playlist]
        return tuple(dict.fromkeys((*ruled, *called)))


@dataclass(frozen=True)
class Monitor:
    """A monitor of this machine, as GLFW names it, with its present size in pixels."""

    name: str
    size: Size


@dataclass(frozen=True)
class BankFacts:
    """A bank that this machine has; `trouble` is a sentence when it cannot be used.  `credits` say
    who made the picture of each of its `styles`, where that is known."""

    file: Path
    styles: tuple[str, ...]
    trouble: str = ""
    credits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """What this machine has; `app` gathers it, so that `show/` opens no device and loads no torch.

    `banks` by name; `read_bank` reads the card of a bank given as a file; `monitors` is None when
    nobody asked (`check`); `work` is the absolute working folder, below which files are written;
    `openvino`, `pytorch`, `tensorrt` and `demo_photos` tell what is installed; `gpu`
    whether there is an NVIDIA GPU, None when nobody asked.  `speaks` tells whether FFmpeg has a
    protocol, `loopback` why a device is no virtual camera, in a few words, or nothing; both are
    None when nobody asked.  `credential` tells why the account of a name and kind cannot post from
    here, in a sentence, or nothing; None when nobody asked.
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
    speaks: Callable[[str], bool] | None = None
    loopback: Callable[[str], str] | None = None
    credential: Callable[[str, str, Mapping[str, str]], str] | None = None
