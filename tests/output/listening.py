"""Real servers for streams: a process that listens and says what it sees."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

_PROGRAM = """
import sys, av
url, form, *options = sys.argv[1:]
options = dict(option.split("=", 1) for option in options)
container = av.open(url, format=form, options=options, timeout=(60.0, 60.0))
print("open", flush=True)
for frame in container.decode(video=0):
    mean = frame.to_ndarray(format="rgb24").mean((0, 1)).round().astype(int)
    print(frame.width, frame.height, int(frame.key_frame), *mean, flush=True)
"""


@dataclass(frozen=True)
class Seen:
    """A decoded picture: its size, whether it is a key frame, its mean colour."""

    width: int
    height: int
    key: bool
    colour: tuple[int, int, int]


@dataclass
class Listener:
    """A server at `url`.  `seen` grows while it decodes."""

    url: str
    process: subprocess.Popen[str]
    seen: list[Seen] = field(default_factory=list)

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            words = line.split()
            if len(words) == 6 and words[0].isdigit():
                width, height, key, *colour = map(int, words)
                self.seen.append(Seen(width, height, bool(key), tuple(colour)))

    def cut(self) -> None:
        """The server dies."""
        self.process.kill()
        self.process.wait()


class Mute:
    """A server that takes connections and says nothing; the kernel takes what fits its buffers."""

    def __init__(self, port: int = 0) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.bind(("127.0.0.1", port))
        self.socket.listen()
        self.port = self.socket.getsockname()[1]
        self.taken: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                self.taken.append(self.socket.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # or accept would go on waiting
        self._thread.join(5)
        self.socket.close()
        for each in self.taken:
            each.close()


def goal(scheme: str, port: int) -> str:
    """The address that a show would be given."""
    path = {"rtmp": "/live/x", "rtsp": "/wall"}.get(scheme, "")
    return f"{scheme}://127.0.0.1:{port}{path}"


def has_bound(port: int, kind: str) -> bool:
    """Whether somebody on this machine listens on `port`, as the kernel lists it."""
    listening = {"tcp": "0A", "udp": "07"}[kind]
    with open(f"/proc/net/{kind}") as table:  # noqa: PTH123
        rows = [line.split() for line in table.readlines()[1:]]
    return any(row[1].endswith(f":{port:04X}") and row[3] == listening for row in rows)


@contextlib.contextmanager
def listening(scheme: str, port: int) -> Iterator[Listener]:
    """A server for `goal(scheme, port)`, made of PyAV, that listens by the time it is given."""
    url = goal(scheme, port)
    how = {
        "rtmp": [url, "flv", "listen=1"],
        "rtsp": [url, "rtsp", "rtsp_flags=listen", "listen_timeout=60"],
        "tcp": [f"{url}?listen=1", "mpegts"],
        "udp": [url, "mpegts"],
    }[scheme]
    command = [sys.executable, "-c", _PROGRAM, *how]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    listener = Listener(url, process)
    reader = threading.Thread(target=listener.read, daemon=True)
    reader.start()
    try:
        from tests.output.planning import until

        until(lambda: has_bound(port, "udp" if scheme == "udp" else "tcp"))
        yield listener
    finally:
        listener.cut()
        reader.join(5)
        assert process.stdout is not None
        process.stdout.close()
