"""Canvases in a GPU's memory, and films of them: a fake CUDA that copies, real OpenGL, real FFmpeg.

FFmpeg takes NV12 in the computer's memory as it takes it in a GPU's, by DLPack, so all but CUDA's
own copy is what runs on a GPU.
"""

import gc
import logging
import subprocess
import sys
import weakref
from pathlib import Path

import av
import numpy as np
import pytest
from av.error import ExternalError

from murai_show.errors import OutputError
from murai_show.output import nvenc, open_output, recording, surfaces
from murai_show.output.movie import Encoder, ToYuv, x264
from murai_show.output.nvenc import refusal
from murai_show.show.timeline import LIT
from murai_show.show.words import Size
from tests.output.cuda_fake import FakeRuntime, Status
from tests.output.planning import STARTED, a_canvas, an_output, flat, noise, until
from tests.plans import REPOSITORY

OPEN = ["cudaGLGetDevices", "cudaSetDevice", "cudaStreamCreateWithFlags"]
OPEN += ["cudaGraphicsGLRegisterImage"]
COPY = ["cudaGraphicsMapResources", "cudaGraphicsSubResourceGetMappedArray"]
COPY += ["cudaMemcpy2DFromArrayAsync", "cudaGraphicsUnmapResources", "cudaStreamSynchronize"]
CLOSE = ["cudaGraphicsUnregisterResource", "cudaStreamDestroy"]


@pytest.fixture
def gpu(cuda, monkeypatch) -> FakeRuntime:
    monkeypatch.setattr(surfaces, "memory_of", lambda _gpu: "cpu")
    return cuda


@pytest.fixture
def encoder(monkeypatch) -> Encoder:
    """x264 stands in for NVENC, and takes what lies in the "GPU's" memory."""
    found = Encoder("libx264", x264(16).options, surfaces=True)
    monkeypatch.setattr(recording, "choose_encoder", lambda *_: found)
    return found


def a_stage(make_stage, *size: int):
    planned = an_output("recording", a_canvas(*size))
    return make_stage(planned), planned.canvas


@pytest.mark.parametrize("size", [(64, 36), (33, 17), (640, 360)])
def test_a_surface_is_what_was_drawn(gpu, make_stage, size) -> None:
    stage, canvas = a_stage(make_stage, *size)
    taken = []
    for number in (1, 2):
        stage.draw(canvas, noise(number, *size), 1.0)
        taken.append((stage.surface(canvas), stage.read_rgba(canvas)))
    for surface, rgba in taken:  # each has memory of its own
        assert (surface.format.name, surface.width, surface.height) == (
            "nv12",
            size[0] & ~1,
            size[1] & ~1,
        )
        wanted = ToYuv(Size(*size), "nv12")(rgba, 0.0)
        lines = surface.height
        luma = surface.to_ndarray()[:lines].astype(int) - wanted.to_ndarray()[:lines]
        assert np.abs(luma).max() <= 1


def test_registered_once_then_one_copy_for_each(gpu, make_stage) -> None:
    stage, canvas = a_stage(make_stage, 64, 36)
    stage.draw(canvas, noise(1), 1.0)
    stage.surface(canvas)
    assert gpu.calls == [*OPEN, *COPY]
    gpu.calls.clear()
    stage.surface(canvas)
    assert gpu.calls == COPY
    gpu.calls.clear()
    stage.close()
    assert gpu.calls == CLOSE
    assert not gpu.registered
    assert not gpu.streams


def test_memory_is_let_go_with_the_surface(gpu, make_stage, monkeypatch) -> None:
    """The encoder drops its frame when it is done; nothing else holds the codes."""
    held: list[weakref.ref] = []

    def of_numpy_s(shape, **_: object):
        codes = np.empty(shape, np.uint8)
        held.append(weakref.ref(codes))
        return surfaces.torch.from_numpy(codes)

    monkeypatch.setattr(surfaces.torch, "empty", of_numpy_s)
    stage, canvas = a_stage(make_stage, 64, 36)
    stage.draw(canvas, noise(1), 1.0)
    surface = stage.surface(canvas)
    pixels = surface.to_ndarray().copy()
    gc.collect()
    assert held[0]() is not None
    assert np.array_equal(surface.to_ndarray(), pixels)
    del surface
    gc.collect()
    assert held[0]() is None


