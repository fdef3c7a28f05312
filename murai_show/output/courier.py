"""The program that carries a stream to its server, in a process of its own.

FFmpeg's protocols open and write without an end in sight, and PyAV holds the interpreter's lock
while it opens an output: a server that takes the connection and says nothing would stop every
thread of the show.  A process can be ended at any moment, whatever it waits for.

It is started by its file's path and imports nothing of ours, so that it is there at once.

It reads from its standard input one line of JSON that says where to and how, then packets, each a
header of `PACKET` (time in 90 kHz, whether it is a key frame, length) and its bytes, a byte stream
after Annex B of ITU-T H.264.  The address comes that way, for a command line can be read by every
user of the machine.  It writes to its standard output `READY` once the server has taken the first
packet, and a line that says why when it ends early.
"""

from __future__ import annotations

import json
import struct
import sys
from fractions import Fraction
from typing import Any, BinaryIO

PACKET = struct.Struct("<q?I")
TIME_BASE = Fraction(1, 90_000)
READY = "ready"


def carry(source: BinaryIO, answer: BinaryIO) -> None:
    """Send what comes from `source` until it ends.  Raises what PyAV raises."""
    import av

    to: dict[str, Any] = json.loads(source.readline())
    container = av.open(to["url"], "w", format=to["format"], options=to["options"])
    rate = Fraction(*to["rate"])
    stream = container.add_mux_stream("h264", rate, width=to["width"], height=to["height"])
    stream.time_base = TIME_BASE
    first = True
    while len(header := source.read(PACKET.size)) == PACKET.size:
        pts, is_key, length = PACKET.unpack(header)
        packet = av.Packet(source.read(length))
        packet.stream, packet.time_base = stream, TIME_BASE
        packet.pts = packet.dts = pts
        packet.is_keyframe = is_key
        container.mux(packet)
        if first:
            say(answer, READY)
            first = False
    container.close()


def say(answer: BinaryIO, text: str) -> None:
    answer.write(f"{text}\n".encode())
    answer.flush()


def main() -> int:
    """Its exit status: 0 at the end of the stream, 1 when it was lost, which it says."""
    try:
        carry(sys.stdin.buffer, sys.stdout.buffer)
    except Exception as error:  # noqa: BLE001 - a program's root: the show hears of it in a line
        # No name of a file: it is the address.
        words = getattr(error, "strerror", None) or str(error) or type(error).__name__
        say(sys.stdout.buffer, " ".join(words.split()))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
