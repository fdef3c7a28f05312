"""`stream`: the canvas, live, to a server on the network."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Mapping
from random import Random

from av.error import FFmpegError

from murai_show.backoff import Backoff
from murai_show.errors import OutputError
from murai_show.frame import Frame
from murai_show.output.files import plain
from murai_show.output.link import Link, LinkLostError, Where
from murai_show.output.movie import Encoder, even_size, preset
from murai_show.output.nvenc import CODEC, choose
from murai_show.output.pickup import Pickup, Shot
from murai_show.output.stage import Stage
from murai_show.output.worker import Worker
from murai_show.show.planned import CanvasSpec, PlannedOutput
from murai_show.show.schema import StreamOutput
from murai_show.show.secret import redacted
from murai_show.show.timeline import Look

ROOM = 3  # pictures between the loop and the encoder
OPEN_WITHIN = 10.0  # seconds that a server has to take the first picture
PATIENCE = 5.0  # seconds in which an open server must take something
CLOSE_WITHIN = 1.4  # seconds for what waits, of which …
FLUSH_WITHIN = 0.5  # … for the server to take the last of it
BUSY, OFFLINE = "network busy", "offline"

FAILURES = (LinkLostError, FFmpegError, OSError)

log = logging.getLogger(__name__)


def x264_live(bitrate: int) -> Encoder:
    """The software encoder at a steady rate, none of its pictures waiting for others."""
    return Encoder(
        "libx264",
        {
            "preset": preset(),
            "tune": "zerolatency",
            "b": str(bitrate),
            "maxrate": str(bitrate),
            "bufsize": str(bitrate),  # a second: a key frame may be large, the mean may not
            "forced-idr": "1",
        },
    )


def nvenc_live(bitrate: int) -> Encoder:
    """NVENC likewise."""
    return Encoder(
        CODEC,
        {
            "preset": "p4",
            "tune": "ull",
            "rc": "cbr",
            "b": str(bitrate),
            "maxrate": str(bitrate),
            "bufsize": str(bitrate),
            "bf": "0",
            "delay": "0",
            "zerolatency": "1",
            "forced-idr": "1",
        },
    )


class Sender:
    """The encoder thread's side: a link, and after a loss the next, with growing pauses.

    `offline` counts the pictures that were missed while the server was lost, `reconnects` how often
    it was there again, `connected` whether it is there now.
    """

    def __init__(self, planned: PlannedOutput, backoff: Backoff, draw: Random) -> None:
        spec, canvas = planned.spec, planned.canvas
        assert isinstance(spec, StreamOutput)
        assert canvas is not None
        self.offline = 0
        self.reconnects = 0
        self.connected = False
        self._name, self._url = planned.name, spec.url
        self._backoff, self._draw = backoff, draw
        gpu, cpu = nvenc_live(spec.bitrate), x264_live(spec.bitrate)
        encoder = choose(planned.name, canvas.size, spec.fps, gpu, cpu, "streams")
        size, url = even_size(canvas.size), spec.url.reveal()
        self._where = Where(url, size, spec.fps, encoder, spec.keyframes, PATIENCE)
        self._link: Link | None = None
        self._since = 0.0  # when the link was made, then when it opened
        self._lost_at: float | None = None
        self._was_open = False  # ever
        self._failures = 0
        self._retry_at = float("-inf")
        self._ended = threading.Event()

    def send(self, shot: Shot) -> None:
        try:
            self._send(shot)
        except FAILURES as error:
            self.offline += 1
            self._lose(error, shot.now)

    def finish(self) -> None:
        """On the worker's thread."""
        link, self._link = self._link, None
        if link is not None:
            link.close(FLUSH_WITHIN)

    def cut(self) -> None:
        """On any thread: whatever is waited for is over."""
        self._ended.set()
        if (link := self._link) is not None:
            link.kill()

    def _send(self, shot: Shot) -> None:
        """Raises one of FAILURES."""
        if self._ended.is_set():
            return
        if self._link is None and shot.now >= self._retry_at:
            self._link, self._since = Link(self._where), shot.now
        link = self._link
        if link is None:
            self.offline += 1
            return
        link.listen()
        if link.state == "opening" and shot.now - self._since > OPEN_WITHIN:
            raise LinkLostError(f"no answer within {OPEN_WITHIN:g} s")
        if link.state == "open" and not self.connected:
            self._found(shot.now)
        if link.wants_picture:
            link.send(shot)
        elif self._lost_at is not None:
            self.offline += 1

    def _found(self, now: float) -> None:
        again = self._was_open
        self.connected = self._was_open = True
        self.reconnects += again
        self._since = now
        away = "" if self._lost_at is None else f" after {now - self._lost_at:.1f} s"
        words = "sending again to" if again else "sending to"
        log.info("output %s: %s %s%s", self._name, words, self._url, away)
        self._lost_at = None

    def _lose(self, error: Exception, now: float) -> None:
        link, self._link = self._link, None
        good = self.connected and now - self._since >= self._backoff.good
        self._failures = 1 if good else self._failures + 1
        self._retry_at = now + self._backoff.delay(self._failures, self._draw)
        self.connected = False
        if self._lost_at is None and not self._ended.is_set():
            self._lost_at = now
            why = redacted(plain(error), self._url)
            log.warning("output %s: %s is lost: %s; it is tried again", self._name, self._url, why)
        if link is not None:
            link.cut()


