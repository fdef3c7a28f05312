"""The nouns of the show language, version 1: one frozen, closed model each.

A description here is what `murai-show schema`, the editor's tooltip and `docs/show.md` say.
Cross-noun rules (does that playlist exist?) live in `plan.py`, positions and hints in `load.py`.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from murai_show.show.area import Area
from murai_show.show.booth import Booth
from murai_show.show.cue import Cue, Step
from murai_show.show.guard import Degrade, Expect
from murai_show.show.hints import nearest
from murai_show.show.noun import Noun
from murai_show.show.overlay import Overlay
from murai_show.show.playing import Play, Playlist, Rule, StyleMix
from murai_show.show.posting import PostAccount
from murai_show.show.sending import Cut, DayHour, Kept, Sent
from murai_show.show.surface import Projection, Surface
from murai_show.show.viewing import View
from murai_show.show.words import (
    Address,
    CameraUrl,
    Device,
    Duration,
    Listen,
    Name,
    PixelSize,
    Point,
    Size,
    UnfitError,
)

VERSION = 1


class Place(Noun):
    """Where the wall stands: its clock and its sun."""

    lat: float = Field(ge=-90, le=90, description="Latitude in degrees, north positive.")
    lon: float = Field(ge=-180, le=180, description="Longitude in degrees, east positive.")
    tz: str = Field(description="IANA time zone, such as America/Montreal.")

    @field_validator("tz")
    @classmethod
    def _known(cls, found: str) -> str:
        try:
            ZoneInfo(found)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            near = nearest(found, available_timezones())
            hint = f"did you mean {near}?" if near else "write one such as Europe/Paris"
            raise UnfitError(found, f"is not a time zone; {hint}") from None
        return found


class _Camera(Noun):
    hold: Duration = Field(
        default=3.0, description="How long the last frame stays when the camera is lost."
    )
    slate: str | None = Field(
        default=None,
        description="Picture shown when there is no other; painted like a frame. Default: waves.",
    )


class FileCamera(_Camera):
    """A video file, paced by its own time stamps."""

    kind: Literal["file"]
    path: str = Field(description="Video file inside the show's folder.")
    loop: bool = Field(default=True, description="Start again at the end.")


class V4l2Camera(_Camera):
    """A camera on this machine, H.264 if it can, then MJPEG, then raw."""

    kind: Literal["v4l2"]
    device: Device = Field(description="Device, best by id: /dev/v4l/by-id/…")
    size: PixelSize = Field(default=Size(1280, 720), description="Size asked of the camera.")
    fps: float = Field(default=30.0, ge=0.1, le=240, description="Rate asked of the camera.")
    read_timeout: Duration = Field(
        default=2.0, ge=0.05, description="Silence after which it counts as lost."
    )


class StreamCamera(_Camera):
    """A network camera: RTSP or HTTP."""

    kind: Literal["stream"]
    url: CameraUrl = Field(
        description="Address; take a password from the environment: ${CAM_PASSWORD}."
    )
    transport: Literal["tcp", "udp"] = Field(
        default="tcp", description="How RTSP carries its packets."
    )
    open_timeout: Duration = Field(default=5.0, ge=0.05, description="How long opening may take.")
    read_timeout: Duration = Field(
        default=2.0, ge=0.05, description="Silence after which it counts as lost."
    )


def _one_or_list(found: object) -> Literal["<one>", "<list>"]:
    return "<list>" if isinstance(found, tuple | list) else "<one>"


Photos = Annotated[
    Annotated[str, Tag("<one>")] | Annotated[tuple[str, ...], Field(min_length=1), Tag("<list>")],
    Discriminator(_one_or_list),
]


class StillCamera(_Camera):
    """A virtual camera that pans and zooms over photographs with a little sensor noise."""

    kind: Literal["still"]
    photos: Photos = Field(
        default="demo",
        description="A picture, a folder, a list of them, or `demo`: photographs that ship along.",
    )
    size: PixelSize = Field(default=Size(1280, 720), description="Size of the frames.")
    fps: float = Field(default=30.0, ge=0.1, le=240, description="Frames per second.")
    each: Duration = Field(default=6.0, ge=0.1, description="How long each photograph is filmed.")
    noise: float = Field(
        default=0.01, ge=0, le=0.5, description="Sensor noise: deviation, 1 is full scale."
    )
    seed: int = Field(
        default=1, ge=0, description="Draws path and noise; the same seed, the same film."
    )


class PatternCamera(_Camera):
    """Colour bars, a running clock and a frame counter."""

    kind: Literal["pattern"]
    size: PixelSize = Field(default=Size(1280, 720), description="Size of the frames.")
    fps: float = Field(default=30.0, ge=0.1, le=240, description="Frames per second.")


Camera = Annotated[
    FileCamera | V4l2Camera | StreamCamera | StillCamera | PatternCamera,
    Field(discriminator="kind"),
]


class BankChoice(Noun):
    """The bank of styles and the engine that paints with it.  `bank: NAME` is short for it."""

    name: str = Field(description="A bank's name, looked for in models/, or a .safetensors file.")
    engine: Literal["auto", "tensorrt", "cuda", "openvino", "pytorch", "identity"] = Field(
        default="auto",
        description="What paints: `auto` takes the best here; `tensorrt` and `cuda` want an NVIDIA "
        "GPU, `openvino` is the fastest on a CPU, `pytorch` the reference; `identity` paints "
        "nothing.",
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, found: Any) -> Any:
        if isinstance(found, str):
            return {"name": found}
        if not isinstance(found, dict):
            raise UnfitError(found, "is not a bank; write its name")
        return cast("Any", found)


class Corners(Noun):
    """Corner pin: where the picture's corners land, as parts of the output, (0, 0) top left."""

    top_left: Point = Field(default=(0.0, 0.0), description="[x, y], 0 to 1 across the output.")
    top_right: Point = Field(default=(1.0, 0.0), description="[x, y], 0 to 1 across the output.")
    bottom_right: Point = Field(default=(1.0, 1.0), description="[x, y], 0 to 1 across the output.")
    bottom_left: Point = Field(default=(0.0, 1.0), description="[x, y], 0 to 1 across the output.")

    def points(self) -> tuple[Point, Point, Point, Point]:
        """Clockwise from top left."""
        return (self.top_left, self.top_right, self.bottom_right, self.bottom_left)

    @model_validator(mode="after")
    def _convex(self) -> Corners:
        p = self.points()
        for i in range(4):
            (ax, ay), (bx, by), (cx, cy) = p[i], p[(i + 1) % 4], p[(i + 2) % 4]
            if (bx - ax) * (cy - by) - (by - ay) * (cx - bx) <= 1e-6:
                raise ValueError(
                    "the corners cross or fold; go clockwise from top_left, bulging outwards"
                )
        return self


