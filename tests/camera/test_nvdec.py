"""The `nvdec` decoder: the order of its calls and what becomes of its pictures, on an engine that
is not one; and itself, where there is a GPU."""

from __future__ import annotations

import time
from functools import partial
from itertools import islice, pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from murai_show.backoff import Backoff
from murai_show.camera import darkroom, open_camera
from murai_show.camera.darkroom import Tags
from murai_show.camera.decode import SOFTWARE
from murai_show.camera.film import file_source
from murai_show.camera.live import live, stream_source
from murai_show.camera.nvdec import Nvdec, open_nvdec
from murai_show.errors import CameraError, DeviceLostError
from murai_show.show.plan import PlannedCamera
from murai_show.show.schema import FileCamera, StreamCamera
from murai_show.show.words import Size, Url
from tests.camera.engine import Engine, GenericError, HostLane, PixelFormat, UnsupportedError
from tests.camera.stand_ins import FakeWire, WallClock, until, write_film
from tests.rtsp_server import RtspServer, encode

# swscale's quickest way from YUV 4:2:0 to RGB, which the software decoder takes, rounds down twice,
# and repeats chroma where nvdec interpolates it: at the edge of the red corner that is much.
QUICK_WAY = 3.0


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def nvdec(engine: Engine) -> Nvdec:
    return Nvdec(engine, 0, partial(HostLane, engine))


def spec(path: Path, **more) -> FileCamera:
    return FileCamera(kind="file", path=str(path), **more)


def played(path: Path, decoding, count: int, within: Size | None = None, **more) -> list:
    source = file_source(spec(path, **more), within, decoding)
    return list(islice(source.pictures(FakeWire()), count))


# ---- pictures --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "film"),
    [
        ("film.mp4", {"bframes": 2}),
        ("film.mkv", {"bframes": 2}),
        ("film.ts", {}),
        ("film.avi", {"codec": "mpeg4"}),
        ("film.webm", {"codec": "libvpx-vp9"}),
        ("phone.mp4", {"rotation": 90}),
    ],
)
@pytest.mark.parametrize("within", [None, Size(40, 32)])
def test_a_film_is_what_the_cpu_would_make_of_it(
    tmp_path: Path, engine: Engine, nvdec: Nvdec, name: str, film: dict, within: Size | None
) -> None:
    """Two rounds, kept until the end: what was lent has been wiped by then."""
    path = write_film(tmp_path / name, frames=12, **film)
    ours, theirs = (played(path, how, 24, within) for how in (nvdec, SOFTWARE))
    assert engine.named("Decode")
    assert [p.pts for p in ours] == pytest.approx([p.pts for p in theirs], abs=1e-6)
    assert [p.captured for p in ours] == pytest.approx([p.captured for p in theirs], abs=1e-6)
    for a, b in zip(ours, theirs, strict=True):
        assert isinstance(a.pixels, torch.Tensor)
        assert a.pixels.dtype == torch.uint8
        assert a.pixels.is_contiguous()
        assert a.pixels.shape == b.pixels.shape
        assert np.abs(a.pixels.numpy().astype(int) - b.pixels).mean() < QUICK_WAY


