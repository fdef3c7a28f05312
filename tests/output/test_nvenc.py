"""Which encoder records: NVENC where it opens, else x264 with a reason, and the film plays."""

import errno
import logging
from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.codec.context import CodecContext
from av.error import ArgumentError, FFmpegError, err_check

from murai_show.errors import OutputError
from murai_show.gpu import Gpu
from murai_show.output import nvenc as nvenc_module
from murai_show.output import open_output, recording
from murai_show.output.movie import Encoder, x264
from murai_show.output.nvenc import CODEC, choose_encoder, nvenc, refusal
from murai_show.show.timeline import LIT
from murai_show.show.words import Size
from tests.output.planning import STARTED, a_canvas, an_output, flat, noise, until

HD = Size(1280, 720)


@pytest.fixture
def a_gpu(monkeypatch) -> None:
    """The driver answers, whatever this machine has."""
    found = Gpu("a GPU", (9, 0), (13, 0), 2**37)
    monkeypatch.setattr(nvenc_module, "find_gpu", lambda: found)


def opened(encoder: Encoder) -> None:
    codec = CodecContext.create(encoder.codec, "w")
    codec.width, codec.height, codec.pix_fmt = 640, 360, "yuv420p"
    codec.time_base = Fraction(1, 30)
    codec.options = dict(encoder.options)
    codec.open()


def film(make_stage, path: Path, canvas=None, pictures: int = 5) -> list[av.VideoFrame]:
    """Record and play."""
    planned = an_output("recording", canvas or a_canvas(320, 180), path, crf=16)
    output = open_output(planned, make_stage(planned), "A show", STARTED)
    for number in range(pictures):
        output.show(flat((40 * number, 200 - 40 * number, 90)), LIT, number / 10)
        until(lambda wanted=number: output.frames > wanted)
    output.close()
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def shown(frames: list[av.VideoFrame]) -> list[list[float]]:
    return [frame.to_ndarray(format="rgb24").mean((0, 1)).tolist() for frame in frames]


def painted(pictures: int = 5) -> list[pytest.approx]:
    # Video range has 220 steps of grey, and colour is rounded on its own: 3 of 255.
    return [pytest.approx((40 * n, 200 - 40 * n, 90), abs=3) for n in range(pictures)]


@pytest.mark.parametrize("crf", [0, 20, 51])
def test_ffmpeg_knows_every_option_and_value_for_nvenc(crf) -> None:
    """FFmpeg reads the options before it looks for a driver, and tells a bad one from no GPU."""
    encoder = nvenc(crf)
    assert encoder.options["cq"] != "0", "that would be automatic"
    for name in encoder.options:
        with pytest.raises(ArgumentError):
            opened(Encoder(CODEC, {name: "nonsense"}))
    try:
        opened(encoder)
    except FFmpegError as error:
        assert error.errno != errno.EINVAL, error  # noqa: PT017  opening may succeed, too


def test_x264_opens_with_its_options() -> None:
    assert refusal(x264(20), HD, 30.0) == ""


