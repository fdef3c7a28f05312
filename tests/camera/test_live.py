"""Live cameras: a real RTSP server that is cut, falls silent or is not there; HTTP; V4L2."""

from __future__ import annotations

import logging
import socket
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice, pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from murai_show.backoff import Backoff
from murai_show.camera import open_camera
from murai_show.camera.live import live, open_v4l2, stream_options, stream_source, v4l2_source
from murai_show.errors import CameraError
from murai_show.ports import Camera
from murai_show.show.plan import PlannedCamera
from murai_show.show.schema import StreamCamera, V4l2Camera
from murai_show.show.secret import redacted
from murai_show.show.words import Size, Url
from tests.camera.stand_ins import FakeWire, WallClock, until, write_film
from tests.rtsp_server import RtspServer, encode

PASSWORD = "s3cr&t-p%40ss"  # as written in a URL; it means s3cr&t-p@ss
QUICK = Backoff(first=0.05, most=0.1)


@pytest.fixture(scope="module")
def units() -> list[bytes]:
    return encode(320, 240, 30)


def stream(url: str, **more: float) -> StreamCamera:
    seconds = {key: f"{value}s" for key, value in ({"open_timeout": 2.0} | more).items()}
    return StreamCamera(kind="stream", url=Url(url), **seconds)


def camera_at(spec: StreamCamera) -> Camera:
    return open_camera(PlannedCamera("wall", spec), WallClock(), backoff=QUICK)


def state(camera: Camera) -> str:
    return camera.health(time.monotonic()).state