def test_colours_are_those_that_the_stream_tells(tmp_path: Path, nvdec: Nvdec) -> None:
    """BT.709 in full range at 48 lines: both tags are read, since neither would be guessed."""
    path = tmp_path / "tagged.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        context = stream.codec_context
        context.colorspace, context.color_range = 1, 2
        picture = np.full((48, 64, 3), (30, 200, 90), np.uint8)
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(picture).reformat(
                format="yuv420p", dst_colorspace="itu709", dst_color_range="JPEG"
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    pixels = played(path, nvdec, 1)[0].pixels
    assert (pixels.int() - torch.tensor([30, 200, 90])).abs().max() <= 3


@pytest.mark.parametrize(
    ("form", "space", "told", "tags"),
    [
        ("yuv420p", 1, 2, Tags(1, True, 8, 0)),  # as VP9 and AV1 say it
        ("yuvj420p", 2, 0, Tags(2, True, 8, 0)),  # as H.264 does
        ("yuv420p10le", 9, 1, Tags(9, False, 10, 0)),
        ("yuv420p", 2, 0, Tags(2, False, 8, 0)),
    ],
)
def test_full_range_is_told_in_two_ways(form: str, space: int, told: int, tags: Tags) -> None:
    frame = av.VideoFrame(64, 48, form)
    frame.colorspace, frame.color_range = space, told
    assert Tags.of(frame) == tags


def test_while_nobody_takes_them_pictures_are_copied_and_developed_if_taken(
    tmp_path: Path, engine: Engine, nvdec: Nvdec, monkeypatch: pytest.MonkeyPatch
) -> None:
    developed: list[int] = []
    real = darkroom.to_rgb

    def counted(*given):
        developed.append(1)
        return real(*given)

    monkeypatch.setattr(darkroom, "to_rgb", counted)
    path = write_film(tmp_path / "film.mp4", frames=8)
    wire = FakeWire()
    wire.behind = True
    pictures = list(islice(file_source(spec(path), None, nvdec).pictures(wire), 8))
    assert not developed
    shades = [int(picture.pixels[-4, -4, 0]) for picture in pictures]
    assert shades == pytest.approx([20 + 10 * i for i in range(8)], abs=4)
    assert len(developed) == 8
    assert pictures[3].pixels is pictures[3].pixels
    assert len(developed) == 8


def test_rtsp_is_decoded_live(engine: Engine, nvdec: Nvdec) -> None:
    server = RtspServer(encode(64, 48, 12)).start()
    try:
        url = Url(f"rtsp://127.0.0.1:{server.port}/x")
        source = stream_source(StreamCamera(kind="stream", url=url), None, nvdec)
        wire = FakeWire()
        wire.monotonic = time.monotonic  # type: ignore[method-assign]
        pictures = list(islice(source.pictures(wire), 10))
    finally:
        server.stop()
    assert {tuple(p.pixels.shape) for p in pictures} == {(48, 64, 3)}
    assert all(a.captured <= b.captured for a, b in pairwise(pictures))
    assert engine.named("CreateDecoder")[0][-1] == "LOW"


# ---- the order of calls ----------------------------------------------------------------------


def test_cuda_is_asked_first_and_a_picture_is_complete_before_the_next_packet(
    tmp_path: Path, engine: Engine, nvdec: Nvdec
) -> None:
    played(write_film(tmp_path / "film.mp4", frames=4), nvdec, 99, loop=False)
    names = [call[0] for call in engine.calls]
    assert names[0] == "probe"
    assert names.index("probe") < names.index("GetDecoderCaps") < names.index("CreateDecoder")
    assert engine.named("GetDecoderCaps")[0] == ("GetDecoderCaps", "H264", 1, 8)
    assert engine.named("CreateDecoder") == [("CreateDecoder", "H264", 11, 12, "NATIVE")]
    told = " ".join(names[names.index("CreateDecoder") :])
    # decode in the lane; take the surface in the lane; develop in the lane and wait for it
    assert "work Decode work work wait work Decode" in told
    assert engine.named("Decode")[-1] == ("Decode", 0, 0, 0, 1)  # the end is told


def test_a_film_that_loops_keeps_its_session(tmp_path: Path, engine: Engine, nvdec: Nvdec) -> None:
    played(write_film(tmp_path / "film.mp4", frames=4), nvdec, 12)
    assert len(engine.named("CreateDecoder")) == 1


@pytest.mark.parametrize(("bframes", "latency", "flag"), [(0, "LOW", 8), (2, "NATIVE", 0)])
def test_a_live_picture_comes_with_its_packet_unless_there_are_b_frames(
    tmp_path: Path, engine: Engine, nvdec: Nvdec, bframes: int, latency: str, flag: int
) -> None:
    container = av.open(str(write_film(tmp_path / "film.mkv", frames=8, bframes=bframes)))
    wire = FakeWire()
    first = next(pictures := live(container, "cam", wire, 2.0, None, nvdec))
    assert first.pts == 0.0
    pictures.close()
    assert engine.named("CreateDecoder")[0][-1] == latency
    assert {call[-1] for call in engine.named("Decode")} == {flag}
    if latency == "LOW":
        assert len(engine.named("Decode")) == 1


def test_packets_of_a_transport_stream_are_handed_over_as_they_are(
    tmp_path: Path, engine: Engine, nvdec: Nvdec
) -> None:
    path = write_film(tmp_path / "film.ts", frames=4)
    with av.open(str(path)) as container:
        packets = [(p.size, p.pts) for p in container.demux(video=0) if p.size]
    played(path, nvdec, 99, loop=False)
    assert [(call[2], call[3]) for call in engine.named("Decode")][:-1] == packets


def test_packets_of_mp4_get_start_codes_and_parameter_sets(
    tmp_path: Path, engine: Engine, nvdec: Nvdec
) -> None:
    path = write_film(tmp_path / "film.mp4", frames=4)
    with av.open(str(path)) as container:
        packets = [p.size for p in container.demux(video=0) if p.size]
    assert len(played(path, nvdec, 4, loop=False)) == 4
    assert engine.named("Decode")[0][2] > packets[0]


def test_a_stream_without_stamps_has_none_afterwards(tmp_path: Path, nvdec: Nvdec) -> None:
    path = tmp_path / "raw.h264"
    path.write_bytes(b"".join(encode(64, 48, 6)))
    pictures = played(path, nvdec, 6)
    assert [p.pts for p in pictures] == pytest.approx([0.04 * i for i in range(6)], abs=1e-3)


# ---- what the engine cannot do -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "film", "caps", "said"),
    [
        ("f.avi", {"codec": "mjpeg"}, {}, "it does not know mjpeg"),
        ("f.mp4", {}, {"width_max": 0}, "it cannot decode h264 of 8 bits"),
        ("f.mp4", {}, {"height_min": 64}, "h264 of 64x48 is not within 48x64 and 4096x4096"),
        ("f.mp4", {}, {"width_max": 56}, "h264 of 64x48 is not within 48x16 and 56x4096"),
    ],
)
def test_what_it_does_not_know_the_cpu_decodes_and_one_line_says_so(
    tmp_path: Path, engine: Engine, nvdec: Nvdec, caplog, name: str, film, caps, said: str
) -> None:
    engine.caps |= caps
    path = write_film(tmp_path / name, frames=3, **film)
    for _ in range(2):  # a camera that is opened again
        pictures = played(path, nvdec, 3)
        assert all(isinstance(picture.pixels, np.ndarray) for picture in pictures)
    assert [r.getMessage() for r in caplog.records] == [
        f"{name}: NVDEC leaves it to the CPU: {said}"
    ]
    assert not engine.named("CreateDecoder")