class Stream:
    """Encodes on a thread and sends from a process: neither a server that is away nor one that
    stalls holds up the loop or any other thread.  What cannot be sent is dropped before it is
    encoded, so what arrives can always be decoded.

    A picture that does not change is sent again at each turn: services want a steady rate.
    """

    over = False

    def __init__(
        self,
        planned: PlannedOutput,
        stage: Stage,
        backoff: Backoff | None = None,
        draw: Random | None = None,
    ) -> None:
        assert planned.canvas is not None
        self.name = planned.name
        self.fps = planned.spec.fps
        self._pickup = Pickup(stage, planned.canvas, self.fps, 0.0, stage.read_rgba)
        self._told = False
        self._closed = False
        self._sender = Sender(planned, backoff or Backoff(), draw or Random())  # noqa: S311
        self._worker = Worker(f"stream {self.name}", ROOM, self._sender.send, self._sender.finish)

    @property
    def connected(self) -> bool:
        """Whether the server takes pictures at present."""
        return self._sender.connected

    @property
    def reconnects(self) -> int:
        """How often it did so again after a loss."""
        return self._sender.reconnects

    @property
    def drops(self) -> Mapping[str, int]:
        """`network busy`: pictures replaced before they could be encoded; `offline`: pictures
        that were missed while the server was lost."""
        drops = self._pickup.drops + Counter({OFFLINE: self._sender.offline})
        return {reason: drops[reason] for reason in (BUSY, OFFLINE) if drops[reason]}

    def show(self, picture: Frame, look: Look, now: float) -> None:
        self._tell()
        shot = self._pickup.take(picture, look, now, BUSY if self._worker.full else "")
        if shot is not None:
            self._worker.put(shot)

    def move(self, canvas: CanvasSpec) -> None:
        """Send another canvas of the same size, which the stage has, over the same connection."""
        self._pickup.move(canvas)

    def close(self) -> None:
        """End the stream in order; takes 2 s at most."""
        if self._closed:
            return
        self._closed = True
        if not self._worker.close(CLOSE_WITHIN):
            self._sender.cut()
            self._worker.close(FLUSH_WITHIN)  # nothing waits any more

    def _tell(self) -> None:
        """Raise, once, that the thread has ended, which is a fault of ours."""
        failure = self._worker.failure
        if failure is not None and not self._told:
            self._told = True
            raise OutputError(f"output {self.name}: the encoder stopped: {plain(failure)}")
