"""Stand-ins for a rehearsal, and cameras that the command line puts in place of the show's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from murai_show.errors import UsageError
from murai_show.show.paths import has_picture, is_picture, nearby, what_is
from murai_show.show.planned import Facts, PlannedCamera
from murai_show.show.schema import (
    Camera,
    CanvasNoun,
    DisplayOutput,
    FileCamera,
    OffscreenOutput,
    PatternCamera,
    StillCamera,
    StreamCamera,
    StreamOutput,
    V4l2Camera,
    VirtualCameraOutput,
)
from murai_show.show.tree import Node
from murai_show.show.variables import unset
from murai_show.show.words import Size, parse_url, quote

DEMO_HINT = 'the demo photographs are not installed; pip install "murai-show[demo]"'
# What a value is for the time of a rehearsal when its variable is not set: it will not be used.
_UNUSED = {"path": "unset", "device": "/dev/unset", "url": "rtsp://unset", "photos": "demo"}
_REPLACED = ("v4l2", "stream", "file", "display", "virtual_camera")


def excuser(
    environ: Mapping[str, str], rehearse: bool, overrides: Mapping[str, str]
) -> Callable[[Node], Node]:
    """Takes the variables that are not set out of whatever will be replaced: a show that takes a
    camera's password from the environment can be rehearsed without it."""

    def replaced(noun: str, name: str, item: Node, defaults: Node | None) -> bool:
        if noun == "cameras" and name in overrides:
            return True
        kind = item.members.get("kind") or (defaults.members.get("kind") if defaults else None)
        return rehearse and kind is not None and kind.value in _REPLACED

    def excuse(root: Node) -> Node:
        for noun in ("cameras", "outputs"):
            items = root.members.get(noun)
            if items is None:
                continue
            defaults = root.find("defaults", noun)
            for name, item in items.members.items():
                if replaced(noun, name, item, defaults[0] if defaults[1] else None):
                    items = items.with_member(name, _without_unset(item, environ))
            root = root.with_member(noun, items)
        return root

    return excuse


def _without_unset(item: Node, environ: Mapping[str, str]) -> Node:
    for key, node in item.members.items():
        if unset(node, environ):
            placeholder = Node(_UNUSED.get(key), node.at, node.named)
            item = item.with_member(key, placeholder) if key in _UNUSED else item.without(key)
    return item


def describe(camera: Camera) -> str:
    """A camera in a few words, without passwords."""
    match camera:
        case FileCamera():
            return f"file {camera.path}"
        case V4l2Camera():
            return f"v4l2 {camera.device}"
        case StreamCamera():
            return f"stream {camera.url}"
        case StillCamera():
            photos = camera.photos
            return f"still {photos if isinstance(photos, str) else ', '.join(photos)}"
        case PatternCamera():
            return f"pattern {camera.size}"


def stand_in(name: str, camera: Camera, facts: Facts, number: int = 0) -> tuple[PlannedCamera, str]:
    """A camera that films nothing real, of the same size and rate, and the note about it.

    `number` is its place among the cameras: no two of them film the same film.
    """
    spec: Camera
    size, fps = _size_and_rate(camera)
    if facts.demo_photos:
        spec = StillCamera.model_construct(
            kind="still",
            photos="demo",
            size=size,
            fps=fps,
            hold=camera.hold,
            each=6.0 + 1.7 * number,
            seed=1 + number,
        )
        what = "a still of photographs"
    else:
        spec = PatternCamera.model_construct(kind="pattern", size=size, fps=fps, hold=camera.hold)
        what = "a test pattern"
    note = f"camera {name}: {what} stands in for {describe(camera)}"
    if not facts.demo_photos:
        note += f" ({DEMO_HINT})"
    return PlannedCamera(name, spec, stands_for=camera.kind), note


def _size_and_rate(camera: Camera) -> tuple[Size, float]:
    if isinstance(camera, FileCamera | StreamCamera):  # nobody knows before it is opened
        return Size(1280, 720), 30.0
    return camera.size, camera.fps


def goal(output: DisplayOutput | StreamOutput | VirtualCameraOutput) -> str:
    """Where an output's pictures would go, in a few words, without secrets."""
    match output:
        case DisplayOutput():
            return f"display {output.monitor or 'on the first monitor'}"
        case StreamOutput():
            return f"stream {output.url}"
        case VirtualCameraOutput():
            return f"virtual camera {output.device}"


def offscreen(output: DisplayOutput | StreamOutput | VirtualCameraOutput) -> OffscreenOutput:
    """The same canvas, shown nowhere."""
    shared = {key: getattr(output, key) for key in (*CanvasNoun.model_fields, "fps", "of")}
    return OffscreenOutput.model_construct(kind="offscreen", **shared)


def override(name: str, source: str, declared: Camera, facts: Facts) -> PlannedCamera:
    """The camera that `--camera NAME=SOURCE` means.  Raises UsageError."""
    size, fps = _size_and_rate(declared)
    hold, spec = declared.hold, None
    if source == "pattern":
        spec = PatternCamera.model_construct(kind="pattern", size=size, fps=fps, hold=hold)
    elif source == "demo":
        if not facts.demo_photos:
            raise UsageError(f"--camera {name}=demo: {DEMO_HINT}")
        spec = StillCamera.model_construct(
            kind="still", photos="demo", size=size, fps=fps, hold=hold
        )
    elif "://" in source:
        try:
            spec = StreamCamera.model_construct(kind="stream", url=parse_url(source), hold=hold)
        except ValueError as error:
            raise UsageError(f"--camera {name}: {error}") from None
    elif source.startswith("/dev/"):
        spec = V4l2Camera.model_construct(kind="v4l2", device=source, size=size, fps=fps, hold=hold)
    return PlannedCamera(name, spec or _from_path(name, source, declared, facts.work))


def _from_path(name: str, source: str, declared: Camera, work: Path) -> Camera:
    """A folder or a picture is filmed as stills, any other file is played."""
    path = work / source
    size, fps = _size_and_rate(declared)
    found = what_is(path) if source.strip() else "nothing"
    if found == "nothing":
        raise UsageError(
            f"--camera {name}: {quote(source)} does not exist"
            f"{nearby(work, source) or '; write a path, a URL, /dev/…, pattern or demo'}"
        )
    if found == "folder" and not has_picture(path):
        raise UsageError(f"--camera {name}: {quote(source)} holds no picture")
    if found == "folder" or is_picture(path):
        return StillCamera.model_construct(
            kind="still", photos=str(path), size=size, fps=fps, hold=declared.hold
        )
    return FileCamera.model_construct(kind="file", path=str(path), hold=declared.hold)