def test_what_is_known_only_from_its_first_picture_goes_to_the_cpu_whole(
    tmp_path: Path, engine: Engine, nvdec: Nvdec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As over RTSP, where nothing is known before: not one picture is missing."""
    troubles = iter(["", "it is 4:2:2"])
    monkeypatch.setattr(nvdec, "trouble_with", lambda codec: next(troubles))
    path = write_film(tmp_path / "f.mkv", frames=9, bframes=2)
    ours = played(path, nvdec, 99, loop=False)
    theirs = played(path, SOFTWARE, 99, loop=False)
    assert len(ours) == 9
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(ours, theirs, strict=True))
    assert not engine.named("CreateDecoder")


def test_only_4_2_0_is_for_the_engine(tmp_path: Path, nvdec: Nvdec) -> None:
    path = tmp_path / "f.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv422p"
        container.mux(stream.encode(av.VideoFrame(64, 48, "yuv422p")))
        container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        trouble = nvdec.trouble_with(container.streams.video[0].codec_context)
    assert trouble == "yuv422p of 64x48 is not 4:2:0 with even sides"


def test_a_camera_joined_between_key_frames_begins_at_the_next(
    tmp_path: Path, engine: Engine, nvdec: Nvdec
) -> None:
    """The engine would conceal what is missing and show grey smears."""
    path = write_film(tmp_path / "film.ts", frames=12)
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        joined = packets[2:]
        decoder = nvdec.open(container.streams.video[0], "cam", live=True, within=None)
        for packet in joined:
            list(decoder(packet, FakeWire()))
    key = next(p for p in joined if p.is_keyframe)
    assert engine.named("Decode")[0][3] == key.pts


def test_what_turns_out_to_be_too_much_is_decoded_on_the_cpu_at_the_next_attempt(
    tmp_path: Path, engine: Engine, nvdec: Nvdec, caplog
) -> None:
    path = write_film(tmp_path / "f.mp4", frames=3)
    engine.faults.append(UnsupportedError("no such profile\nask NVIDIA"))
    with pytest.raises(CameraError, match=r"^f\.mp4 is lost: NVDEC failed: no such profile$"):
        played(path, nvdec, 3)
    assert isinstance(played(path, nvdec, 3)[0].pixels, np.ndarray)
    assert "f.mp4: NVDEC leaves it to the CPU: no such profile" in caplog.text


def test_a_stream_that_grows_gets_a_session_of_its_size(
    tmp_path: Path, engine: Engine, nvdec: Nvdec
) -> None:
    path = tmp_path / "two.h264"
    path.write_bytes(b"".join(encode(64, 48, 10) + encode(128, 96, 10)))
    shapes = [tuple(p.pixels.shape) for p in played(path, nvdec, 99, loop=False)]
    assert shapes == sorted(shapes)
    assert set(shapes) == {(48, 64, 3), (96, 128, 3)}
    assert len(engine.named("CreateDecoder")) == 2


@pytest.mark.parametrize("fault", [GenericError("e 1\ne 2"), RuntimeError("e 1")])
def test_an_engine_that_fails_loses_the_camera_which_is_tried_again(
    tmp_path: Path, engine: Engine, nvdec: Nvdec, fault: Exception
) -> None:
    engine.faults += [fault] * 2
    path = write_film(tmp_path / "f.mp4", frames=6, fps=30)
    planned = PlannedCamera("f", spec(path))
    quick = Backoff(first=0.02, most=0.05)
    camera = open_camera(planned, WallClock(), decoding=nvdec, backoff=quick)
    try:
        assert until(lambda: camera.health(time.monotonic()).state == "live")
        assert isinstance(camera.newest(time.monotonic()).pixels, torch.Tensor)
        assert len(engine.named("CreateDecoder")) == 3
        assert camera.health(time.monotonic()).drops.get("fault", 0) == 0
    finally:
        camera.close()


def test_an_engine_that_gives_no_pictures_is_damage(
    tmp_path: Path, engine: Engine, nvdec: Nvdec
) -> None:
    engine.mute = True
    path = write_film(tmp_path / "f.mp4", frames=80)
    wire = FakeWire()
    with pytest.raises(CameraError, match="no picture that can be decoded"):
        list(file_source(spec(path), None, nvdec).pictures(wire))
    assert wire.drops["corrupt"] == 80 - 64


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (PixelFormat.YUV444, "it gives YUV444, not NV12 or P016"),
        (PixelFormat.P016, r"its P016 has the shape \(72, 64\) of torch.uint8"),
    ],
)
def test_surfaces_of_another_kind_are_refused(
    tmp_path: Path, engine: Engine, nvdec: Nvdec, kind: PixelFormat, said: str
) -> None:
    engine.kind = kind
    with pytest.raises(CameraError, match=said):
        played(write_film(tmp_path / "f.mp4", frames=3), nvdec, 1)


def developing(monkeypatch: pytest.MonkeyPatch, *troubles: Exception) -> None:
    """The next developments raise `troubles`, and those after them succeed."""
    left, real = [*troubles], darkroom.to_rgb

    def to_rgb(*arguments):
        if left:
            raise left.pop(0)
        return real(*arguments)

    monkeypatch.setattr(darkroom, "to_rgb", to_rgb)


FULL = "CUDA out of memory. Tried to allocate\nTry this"
LOST = "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be"


def test_a_gpu_that_is_full_for_a_moment_costs_no_picture(
    tmp_path: Path, engine: Engine, nvdec: Nvdec, monkeypatch: pytest.MonkeyPatch
) -> None:
    developing(monkeypatch, torch.OutOfMemoryError(FULL))
    pictures = played(write_film(tmp_path / "f.mp4", frames=3), nvdec, 3)
    assert all(isinstance(picture.pixels, torch.Tensor) for picture in pictures)
    assert len(engine.named("make_room")) == 1


@pytest.mark.parametrize(
    "trouble", [torch.OutOfMemoryError(FULL), RuntimeError("invalid argument")]
)
def test_a_gpu_that_cannot_develop_is_a_lost_camera(
    tmp_path: Path, nvdec: Nvdec, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    developing(monkeypatch, *[trouble] * 9)
    said = str(trouble).splitlines()[0]
    with pytest.raises(CameraError, match=f"the GPU cannot develop a picture: {said}$"):
        played(write_film(tmp_path / "f.mp4", frames=3), nvdec, 1)


def test_a_decoder_that_has_no_memory_gives_some_back_before_it_is_opened_again(
    tmp_path: Path, engine: Engine, nvdec: Nvdec
) -> None:
    engine.faults.append(GenericError("cuMemAlloc failed: CUDA_ERROR_OUT_OF_MEMORY"))
    path = write_film(tmp_path / "f.mp4", frames=3)
    with pytest.raises(CameraError, match="NVDEC failed: cuMemAlloc failed"):
        played(path, nvdec, 1)
    assert engine.named("make_room")
    assert played(path, nvdec, 1)


@pytest.mark.parametrize("where", ["decoding", "developing"])
def test_a_gpu_that_is_lost_is_no_lost_camera_but_the_end(
    tmp_path: Path, engine: Engine, nvdec: Nvdec, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Neither tried again nor held: `newest` raises, and the painter ends the process with 70."""
    if where == "decoding":
        engine.faults.append(GenericError("cuvidMapVideoFrame: CUDA_ERROR_ILLEGAL_ADDRESS"))
    else:
        developing(monkeypatch, RuntimeError(LOST))
    planned = PlannedCamera("f", spec(write_film(tmp_path / "f.mp4", frames=6, fps=30)))
    camera = open_camera(planned, WallClock(), decoding=nvdec, backoff=Backoff(0.02, 0.05))
    try:
        assert camera.wait(99, 5.0), "a painter that sleeps is woken"
        with pytest.raises(
            DeviceLostError, match="the GPU is lost to this process, which ends"
        ) as e:
            camera.newest(time.monotonic())
        assert "\n" not in str(e.value)
        assert e.value.exit_status == 70
        assert len(engine.named("CreateDecoder")) == 1
    finally:
        camera.close()


# ---- the real thing ----------------------------------------------------------------------------


@pytest.mark.needs_gpu
@pytest.mark.parametrize(
    ("name", "bframes", "rotation", "within"),
    [
        ("film.mp4", 2, 0, None),
        ("film.ts", 0, 0, None),
        ("film.mkv", 2, 0, Size(180, 120)),
        ("phone.mp4", 0, 90, Size(180, 120)),
    ],
)
def test_a_gpu_makes_the_film_that_the_cpu_makes(
    tmp_path: Path, name: str, bframes: int, rotation: int, within: Size | None
) -> None:
    """Decoders of H.264 agree to the bit; what differs is the way to RGB, see QUICK_WAY."""
    path = write_film(
        tmp_path / name, frames=20, size=(320, 240), bframes=bframes, rotation=rotation
    )
    ours, theirs = (played(path, how, 40, within) for how in (open_nvdec(), SOFTWARE))
    assert [p.pts for p in ours] == pytest.approx([p.pts for p in theirs], abs=1e-3)
    for a, b in zip(ours, theirs, strict=True):
        assert a.pixels.is_cuda
        assert a.pixels.dtype == torch.uint8
        assert tuple(a.pixels.shape) == b.pixels.shape
        assert np.abs(a.pixels.cpu().numpy().astype(int) - b.pixels).mean() < QUICK_WAY


@pytest.mark.needs_gpu
def test_a_gpu_decodes_rtsp_with_every_picture_at_its_packet() -> None:
    server = RtspServer(encode(320, 240, 30)).start()
    try:
        url = Url(f"rtsp://127.0.0.1:{server.port}/x")
        planned = PlannedCamera("wall", StreamCamera(kind="stream", url=url))
        camera = open_camera(planned, WallClock(), decoding=open_nvdec())
        try:
            assert until(lambda: camera.health(time.monotonic()).frames > 30)
            frame = camera.newest(time.monotonic())
            assert frame.pixels.is_cuda
            assert tuple(frame.pixels.shape) == (240, 320, 3)
            assert frame.pixels.float().std() > 5
        finally:
            camera.close()
    finally:
        server.stop()
