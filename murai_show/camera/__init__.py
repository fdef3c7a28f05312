"""Cameras: `open_camera` turns what a show declares into a source of frames for the loop."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from random import Random
from typing import Any, Literal

from murai_show.backoff import Backoff
from murai_show.bell import Bell
from murai_show.camera.decode import SOFTWARE, Decoding
from murai_show.camera.feed import Feed
from murai_show.camera.film import file_source
from murai_show.camera.live import stream_source, v4l2_source
from murai_show.camera.pattern import pattern_source
from murai_show.camera.slate import slate
from murai_show.camera.source import Source
from murai_show.camera.still import still_source
from murai_show.camera.view import View
from murai_show.errors import CameraError
from murai_show.ports import Camera, Clock
from murai_show.show.plan import PlannedCamera
from murai_show.show.schema import FileCamera, StreamCamera
from murai_show.show.words import Size

log = logging.getLogger(__name__)

_SOURCES: dict[str, Callable[[Any, Size | None, Decoding], Source]] = {
    "file": file_source,
    "v4l2": v4l2_source,
    "stream": stream_source,
    "still": lambda spec, _within, _decoding: still_source(spec),
    "pattern": lambda spec, _within, _decoding: pattern_source(spec),
}
KINDS = tuple(_SOURCES)
DECODED = ("file", "v4l2", "stream")  # the kinds whose pictures come as packets
DecoderName = Literal["software", "nvdec"]

_SLATE = Size(1280, 720)  # where the size of the frames is not known before they come


def open_camera(
    planned: PlannedCamera,
    clock: Clock,
    *,
    within: Size | None = None,
    decoding: Decoding = SOFTWARE,
    backoff: Backoff | None = None,
    bell: Bell | None = None,
) -> Camera:
    """Start the camera that `planned` names.  Never fails and never waits: a device that is away
    shows the slate until it comes.  Decoded frames are scaled to fit `within`, the paint size, in
    the same pass that converts their colours; `decoding` says where, see `open_decoding`.  `bell`
    is rung for each frame, for whoever waits for several cameras."""
    spec = planned.spec
    size = _SLATE if isinstance(spec, FileCamera | StreamCamera) else spec.size
    return Feed(
        planned.name,
        _SOURCES[spec.kind](spec, within, decoding),
        clock,
        slate=slate(spec.slate, size),
        hold=spec.hold,
        backoff=backoff or Backoff(),
        # Of this host: a hundred kiosks that run one show do not knock in step.
        draw=Random(f"{socket.gethostname()}/{planned.name}"),  # noqa: S311 - jitter
        bell=bell,
    )


def open_decoding(name: DecoderName, gpu: int = 0) -> Decoding:
    """Where the pictures of all cameras are decoded: on the CPU, or on the video engine of `gpu`,
    whose frames then stay in its memory.  Where that engine cannot be had, the CPU decodes, and one
    line says why.  Call it before any camera opens: it loads PyTorch."""
    if name == "software":
        return SOFTWARE
    try:
        from murai_show.camera.nvdec import open_nvdec

        return open_nvdec(gpu)
    except CameraError as error:
        log.warning("%s; the CPU decodes instead", error)
        return SOFTWARE


__all__ = ["DECODED", "KINDS", "DecoderName", "Decoding", "View", "open_camera", "open_decoding"]