def test_rtsp_live_cut_held_slate_and_live_again(
    units: list[bytes],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    server = RtspServer(units, user="murai", password="s3cr&t-p@ss").start()
    url = f"rtsp://murai:{PASSWORD}@127.0.0.1:{server.port}/wall?token=abcdef123"
    camera = camera_at(stream(url, read_timeout=0.5, hold=0.3))
    said = []
    try:
        assert until(lambda: state(camera) == "live")
        first = camera.newest(time.monotonic())
        assert first.pixels.shape == (240, 320, 3)
        assert first.pixels.dtype == np.uint8
        assert first.pixels.max() > 200 > first.pixels.min()
        assert until(lambda: camera.health(time.monotonic()).frames > 10)

        server.cut()
        assert until(lambda: state(camera) == "held")
        held = camera.newest(time.monotonic())
        assert held.pixels.shape == (240, 320, 3)
        assert until(lambda: state(camera) == "slate")
        slate = camera.newest(time.monotonic())
        assert slate.pixels.shape == (720, 1280, 3)
        assert slate.number > held.number >= first.number
        assert until(lambda: "refused" in camera.health(time.monotonic()).trouble)
        said.append(repr(camera.health(time.monotonic())))

        server.start()
        assert until(lambda: state(camera) == "live")
        assert camera.newest(time.monotonic()).number > slate.number
        assert camera.health(time.monotonic()).reconnects == 1
        said.append(repr(camera.health(time.monotonic())))
    finally:
        began = time.monotonic()
        camera.close()
        assert time.monotonic() - began < 2.0
        server.stop()
    said += [caplog.text, *capfd.readouterr()]
    for secret in (PASSWORD, "s3cr&t", "abcdef123"):
        assert all(secret not in text for text in said)
    lines = [r.getMessage() for r in caplog.records if r.name.startswith("murai_show.camera")]
    assert len(lines) == 2, lines


def test_rtsp_that_falls_silent_is_lost_and_taken_up_again(units: list[bytes]) -> None:
    server = RtspServer(units).start()
    camera = camera_at(stream(f"rtsp://127.0.0.1:{server.port}/x", read_timeout=0.4, hold=0.1))
    try:
        assert until(lambda: state(camera) == "live")
        server.silent.set()  # the connection stays open
        assert until(lambda: state(camera) == "slate")
        assert until(lambda: camera.health(time.monotonic()).trouble)
        server.silent.clear()
        assert until(lambda: state(camera) == "live")
    finally:
        camera.close()
        server.stop()


def test_a_stream_of_another_size_after_the_cut(units: list[bytes]) -> None:
    server = RtspServer(units).start()
    camera = camera_at(stream(f"rtsp://127.0.0.1:{server.port}/x", read_timeout=0.5))
    try:
        assert until(lambda: state(camera) == "live")
        server.cut()
        server.units = RtspServer(encode(128, 96, 12)).units
        server.start()
        assert until(lambda: camera.newest(time.monotonic()).pixels.shape == (96, 128, 3))
    finally:
        camera.close()
        server.stop()


def test_a_stream_that_changes_size_while_it_runs(units: list[bytes]) -> None:
    server = RtspServer(encode(64, 48, 10) + encode(128, 96, 10)).start()
    spec = stream(f"rtsp://127.0.0.1:{server.port}/x")
    try:
        shapes = [p.pixels.shape for p in islice(stream_source(spec).pictures(Wall()), 32)]
    finally:
        server.stop()
    assert set(shapes) == {(48, 64, 3), (96, 128, 3)}


class Wall(FakeWire):
    """A wire on the machine's own clock."""

    def monotonic(self) -> float:
        return time.monotonic()


@pytest.mark.parametrize("scheme", ["rtsp", "rtsps", "http", "https"])
def test_nobody_there_names_no_password(scheme: str) -> None:
    spec = stream(f"{scheme}://murai:{PASSWORD}@127.0.0.1:9/x?key=verysecret")
    with pytest.raises(CameraError) as caught:
        next(stream_source(spec).pictures(Wall()))
    said = str(caught.value)
    assert said.startswith(f"{scheme}://***@127.0.0.1:9/x?*** cannot be opened: ")
    error: BaseException | None = caught.value
    while error is not None:  # not in what a traceback would drag along either
        for secret in (PASSWORD, "s3cr&t", "verysecret"):
            assert secret not in f"{error!r} {error.args} {vars(error)}"
        error = error.__cause__ or error.__context__


def test_a_server_that_accepts_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        spec = stream(f"rtsp://127.0.0.1:{port}/x", open_timeout=0.3)
        with pytest.raises(CameraError, match="cannot be opened: no video came that can be read"):
            next(stream_source(spec).pictures(Wall()))
        camera = camera_at(stream(f"rtsp://127.0.0.1:{port}/x", open_timeout=3.0))
        time.sleep(0.1)  # let it sit in the open
        began = time.monotonic()
        camera.close()
        assert time.monotonic() - began < 2.0


def test_a_wrong_password_says_so_and_not_which(units: list[bytes]) -> None:
    server = RtspServer(units, user="murai", password="right").start()
    spec = stream(f"rtsp://murai:wrongword@127.0.0.1:{server.port}/x")
    try:
        with pytest.raises(CameraError, match="401") as caught:
            next(stream_source(spec).pictures(Wall()))
        assert "wrongword" not in str(caught.value)
    finally:
        server.stop()


def test_redacted_takes_out_every_trace() -> None:
    url = Url("rtsp://bob:p%40ss+word@cam:554/a?token=t0k%2Fen&x=1")
    text = "failed: rtsp://bob:p%40ss+word@cam:554/a?token=t0k%2Fen&x=1 (p@ss+word, t0k/en, 111)"
    assert redacted(text, url) == f"failed: {url} (***, ***, 111)"
    assert str(url) == "rtsp://***@cam:554/a?***"
    assert redacted("a plain sentence", Url("rtsp://cam/a")) == "a plain sentence"


def test_options_keep_the_first_key_frame() -> None:
    rtsp = stream_options(stream("rtsp://cam/a", open_timeout=1.0))
    assert rtsp["rtsp_transport"] == "tcp"
    assert "nobuffer" not in repr(rtsp)
    assert "file" not in stream_options(stream("http://cam/a"))["protocol_whitelist"]


# ---- HTTP ---------------------------------------------------------------------------------


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class Mjpeg(Quiet):
    """A web camera: JPEGs, one after the other, as a multipart reply."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        picture = (Path(self.directory) / "one.jpg").read_bytes()
        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
        try:
            while True:
                self.wfile.write(head.encode() + picture + b"\r\n")
                time.sleep(0.02)
        except OSError:
            return  # the viewer went away


@pytest.fixture
def serve(tmp_path: Path):
    servers = []

    def start(handler: type[Quiet]) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(tmp_path)))
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_film_on_a_web_server_is_paced_and_loops(tmp_path: Path, serve) -> None:
    write_film(tmp_path / "film.mp4", frames=10, fps=20)
    spec = stream(f"{serve(Quiet)}/film.mp4")
    pictures = list(islice(stream_source(spec).pictures(FakeWire()), 25))
    assert [p.captured - 100 for p in pictures] == pytest.approx(
        [i / 20 for i in range(25)], abs=1e-3
    )


def test_mjpeg_over_http_is_live(tmp_path: Path, serve) -> None:
    with av.open(str(write_film(tmp_path / "f.mp4", frames=1, size=(320, 240)))) as container:
        next(container.decode(video=0)).to_image().save(tmp_path / "one.jpg")
    pictures = list(islice(stream_source(stream(f"{serve(Mjpeg)}/cam")).pictures(Wall()), 5))
    assert {p.pixels.shape for p in pictures} == {(240, 320, 3)}
    assert all(a.captured < b.captured for a, b in pairwise(pictures))


# ---- V4L2: no device can be made here, so the opener is put in ------------------------------


class Device:
    """Stands for av.open on a camera that knows `formats`, and plays `film` as its packets."""

    def __init__(self, film: Path, formats: set[str], stutter: int = 0) -> None:
        self.film = film
        self.formats = formats
        self.stutter = stutter
        self.asked: list[str] = []

    def __call__(self, file: str, **options):
        assert (file, options["format"]) == ("/dev/video9", "v4l2")
        assert options["options"]["video_size"] == "640x360"
        assert options["options"]["framerate"] == "25"
        wanted = options["options"].get("input_format", "raw")
        self.asked.append(wanted)
        if wanted not in self.formats:
            raise av.error.ArgumentError(22, "Invalid argument", file)
        return Stuttering(av.open(str(self.film)), self.stutter)


class Stuttering:
    """A container that has nothing yet between two packets, as a non-blocking device does."""

    def __init__(self, container, stutter: int) -> None:
        self._container = container
        self._packets = container.demux()
        self._stutter = stutter

    def __getattr__(self, name: str):
        return getattr(self._container, name)

    def demux(self, *_):
        for i in range(10**9):
            if i == 1 and self._stutter:
                raise av.error.BlockingIOError(11, "Resource temporarily unavailable")
            packet = next(self._packets, None)
            if packet is None:
                return
            yield packet


@pytest.fixture
def v4l2() -> V4l2Camera:
    return V4l2Camera(kind="v4l2", device="/dev/video9", size=Size(640, 360), fps=25.0)


@pytest.mark.parametrize(
    ("formats", "asked", "codec"),
    [
        ({"h264", "mjpeg", "raw"}, ["h264"], "libx264"),
        ({"mjpeg", "raw"}, ["h264", "mjpeg"], "mjpeg"),
        ({"raw"}, ["h264", "mjpeg", "raw"], "rawvideo"),
    ],
)
def test_v4l2_takes_the_best_format_that_the_camera_has(
    tmp_path: Path, v4l2: V4l2Camera, caplog, formats: set[str], asked: list[str], codec: str
) -> None:
    caplog.set_level(logging.INFO)
    device = Device(write_film(tmp_path / "film.mkv", codec=codec), formats, stutter=1)
    wire = FakeWire()
    pictures = v4l2_source(v4l2, open_=device).pictures(wire)
    seen = list(islice(pictures, 15))
    pictures.close()
    assert device.asked == asked
    assert [p.pixels.shape for p in seen] == [(48, 64, 3)] * 15
    assert wire.now > 100.0  # it rested while there was nothing
    lines = [r.getMessage() for r in caplog.records if "filming" in r.getMessage()]
    assert lines == [f"/dev/video9: filming in {asked[-1]}"]


def test_v4l2_that_opens_in_no_format_names_each(tmp_path: Path, v4l2: V4l2Camera) -> None:
    device = Device(tmp_path / "none", set())
    with pytest.raises(CameraError) as caught:
        open_v4l2(v4l2, device)
    assert str(caught.value) == (
        "/dev/video9 cannot be opened (h264: Invalid argument; mjpeg: Invalid argument; "
        "raw: Invalid argument)"
    )


def test_v4l2_that_is_unplugged() -> None:
    spec = V4l2Camera(kind="v4l2", device="/dev/murai-no-such-camera")
    with pytest.raises(CameraError, match="is not there; is the camera plugged in"):
        next(v4l2_source(spec).pictures(FakeWire()))


def test_v4l2_that_hangs_is_lost_after_its_read_timeout(tmp_path: Path) -> None:
    class Hung(Stuttering):
        def demux(self, *_):
            raise av.error.BlockingIOError(11, "Resource temporarily unavailable")
            yield

    container = Hung(av.open(str(write_film(tmp_path / "film.mkv"))), 0)
    wire = FakeWire()
    with pytest.raises(CameraError, match="/dev/v is lost: no video for 2 s"):
        list(live(container, "/dev/v", wire, patience=2.0))
    assert wire.now == pytest.approx(102.0, abs=0.01)


def test_v4l2_stamps_of_the_monotonic_clock_are_the_capture_time(tmp_path: Path) -> None:
    container = av.open(str(write_film(tmp_path / "film.mkv", frames=4, fps=20)))
    wire = FakeWire()
    wire.now = 0.2  # as if the machine had started when the film did
    pictures = islice(live(container, "cam", wire, 2.0), 3)
    assert [p.captured for p in pictures] == pytest.approx([0.0, 0.05, 0.1], abs=0.002)
