"""The nouns of the show language, version 1: one frozen, closed model each.

A description here is what `murai-show schema`, the editor's tooltip and `docs/show.md` say.
Cross-noun rules (does that playlist exist?) live in `plan.py`, positions and hints in `load.py`.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from murai_show.show.words import (
    Address,
    CameraUrl,
    Duration,
    ListenAddress,
    Name,
    PixelSize,
    Size,
    write_duration,
)

VERSION = 1
DARK = "dark"  # the reserved style: no picture, black


class Noun(BaseModel):
    """Frozen and closed: an unknown key is an error, a value never changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Place(Noun):
    """Where the wall stands: its clock, and later its sunset."""

    lat: float = Field(ge=-90, le=90, strict=False, description="Latitude in degrees, north positive.")
    lon: float = Field(ge=-180, le=180, strict=False, description="Longitude in degrees, east positive.")
    tz: str = Field(description="IANA time zone, such as America/Montreal.")

    @field_validator("tz")
    @classmethod
    def _known(cls, found: str) -> str:
        try:
            ZoneInfo(found)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{found!r} is not a time zone; write one such as Europe/Paris") from None
        return found


class _Camera(Noun):
    hold: Duration = Field(3.0, description="How long the last frame stays when the camera is lost.")
    slate: str | None = Field(
        None, description="Picture shown when there is no other; painted like a frame. Default: waves."
    )


class FileCamera(_Camera):
    """A video file, paced by its own time stamps."""

    kind: Literal["file"]
    path: str = Field(description="Video file inside the show's folder.")
    loop: bool = Field(True, description="Start again at the end.")


class V4l2Camera(_Camera):
    """A camera on this machine, H.264 if it can, then MJPEG, then raw."""

    kind: Literal["v4l2"]
    device: str = Field(pattern=r"^/dev/.+", description="Device, best by id: /dev/v4l/by-id/…")
    size: PixelSize = Field(Size(1280, 720), description="Size asked of the camera.")
    fps: float = Field(30.0, gt=0, le=240, strict=False, description="Rate asked of the camera.")
    read_timeout: Duration = Field(2.0, description="Silence after which it counts as lost.")


class StreamCamera(_Camera):
    """A network camera: RTSP, HTTP or SRT."""

    kind: Literal["stream"]
    url: CameraUrl = Field(description="Address; take a password from the environment: ${CAM_PASSWORD}.")
    transport: Literal["tcp", "udp"] = Field("tcp", description="How RTSP carries its packets.")
    open_timeout: Duration = Field(5.0, description="How long opening may take.")
    read_timeout: Duration = Field(2.0, description="Silence after which it counts as lost.")


class StillCamera(_Camera):
    """A virtual camera that pans and zooms over photographs with a little sensor noise."""

    kind: Literal["still"]
    photos: str | tuple[str, ...] = Field(
        "demo", description="A picture, a folder, a list of them, or `demo`: photographs that ship along."
    )
    size: PixelSize = Field(Size(1280, 720), description="Size of the frames.")
    fps: float = Field(30.0, gt=0, le=240, strict=False, description="Frames per second.")
    each: Duration = Field(6.0, description="How long each photograph is filmed.")
    noise: float = Field(
        0.01, ge=0, le=0.5, strict=False, description="Sensor noise: deviation, 1 is full scale."
    )
    seed: int = Field(1, ge=0, description="Draws path and noise; the same seed, the same film.")


class PatternCamera(_Camera):
    """Colour bars, a running clock and a frame counter."""

    kind: Literal["pattern"]
    size: PixelSize = Field(Size(1280, 720), description="Size of the frames.")
    fps: float = Field(30.0, gt=0, le=240, strict=False, description="Frames per second.")


Camera = Annotated[
    FileCamera | V4l2Camera | StreamCamera | StillCamera | PatternCamera,
    Field(discriminator="kind"),
]


