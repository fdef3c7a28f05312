"""OpenGL for tests: a promise under MURAI_REQUIRE_GL=1, otherwise a reason to skip."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator

import moderngl
import pytest

from murai_show.errors import OutputError
from murai_show.output import Stage, interop
from murai_show.output.canvas import Canvas
from murai_show.output.stage import egl_context
from murai_show.show.planned import CanvasSpec, PlannedOutput
from tests.output.cuda_fake import FakeRuntime


@pytest.fixture(scope="session")
def egl() -> Iterator[moderngl.Context]:
    try:
        context = egl_context()
    except OutputError as error:
        if os.environ.get("MURAI_REQUIRE_GL") == "1":
            raise
        pytest.skip(str(error))
    yield context
    context.release()


@pytest.fixture
def make_canvas(egl: moderngl.Context) -> Iterator[Callable[..., Canvas]]:
    made: list[Canvas] = []

    def make(spec: CanvasSpec, cubic: bool | None = None) -> Canvas:
        made.append(Canvas(egl, spec, cubic))
        return made[-1]

    with egl:
        yield make
        for canvas in made:
            canvas.close()


@pytest.fixture
def make_stage(egl: moderngl.Context) -> Iterator[Callable[..., Stage]]:
    made: list[Stage] = []

    def make(*planned: PlannedOutput) -> Stage:
        made.append(Stage(planned))
        return made[-1]

    yield make
    for stage in made:
        stage.close()


@pytest.fixture
def is_texture(egl: moderngl.Context) -> Callable[[int], bool]:
    library = interop.load_egl()
    library.eglGetProcAddress.restype = ctypes.c_void_p
    library.eglGetProcAddress.argtypes = [ctypes.c_char_p]
    address = library.eglGetProcAddress(b"glIsTexture")
    asked = ctypes.CFUNCTYPE(ctypes.c_ubyte, ctypes.c_uint)(address)
    return lambda glo: bool(asked(glo))


@pytest.fixture
def cuda(egl, is_texture, monkeypatch) -> FakeRuntime:
    """CUDA as `interop` and `surfaces` see it, on this machine's memory and OpenGL."""
    fake = FakeRuntime(egl, is_texture)
    monkeypatch.setattr(interop, "load_runtime", lambda: fake)
    return fake
