"""Streams over real sockets, to servers that come, go, stall and refuse."""

from __future__ import annotations

import itertools
import logging
import shutil
import socket
import subprocess
import time
from pathlib import Path
from random import Random

import av
import pytest

from murai_show.backoff import Backoff
from murai_show.errors import OutputError
from murai_show.output import link as link_module
from murai_show.output import stream as stream_module
from murai_show.output.link import has_protocol
from murai_show.output.movie import Encoder
from murai_show.output.nvenc import CODEC, refusal
from murai_show.output.stream import BUSY, OFFLINE, Stream, nvenc_live, x264_live
from murai_show.show.timeline import LIT
from murai_show.show.words import FromEnviron, Size
from tests.output.listening import Mute, goal, listening
from tests.output.planning import BLUE, GREEN, RED, a_canvas, an_output, flat, noise, until
from tests.ports import free_port

CANVAS = a_canvas(96, 64)
SOON = Backoff(first=0.05, most=0.1, good=0.5)
# Seconds.  On a busy machine a call may have to wait for its turn; one that hangs waits for ever.
HANGS = 1.0
SECRET = "k3y-of-the-stream"


@pytest.fixture
def stream(make_stage):
    opened: list[Stream] = []

    def start(url: str, **changed) -> Stream:
        planned = an_output("stream", CANVAS, url=url, **{"fps": 25, "bitrate": "1M", **changed})
        opened.append(Stream(planned, make_stage(planned), SOON, Random(1)))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


