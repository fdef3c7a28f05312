"""A real RTSP camera in pure Python, for tests: H.264 in RTP, interleaved on the TCP connection.

It can be cut (every connection dropped, the port closed), started again on the same port, and told
to fall silent while its connections stay open.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from itertools import count

import av
import numpy as np

MTU = 1200


def encode(width: int, height: int, frames: int, fps: int = 25) -> list[bytes]:
    """H.264 access units in Annex B; frame i is a grey of 40 + 4 i on which a bar moves."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(fps), Fraction(1, fps)
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "g": "10", "bf": "0"}
    packets = []
    for i in range(frames):
        picture = np.full((height, width, 3), 40 + 4 * i % 160, np.uint8)
        picture[:, 8 * i % width : 8 * i % width + 8] = 255
        frame = av.VideoFrame.from_ndarray(picture)
        frame.pts = i
        packets += encoder.encode(frame)
    return [bytes(packet) for packet in packets + encoder.encode(None)]


def nal_units(unit: bytes) -> list[bytes]:
    """The NAL units of an access unit in Annex B, without their start codes."""
    parts = unit.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")
    return [part for part in parts if part]


def rtp_payloads(nal: bytes) -> Iterator[bytes]:
    """One NAL unit as RTP payloads: whole if it fits, else in FU-A fragments."""
    if len(nal) <= MTU:
        yield nal
        return
    kind, body = nal[0], nal[1:]
    for begin in range(0, len(body), MTU):
        first, last = begin == 0, begin + MTU >= len(body)
        head = bytes([kind & 0xE0 | 28, first << 7 | last << 6 | kind & 0x1F])
        yield head + body[begin : begin + MTU]


class RtspServer:
    """Serves `units` in a loop at `fps`.  With `user` it asks for Basic authentication."""

    def __init__(
        self, units: list[bytes], fps: int = 25, user: str = "", password: str = ""
    ) -> None:
        self.units = [nal_units(unit) for unit in units]
        self.fps = fps
        self.port = 0
        self.silent = threading.Event()
        self._token = base64.b64encode(f"{user}:{password}".encode()).decode() if user else ""
        self._running = threading.Event()
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None

    def start(self) -> RtspServer:
        listener = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._running.set()
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return self

    def cut(self) -> None:
        """The cable is pulled: nothing listens any more and every connection is gone."""
        self._running.clear()
        with self._lock:
            open_ones = [*self._connections, *([self._listener] if self._listener else [])]
            self._connections.clear()
            self._listener = None
        for one in open_ones:
            with contextlib.suppress(OSError):  # the viewer may have gone first
                one.shutdown(socket.SHUT_RDWR)  # wakes accept() and reads
            one.close()

    stop = cut

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        gone = threading.Event()
        try:
            with connection, connection.makefile("rb") as requests:
                while head := requests.readline().decode():
                    if head.startswith("$"):  # RTCP from the viewer, framed in the same stream
                        continue
                    fields = {}
                    while line := requests.readline().decode().strip():
                        name, _, value = line.partition(":")
                        fields[name.lower()] = value.strip()
                    method, url = head.split()[:2]
                    connection.sendall(self._answer(method, url, fields))
                    if method == "PLAY":
                        args = (connection, gone)
                        threading.Thread(target=self._stream, args=args, daemon=True).start()
        except (OSError, ValueError, UnicodeDecodeError):
            pass  # the viewer went away
        finally:
            gone.set()
            with self._lock:
                self._connections.discard(connection)

    def _answer(self, method: str, url: str, fields: dict[str, str]) -> bytes:
        status, extra, body = "200 OK", [], ""
        if self._token and fields.get("authorization") != f"Basic {self._token}":
            status, extra = "401 Unauthorized", ['WWW-Authenticate: Basic realm="camera"']
        elif method == "OPTIONS":
            extra = ["Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"]
        elif method == "DESCRIBE":
            body = self._sdp()
            extra = [f"Content-Base: {url}/", "Content-Type: application/sdp"]
        elif method == "SETUP":
            extra = ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1"]
        session = [] if method in ("OPTIONS", "DESCRIBE") else ["Session: 1"]
        lines = [f"RTSP/1.0 {status}", f"CSeq: {fields['cseq']}", *session, *extra]
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()

    def _sdp(self) -> str:
        heads = [nal for nal in self.units[0] if nal[0] & 0x1F in (7, 8)]
        sets = ",".join(base64.b64encode(nal).decode() for nal in heads)
        lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=test", "t=0 0", "m=video 0 RTP/AVP 96"]
        lines += ["c=IN IP4 127.0.0.1", "a=rtpmap:96 H264/90000", "a=control:trackID=0"]
        lines += [f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}", ""]
        return "\r\n".join(lines)

    def _stream(self, connection: socket.socket, gone: threading.Event) -> None:
        began, sequence = time.monotonic(), count()
        try:
            for i in count():
                gone.wait(max(0.0, began + i / self.fps - time.monotonic()))
                if gone.is_set() or not self._running.is_set():
                    return
                if self.silent.is_set():
                    continue
                stamp = i * 90000 // self.fps & 0xFFFFFFFF
                payloads = [p for nal in self.units[i % len(self.units)] for p in rtp_payloads(nal)]
                for j, payload in enumerate(payloads):
                    marker = 0x80 if j == len(payloads) - 1 else 0
                    number = next(sequence) & 0xFFFF
                    packet = struct.pack("!BBHII", 0x80, marker | 96, number, stamp, 7) + payload
                    connection.sendall(struct.pack("!cBH", b"$", 0, len(packet)) + packet)
        except OSError:
            pass  # the viewer went away