@pytest.mark.parametrize("name", [*OPEN, *COPY])
def test_what_fails_is_a_sentence_and_leaves_nothing_mapped(gpu, make_stage, name) -> None:
    stage, canvas = a_stage(make_stage, 64, 36)
    stage.draw(canvas, noise(1), 1.0)
    gpu.failing[name] = Status.cudaErrorUnknown
    with pytest.raises(OutputError, match=rf"^CUDA's {name} failed with cudaErrorUnknown"):
        stage.surface(canvas)
    gpu.failing.clear()
    assert not any(resource.mapped for resource in gpu.registered)
    assert stage.surface(canvas).width == 64


def test_opengl_without_cuda_lends_no_surfaces(gpu, make_stage) -> None:
    gpu.drawing = 0
    stage, canvas = a_stage(make_stage, 64, 36)
    with pytest.raises(OutputError, match=r"^no GPU of CUDA's draws this OpenGL$"):
        stage.surface(canvas)


def test_a_full_gpu_is_a_sentence(gpu, make_stage, monkeypatch) -> None:
    monkeypatch.setattr(surfaces, "memory_of", lambda _gpu: "cuda:0")
    stage, canvas = a_stage(make_stage, 64, 36)

    def full(*_: object, **__: object) -> None:
        raise surfaces.torch.OutOfMemoryError("CUDA out of memory.\nSee the documentation")

    monkeypatch.setattr(surfaces.torch, "empty", full)
    with pytest.raises(OutputError) as caught:
        stage.surface(canvas)
    assert str(caught.value) == "the GPU has no surface for it: CUDA out of memory"


# ---- films -------------------------------------------------------------------------------------


def film(make_stage, path: Path, spoil=lambda _number: None, pictures: int = 6):
    """Record `pictures`, a tenth of a second apart; what the files hold, and the output."""
    planned = an_output("recording", a_canvas(320, 180), path)
    output = open_output(planned, make_stage(planned), "A show", STARTED)
    for number in range(pictures):
        spoil(number)
        output.show(flat((40 * number, 200 - 40 * number, 90)), LIT, number / 10)
        until(lambda: output._worker.idle)
    output.close()
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        tags = (stream.codec_context.colorspace, stream.codec_context.color_range)
        frames = list(container.decode(video=0))
    means = [frame.to_ndarray(format="rgb24").mean((0, 1)).tolist() for frame in frames]
    return means, [round(float(frame.time), 3) for frame in frames], tags


def painted(pictures: int = 6):
    return [pytest.approx((40 * n, 200 - 40 * n, 90), abs=3) for n in range(pictures)]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_film_of_surfaces_is_the_film_of_pixels(
    gpu, encoder, make_stage, tmp_path, monkeypatch, suffix
) -> None:
    read = recording.Stage.read_rgba
    monkeypatch.setattr(recording.Stage, "read_rgba", lambda *_: pytest.fail("pixels left the GPU"))
    seen = film(make_stage, tmp_path / f"a{suffix}")
    assert seen[0] == painted()
    assert seen[1] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert gpu.calls.count("cudaMemcpy2DFromArrayAsync") == 7  # one to know whether it works
    monkeypatch.setattr(recording.Stage, "read_rgba", read)
    monkeypatch.setattr(recording, "choose_encoder", lambda *_: x264(16))
    pixels = film(make_stage, tmp_path / f"b{suffix}")
    assert pixels[1:] == seen[1:]
    assert [pytest.approx(mean, abs=1.5) for mean in pixels[0]] == seen[0]


def test_without_cuda_it_is_known_before_the_first_picture(
    gpu, encoder, make_stage, tmp_path, caplog
) -> None:
    gpu.failing["cudaGraphicsGLRegisterImage"] = Status.cudaErrorUnknown
    assert film(make_stage, tmp_path / "a.mp4")[0] == painted()
    (line,) = caplog.messages
    assert line.startswith(
        "output my-recording: pictures reach NVENC through host memory, because CUDA's cudaGraph"
    )