class CanvasNoun(Projection):
    """How the painted picture lies on the output.  Equal canvases of two outputs are drawn once."""

    size: PixelSize | None = Field(
        default=None,
        description="Pixels. Default: the monitor's own, else the region's, else 1280x720.",
    )
    fit: Literal["cover", "contain", "stretch"] = Field(
        default="cover",
        description="`cover` fills and cuts, `contain` shows all, `stretch` distorts.",
    )
    corners: Corners = Field(default_factory=Corners, description="Corner pin.")
    mirror: Literal["none", "horizontal", "vertical", "both"] = Field(
        default="none", description="A crowd expects its mirror image: horizontal."
    )
    rotate: Literal[0, 90, 180, 270] = Field(default=0, description="Degrees clockwise.")
    brightness: float = Field(default=1.0, ge=0, le=4, description="Factor in linear light.")
    gamma: float = Field(default=1.0, ge=0.1, le=10, description="Above 1 lifts the mid-tones.")


class _Output(CanvasNoun):
    fps: float = Field(default=30.0, ge=0.1, le=240, description="Pictures presented per second.")
    camera: str | None = Field(
        default=None,
        description="Show this camera or view, whatever `play` and the schedule film.",
    )
    of: str | None = Field(
        default=None, description="Show exactly what another output shows: its name."
    )


class DisplayOutput(_Output):
    """A projector or a screen."""

    kind: Literal["display"]
    monitor: str | None = Field(
        default=None, description="Monitor's name, such as HDMI-1. Default: the first."
    )
    window: bool = Field(default=False, description="A window on the desk instead of full screen.")


class OffscreenOutput(_Output):
    """The canvas, drawn as for a projector, shown nowhere: rehearsal and benchmarks."""

    kind: Literal["offscreen"]


class RecordingOutput(_Output, Cut):
    """A film in H.264.  It may drop pictures but never stalls the show; plays after a power cut."""

    kind: Literal["recording"]
    path: str = Field(
        default="recordings/{show}-{date}-{time}.mp4",
        description=".mp4 or .mkv below the working folder; {show}, {date}, {time} are filled in.",
    )
    crf: int = Field(
        default=20, ge=0, le=51, description="H.264 quality: lower is better and larger."
    )


class SnapshotOutput(_Output, Kept):
    """A still picture of the canvas, every so often."""

    kind: Literal["snapshot"]
    path: str = Field(
        default="snapshots/{show}-{date}-{time}.png",
        description=".png or .jpg below the working folder; {show}, {date}, {time} are filled in.",
    )
    every: Duration = Field(default=60.0, ge=0.1, description="Time between two pictures.")


class StreamOutput(_Output, Sent):
    """A live stream in H.264: RTMP in FLV, RTSP over TCP, SRT, UDP and TCP in MPEG-TS.  A server
    that stalls or is away never stalls the show; it is tried again."""

    kind: Literal["stream"]


class VirtualCameraOutput(_Output):
    """A camera that other programs of this machine can film with, by the kernel's v4l2loopback."""

    kind: Literal["virtual_camera"]
    device: Device = Field(description="A device of v4l2loopback, such as /dev/video10.")


