"""Films: video files, paced by their own time stamps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from murai_show.camera.decode import (
    SOFTWARE,
    Decoder,
    Decoding,
    Negative,
    open_container,
    video_of,
)
from murai_show.camera.source import Pictures, Source, Wire
from murai_show.errors import CameraError
from murai_show.show.schema import FileCamera
from murai_show.show.words import Size

_LATE = 0.1  # seconds behind at which pictures are skipped …
_LEAST = 0.25  # … but one is still shown this often
_BEHIND = 1.0  # seconds behind at which the film goes on from where it is
_GAP = 60.0  # a longer pause between two pictures is a broken time stamp


def file_source(
    spec: FileCamera, within: Size | None = None, decoding: Decoding = SOFTWARE
) -> Source:
    """A video file; `spec.path` is absolute."""
    what = Path(spec.path).name

    def open_film() -> InputContainer:
        return open_container(av.open, what, spec.path)

    return Source(
        lambda wire: film(open_film, what, wire, loop=spec.loop, within=within, decoding=decoding)
    )


def film(
    open_film: Callable[[], InputContainer],
    what: str,
    wire: Wire,
    *,
    loop: bool,
    within: Size | None = None,
    decoding: Decoding = SOFTWARE,
) -> Pictures:
    """The pictures of a film, each at its moment; `pts` goes on growing when it starts again.

    Raises CameraError when it cannot be opened or has no picture in it.
    """
    pace = Pace()
    played = 0.0  # seconds of film in the rounds before this one

    def begun() -> tuple[VideoStream, Decoder]:
        stream = video_of(container, what, low_delay=False)
        return stream, decoding.open(stream, what, live=False, within=within)

    container = open_film()
    try:
        stream, decoder = begun()
        while not wire.closing:
            length = 0.0
            for negative, time, end in _timed(container, stream, decoder, wire):
                length = end
                due = pace.due(played + time, wire.clock.monotonic())
                if due is None:
                    wire.drop("late")
                    continue
                if not wire.wait_until(due):
                    return
                yield negative.picture(played + time, wire.clock.monotonic())
            if not length:
                raise CameraError(f"{what} has no picture that can be decoded")
            played += length
            if not loop:
                wire.wait_until(pace.anchor + played)  # the last picture stays its time, too
                return
            if not _rewound(container):
                container.close()
                container = open_film()
                stream, decoder = begun()
    finally:
        container.close()


@dataclass
class Pace:
    """Lays a film's time on the clock: never early, and late pictures are skipped, so that no
    delay builds up."""

    anchor: float = 0.0  # when film time 0 is shown
    shown: float | None = None

    def due(self, time: float, now: float) -> float | None:
        """When the picture of film time `time` is to be shown; None: skip it, it is too late."""
        if self.shown is None:
            self.anchor = self.shown = now - time
        due = self.anchor + time
        late = now - due
        if late > _BEHIND:  # a decoder that cannot keep up, or a machine that slept
            self.anchor += late
            due = now
        elif late > _LATE and now - self.shown < _LEAST:
            return None
        self.shown = max(due, now)
        return due


def _timed(
    container: InputContainer, stream: VideoStream, decoder: Decoder, wire: Wire
) -> Iterator[tuple[Negative, float, float]]:
    """(picture, its time, its end), in seconds from 0, strictly growing."""
    rate = stream.average_rate or stream.guessed_rate
    period = min(1.0, max(1 / 240, 1 / float(rate))) if rate else 0.04
    first: float | None = None
    time = -period
    for negative in _negatives(container, stream, decoder, wire):
        stamp = negative.time
        if first is None:
            first = stamp or 0.0
        following = time + period if stamp is None else stamp - first
        if not time < following < time + _GAP:  # jumped: go on smoothly, and from there
            following = time + period
            first = first if stamp is None else stamp - following
        time = following
        yield negative, time, time + period


def _negatives(
    container: InputContainer, stream: VideoStream, decoder: Decoder, wire: Wire
) -> Iterator[Negative]:
    """The good frames up to the end of the file, or to where it is too broken to be read on."""
    try:
        for packet in container.demux(stream):
            if wire.closing:
                return
            yield from filter(None, decoder(packet, wire))
    except FFmpegError:
        wire.drop("corrupt")


def _rewound(container: InputContainer) -> bool:
    """Set `container` to its beginning; False where it has to be opened again."""
    try:
        container.seek(container.start_time or 0)
    except FFmpegError:
        return False
    return True