class BankChoice(Noun):
    """The bank of styles and the engine that paints with it.  `bank: NAME` is short for its name."""

    name: str = Field(description="A bank's name, looked for in models/, or a .safetensors file.")
    engine: Literal["auto", "pytorch", "identity"] = Field(
        "auto", description="What paints: `auto` takes the best here; `identity` paints nothing."
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, found: Any) -> Any:
        return {"name": found} if isinstance(found, str) else found


StyleMix = Annotated[
    str | dict[str, Annotated[float, Field(gt=0, strict=False)]],
    Field(description="A style, `dark`, or a mix such as {wave: 0.7, starry: 0.3}."),
]


class Playlist(Noun):
    """Styles in rotation.  The day of a rotation runs from noon to noon."""

    styles: tuple[StyleMix, ...] = Field(min_length=1, description="Styles, in order.")
    each: Duration = Field(240.0, description="How long each style stays, its fade included.")
    fade: Duration = Field(5.0, description="How long the walk from one style to the next takes.")
    order: Literal["listed", "shuffle"] = Field(
        "listed", description="`shuffle` is drawn anew each round and day, the same after a restart."
    )

    @model_validator(mode="after")
    def _fits(self) -> Playlist:
        if not 0.5 <= self.each <= 6 * 3600:
            raise ValueError(f"each: {write_duration(self.each)} is out of range; 500ms to 6h")
        if self.fade > self.each:
            raise ValueError(
                f"fade: {write_duration(self.fade)} is longer than each: {write_duration(self.each)}"
            )
        if self.order == "shuffle":
            keys = [repr(s if isinstance(s, str) else sorted(s.items())) for s in self.styles]
            twice = sorted({k for k in keys if keys.count(k) > 1})
            if twice:
                raise ValueError(f"{twice[0]} is listed twice; with order: shuffle list each style once")
        return self


class Play(Noun):
    """What runs: a playlist, filmed by a camera.  `play: NAME` is short for its playlist."""

    playlist: str = Field(description="Name of a playlist.")
    camera: str | None = Field(None, description="Name of a camera; not needed when there is one.")
    paint: PixelSize = Field(Size(640, 360), description="Resolution the painter works at.")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, found: Any) -> Any:
        return {"playlist": found} if isinstance(found, str) else found


Point = tuple[
    Annotated[float, Field(ge=-1, le=2, strict=False)],
    Annotated[float, Field(ge=-1, le=2, strict=False)],
]


class Corners(Noun):
    """Corner pin: where the picture's corners land, as parts of the output, (0, 0) top left."""

    top_left: Point = Field((0.0, 0.0), description="[x, y], 0 to 1 across the output.")
    top_right: Point = Field((1.0, 0.0), description="[x, y], 0 to 1 across the output.")
    bottom_right: Point = Field((1.0, 1.0), description="[x, y], 0 to 1 across the output.")
    bottom_left: Point = Field((0.0, 1.0), description="[x, y], 0 to 1 across the output.")

    def points(self) -> tuple[Point, Point, Point, Point]:
        """Clockwise from top left."""
        return (self.top_left, self.top_right, self.bottom_right, self.bottom_left)

    @model_validator(mode="after")
    def _convex(self) -> Corners:
        p = self.points()
        for i in range(4):
            (ax, ay), (bx, by), (cx, cy) = p[i], p[(i + 1) % 4], p[(i + 2) % 4]
            if (bx - ax) * (cy - by) - (by - ay) * (cx - bx) <= 1e-6:
                raise ValueError("the corners cross or fold; go clockwise from top_left, bulging outwards")
        return self