class MemoryOutput(Noun):
    """The last painted pictures, kept in memory, without OpenGL: for tests and embedding."""

    kind: Literal["memory"]
    fps: float = Field(default=30.0, ge=0.1, le=240, description="Pictures presented per second.")
    keep: int = Field(default=8, ge=1, le=4096, description="How many pictures are kept.")
    camera: str | None = Field(
        default=None,
        description="Show this camera or view, whatever `play` and the schedule film.",
    )


Output = Annotated[
    DisplayOutput
    | OffscreenOutput
    | RecordingOutput
    | SnapshotOutput
    | StreamOutput
    | VirtualCameraOutput
    | MemoryOutput,
    Field(discriminator="kind"),
]


class Defaults(Noun):
    """Values for every camera, playlist or output that knows the key and does not say otherwise."""

    cameras: dict[str, Any] = Field(default_factory=dict, description="Keys of cameras.")
    playlists: dict[str, Any] = Field(default_factory=dict, description="Keys of playlists.")
    outputs: dict[str, Any] = Field(default_factory=dict, description="Keys of outputs.")


class Head(Noun):
    """The keys of a show that stand on their own."""

    murai: Literal[1] = Field(description="Version of the show language; write `murai: 1` first.")
    show: Name = Field(description="Name of the show: small letters, digits, - and _.")
    title: str = Field(default="", description="What a visitor would call it.")
    place: Place | None = Field(
        default=None, description="Where the wall stands. Default: UTC, nowhere."
    )
    selfcheck: DayHour = Field(
        default="12:00",
        description="When in the day the show looks after itself (disk, files, clock, bank), on "
        "the clock of its place, or `off`.",
    )
    metrics: Listen = Field(
        default=Address("127.0.0.1", 9475), description="Where Prometheus reads, or `off`."
    )
    control: Listen = Field(
        default="off",
        description="Where cues may be called over HTTP, such as 127.0.0.1:9476, or `off`.",
    )

    @field_validator("murai", mode="before")
    @classmethod
    def _version(cls, found: object) -> object:
        if type(found) is not int or found != VERSION:  # True == 1
            raise UnfitError(found, f"is not a version; write murai: {VERSION}")
        return found


class Show(Head):
    """One installation, whole.  `load.py` reads it noun by noun, so that one broken noun hides
    nothing that is wrong with the others."""

    defaults: Defaults = Field(default_factory=Defaults, description="Values for all of a noun.")
    cameras: dict[Name, Camera] = Field(min_length=1, description="Sources of frames, by name.")
    views: dict[Name, View] = Field(
        default_factory=dict,
        description="Several cameras in one picture, by name: wherever a camera is named.",
    )
    bank: BankChoice = Field(description="Bank of styles.")
    playlists: dict[Name, Playlist] = Field(
        min_length=1, description="Styles in rotation, by name."
    )
    play: Play = Field(description="What runs.")
    schedule: tuple[Rule, ...] = Field(
        default=(), description="When plays what. Default: what `play` names, always."
    )
    areas: dict[Name, Area] = Field(
        default_factory=dict, description="Parts of the picture with a style of their own, by name."
    )
    tokens: dict[Name, StyleMix] = Field(
        default_factory=dict,
        description="Names for looks, which stand wherever a style or a mix does.",
    )
    cues: dict[Name, tuple[Step, ...] | Cue] = Field(
        default_factory=dict, description="Sequences of steps that are called, by name."
    )
    surfaces: dict[Name, Surface] = Field(
        default_factory=dict, description="Walls that several outputs share, by name."
    )
    outputs: dict[Name, Output] = Field(min_length=1, description="Where pictures go, by name.")
    overlays: dict[Name, Overlay] = Field(
        default_factory=dict, description="What is written over the picture, by name."
    )
    booth: Booth | None = Field(
        default=None, description="Painted portraits of the people in front of the wall."
    )
    post: dict[Name, PostAccount] = Field(
        default_factory=dict, description="Accounts that portraits are posted to, by name."
    )
    expect: Expect | None = Field(default=None, description="What the show is held to.")
    degrade: Degrade | None = Field(
        default=None, description="What is given up when the painter cannot keep up."
    )
    flashes: Literal["limit", "off"] = Field(
        default="limit",
        description="`limit` dims a picture that flashes more than three times a second "
        "(WCAG 2.3.1); `off` only where no one can be harmed.",
    )


def _kinds(union: Any) -> Mapping[str, type[Any]]:
    """The models of a union, by what their `kind` says."""
    models = typing.get_args(typing.get_args(union)[0])
    kinds = {typing.get_args(m.model_fields["kind"].annotation)[0]: m for m in models}
    return MappingProxyType(kinds)


CAMERA_KINDS: Mapping[str, type[Camera]] = _kinds(Camera)
OUTPUT_KINDS: Mapping[str, type[Output]] = _kinds(Output)
