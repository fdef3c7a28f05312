"""Rules for outputs that send and keep: does FFmpeg speak that protocol, is that device a virtual
camera, can old files be told from a stranger's by their names."""

from __future__ import annotations

from murai_show.show.paths import PLACEHOLDERS
from murai_show.show.schema import (
    Output,
    RecordingOutput,
    SnapshotOutput,
    StreamOutput,
    VirtualCameraOutput,
)
from murai_show.show.site import Site

_REHEARSE = "murai-show run --rehearse plays the show without it"
_NO_SRT = (
    "srt: the FFmpeg inside PyAV is built without SRT here; send rtmp, rtsp, udp or tcp, or build "
    "PyAV against an FFmpeg that has it: pip install --no-binary av av"
)


def check_sending(site: Site, name: str, output: Output, taken: dict[str, str]) -> None:
    """Everything about an output that sends or keeps.  `taken` are the goals of the others, by the
    name of the output that goes there."""
    match output:
        case StreamOutput():
            _check_stream(site, name, output)
            _check_alone(site, name, "url", output.url.reveal(), taken)
        case VirtualCameraOutput():
            _check_device(site, name, output)
            _check_alone(site, name, "device", output.device, taken)
        case RecordingOutput() | SnapshotOutput():
            _check_names(site, name, output)
        case _:
            pass


def _check_stream(site: Site, name: str, output: StreamOutput) -> None:
    """SRT alone is left out of builds of FFmpeg; `check` does not load one to ask."""
    scheme = output.url.reveal().partition("://")[0].lower()
    speaks = site.facts.speaks
    if scheme == "srt" and speaks is not None and not site.rehearse and not speaks(scheme):
        site.blame(f"url: {_NO_SRT}", "outputs", name, "url")


def _check_device(site: Site, name: str, output: VirtualCameraOutput) -> None:
    """A virtual camera needs its device; `check` does not look for it."""
    if site.facts.loopback is None or site.rehearse:
        return
    trouble = site.facts.loopback(output.device)
    if trouble:
        key = ("outputs", name, "device")
        shown = site.draft.shown(*key)
        site.blame(f"device: {shown} {trouble}; {_REHEARSE}", *key)


def _check_alone(site: Site, name: str, key: str, goal: str, taken: dict[str, str]) -> None:
    """Two outputs at one goal would take it from each other for ever."""
    other = taken.setdefault(goal, name)
    if other != name:
        site.blame(f"{key}: output {other} goes there too; give each its own", "outputs", name, key)


def _check_names(site: Site, name: str, output: RecordingOutput | SnapshotOutput) -> None:
    """Files are cut and deleted by their names: those must hold the time, and not be a name that
    somebody else would give a file."""
    present = {word for word in PLACEHOLDERS if f"{{{word}}}" in output.path}
    if isinstance(output, RecordingOutput) and output.segment and "time" not in present:
        site.blame(
            "segment: its files are named by their begin; write {time} into the path",
            *("outputs", name, "segment"),
        )
    deletes = [key for key in ("keep", "max") if getattr(output, key) is not None]
    if deletes and not {"date", "time"} <= present:
        missing = " and ".join(f"{{{word}}}" for word in ("date", "time") if word not in present)
        site.blame(
            f"{deletes[0]}: old files are known by their names alone, and others' must not match; "
            f"write {missing} into the path",
            *("outputs", name, deletes[0]),
        )
