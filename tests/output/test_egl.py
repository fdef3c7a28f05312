"""EGL's devices and CUDA's: the picture is drawn where it is painted."""

import ctypes

import moderngl
import numpy as np
import pytest

from murai_show.output import Stage, interop, stage
from murai_show.output.interop import cuda_device_index
from tests.conftest import gpu_trouble
from tests.output.planning import a_canvas, an_output, noise


class FakeEgl:
    """libEGL with devices whose numbers in CUDA are `ordinals`, None for other people's."""

    def __init__(self, ordinals: list[int | None], missing: bytes = b"") -> None:
        self._ordinals = ordinals
        self._functions = {
            b"eglQueryDevicesEXT": interop._QueryDevices(self._devices),
            b"eglQueryDeviceAttribEXT": interop._QueryAttribute(self._attribute),
        }
        self._functions.pop(missing, None)

        def address(name: bytes) -> int | None:
            function = self._functions.get(name)
            return ctypes.cast(function, ctypes.c_void_p).value if function else None

        self.eglGetProcAddress = address

    def _devices(self, room, devices, count) -> int:
        count[0] = len(self._ordinals)
        for index in range(min(room, len(self._ordinals)) if devices else 0):
            devices[index] = 0x7000 + index
        return 1

    def _attribute(self, device, attribute, value) -> int:
        ordinal = self._ordinals[device - 0x7000]
        if attribute != 0x323A or ordinal is None:
            return 0  # EGL_BAD_ATTRIBUTE
        value[0] = ordinal
        return 1


@pytest.mark.parametrize(
    ("egl_library", "cuda_ordinal", "index"),
    [
        (FakeEgl([1, None, 0]), 0, 2),
        (FakeEgl([1, None, 0]), 1, 0),
        (FakeEgl([1, None, 0]), 2, None),
        (FakeEgl([None]), 0, None),
        (FakeEgl([]), 0, None),
        (FakeEgl([0], missing=b"eglQueryDevicesEXT"), 0, None),
        (FakeEgl([0], missing=b"eglQueryDeviceAttribEXT"), 0, None),
        (None, 0, None),
    ],
)
def test_egl_s_device_of_a_gpu(monkeypatch, egl_library, cuda_ordinal, index) -> None:
    monkeypatch.setattr(interop, "load_egl", lambda: egl_library)
    assert cuda_device_index(cuda_ordinal) == index


def test_the_real_egl_can_be_asked(egl) -> None:
    assert cuda_device_index(4711) is None
    if gpu_trouble():
        assert cuda_device_index(0) is None


def test_the_stage_draws_where_cuda_paints(egl, monkeypatch) -> None:
    asked = {}
    create = moderngl.create_context

    def on(**how):
        asked.update(how)
        del how["device_index"]  # this machine has no second one
        return create(**how)

    monkeypatch.setattr(stage, "egl_device", lambda cuda: {0: 2}[cuda])
    monkeypatch.setattr(moderngl, "create_context", on)
    Stage((an_output("offscreen", a_canvas(64, 36)),), cuda=0).close()
    assert asked["device_index"] == 2


def test_a_gpu_that_egl_does_not_know_leaves_the_choice_to_egl(egl) -> None:
    spec = a_canvas(64, 36)
    made = Stage((an_output("offscreen", spec),), cuda=4711)
    made.draw(spec, noise(1), 1.0)
    assert np.array_equal(made.read_rgba(spec)[..., :3], noise(1).pixels)
    made.close()
