"""One connection to one server: an encoder of its own, and the process that carries pictures."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, cast

import av
from av.codec.context import CodecContext
from av.error import FFmpegError, ProtocolNotFoundError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from murai_show.output import courier
from murai_show.output.movie import TIME_BASE, Encoder, ToYuv, prepare
from murai_show.output.pickup import Shot
from murai_show.show.words import Size

FORMATS = {
    "rtmp": "flv",
    "rtmps": "flv",
    "rtsp": "rtsp",
    "srt": "mpegts",
    "udp": "mpegts",
    "tcp": "mpegts",
}
_OPTIONS: Mapping[str, Mapping[str, str]] = {
    # No table of contents that needs to be gone back to, and nothing is held back.
    "flv": {"flvflags": "no_duration_filesize", "flush_packets": "1"},
    "rtsp": {"rtsp_transport": "tcp", "flush_packets": "1"},
    "mpegts": {"flush_packets": "1", "mpegts_flags": "resend_headers"},
}
_DATAGRAM = 1316  # bytes: seven packets of MPEG-TS, which any network carries in one piece

State = Literal["opening", "open"]


class LinkLostError(Exception):
    """The server is not there, or takes nothing any more.  Its text may hold secrets."""


def has_protocol(scheme: str) -> bool:
    """Whether the FFmpeg inside PyAV has a protocol: an address that names no host is refused by
    those that are there before they do anything."""
    try:
        av.open(f"{scheme}://", timeout=1.0).close()
    except ProtocolNotFoundError:
        return False
    except FFmpegError:
        return True
    return True


@dataclass(frozen=True)
class Where:
    """Where a stream goes and how: `url` with its secrets, the even `size`, key frames after
    `key_every` seconds; a server that takes nothing for `patience` seconds is lost."""

    url: str
    size: Size
    fps: float
    encoder: Encoder
    key_every: float
    patience: float

    @property
    def scheme(self) -> str:
        return self.url.partition("://")[0].lower()

    def head(self) -> bytes:
        """What the courier wants to know, in a line."""
        rate = Fraction(self.fps).limit_denominator(1001)
        form = FORMATS[self.scheme]
        url = self.url
        if self.scheme == "udp" and "?" not in url:
            url += f"?pkt_size={_DATAGRAM}"
        to = {
            "url": url,
            "format": form,
            "options": _OPTIONS[form],
            "rate": [rate.numerator, rate.denominator],
            "width": self.size.width,
            "height": self.size.height,
        }
        return json.dumps(to).encode() + b"\n"


class Link:
    """Made, used and closed on one thread; only `kill` may be called on another.

    Its state is `opening` until the server has taken the first picture, and pictures are only
    wanted then.
    """

    def __init__(self, where: Where) -> None:
        self.state: State = "opening"
        self._where = where
        self._to_yuv = ToYuv(where.size)
        self._codec = _open_encoder(where)
        self._last, self._next_key = -1, 0
        self._began: float | None = None
        self._heard = b""
        self._courier = _start_courier()
        assert self._courier.stdin is not None
        assert self._courier.stdout is not None
        self._in, self._out = self._courier.stdin.fileno(), self._courier.stdout.fileno()
        for pipe in (self._in, self._out):
            os.set_blocking(pipe, False)
        self._write(where.head())

    @property
    def wants_picture(self) -> bool:
        """Whether the next picture is to be sent: the first, and all once the server has that."""
        return self.state == "open" or self._began is None

    def send(self, shot: Shot) -> None:
        """Encode a picture and hand it over.  Raises LinkLostError, and FFmpegError when the
        encoder fails."""
        if self._began is None:
            self._began = shot.now
        frame = self._to_yuv(shot.picture, shot.now - self._began, self._last)
        self._last = cast("int", frame.pts)
        if self._last >= self._next_key:
            frame.pict_type = PictureType.I
            self._next_key = self._last + round(self._where.key_every / TIME_BASE)
        for packet in self._codec.encode(frame):
            data = bytes(packet)
            pts = self._last if packet.pts is None else packet.pts
            self._write(courier.PACKET.pack(pts, packet.is_keyframe, len(data)) + data)

    def listen(self) -> None:
        """Take up what the courier says, without waiting.  The picture after the answer is a key
        frame.  Raises LinkLostError when it says that it ends, or has ended."""
        with contextlib.suppress(BlockingIOError):
            while heard := os.read(self._out, 4096):
                self._heard += heard
            self._end_of_courier()
        if self.state == "opening" and self._heard.startswith(courier.READY.encode() + b"\n"):
            self.state = "open"
            self._next_key = 0

    def close(self, within: float) -> None:
        """Send what is under way and end; what takes longer than `within` seconds is cut off."""
        assert self._courier.stdin is not None
        with contextlib.suppress(OSError):
            self._courier.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._courier.wait(within)
        self.cut()

    def kill(self) -> None:
        """End the courier at once, whatever it waits for; its pipes stay the other thread's."""
        self._courier.kill()

    def cut(self) -> None:
        """End the courier at once and let go of it."""
        self._courier.kill()
        self._courier.wait()
        for pipe in (self._courier.stdin, self._courier.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()

    def _end_of_courier(self) -> None:
        said = self._heard.decode("utf-8", "replace").splitlines()
        said = [line for line in said if line and line != courier.READY]
        raise LinkLostError(said[-1] if said else "the connection ended")

    def _write(self, data: bytes) -> None:
        """Raises LinkLostError when nothing is taken for `patience` seconds, or ever again."""
        view, until = memoryview(data), time.monotonic() + self._where.patience
        while view:
            try:
                view = view[os.write(self._in, view) :]
                until = time.monotonic() + self._where.patience
            except BlockingIOError:
                left = until - time.monotonic()
                if left <= 0:
                    waited = f"{self._where.patience:g} s"
                    raise LinkLostError(f"nothing was taken for {waited}") from None
                poll = select.poll()  # knows any number of open files, as select does not
                poll.register(self._in, select.POLLOUT)
                poll.poll(1000 * left)
            except (BrokenPipeError, ValueError):
                self._hear_end()

    def _hear_end(self) -> None:
        """The courier takes nothing any more: it is about to say why.  Raises LinkLostError."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._courier.wait(1.0)
        self.listen()
        raise LinkLostError("the connection ended")


def _start_courier() -> subprocess.Popen[bytes]:
    """-P: the courier's own folder is no place to import from.  A session of its own: Ctrl-C is
    for the show, which then ends the stream in order."""
    command = [sys.executable, "-P", str(Path(courier.__file__))]
    return subprocess.Popen(  # noqa: S603 - our own program, and nothing of the show in its name
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        start_new_session=True,
    )


def _open_encoder(where: Where) -> VideoCodecContext:
    codec = cast("VideoCodecContext", CodecContext.create(where.encoder.codec, "w"))
    prepare(codec, where.size, where.fps, where.key_every)
    codec.framerate = Fraction(where.fps).limit_denominator(1001)
    codec.options = dict(where.encoder.options)
    codec.open()
    return codec
