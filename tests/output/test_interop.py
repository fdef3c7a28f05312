"""Pictures from a GPU's memory into the canvas: against a fake that copies, in real OpenGL."""

import ctypes
import inspect
import logging
import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from murai_show.errors import OutputError
from murai_show.frame import Frame
from murai_show.output import Stage, interop, surfaces
from murai_show.output.canvas import Canvas
from murai_show.output.interop import Interop, device_picture
from murai_show.output.upload import Uploads
from tests.output.cuda_fake import DevicePixels, PackedPixels, Status
from tests.output.planning import a_canvas, an_output, noise, quarters
from tests.plans import REPOSITORY

OPEN = ["cudaPointerGetAttributes", "cudaSetDevice", "cudaStreamCreateWithFlags"]
REGISTER, UNREGISTER = "cudaGraphicsGLRegisterImage", "cudaGraphicsUnregisterResource"
MAP, UNMAP = "cudaGraphicsMapResources", "cudaGraphicsUnmapResources"
GET = "cudaGraphicsSubResourceGetMappedArray"
DIRECT = [MAP, GET, "cudaMemcpy2DToArrayAsync", UNMAP, "cudaStreamSynchronize"]
BY_HOST = ["cudaMemcpy2DAsync", "cudaStreamSynchronize"]


def on_gpu(picture: Frame, padding: int = 0) -> Frame:
    """The same picture in what the fake takes for a GPU's memory."""
    return picture.painted(DevicePixels(picture.pixels, padding))


@pytest.fixture
def device_canvas(egl, make_canvas, cuda) -> Iterator[Callable[..., Canvas]]:
    """Canvases that share their uploads, as a stage's do."""
    uploads, made = Uploads(egl), []

    def make(*size: int) -> Canvas:
        made.append(Canvas(egl, a_canvas(*size), None, uploads))
        return made[-1]

    yield make
    cuda.failing.clear()
    for canvas in made:
        canvas.close()
    assert not cuda.registered
    assert not cuda.streams
    assert not cuda.pinned


@pytest.mark.parametrize("direct", [True, False])
@pytest.mark.parametrize(("size", "padding"), [((64, 36), 0), ((33, 17), 0), ((64, 36), 7)])
def test_every_pixel_where_the_cpu_puts_it(device_canvas, cuda, direct, size, padding) -> None:
    if not direct:
        cuda.failing[REGISTER] = Status.cudaErrorUnknown
    canvas = device_canvas(*size)
    for number in (1, 2):
        picture = noise(number, *size)
        canvas.draw(on_gpu(picture, padding), 1.0)
        assert np.array_equal(canvas.read(), picture.pixels)


def test_the_top_row_stays_on_top(device_canvas) -> None:
    canvas = device_canvas(64, 36)
    canvas.draw(on_gpu(quarters()), 1.0)
    assert canvas.read()[0, [0, -1]].tolist() == [[255, 0, 0], [0, 255, 0]]
    assert canvas.read()[-1, [0, -1]].tolist() == [[0, 0, 255], [255, 255, 255]]


def test_registered_once_then_one_copy_for_each_picture(device_canvas, cuda) -> None:
    canvas = device_canvas(64, 36)
    canvas.draw(on_gpu(noise(1)), 1.0)
    assert cuda.calls == [*OPEN, REGISTER, *DIRECT]
    cuda.calls.clear()
    canvas.draw(on_gpu(noise(2)), 1.0)
    assert cuda.calls == DIRECT
    cuda.calls.clear()
    canvas.close()
    assert cuda.calls == [UNREGISTER, "cudaStreamDestroy"]
    canvas.close()
    assert cuda.calls == [UNREGISTER, "cudaStreamDestroy"]


def test_another_size_is_another_texture(device_canvas, cuda, is_texture) -> None:
    canvas = device_canvas(64, 36)
    canvas.draw(on_gpu(noise(1)), 1.0)
    first = cuda.registered[0].glo
    cuda.calls.clear()
    picture = noise(2, 32, 18)
    canvas.draw(on_gpu(picture), 1.0)
    # The fake holds that the texture is still there when it is unregistered.
    assert cuda.calls == [UNREGISTER, "cudaStreamDestroy", *OPEN, REGISTER, *DIRECT]
    assert len(cuda.registered) == 1
    last = cuda.registered[0].glo
    canvas.close()
    assert not is_texture(first)
    assert not is_texture(last)


def test_shrunk_pictures_are_averaged_each_anew(device_canvas, make_canvas) -> None:
    shown, wanted = device_canvas(100, 56), make_canvas(a_canvas(100, 56))
    for number in (1, 2):
        picture = noise(number, 640, 360)
        picture.pixels[..., number] //= 2
        shown.draw(on_gpu(picture), 1.0)
        wanted.draw(picture, 1.0)
        means = [63.5 if channel == number else 127.5 for channel in range(3)]
        assert shown.read().mean((0, 1)) == pytest.approx(means, abs=1.5)
        # RGB8 or RGBA8 makes no difference to a mean but its rounding.
        assert np.abs(shown.read().astype(int) - wanted.read()).max() <= 1