class Show:
    """Shows pictures in real time, as the loop does, and remembers the longest wait."""

    def __init__(self, stream: Stream) -> None:
        self.stream, self.number, self.longest = stream, 0, 0.0
        stream._pickup._stage.draw(CANVAS, noise(0), 1.0)  # compiling shaders is not its fault

    def until(self, true, picture=None, seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            begun = time.monotonic()
            assert begun < deadline, "it never happened"
            self.number += 1
            self.stream.show(picture or noise(self.number), LIT, begun)
            self.longest = max(self.longest, time.monotonic() - begun)
            time.sleep(0.04)


@pytest.mark.parametrize("scheme", ["rtmp", "rtsp", "tcp", "udp"])
def test_pictures_arrive(stream, scheme) -> None:
    port = free_port(socket.SOCK_DGRAM if scheme == "udp" else socket.SOCK_STREAM)
    with listening(scheme, port) as server:
        sent = stream(goal(scheme, port))
        show = Show(sent)
        show.until(lambda: len(server.seen) >= 2, flat(RED))
        green = pytest.approx(GREEN, abs=4)
        show.until(lambda: server.seen[-1].colour == green, flat(GREEN))
        assert sent.connected
        assert sent.reconnects == 0
        assert sent.drops.get(OFFLINE, 0) == 0
        assert server.seen[0].key
        assert {(s.width, s.height) for s in server.seen} == {(96, 64)}


def test_key_frames_come_when_they_were_asked_for(stream) -> None:
    port = free_port()
    with listening("tcp", port) as server:
        show = Show(stream(goal("tcp", port), keyframes="400ms"))
        show.until(lambda: sum(s.key for s in server.seen) >= 6)
        keys = [place for place, seen in enumerate(server.seen) if seen.key][1:]
        gaps = [b - a for a, b in itertools.pairwise(keys)]
        assert all(gap <= 10 for gap in gaps), gaps  # 0.4 s at 25 a second


@pytest.mark.parametrize("scheme", ["rtmp", "tcp"])
def test_a_server_that_dies_is_found_again(stream, scheme, caplog) -> None:
    """The loop never waits; two lines in the log; the first picture after it is a key frame."""
    caplog.set_level(logging.INFO)
    port = free_port()
    with listening(scheme, port) as server:
        sent = stream(goal(scheme, port))
        show = Show(sent)
        show.until(lambda: len(server.seen) >= 5)
        server.cut()
        show.until(lambda: not sent.connected)
    show.until(lambda: sent.drops.get(OFFLINE, 0) >= 10)
    with listening(scheme, port) as server:
        show.until(lambda: len(server.seen) >= 10)
        assert server.seen[0].key
    assert sent.reconnects == 1
    assert caplog.text.count("is lost") == 1
    assert caplog.text.count("sending again to") == 1
    assert show.longest < HANGS


def test_a_server_that_is_not_there_at_first(stream, caplog) -> None:
    caplog.set_level(logging.INFO)
    port = free_port()
    sent = stream(goal("tcp", port))
    show = Show(sent)
    show.until(lambda: sent._sender._failures >= 2)
    assert not sent.connected
    with listening("tcp", port) as server:
        show.until(lambda: len(server.seen) >= 3)
    assert "Connection refused" in caplog.text
    assert caplog.text.count("is lost") == 1
    assert sent.reconnects == 0


@pytest.fixture
def mute():
    server = Mute()
    yield server
    server.close()


def test_a_server_that_says_nothing_stops_no_thread(stream, mute, monkeypatch, caplog) -> None:
    """RTMP's handshake waits for ever: in this process it would hold every thread."""
    monkeypatch.setattr(stream_module, "OPEN_WITHIN", 0.6)
    sent = stream(goal("rtmp", mute.port))
    show = Show(sent)
    show.until(lambda: len(mute.taken) >= 2)
    assert "no answer within 0.6 s" in caplog.text
    assert show.longest < HANGS
    assert sent.drops[OFFLINE] > 0


def test_a_server_that_stalls_is_left(stream, mute, monkeypatch, caplog) -> None:
    """It took pictures, then its buffers fill: pictures are dropped before they are encoded."""
    monkeypatch.setattr(stream_module, "PATIENCE", 0.5)
    sent = stream(goal("tcp", mute.port) + "?send_buffer_size=4096", bitrate="60M", fps=200)
    show = Show(sent)
    show.until(lambda: sent.connected)
    show.until(lambda: "nothing was taken for 0.5 s" in caplog.text, seconds=60)
    assert sent.drops[BUSY] > 0
    assert show.longest < HANGS
    show.until(lambda: sent.reconnects >= 1)


def test_closing_does_not_wait_for_a_server_that_stalls(stream, mute, monkeypatch) -> None:
    monkeypatch.setattr(stream_module, "PATIENCE", 60.0)
    sent = stream(goal("tcp", mute.port) + "?send_buffer_size=4096", bitrate="60M", fps=200)
    show = Show(sent)
    show.until(lambda: sent.drops.get(BUSY, 0) > 3, seconds=60)
    begun = time.monotonic()
    sent.close()
    assert time.monotonic() - begun < 3.0
    until(lambda: not sent._worker._thread.is_alive())


def test_the_end_of_the_show_is_the_end_of_the_stream(stream, tmp_path) -> None:
    """What was handed over arrives, and no process is left."""
    port = free_port()
    with listening("tcp", port) as server:
        sent = stream(goal("tcp", port))
        show = Show(sent)
        show.until(lambda: sent.connected)
        show.until(lambda: len(server.seen) >= 3, flat(BLUE))
        courier = sent._sender._link._courier
        sent.close()
        sent.close()
        assert courier.poll() is not None
        server.process.wait(20)  # its stream ended


def test_no_secret_is_ever_said(stream, caplog) -> None:
    """The key is in the URL alone: not in the log, not on a command line, not in what is said."""
    caplog.set_level(logging.DEBUG)
    port = free_port()
    template = f"rtmp://someone:${{WORD}}@127.0.0.1:{port}/live/${{KEY}}"
    url = template.replace("${WORD}", "pa55word").replace("${KEY}", SECRET)
    sent = stream(FromEnviron(url, template))
    show = Show(sent)
    show.until(lambda: sent._sender._link is not None)
    pid = sent._sender._link._courier.pid
    line = Path(f"/proc/{pid}/cmdline").read_bytes()
    assert b"courier.py" in line
    assert SECRET.encode() not in line
    show.until(lambda: sent._sender._failures >= 1)
    assert f"{template} is lost" in caplog.text
    for secret in (SECRET, "pa55word"):
        assert secret not in caplog.text


def test_an_encoder_that_breaks_is_told_once(stream, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no such luck")

    monkeypatch.setattr(stream_module, "Link", broken)
    sent = stream("udp://127.0.0.1:9")
    sent.show(noise(0), LIT, 0.0)
    until(lambda: sent._worker.failure is not None)
    with pytest.raises(OutputError, match="output my-stream: the encoder stopped: no such luck"):
        sent.show(noise(1), LIT, 0.1)
    sent.show(noise(2), LIT, 0.2)


def test_the_rate_is_held() -> None:
    """Noise is the worst there is: the encoder may not spend more than it was given."""
    where = link_module.Where("udp://x", Size(320, 180), 25.0, x264_live(400_000), 2.0, 5.0)
    codec, to_yuv = link_module._open_encoder(where), link_module.ToYuv(where.size)
    canvas_rgba = [noise(n, 320, 180).pixels for n in range(100)]
    size = 0
    for number, rgb in enumerate(canvas_rgba):
        rgba = av.VideoFrame.from_ndarray(rgb, "rgb24").to_ndarray(format="rgba")
        frame = to_yuv(rgba, number / 25, number)
        size += sum(packet.size for packet in codec.encode(frame))
    assert 8 * size / 4.0 < 2.0 * 400_000, "at its coarsest noise takes twice the rate at most"


def test_both_encoders_take_their_options() -> None:
    """NVENC is asked without a GPU: FFmpeg reads the options before it looks for a driver."""
    assert refusal(x264_live(4_000_000), Size(640, 360), 30.0) == ""
    options = dict(nvenc_live(4_000_000).options)
    good = refusal(Encoder(CODEC, options), Size(640, 360), 30.0)
    assert "size" not in good
    for name in options:
        wrong = refusal(Encoder(CODEC, {**options, name: "nonsense"}), Size(640, 360), 30.0)
        assert wrong != good, name


def test_ffmpeg_is_asked_for_its_protocols() -> None:
    assert not has_protocol("foo")
    assert has_protocol("tcp")


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="the command ffmpeg is not installed")
def test_another_s_server_understands_it(stream, tmp_path) -> None:
    """FFmpeg's own program as the server: it writes what came, and that plays."""
    port, copy = free_port(), tmp_path / "copy.mkv"
    command = ["ffmpeg", "-loglevel", "error", "-listen", "1", "-i", goal("rtmp", port)]
    server = subprocess.Popen([*command, "-c", "copy", str(copy)], stdin=subprocess.DEVNULL)
    try:
        sent = stream(goal("rtmp", port))
        show = Show(sent)
        show.until(lambda: sent.connected)
        begun = show.number
        show.until(lambda: show.number > begun + 50)
        sent.close()
        assert server.wait(20) == 0
    finally:
        server.kill()
        server.wait()
    with av.open(str(copy)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert sum(1 for _ in container.decode(video=0)) > 40
