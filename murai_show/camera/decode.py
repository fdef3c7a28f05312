"""From packets to pictures, by PyAV: damaged frames, absurd sizes, colours, the words of errors."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

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

from murai_show.camera.source import Pixels, Wire
from murai_show.errors import CameraError
from murai_show.show.sizes import inside
from murai_show.show.words import Size

Open = Callable[..., InputContainer]  # av.open, or what a test puts in its place

_SIDES = range(16, 16385)
_MOST_PIXELS = 64 * 1024 * 1024
_ONE_THREAD = 1920 * 1080  # up to here one keeps up, and threads cost a third more in all
_UNSPECIFIED = 2  # AVCOL_SPC_UNSPECIFIED
_HD = 720  # lines from which an untagged picture is taken for BT.709, as every player does


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
    if codec.is_open:  # a film that was rewound
        return stream
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


class Developer:
    """Turns decoded frames into pixels, upright; with `within`, scaled in the same pass to the size
    at which they will be painted.  One caller at a time."""

    def __init__(self, within: Size | None = None) -> None:
        self._within = within
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> Pixels:
        """(H, W, 3) uint8 RGB.  Raises CameraError for a format that cannot be converted."""
        lying = frame.rotation % 180 != 0
        size = Size(frame.height, frame.width) if lying else Size(frame.width, frame.height)
        size = inside(size, self._within) if self._within else size
        width, height = size[::-1] if lying else size
        untagged = frame.colorspace == _UNSPECIFIED and frame.height >= _HD
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
        if frame.rotation % 360:  # a phone held upright says so in its file
            pixels = np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90)))
        return pixels


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