def test_a_show_may_change_between_both_kinds_of_pictures(device_canvas, cuda) -> None:
    canvas = device_canvas(64, 36)
    for number in range(6):
        picture = noise(number)
        canvas.draw(on_gpu(picture) if number % 2 else picture, 1.0)
        assert np.array_equal(canvas.read(), picture.pixels)


def test_no_way_to_register_costs_one_line_and_a_detour(device_canvas, cuda, caplog, egl) -> None:
    cuda.failing[REGISTER] = Status.cudaErrorUnknown
    first, second = device_canvas(64, 36), device_canvas(32, 18)
    first.draw(on_gpu(noise(1, 640, 360)), 1.0)
    assert cuda.calls == [*OPEN, REGISTER, "cudaHostAlloc", *BY_HOST]
    cuda.calls.clear()
    for number in (2, 3):
        first.draw(on_gpu(noise(number, 640, 360)), 1.0)
    assert cuda.calls == BY_HOST * 2, "allocated once"
    cuda.calls.clear()
    second.draw(on_gpu(noise(3, 64, 36)), 1.0)
    assert REGISTER not in cuda.calls, "it would fail again"
    assert len(caplog.records) == 1
    line = caplog.records[0].getMessage()
    assert caplog.records[0].levelno == logging.WARNING
    assert "0.9 MB down and as much up" in line  # 640 x 360 x 4 bytes
    assert egl.info["GL_RENDERER"] in line
    assert "cudaGraphicsGLRegisterImage failed with cudaErrorUnknown" in line
    cuda.calls.clear()
    first.close()
    assert cuda.calls == ["cudaFreeHost", "cudaStreamDestroy"]


@pytest.mark.parametrize("broken", [MAP, GET, "cudaMemcpy2DToArrayAsync", UNMAP])
def test_a_way_that_breaks_in_the_middle_costs_no_picture(
    device_canvas, cuda, caplog, broken
) -> None:
    canvas = device_canvas(64, 36)
    canvas.draw(on_gpu(noise(1)), 1.0)
    cuda.failing[broken] = Status.cudaErrorUnknown
    cuda.calls.clear()
    picture = noise(2)
    canvas.draw(on_gpu(picture), 1.0)
    assert np.array_equal(canvas.read(), picture.pixels)
    tried = DIRECT[: DIRECT.index(broken) + 1]
    if broken not in (MAP, UNMAP):
        tried += [UNMAP]  # whatever failed after the map
    assert cuda.calls == [*tried, UNREGISTER, "cudaHostAlloc", *BY_HOST]
    cuda.failing.clear()
    picture = noise(3)
    canvas.draw(on_gpu(picture), 1.0)
    assert np.array_equal(canvas.read(), picture.pixels)
    assert cuda.calls[-2:] == BY_HOST, "once is enough"
    assert len(caplog.records) == 1
    assert f"{broken} failed with cudaErrorUnknown" in caplog.text


def test_neither_way_is_an_error_until_one_is_back(device_canvas, cuda, caplog) -> None:
    canvas = device_canvas(64, 36)
    canvas.draw(on_gpu(noise(1)), 1.0)
    cuda.failing = {
        MAP: Status.cudaErrorUnknown,
        "cudaHostAlloc": Status.cudaErrorMemoryAllocation,
    }
    for number in (2, 3):
        with pytest.raises(OutputError, match="cudaHostAlloc failed with cudaErrorMemoryAllocat"):
            canvas.draw(on_gpu(noise(number)), 1.0)
    cuda.failing.clear()
    picture = noise(4)
    canvas.draw(on_gpu(picture), 1.0)
    assert np.array_equal(canvas.read(), picture.pixels)
    assert len(caplog.records) == 1


def test_a_start_that_fails_leaves_nothing_behind(device_canvas, cuda, is_texture) -> None:
    canvas = device_canvas(64, 36)
    cuda.failing = {
        REGISTER: Status.cudaErrorUnknown,
        "cudaHostAlloc": Status.cudaErrorMemoryAllocation,
    }
    with pytest.raises(OutputError, match="cudaHostAlloc"):
        canvas.draw(on_gpu(noise(1)), 1.0)
    assert not cuda.streams
    cuda.failing.clear()
    picture = noise(2)
    canvas.draw(on_gpu(picture), 1.0)
    assert np.array_equal(canvas.read(), picture.pixels)


