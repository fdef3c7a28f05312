"""A growing H.264 file that plays however far it got."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, cast

import av
import numpy as np
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)
from av.video.stream import VideoStream

from murai_show.output.canvas import Pixels
from murai_show.show.words import Size

MUXERS = {
    # A fragment at every key frame; no table of contents that only an orderly end could write.
    ".mp4": ("mp4", {"movflags": "frag_keyframe+empty_moov+default_base_moof"}),
    ".mkv": ("matroska", {"cluster_time_limit": "1000"}),
}


@dataclass(frozen=True)
class Colours:
    """How RGB becomes YUV, and the tags that say so (`space` as ITU-T H.273 numbers it)."""

    matrix: Colorspace
    space: int
    primaries: ColorPrimaries
    transfer: ColorTrc


_HD = Colours(Colorspace.ITU709, 1, ColorPrimaries.BT709, ColorTrc.BT709)
_SD = Colours(Colorspace.SMPTE170M, 6, ColorPrimaries.SMPTE170M, ColorTrc.SMPTE170M)
TIME_BASE = Fraction(1, 90_000)
_FEW_CORES = 2
_KEY_EVERY = 1.0  # seconds: what a power cut may cost


def preset() -> str:
    """How hard x264 tries.  On two cores a painted 720p picture costs it 22 ms at `veryfast`, taken
    from the painter, and 10 ms at `ultrafast`, for a file that is two fifths larger."""
    return "ultrafast" if len(os.sched_getaffinity(0)) <= _FEW_CORES else "veryfast"


@dataclass(frozen=True)
class Encoder:
    """One of FFmpeg's H.264 encoders: its name there, and the options that it is opened with.

    None of its pictures may wait for later ones, and those asked to be I become IDR pictures.
    `surfaces`: it takes pictures in the GPU's memory, too.
    """

    codec: str
    options: Mapping[str, str]
    surfaces: bool = False


def x264(crf: int) -> Encoder:
    """The software encoder, which is always there; `crf` is its constant rate factor."""
    # zerolatency: no picture waits in the encoder for later ones.
    options = {"preset": preset(), "tune": "zerolatency", "crf": str(crf), "forced-idr": "1"}
    return Encoder("libx264", options)


def prepare(
    codec: VideoCodecContext, size: Size, fps: float, key_every: float = _KEY_EVERY
) -> None:
    """Set what all encoders must know before they are opened.  `size` is even, as 4:2:0 asks;
    `key_every` is in seconds."""
    codec.width, codec.height = size
    codec.pix_fmt = "yuv420p"
    codec.time_base = TIME_BASE
    codec.gop_size = max(1, round(fps * key_every))
    # One thread keeps its hands off the painter's cores; beyond 720p it would fall behind.
    codec.thread_count = 1 if size.width * size.height <= 1280 * 720 else 2
    colours = colours_of(size)
    codec.colorspace = colours.space
    codec.color_primaries = colours.primaries
    codec.color_trc = colours.transfer
    codec.color_range = ColorRange.MPEG


def even_size(size: Size) -> Size:
    """`size` without its odd row or column."""
    return Size(size.width & ~1, size.height & ~1)


def colours_of(size: Size) -> Colours:
    """What players assume of a picture of `size` without tags."""
    return _HD if size.height >= 720 else _SD


class ToYuv:
    """Turns pictures into what video encoders take, in the colours that `colours_of` says."""

    def __init__(self, size: Size, layout: str = "yuv420p") -> None:
        self.size = even_size(size)
        self._layout = layout
        self._matrix = colours_of(self.size).matrix
        self._reformat = VideoReformatter()

    def __call__(self, rgba: Pixels, seconds: float, after: int = -1) -> av.VideoFrame:
        """(H, W, 4) uint8 RGBA, `seconds` after the beginning, as a frame of `layout` whose time
        is in 90 kHz and later than `after`; an odd row or column is left away."""
        even = np.ascontiguousarray(rgba[: self.size.height, : self.size.width])
        frame = self._reformat.reformat(
            av.VideoFrame.from_numpy_buffer(even, "rgba"),
            format=self._layout,
            dst_colorspace=self._matrix,
            dst_color_range=ColorRange.MPEG,
            interpolation=Interpolation.BILINEAR | Interpolation.ACCURATE_RND,
            threads=1,
        )
        return timed(frame, seconds, after)


def timed(frame: av.VideoFrame, seconds: float, after: int) -> av.VideoFrame:
    """`frame`, told its time in 90 kHz: `seconds` after the beginning, and later than `after`."""
    frame.pts, frame.time_base = max(after + 1, round(seconds / TIME_BASE)), TIME_BASE
    return frame


class Movie:
    """Writes pictures into `file` (`path` is its name) as H.264, at their own times.

    Odd sizes lose a row or column, as 4:2:0 asks.  Every picture is in the file's hands when
    `write` returns, except those since the last key frame: a second at most.  With `late` the
    encoder is opened for the first picture, which says where they lie: in the computer's memory,
    or in a GPU's.  Raises OSError or FFmpegError when the file or the encoder fails.
    """

    def __init__(
        self,
        path: Path,
        file: BinaryIO,
        size: Size,
        fps: float,
        encoder: Encoder,
        *,
        late: bool = False,
    ) -> None:
        self.path = path
        self._file = file
        self._to_yuv = ToYuv(size)
        self._last = -1
        self._next_key = 0
        muxer, options = MUXERS[path.suffix.lower()]
        self._container = av.open(
            file, "w", format=muxer, options={**options, "flush_packets": "1"}
        )
        rate = Fraction(fps).limit_denominator(1001)
        stream = self._container.add_stream(encoder.codec, rate=rate, options=dict(encoder.options))
        self._stream = cast("VideoStream", stream)
        prepare(self._stream.codec_context, self._to_yuv.size, fps)
        self._stream.time_base = TIME_BASE
        if not late:
            self._container.start_encoding()

    def write(self, picture: Pixels | av.VideoFrame, seconds: float) -> None:
        """Add a picture, `seconds` after the beginning: (H, W, 4) uint8 RGBA, or a surface of the
        even size (`surfaces`), which is then the film's."""
        if isinstance(picture, av.VideoFrame):
            frame = timed(picture, seconds, self._last)
        else:
            frame = self._to_yuv(picture, seconds, self._last)
        self._last = cast("int", frame.pts)
        if self._last >= self._next_key:  # by time: a slow painter's pictures are few
            frame.pict_type = PictureType.I
            self._next_key = self._last + round(_KEY_EVERY / TIME_BASE)
        codec = self._stream.codec_context
        if not codec.is_open:
            codec.pix_fmt = frame.format.name
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Finish the file."""
        try:
            if not self._stream.codec_context.is_open:  # it plays, and has nothing in it
                self._container.start_encoding()
            self._container.mux(self._stream.encode(None))
            self._container.close()
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Let go of a file that cannot be written any more; what it has still plays."""
        with contextlib.suppress(OSError, FFmpegError):
            self._container.close()
        with contextlib.suppress(OSError):
            self._file.close()
