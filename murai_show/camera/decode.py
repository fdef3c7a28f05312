"""From packets to pictures: what a decoder is, and the one that every machine has, PyAV's.

Damaged frames, absurd sizes, colours, the words of errors.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from av import logging
from av.codec.context import Flags
from av.container import InputContainer
from av.error import ExitError, FFmpegError, InvalidDataError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream

from murai_show.camera.repeats import fingerprint
from murai_show.camera.source import Picture, Pixels, Wire
from murai_show.errors import CameraError
from murai_show.show.sizes import inside
from murai_show.show.words import Size

Open = Callable[..., InputContainer]  # av.open, or what a test puts in its place

_SIDES = range(16, 16385)
_MOST_PIXELS = 64 * 1024 * 1024
_ONE_THREAD = 1920 * 1080  # up to here one keeps up, and threads cost a third more in all
UNSPECIFIED = 2  # AVCOL_SPC_UNSPECIFIED
HD = 720  # lines from which an untagged picture is taken for BT.709, as every player does


class Negative(Protocol):
    """A decoded picture that is not developed yet.  Good until its decoder is called again."""

    @property
    def time(self) -> float | None:
        """Seconds of the stream's own time; None where it has none."""
        ...

    def picture(self, pts: float, captured: float) -> Picture:
        """The same, to be kept for as long as one likes.  Raises CameraError, DeviceLostError."""
        ...

    def fingerprint(self) -> int:
        """The same for two pictures that are the same to the bit.  Raises as `picture` does."""
        ...


class Decoder(Protocol):
    """Decodes one stream, from the thread that reads it."""

    def __call__(self, packet: Packet, wire: Wire) -> Iterator[Negative | None]:
        """What `packet` completes; None for each picture that is damaged or absurd, which is
        counted.  The empty packet at the end of a film gives what was held back.  Raises
        CameraError when the decoder is lost, DeviceLostError when its GPU is, to this process."""
        ...


class Decoding(Protocol):
    """Where pictures are decoded: chosen once, when a camera is opened."""

    def open(self, stream: VideoStream, what: str, *, live: bool, within: Size | None) -> Decoder:
        """A decoder for `stream`, which `video_of` has set up; `what` names it in sentences.
        Pictures are scaled to fit `within`.  Raises CameraError."""
        ...


def open_container(open_: Open, what: str, file: str, **options: object) -> InputContainer:
    """Open `file`; `what` names it in the sentence of the CameraError."""
    logging.set_level(None)  # FFmpeg's own log prints URLs with their passwords
    try:
        return open_(file, **options)
    except FFmpegError as error:
        trouble = in_words(error)
    raise CameraError(f"{what} cannot be opened: {trouble}")  # out here, it drags no context along


def in_words(error: FFmpegError) -> str:
    """What happened, without the file name or URL that PyAV puts into `str(error)`."""
    if isinstance(error, ExitError):
        return "no answer in time"
    if isinstance(error, InvalidDataError):  # a server that accepts and says nothing, too
        return "no video came that can be read"
    return error.strerror or type(error).__name__


def video_of(container: InputContainer, what: str, *, low_delay: bool) -> VideoStream:
    """The first video stream, set up for decoding.  Raises CameraError where there is none.

    With `low_delay` each frame comes as soon as its packet is in: frame threads would each hold
    one back.  Without it a large film is decoded by several threads.
    """
    if not container.streams.video:
        raise CameraError(f"{what} has no video in it")
    stream = container.streams.video[0]
    codec = stream.codec_context
    # Refused before the decoder allocates: a damaged header can ask for gigabytes.
    codec.options = {"max_pixels": str(_MOST_PIXELS)}
    small = codec.width * codec.height <= _ONE_THREAD
    codec.thread_type = "NONE" if low_delay or small else "AUTO"
    if low_delay:
        codec.flags |= Flags.low_delay
    return stream


