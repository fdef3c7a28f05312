"""Cameras: `open_camera` turns what a show declares into a source of frames for the loop."""

from __future__ import annotations

import socket
from collections.abc import Callable
from random import Random
from typing import Any

from murai_show.camera.backoff import Backoff
from murai_show.camera.feed import Feed
from murai_show.camera.film import file_source
from murai_show.camera.live import stream_source, v4l2_source
from murai_show.camera.pattern import pattern_source
from murai_show.camera.slate import slate
from murai_show.camera.source import Source
from murai_show.camera.still import still_source
from murai_show.ports import Camera, Clock
from murai_show.show.plan import PlannedCamera
from murai_show.show.schema import FileCamera, StreamCamera
from murai_show.show.words import Size

_SOURCES: dict[str, Callable[[Any, Size | None], Source]] = {
    "file": file_source,
    "v4l2": v4l2_source,
    "stream": stream_source,
    "still": lambda spec, _within: still_source(spec),
    "pattern": lambda spec, _within: pattern_source(spec),
}
KINDS = tuple(_SOURCES)

_SLATE = Size(1280, 720)  # where the size of the frames is not known before they come


def open_camera(
    planned: PlannedCamera,
    clock: Clock,
    *,
    within: Size | None = None,
    backoff: Backoff | None = None,
) -> Camera:
    """Start the camera that `planned` names.  Never fails and never waits: a device that is away
    shows the slate until it comes.  Decoded frames are scaled to fit `within`, the paint size, in
    the same pass that converts their colours."""
    spec = planned.spec
    size = _SLATE if isinstance(spec, FileCamera | StreamCamera) else spec.size
    return Feed(
        planned.name,
        _SOURCES[spec.kind](spec, within),
        clock,
        slate=slate(spec.slate, size),
        hold=spec.hold,
        backoff=backoff or Backoff(),
        # Of this host: a hundred kiosks that run one show do not knock in step.
        draw=Random(f"{socket.gethostname()}/{planned.name}"),  # noqa: S311 - jitter
    )


__all__ = ["KINDS", "open_camera"]
