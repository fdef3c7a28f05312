"""The cameras: what is plugged in, and each camera of the show, really opened for a few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from murai_show.clocks import FastClock
from murai_show.doctor.devices import Device, cameras
from murai_show.doctor.verdict import Case, Check, Verdict
from murai_show.show.planned import PlannedCamera
from murai_show.show.schema import StreamCamera, V4l2Camera
from murai_show.show.words import Size

PATIENCE = 8.0  # seconds until the first frame: some cameras take that long to wake …
REFUSED = 2.5  # … and until one that says what is wrong has been asked often enough
WATCHED = 2.0  # seconds of film that its rate is counted in
_SLOW = 0.8  # of the promised rate


def devices(_case: Case, found: Callable[[], Iterator[Any]] = cameras) -> Iterator[Verdict]:
    """The cameras that are plugged in, with what they film in."""
    there = list(found())
    if not there:
        yield Verdict("USB cameras", "skip", "none is plugged in")
    for each in there:
        if isinstance(each, Device):
            formats = ", ".join(map(str, each.formats))
            yield Verdict(each.card or each.path.name, "ok", f"{each.path}: {formats}")
            continue
        path, error = each
        mend = (
            "usermod -aG video USER, and log in again" if isinstance(error, PermissionError) else ""
        )
        yield Verdict(path.name, "warn", f"{path} cannot be opened: {error.strerror}", mend)


def of_the_show(case: Case) -> list[Check]:
    """One check for each camera that the show opens."""
    planned = case.plan.cameras if case.plan else ()
    seconds = PATIENCE + WATCHED + 3.0
    return [
        Check("Cameras", f"camera {p.name}", partial(camera, planned=p), seconds, apart=True)
        for p in planned
    ]


@dataclass
class _Noting:
    """Decodes as the show does, and notes what comes."""

    codec: str = ""
    size: Size | None = None

    def open(self, stream: Any, what: str, *, live: bool, within: Size | None) -> Any:
        from murai_show.camera.decode import SOFTWARE

        context = stream.codec_context
        self.codec = context.codec.canonical_name
        if context.width and context.height:
            self.size = Size(context.width, context.height)
        return SOFTWARE.open(stream, what, live=live, within=within)


def camera(case: Case, planned: PlannedCamera) -> Iterator[Verdict]:
    """Opened as the show opens it: first frame after, size, rate, codec."""
    name, spec = f"camera {planned.name}", planned.spec
    if case.runs and isinstance(spec, V4l2Camera):
        yield on_air(name, planned.name, case.metrics)
        return
    from murai_show.camera import open_camera

    noting = _Noting()
    clock = FastClock(time.time(), 1.0)
    began = clock.monotonic()
    opened = open_camera(planned, clock, decoding=noting)
    try:
        while not (health := opened.health(clock.monotonic())).frames:
            if clock.monotonic() - began > (REFUSED if health.trouble else PATIENCE):
                yield _refused(name, planned, health.trouble)
                return
            time.sleep(0.02)
        took, before = clock.monotonic() - began, opened.health(clock.monotonic()).frames
        time.sleep(WATCHED)
        frames = opened.health(clock.monotonic()).frames - before
        pixels = opened.newest(clock.monotonic()).pixels
    finally:
        opened.close()
    size = noting.size or Size(pixels.shape[1], pixels.shape[0])
    yield _judged(name, planned, size, noting.codec, took, frames / WATCHED)


def _refused(name: str, planned: PlannedCamera, trouble: str) -> Verdict:
    place = _place(planned)
    found = trouble if place in trouble else f"{place}: {trouble or 'it sends nothing'}"
    if "plugged in" in found:
        found, mend = found.partition(";")[0], "plug it in; ls -l /dev/v4l/by-id says what is there"
        return Verdict(name, "bad", found, mend)
    return Verdict(name, "bad", found, _mend(planned))


def _judged(
    name: str, planned: PlannedCamera, size: Size, codec: str, took: float, rate: float
) -> Verdict:
    spec = planned.spec
    film = f"{size} at {rate:.0f} a second{f' in {codec}' if codec else ''}"
    found = f"{_place(planned)}: {film}, first after {took:.1f} s"
    promised = spec.fps if isinstance(spec, V4l2Camera) else 0.0
    if rate < _SLOW * promised:
        mend = f"asked for {promised:g} a second: give it light, a USB 3 port of its own, less size"
        return Verdict(name, "warn", found, mend)
    if isinstance(spec, V4l2Camera) and size != spec.size:
        return Verdict(name, "warn", found, f"it does not film in {spec.size}; write size: {size}")
    return Verdict(name, "ok", found)


def on_air(name: str, camera: str, metrics: str) -> Verdict:
    """What the running show says about a camera that it holds."""
    wanted = f'camera="{camera}"'
    lines = [line for line in metrics.splitlines() if line.startswith("murai_camera_state{")]
    states = [line for line in lines if wanted in line and float(line.split()[-1]) == 1.0]
    state = states[0].partition('state="')[2].partition('"')[0] if states else "unknown"
    if state == "live":
        return Verdict(name, "ok", "live in the running show, which holds it")
    mend = "look into its log: journalctl -u 'murai-show@*' -p warning"
    return Verdict(name, "bad", f"{state} in the running show, which holds it", mend)


def _place(planned: PlannedCamera) -> str:
    spec = planned.spec
    if isinstance(spec, StreamCamera):
        return str(spec.url)
    if isinstance(spec, V4l2Camera):
        return spec.device
    path = getattr(spec, "path", None)
    return Path(path).name if path else spec.kind


def _mend(planned: PlannedCamera) -> str:
    match planned.spec:
        case V4l2Camera():
            return "does another program film with it? fuser -v /dev/video* says which"
        case StreamCamera(url=url):
            host = str(url).partition("://")[2].rpartition("@")[2]
            host = host.partition("/")[0].partition(":")[0]
            return f"does it answer (ping {host}), is the path right, is the password?"
        case _:
            return "murai-show check says what is wrong with its file"