def decoded(packet: Packet, wire: Wire) -> Iterator[VideoFrame | None]:
    """The frames of `packet`; None for each that is damaged or absurd, which is counted.

    While nobody keeps up with the pictures, those that no other is predicted from are skipped.
    """
    codec = packet.stream.codec_context
    if isinstance(codec, VideoCodecContext):
        codec.skip_frame = "NONREF" if wire.behind else "DEFAULT"
    try:
        frames = packet.decode()
    except FFmpegError:
        wire.drop("corrupt")
        yield None
        return
    for frame in frames:
        if not isinstance(frame, VideoFrame):
            continue
        if frame.is_corrupt:
            wire.drop("corrupt")
            yield None
        elif not sane(frame.width, frame.height):
            wire.drop("geometry")
            yield None
        else:
            yield frame


def sane(width: int, height: int) -> bool:
    """Whether a picture of this size can be meant."""
    return width in _SIDES and height in _SIDES and width * height <= _MOST_PIXELS


def painted_at(size: Size, rotation: int, within: Size | None) -> Size:
    """The size to which a decoded picture of `size` is scaled, so that it fits `within` once it is
    turned by `rotation` degrees: a phone held upright says so in its file."""
    if within is None:
        return size
    if rotation % 180 == 0:
        return inside(size, within)
    return Size(*inside(Size(size.height, size.width), within)[::-1])


class Developer:
    """Turns decoded frames into pixels, upright; with `within`, scaled in the same pass to the size
    at which they will be painted.  One caller at a time."""

    def __init__(self, within: Size | None = None) -> None:
        self._within = within
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> Pixels:
        """(H, W, 3) uint8 RGB.  Raises CameraError for a format that cannot be converted."""
        width, height = painted_at(Size(frame.width, frame.height), frame.rotation, self._within)
        untagged = frame.colorspace == UNSPECIFIED and frame.height >= HD
        try:
            picture = self._reformatter.reformat(
                frame,
                width,
                height,
                "rgb24",
                src_colorspace=Colorspace.ITU709 if untagged else None,
                # Its box filter is the fastest that does not alias when pictures shrink.
                interpolation=Interpolation.AREA if width < frame.width else Interpolation.BICUBIC,
                threads=1,
            )
            pixels = np.asarray(picture.to_ndarray(), np.uint8)
        except (FFmpegError, ValueError) as error:
            raise CameraError(f"{frame.format.name} cannot be converted to RGB: {error}") from None
        if frame.rotation % 360:
            pixels = np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90)))
        return pixels


@dataclass(frozen=True)
class SoftwareNegative:
    """A frame in the memory of the host, developed when somebody takes the picture."""

    frame: VideoFrame
    developer: Developer

    @property
    def time(self) -> float | None:
        return self.frame.time

    def picture(self, pts: float, captured: float) -> Picture:
        return Picture(partial(self.developer, self.frame), pts, captured)

    def fingerprint(self) -> int:
        return fingerprint(self.frame)


@dataclass(frozen=True)
class SoftwareDecoder:
    """PyAV's own decoder of the stream that a packet belongs to."""

    developer: Developer

    def __call__(self, packet: Packet, wire: Wire) -> Iterator[Negative | None]:
        for frame in decoded(packet, wire):
            yield None if frame is None else SoftwareNegative(frame, self.developer)


@dataclass(frozen=True)
class Software:
    """Decoding on the CPU, which every machine can."""

    def open(
        self,
        stream: VideoStream,  # noqa: ARG002 - its packets bring their decoder along
        what: str,  # noqa: ARG002
        *,
        live: bool,  # noqa: ARG002 - `video_of` has set it up
        within: Size | None,
    ) -> Decoder:
        return SoftwareDecoder(Developer(within))


SOFTWARE = Software()


class Damage:
    """Watches the share of damaged frames, once a first good one has come: a decoder that joins a
    stream between two key frames complains until the next one."""

    def __init__(self, window: int = 90, most: float = 0.5) -> None:
        self._seen: deque[bool] = deque(maxlen=window)
        self._most = most * window

    @property
    def any_good(self) -> bool:
        return bool(self._seen)

    def saw(self, good: bool) -> None:
        """Raises CameraError when more than `most` of the last `window` frames were damaged."""
        if good or self._seen:
            self._seen.append(good)
        bad = self._seen.count(False)
        if bad > self._most:
            raise CameraError(f"{bad} of its last {len(self._seen)} pictures were damaged")