def test_a_copy_that_fails_in_the_show_costs_no_picture(
    gpu, encoder, make_stage, tmp_path, caplog
) -> None:
    def spoil(number: int) -> None:
        if number == 3:
            gpu.failing["cudaMemcpy2DFromArrayAsync"] = Status.cudaErrorUnknown

    assert film(make_stage, tmp_path / "a.mp4", spoil)[0] == painted()
    assert len(caplog.messages) == 1
    assert "through host memory, because CUDA's cudaMemcpy2DFromArrayAsync" in caplog.text


def test_an_encoder_that_will_not_have_them_gets_pixels(
    gpu, encoder, make_stage, tmp_path, monkeypatch, caplog
) -> None:
    caplog.set_level(logging.WARNING)

    class Refusing(recording.Movie):
        def write(self, picture, seconds) -> None:
            if isinstance(picture, av.VideoFrame):
                raise ExternalError(0x20545845, "Generic error in an external library")
            super().write(picture, seconds)

    monkeypatch.setattr(recording, "Movie", Refusing)
    planned = an_output("recording", a_canvas(96, 64), tmp_path / "a.mp4")
    output = open_output(planned, make_stage(planned), "", STARTED)
    for number, now in enumerate([0.0, 1.0, 7.0, 8.0]):
        try:
            output.show(flat((40 * number, 90, 90)), LIT, now)
        except OutputError as error:
            assert "cannot go on recording: " in str(error)  # noqa: PT017  told once
        until(lambda: output._worker.idle)
    output.close()
    assert output.frames == 2
    assert "NVENC through host memory, because " in caplog.text
    with av.open(str(output.path)) as container:
        means = [f.to_ndarray(format="rgb24").mean((0, 1)) for f in container.decode(video=0)]
    assert [round(float(mean[0]), -1) for mean in means] == [80, 120]


def test_a_film_that_nobody_saw_is_empty_and_whole(gpu, encoder, make_stage, tmp_path) -> None:
    planned = an_output("recording", a_canvas(96, 64), tmp_path / "a.mp4")
    open_output(planned, make_stage(planned), "", STARTED).close()
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "h264"


def test_nothing_of_it_is_loaded_without_nvenc() -> None:
    code = (
        "import sys; from murai_show.output import recording, stage; "
        "print({'torch', 'cuda', 'murai_show.output.surfaces'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


@pytest.mark.needs_gpu
def test_on_a_gpu_a_surface_is_the_canvas(make_stage) -> None:
    stage, canvas = a_stage(make_stage, 640, 360)
    renderer = stage.canvas(canvas).texture.ctx.info["GL_RENDERER"]
    if "NVIDIA" not in renderer:
        pytest.skip(f"OpenGL is drawn by {renderer}")
    stage.draw(canvas, noise(1, 640, 360), 1.0)
    surface = stage.surface(canvas)
    assert surface.format.name == "cuda"
    downloaded = surface.reformat(format="nv12").to_ndarray()[:360].astype(int)
    to_yuv = ToYuv(Size(640, 360), "nv12")
    wanted = to_yuv(stage.read_rgba(canvas), 0.0).to_ndarray()[:360]
    assert np.abs(downloaded - wanted).max() <= 1


@pytest.mark.needs_gpu
def test_on_a_gpu_nvenc_records_surfaces(make_stage, tmp_path, caplog) -> None:
    if trouble := refusal(nvenc.nvenc(16), Size(320, 180), 30.0):
        pytest.skip(f"this GPU has no NVENC that opens: {trouble}")
    stage, _ = a_stage(make_stage, 64, 36)
    renderer = stage.canvas(a_canvas(64, 36)).texture.ctx.info["GL_RENDERER"]
    if "NVIDIA" not in renderer:
        pytest.skip(f"OpenGL is drawn by {renderer}")
    assert film(make_stage, tmp_path / "a.mp4")[0] == painted()
    assert "through host memory" not in caplog.text