def test_ffmpeg_without_nvenc_leaves_it_to_x264(
    a_gpu, make_stage, tmp_path, monkeypatch, caplog
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(nvenc_module, "CODEC", "h264_later")
    frames = film(make_stage, tmp_path / "a.mp4")
    assert shown(frames) == painted()
    (line,) = caplog.messages
    assert line.startswith("output my-recording: x264 records, on the CPU: no NVENC here: ")
    assert "built without h264_later" in line


def test_nvenc_that_does_not_open_leaves_it_to_x264(a_gpu, make_stage, tmp_path, caplog) -> None:
    """Really tried: without a GPU nothing opens, and with one 16 x 16 is too small for it."""
    caplog.set_level(logging.INFO)
    frames = film(make_stage, tmp_path / "a.mkv", a_canvas(16, 16))
    assert shown(frames) == painted()
    assert len(caplog.messages) == 1
    assert "x264 records, on the CPU: no NVENC here: " in caplog.text


def test_without_an_nvidia_gpu_nothing_is_tried_and_nothing_said(
    make_stage, tmp_path, monkeypatch, caplog
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(nvenc_module, "find_gpu", lambda: None)
    monkeypatch.setattr(nvenc_module, "refusal", lambda *_: pytest.fail("NVENC was tried"))
    assert shown(film(make_stage, tmp_path / "a.mp4")) == painted()
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.EPERM, "driver, or its part for encoding, is not installed"),
        (errno.ENOSYS, "no encoder for H.264, or its driver is too old"),
        (errno.ENOMEM, "as many films as it may"),
        (errno.EINVAL, "pictures of this size"),
        (errno.EIO, "Input/output error"),
        (0x20545845, "no GPU here has an encoder"),  # AVERROR_EXTERNAL
    ],
)
def test_why_not_is_told_apart(monkeypatch, code, said) -> None:
    def fails(*_: object) -> None:
        err_check(-code)

    monkeypatch.setattr(nvenc_module.CodecContext, "create", fails)
    with pytest.raises(FFmpegError):
        fails()
    assert said in refusal(nvenc(20), HD, 30.0)


def test_the_size_is_the_even_one_that_will_be_encoded(a_gpu, monkeypatch) -> None:
    sizes = []
    monkeypatch.setattr(nvenc_module, "refusal", lambda _e, size, _f: sizes.append(size) or "no")
    assert choose_encoder("a", Size(321, 181), 30.0, 20) == x264(20)
    assert sizes == [(320, 180)]


def test_what_opens_is_taken(a_gpu, make_stage, tmp_path, monkeypatch, caplog) -> None:
    """Where there is no NVENC, another encoder stands in for it."""
    caplog.set_level(logging.INFO)
    stand_in = Encoder("libx264", {**x264(16).options, "preset": "medium", "forced-idr": "1"})
    monkeypatch.setattr(nvenc_module, "nvenc", lambda _crf: stand_in)
    assert choose_encoder("a", HD, 30.0, 16) is stand_in
    caplog.clear()
    frames = film(make_stage, tmp_path / "a.mp4")
    assert shown(frames) == painted()
    assert caplog.messages == ["output my-recording: NVENC records"]


def test_it_is_chosen_once_for_all_files(a_gpu, make_stage, tmp_path, monkeypatch, caplog) -> None:
    """A recording that breaks off and goes on in a new file does not ask again."""
    caplog.set_level(logging.INFO)
    made = []

    class Breaking(recording.Movie):
        def __init__(self, *arguments, **options) -> None:
            super().__init__(*arguments, **options)
            made.append(arguments[-1])

        def write(self, rgba, seconds) -> None:
            if len(made) == 1 and seconds > 0:
                raise OSError(errno.EIO, "Input/output error")
            super().write(rgba, seconds)

    monkeypatch.setattr(recording, "Movie", Breaking)
    planned = an_output("recording", a_canvas(96, 64), tmp_path / "a.mp4")
    output = open_output(planned, make_stage(planned), "", STARTED)
    for number, now in enumerate([0.0, 1.0, 7.0, 8.0]):
        try:
            output.show(noise(number), LIT, now)
        except OutputError as error:
            assert now == 7.0, error  # noqa: PT017  told once, with the next picture
            output.show(noise(number), LIT, now)
        until(lambda: output._worker.idle)
    output.close()
    assert len(made) == 2
    assert made[0] is made[1]
    assert caplog.text.count("records") == 1


@pytest.mark.needs_gpu
def test_on_a_gpu_nvenc_s_film_plays(make_stage, tmp_path, caplog) -> None:
    caplog.set_level(logging.INFO)
    if trouble := refusal(nvenc(16), Size(320, 180), 30.0):
        pytest.skip(f"this GPU has no NVENC that opens: {trouble}")
    frames = film(make_stage, tmp_path / "a.mp4")
    assert "NVENC records" in caplog.text
    assert shown(frames) == painted()
    assert frames[0].key_frame
