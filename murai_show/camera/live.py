"""Live cameras: on this machine over V4L2, on the network over RTSP or HTTP.

Live pictures are never paced: each is handed on the moment it is decoded.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import av
from av.container import InputContainer
from av.error import BlockingIOError as NothingYet
from av.error import FFmpegError
from av.packet import Packet

from murai_show.camera.decode import (
    SOFTWARE,
    Damage,
    Decoding,
    Open,
    in_words,
    open_container,
    video_of,
)
from murai_show.camera.film import film
from murai_show.camera.source import Pictures, Source, Wire
from murai_show.errors import CameraError
from murai_show.show.schema import StreamCamera, V4l2Camera
from murai_show.show.secret import redacted
from murai_show.show.words import Size

log = logging.getLogger(__name__)

# What is asked of a V4L2 camera, best first; None lets FFmpeg take any raw format that it knows.
FORMATS: tuple[str | None, ...] = ("h264", "mjpeg", None)

FROZEN = 5  # times the silence that is allowed: one picture for so long is no living camera's
_FIRST_PICTURE = 15.0  # seconds; the longest pause between key frames that cameras are set to
_POLL = 0.002  # seconds between two looks at a device that has nothing yet
# AVFMT_FLAG_NONBLOCK, which has no name among FFmpeg's options.  Without it a read of a USB camera
# whose firmware hangs never returns, and its thread could neither reconnect nor end.
_NON_BLOCKING = "+4"


def v4l2_source(
    spec: V4l2Camera,
    within: Size | None = None,
    decoding: Decoding = SOFTWARE,
    open_: Open = av.open,
) -> Source:
    """A camera on this machine."""
    patience = max(spec.read_timeout, 3 / spec.fps)

    def pictures(wire: Wire) -> Pictures:
        container = open_v4l2(spec, open_)
        yield from live(container, spec.device, wire, patience, within, decoding)

    return Source(pictures, patience, frozen_after=FROZEN * patience)


def open_v4l2(spec: V4l2Camera, open_: Open = av.open) -> InputContainer:
    """Open the device in the best of FORMATS that it gives.  Raises CameraError."""
    troubles: list[str] = []
    for wanted in FORMATS:
        options = {
            "video_size": str(spec.size),
            "framerate": f"{spec.fps:g}",
            "fflags": _NON_BLOCKING,
        }
        if wanted is not None:
            options["input_format"] = wanted
        called = wanted or "raw"
        try:
            container = open_container(
                open_,
                spec.device,
                spec.device,
                format="v4l2",
                options=options,
                timeout=(max(5.0, spec.read_timeout), spec.read_timeout),
            )
        except CameraError as error:
            if open_ is av.open and not Path(spec.device).exists():
                break
            troubles.append(f"{called}: {str(error).rpartition(': ')[2]}")
            continue
        log.info("%s: filming in %s", spec.device, called)
        return container
    if not troubles:
        raise CameraError(f"{spec.device} is not there; is the camera plugged in?")
    raise CameraError(f"{spec.device} cannot be opened ({'; '.join(troubles)})")


def stream_source(
    spec: StreamCamera,
    within: Size | None = None,
    decoding: Decoding = SOFTWARE,
    open_: Open = av.open,
) -> Source:
    """A network camera, or a film on a web server."""
    what = str(spec.url)

    def open_stream() -> InputContainer:
        return open_container(
            open_,
            what,
            spec.url.reveal(),
            options=stream_options(spec),
            timeout=(spec.open_timeout, spec.read_timeout),
        )

    def pictures(wire: Wire) -> Pictures:
        container = open_stream()
        if is_film(spec, container):
            container.close()
            yield from film(open_stream, what, wire, loop=True, within=within, decoding=decoding)
        else:
            yield from live(container, what, wire, spec.read_timeout, within, decoding)

    def redact(text: str) -> str:
        return redacted(text, spec.url)

    return Source(pictures, spec.read_timeout, redact, FROZEN * spec.read_timeout)


def stream_options(spec: StreamCamera) -> dict[str, str]:
    """FFmpeg's options for the scheme of `spec.url`."""
    scheme = spec.url.reveal().partition(":")[0].lower()
    if scheme in ("rtsp", "rtsps"):
        # No `nobuffer`: it throws away the key frame that came while probing, and the first
        # picture then waits for the next one, seconds later.
        return {
            "rtsp_transport": spec.transport,
            "allowed_media_types": "video",
            "probesize": "32",
            "analyzeduration": "0",
        }
    if scheme in ("http", "https"):  # a playlist from the network shall not open local files
        return {"protocol_whitelist": "http,https,httpproxy,tcp,tls,crypto"}
    return {}


def is_film(spec: StreamCamera, container: InputContainer) -> bool:
    """Whether it comes faster than it is to be seen: a file on a web server, or HLS."""
    scheme = spec.url.reveal().partition(":")[0].lower()
    return scheme in ("http", "https") and (
        container.duration is not None or "hls" in container.format.name
    )


def live(
    container: InputContainer,
    what: str,
    wire: Wire,
    patience: float,
    within: Size | None = None,
    decoding: Decoding = SOFTWARE,
) -> Pictures:
    """The pictures of an open live `container`, which is closed at the end.

    Raises CameraError when it ends, falls silent or sends mostly damage.
    """
    clock, damage = wire.clock, Damage()
    opened = clock.monotonic()
    try:
        stream = video_of(container, what, low_delay=True)
        decoder = decoding.open(stream, what, live=True, within=within)
        for packet in _packets(container, stream.index, what, wire, patience):
            read = clock.monotonic()
            for negative in decoder(packet, wire):
                damage.saw(negative is not None)
                if negative is not None:
                    pts = negative.time or 0.0
                    picture = negative.picture(pts, _captured(pts, read))
                    picture.fingerprint = negative.fingerprint
                    yield picture
            if not damage.any_good and read - opened > _FIRST_PICTURE:
                raise CameraError(f"{what} sends no picture that can be decoded")
    finally:
        container.close()


def _captured(pts: float, read: float) -> float:
    """When a frame left the lens: V4L2 drivers stamp with the monotonic clock at capture; any
    other source's clock tells nothing here, and the time of reading has to do."""
    return pts if read - 1.0 < pts <= read else read


def _packets(
    container: InputContainer, video: int, what: str, wire: Wire, patience: float
) -> Iterator[Packet]:
    """Video packets as they come.  Returns when the camera closes; raises CameraError at the end
    of the stream and after `patience` seconds without video, though there be sound."""
    heard = wire.clock.monotonic()
    while True:
        trouble = "the stream ended"
        try:
            for packet in container.demux():
                if wire.closing:
                    return
                if packet.stream.index == video and packet.size:
                    heard = wire.clock.monotonic()
                    yield packet
                elif wire.clock.monotonic() - heard > patience:
                    break
        except NothingYet:
            trouble = ""
        except FFmpegError as error:
            trouble = in_words(error)
        if wire.clock.monotonic() - heard > patience:
            trouble = f"no video for {patience:g} s"
        if trouble:
            raise CameraError(f"{what} is lost: {trouble}")
        if not wire.rest(_POLL):
            return