def test_what_cannot_be_freed_does_not_keep_the_rest(device_canvas, cuda, is_texture) -> None:
    canvas = device_canvas(64, 36)
    canvas.draw(on_gpu(noise(1)), 1.0)
    glo = cuda.registered[0].glo
    cuda.failing = {UNREGISTER: Status.cudaErrorUnknown}
    canvas.close()
    assert cuda.calls[-2:] == [UNREGISTER, "cudaStreamDestroy"]
    assert not is_texture(glo)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"typestr": "<f4"}, "uint8 .*not '<f4'"),
        ({"strides": (12, 2, 1)}, r"strides \(16, 4, 1\), or packed; this one is .*\(12, 2, 1\)"),
        ({"strides": (11, 3, 1)}, r"\(11, 3, 1\)"),
        ({"strides": (4, 8, 1)}, r"\(4, 8, 1\)"),
        ({"strides": (-16, 4, 1)}, r"\(-16, 4, 1\)"),
        ({"shape": (2, 4, 4), "strides": (16, 4, 1)}, r"\(2, 4, 4\)"),
    ],
)
def test_pictures_that_lie_otherwise_are_refused(changed, said) -> None:
    pixels = DevicePixels(np.zeros((2, 4, 3), np.uint8))
    for name, value in changed.items():
        setattr(pixels, name, value)
    with pytest.raises(TypeError, match=said):
        device_picture(pixels)


@pytest.mark.parametrize("size", [(64, 36), (33, 17), (640, 360)])
def test_packed_pictures_go_through_the_host_and_a_line_says_so(
    device_canvas, make_canvas, cuda, caplog, size
) -> None:
    """As `identity` passes them on: OpenGL has no texture of three bytes that CUDA can write."""
    shown, wanted = device_canvas(64, 36), make_canvas(a_canvas(64, 36))
    for number in (1, 2):
        picture = noise(number, *size)
        shown.draw(picture.painted(PackedPixels(picture.pixels)), 1.0)
        wanted.draw(picture, 1.0)
        assert np.array_equal(shown.read(), wanted.read())
    assert cuda.calls == [*OPEN, "cudaHostAlloc", *BY_HOST * 2]
    (line,) = [record.getMessage() for record in caplog.records]
    assert f"{3 * size[0] * size[1] / 1e6:.1f} MB down and as much up" in line
    assert "they are packed RGB" in line


def test_without_cuda_bindings_it_says_what_to_install(make_canvas, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "cuda.bindings", None)
    canvas = make_canvas(a_canvas(64, 36))
    with pytest.raises(OutputError, match=r"cuda-bindings.*pip install 'murai-show\[nvidia\]'"):
        canvas.draw(on_gpu(noise(1)), 1.0)
    canvas.draw(noise(2), 1.0)
    assert np.array_equal(canvas.read(), noise(2).pixels)