class CanvasNoun(Noun):
    """How the painted picture lies on the output.  Two outputs with equal canvases share one drawing."""

    size: PixelSize | None = Field(
        None, description="Pixels. Default: the monitor's own, else 1280x720."
    )
    fit: Literal["cover", "contain", "stretch"] = Field(
        "cover", description="`cover` fills and cuts, `contain` shows all, `stretch` distorts."
    )
    corners: Corners = Field(Corners(), description="Corner pin.")
    mirror: Literal["none", "horizontal", "vertical", "both"] = Field(
        "none", description="A crowd expects its mirror image: horizontal."
    )
    rotate: Literal[0, 90, 180, 270] = Field(0, description="Degrees clockwise.")
    brightness: float = Field(1.0, ge=0, le=4, strict=False, description="Factor in linear light.")
    gamma: float = Field(1.0, gt=0.1, le=10, strict=False, description="Above 1 lifts the mid-tones.")


class _Output(CanvasNoun):
    fps: float = Field(30.0, gt=0, le=240, strict=False, description="Pictures presented per second.")
    of: str | None = Field(None, description="Show exactly what another output shows: its name.")


class DisplayOutput(_Output):
    """A projector or a screen."""

    kind: Literal["display"]
    monitor: str | None = Field(None, description="Monitor's name, such as HDMI-1. Default: the first.")
    window: bool = Field(False, description="A window on the desk instead of full screen.")


class OffscreenOutput(_Output):
    """The canvas, drawn as for a projector, shown nowhere: rehearsal and benchmarks."""

    kind: Literal["offscreen"]


class RecordingOutput(_Output):
    """A film in H.264.  It may drop pictures, it never stalls the show; it plays after a power cut."""

    kind: Literal["recording"]
    path: str = Field(
        "recordings/{show}-{date}-{time}.mp4",
        description="File below the working folder; {show}, {date} and {time} are filled in.",
    )
    crf: int = Field(20, ge=0, le=51, description="H.264 quality: lower is better and larger.")


class SnapshotOutput(_Output):
    """A still picture of the canvas, every so often."""

    kind: Literal["snapshot"]
    path: str = Field(
        "snapshots/{show}-{date}-{time}.png",
        description=".png or .jpg below the working folder; {show}, {date} and {time} are filled in.",
    )
    every: Duration = Field(60.0, description="Time between two pictures.")


class MemoryOutput(Noun):
    """The last painted pictures, kept in memory, without OpenGL: for tests and embedding."""

    kind: Literal["memory"]
    fps: float = Field(30.0, gt=0, le=240, strict=False, description="Pictures presented per second.")
    keep: int = Field(8, ge=1, le=4096, description="How many pictures are kept.")


Output = Annotated[
    DisplayOutput | OffscreenOutput | RecordingOutput | SnapshotOutput | MemoryOutput,
    Field(discriminator="kind"),
]


class Defaults(Noun):
    """Values for every camera, playlist or output that knows the key and does not say otherwise."""

    cameras: dict[str, Any] = Field(default_factory=dict, description="Keys of cameras.")
    playlists: dict[str, Any] = Field(default_factory=dict, description="Keys of playlists.")
    outputs: dict[str, Any] = Field(default_factory=dict, description="Keys of outputs.")


class Show(Noun):
    """One installation, whole."""

    DEFAULTED: ClassVar[tuple[str, ...]] = ("cameras", "playlists", "outputs")

    murai: Literal[1] = Field(description="Version of the show language: 1.")
    show: Name = Field(description="Name of the show: small letters, digits, - and _.")
    title: str = Field("", description="What a visitor would call it.")
    place: Place | None = Field(None, description="Where the wall stands. Default: UTC, nowhere.")
    defaults: Defaults = Field(Defaults(), description="Values for all items of a noun.")
    cameras: dict[Name, Camera] = Field(min_length=1, description="Sources of frames, by name.")
    bank: BankChoice = Field(description="Bank of styles.")
    playlists: dict[Name, Playlist] = Field(min_length=1, description="Styles in rotation, by name.")
    play: Play = Field(description="What runs.")
    outputs: dict[Name, Output] = Field(min_length=1, description="Where pictures go, by name.")
    metrics: ListenAddress | Literal["off"] = Field(
        Address("127.0.0.1", 9475), description="Where Prometheus reads, or `off`."
    )