def test_nothing_of_it_is_imported_for_pictures_of_the_cpu(egl) -> None:
    code = (
        "import sys; from tests.output.planning import *; from murai_show.output import Stage\n"
        "planned = an_output('offscreen', a_canvas(32, 18)); stage = Stage((planned,))\n"
        "stage.draw(planned.canvas, flat((1, 2, 3)), 1.0); stage.close()\n"
        "print({'murai_show.output.interop', 'cuda', 'torch'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# NVIDIA's own wheel


@pytest.fixture
def wheel():
    return pytest.importorskip(
        "cuda.bindings.runtime", reason="cuda-bindings is not installed (extra nvidia)"
    )


def test_the_fake_is_called_as_nvidia_s_wheel_is(cuda, wheel) -> None:
    source = inspect.getsource(interop) + inspect.getsource(surfaces)
    used = set(re.findall(r"\b(?:rt|runtime)\.(cuda\w+)", source))
    fake = {name for name in dir(cuda) if name.startswith("cuda")}
    assert used == fake
    assert len(used) > 15
    for name in used:
        ours, theirs = getattr(cuda, name), getattr(wheel, name)
        if inspect.ismethod(ours):
            assert [*inspect.signature(ours).parameters] == [
                *inspect.signature(theirs).parameters
            ], name
        elif isinstance(ours, type):
            for member in ours:
                assert getattr(theirs, member.name) == member, member
        else:
            assert ours == theirs, name
    assert hasattr(wheel.cudaPointerAttributes(), "device")


class Driverless:
    """NVIDIA's wheel without a driver: it takes the arguments, which must be of its types, and
    then fails.  What it would have given is made up here, as the wheel's own types."""

    def __init__(self, wheel) -> None:
        self._wheel = wheel
        self._memory = (ctypes.c_uint8 * (64 * 36 * 4))()
        self.refusing: set[str] = set()
        self.taken: list[str] = []
        self._made = {
            "cudaPointerGetAttributes": wheel.cudaPointerAttributes(),
            "cudaStreamCreateWithFlags": wheel.cudaStream_t(0),
            "cudaGraphicsGLRegisterImage": wheel.cudaGraphicsResource_t(0),
            "cudaGraphicsSubResourceGetMappedArray": wheel.cudaArray_t(0),
            "cudaHostAlloc": ctypes.addressof(self._memory),
            "cudaGLGetDevices": (1, [0]),
        }

    def __getattr__(self, name: str):
        theirs = getattr(self._wheel, name)
        if isinstance(theirs, type) or not callable(theirs) or name.startswith("cudaGetError"):
            return theirs

        def take(*arguments):
            status, *values = theirs(*arguments)
            assert status == self._wheel.cudaError_t.cudaErrorInsufficientDriver
            self.taken.append(name)
            if name in self.refusing:
                return (status, *values)
            made = self._made[name] if values else ()
            return (
                self._wheel.cudaError_t.cudaSuccess,
                *(made if isinstance(made, tuple) else (made,)),
            )

        take.__name__ = name
        return take


@pytest.mark.parametrize("direct", [True, False])
def test_nvidia_s_wheel_takes_every_argument(make_canvas, wheel, monkeypatch, direct) -> None:
    if wheel.cudaGetDeviceCount()[0] != wheel.cudaError_t.cudaErrorInsufficientDriver:
        pytest.skip("there is a driver here: the test on a GPU says more")
    driverless = Driverless(wheel)
    driverless.refusing = set() if direct else {REGISTER}
    monkeypatch.setattr(interop, "load_runtime", lambda: driverless)
    canvas = make_canvas(a_canvas(64, 36))
    canvas.draw(on_gpu(noise(1)), 1.0)
    canvas.close()
    way = DIRECT if direct else ["cudaHostAlloc", *BY_HOST]
    end = UNREGISTER if direct else "cudaFreeHost"
    assert driverless.taken == [*OPEN, REGISTER, *way, end, "cudaStreamDestroy"]


def test_nvidia_s_wheel_takes_every_argument_of_a_surface(make_stage, wheel, monkeypatch) -> None:
    if wheel.cudaGetDeviceCount()[0] != wheel.cudaError_t.cudaErrorInsufficientDriver:
        pytest.skip("there is a driver here: the test on a GPU says more")
    driverless = Driverless(wheel)
    monkeypatch.setattr(interop, "load_runtime", lambda: driverless)
    monkeypatch.setattr(surfaces, "memory_of", lambda _gpu: "cpu")
    planned = an_output("recording", a_canvas(64, 36))
    stage = make_stage(planned)
    stage.surface(planned.canvas)
    stage.close()
    assert driverless.taken == [
        "cudaGLGetDevices",
        "cudaSetDevice",
        "cudaStreamCreateWithFlags",
        REGISTER,
        MAP,
        GET,
        "cudaMemcpy2DFromArrayAsync",
        UNMAP,
        "cudaStreamSynchronize",
        UNREGISTER,
        "cudaStreamDestroy",
    ]


def test_cuda_s_errors_are_sentences(wheel) -> None:
    def broken() -> tuple[object, None]:
        return wheel.cudaError_t.cudaErrorMapBufferObjectFailed, None

    with pytest.raises(OutputError, match="CUDA's broken failed with cudaErrorMapBufferObjectFai"):
        Interop().call(broken)


@pytest.mark.needs_gpu
@pytest.mark.parametrize("size", [(64, 36), (33, 17), (640, 360)])
def test_on_a_gpu_the_picture_is_the_cpu_s(egl, caplog, size) -> None:
    import torch

    spec = a_canvas(64, 36)
    planned = an_output("offscreen", spec)
    on_cpu, on_cuda = Stage((planned,), cuda=0), Stage((planned,), cuda=0)
    renderer = on_cuda.canvas(spec).texture.ctx.info["GL_RENDERER"]
    for number in (1, 2):
        picture = noise(number, *size)
        rgba = torch.full((size[1], size[0], 4), 255, dtype=torch.uint8, device="cuda")
        rgba[..., :3] = torch.from_numpy(picture.pixels).cuda()
        torch.cuda.current_stream().synchronize()
        on_cpu.draw(spec, picture, 1.0)
        on_cuda.draw(spec, picture.painted(rgba[..., :3]), 1.0)
        shown = on_cuda.read_rgba(spec).astype(int)
        # The same shader on the same GPU; only RGB8 and RGBA8 may round their mipmaps apart.
        assert np.abs(shown - on_cpu.read_rgba(spec)).max() <= (1 if size[0] > 64 else 0)
    on_cpu.close()
    on_cuda.close()
    if "NVIDIA" in renderer:
        assert "through host memory" not in caplog.text
    else:
        assert caplog.text.count("through host memory") == 1
