"""Interop: a picture in CUDA's memory gets into an OpenGL texture without leaving the GPU.

A texture is registered with CUDA once; each picture then costs a map, one copy from device to
device and an unmap.  Where CUDA cannot reach the texture, because OpenGL is drawn by another GPU or
by the CPU, pictures go through pinned host memory, and one line says what that costs.

Everything here belongs to the thread that owns the OpenGL context, on a stream of its own.
Whoever made a picture has waited for it, so no event is needed between their stream and this one.
CUDA's runtime is NVIDIA's cuda-bindings; EGL is asked through ctypes.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import moderngl

from murai_show.errors import OutputError
from murai_show.output.upload import size_of, source_texture

GL_TEXTURE_2D = 0x0DE1
RGBA, RGB = 4, 3  # bytes of a pixel: CUDA registers RGBA8, and refuses RGB8
EGL_CUDA_DEVICE_NV = 0x323A

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DevicePicture:
    """Pixels in a GPU's memory: `height` rows of `width` of them, `pitch` bytes apart, the top row
    at the address `pointer`; each RGBA in four bytes, or RGB in three (`depth`)."""

    pointer: int
    pitch: int
    width: int
    height: int
    depth: int = RGBA

    @property
    def row(self) -> int:
        """Bytes of a row without what follows it."""
        return self.depth * self.width


def device_picture(pixels: Any) -> DevicePicture:
    """Where `pixels` lie, by their `__cuda_array_interface__` (version 2 or 3).

    They are (H, W, 3) uint8 RGB: the [..., :3] view of an RGBA picture, as an engine paints it, or
    packed, as a camera films and `identity` passes it on.  Raises TypeError for another layout.
    """
    facts = pixels.__cuda_array_interface__
    if facts["typestr"] != "|u1":
        raise TypeError(f"a picture's pixels are uint8 ('|u1'), not {facts['typestr']!r}")
    height, width, channels = facts["shape"]
    strides = facts.get("strides") or (channels * width, channels, 1)  # None: packed
    pitch = strides[0]
    depth = strides[1]
    if channels != 3 or depth not in (RGBA, RGB) or strides[2] != 1 or pitch < depth * width:
        raise TypeError(
            "a picture in a GPU's memory is the [..., :3] view of an RGBA picture, with strides "
            f"{(RGBA * width, RGBA, 1)}, or packed; this one is {tuple(facts['shape'])} with "
            f"{tuple(strides)}"
        )
    return DevicePicture(facts["data"][0], pitch, width, height, depth)


def load_runtime() -> Any:
    """NVIDIA's `cuda.bindings.runtime`.  Raises OutputError where it is not installed."""
    try:
        # A compiled module without stubs, and only on machines that asked for it.
        from cuda.bindings import runtime  # pyright: ignore
    except ImportError as error:
        raise OutputError(
            "pictures lie in the GPU's memory, and cuda-bindings, which brings them to OpenGL, is "
            "not installed: pip install 'murai-show[nvidia]'"
        ) from error
    return runtime


class Interop:
    """CUDA's runtime with its errors raised, and whether it reaches this OpenGL.

    `direct` is True until a texture could not be registered or mapped; from then on pictures go
    through host memory, and it is not tried again.  Raises OutputError without cuda-bindings.
    """

    def __init__(self) -> None:
        self.runtime = load_runtime()
        self.direct = True

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function of the runtime; what it gives beside its status: nothing, one value, or
        several as a tuple.

        Raises OutputError with CUDA's own name for what went wrong: the bindings never raise.
        """
        status, *values = function(*arguments)
        if status != self.runtime.cudaError_t.cudaSuccess:
            _, name = self.runtime.cudaGetErrorName(status)
            _, text = self.runtime.cudaGetErrorString(status)
            raise OutputError(
                f"CUDA's {function.__name__} failed with {name.decode()}: {text.decode()}"
            )
        if len(values) > 1:
            return tuple(values)
        return values[0] if values else None

    def open_stream(self, pointer: int) -> Any:
        """A new non-default stream on the GPU that the memory at `pointer` belongs to, which
        becomes this thread's."""
        rt = self.runtime
        attributes = self.call(rt.cudaPointerGetAttributes, pointer)
        self.call(rt.cudaSetDevice, attributes.device)
        return self.call(rt.cudaStreamCreateWithFlags, rt.cudaStreamNonBlocking)

    def refuse(self, texture: moderngl.Texture, error: OutputError) -> None:
        """From now on through the host, and one line about it."""
        if self.direct:
            self.detour(texture, f"it is drawn by {texture.ctx.info['GL_RENDERER']}: {error}")
        self.direct = False

    def detour(self, texture: moderngl.Texture, why: str) -> None:
        """Say what the way through the host costs."""
        log.warning(
            "pictures reach OpenGL through host memory, %.1f MB down and as much up for each, "
            "because %s",
            texture.components * texture.width * texture.height / 1e6,
            why,
        )


class Way(Protocol):
    """One way from CUDA's memory into level 0 of a texture."""

    def copy(self, picture: DevicePicture) -> None:
        """Bring `picture` there, and return when it may be let go.  Raises OutputError."""
        ...

    def close(self) -> None: ...


class Mapped:
    """On the GPU: the texture is registered once, and mapped for each picture.

    Its storage must not change while it is registered.  Raises OutputError where CUDA cannot reach
    the texture.
    """

    def __init__(self, interop: Interop, stream: Any, texture: moderngl.Texture) -> None:
        rt = interop.runtime
        discard = rt.cudaGraphicsRegisterFlags.cudaGraphicsRegisterFlagsWriteDiscard
        self._interop = interop
        self._stream = stream
        self._resource = interop.call(
            rt.cudaGraphicsGLRegisterImage, texture.glo, GL_TEXTURE_2D, discard
        )

    def copy(self, picture: DevicePicture) -> None:
        rt, call, stream = self._interop.runtime, self._interop.call, self._stream
        # Mapping waits, on the GPU, for what OpenGL still draws from the picture before.
        call(rt.cudaGraphicsMapResources, 1, self._resource, stream)
        try:
            array = call(rt.cudaGraphicsSubResourceGetMappedArray, self._resource, 0, 0)
            call(
                rt.cudaMemcpy2DToArrayAsync,
                array,
                0,
                0,
                picture.pointer,
                picture.pitch,
                picture.row,
                picture.height,
                rt.cudaMemcpyKind.cudaMemcpyDeviceToDevice,
                stream,
            )
        finally:  # OpenGL may not touch a mapped texture, whatever became of the copy
            call(rt.cudaGraphicsUnmapResources, 1, self._resource, stream)
        call(rt.cudaStreamSynchronize, stream)

    def close(self) -> None:
        self._interop.call(self._interop.runtime.cudaGraphicsUnregisterResource, self._resource)


class Pinned:
    """Through host memory that is allocated once and pinned, which the GPU fills at full speed."""

    def __init__(self, interop: Interop, stream: Any, texture: moderngl.Texture) -> None:
        rt = interop.runtime
        size = texture.components * texture.width * texture.height
        self._interop = interop
        self._stream = stream
        self._texture = texture
        self._pointer: int = interop.call(rt.cudaHostAlloc, size, rt.cudaHostAllocDefault)
        self._rgba = (ctypes.c_uint8 * size).from_address(self._pointer)

    def copy(self, picture: DevicePicture) -> None:
        rt, call = self._interop.runtime, self._interop.call
        call(
            rt.cudaMemcpy2DAsync,
            self._pointer,
            picture.row,
            picture.pointer,
            picture.pitch,
            picture.row,
            picture.height,
            rt.cudaMemcpyKind.cudaMemcpyDeviceToHost,
            self._stream,
        )
        call(rt.cudaStreamSynchronize, self._stream)
        self._texture.write(self._rgba)

    def close(self) -> None:
        self._interop.call(self._interop.runtime.cudaFreeHost, self._pointer)


class DeviceUpload:
    """Pictures in a GPU's memory: on the GPU if it can be, else through the host, as all do that
    are packed: OpenGL has no texture of three bytes that CUDA can write.

    When the way on the GPU breaks in the middle of a show, that picture and all later ones take the
    other.  Raises TypeError for pixels of another layout, OutputError when neither way works.
    """

    def __init__(
        self, ctx: moderngl.Context, pixels: Any, interop: Interop, *, minified: bool
    ) -> None:
        self._interop = interop
        self._way: Way | None = None
        first = device_picture(pixels)
        self._depth = first.depth
        self._stream = interop.open_stream(first.pointer)
        self.texture = source_texture(ctx, size_of(pixels), first.depth, minified=minified)
        if minified:
            self.texture.build_mipmaps()  # now: all levels must be there when CUDA registers them
        try:
            self._way = self._open_way()
        except OutputError:
            self.close()
            raise

    def write(self, pixels: Any) -> None:
        picture = device_picture(pixels)
        if picture.depth != self._depth:
            raise TypeError(f"pixels of {picture.depth} bytes for a texture of {self._depth}")
        if self._way is None:  # the last attempt to open one failed
            self._way = self._open_way()
        try:
            self._way.copy(picture)
        except OutputError as error:
            if not isinstance(self._way, Mapped):
                raise
            self._interop.refuse(self.texture, error)
            self._close_way()
            self._way = self._open_way()
            self._way.copy(picture)

    def close(self) -> None:
        """Unregister before the texture goes: CUDA would hold on to its memory."""
        self._close_way()
        destroy = self._interop.runtime.cudaStreamDestroy
        let_go(partial(self._interop.call, destroy, self._stream))
        self.texture.release()

    def _open_way(self) -> Way:
        if self._depth == RGB:
            self._interop.detour(self.texture, "they are packed RGB, and CUDA writes RGBA alone")
        elif self._interop.direct:
            try:
                return Mapped(self._interop, self._stream, self.texture)
            except OutputError as error:
                self._interop.refuse(self.texture, error)
        return Pinned(self._interop, self._stream, self.texture)

    def _close_way(self) -> None:
        way, self._way = self._way, None
        if way is not None:
            let_go(way.close)


def let_go(free: Callable[[], object]) -> None:
    """Free something; what cannot be freed must not keep the rest from being freed."""
    try:
        free()
    except OutputError as error:
        log.debug("something of CUDA's was not freed: %s", error)


def cuda_device_index(cuda_ordinal: int) -> int | None:
    """Which of EGL's devices, counted as eglQueryDevicesEXT lists them, is CUDA's `cuda_ordinal`.

    EGL's order is not CUDA's.  None where no EGL device says that it is (EGL_NV_device_cuda), where
    EGL cannot list devices (EGL_EXT_device_enumeration), or where there is no EGL.
    """
    egl = load_egl()
    if egl is None:
        return None
    egl.eglGetProcAddress.restype = ctypes.c_void_p
    egl.eglGetProcAddress.argtypes = [ctypes.c_char_p]
    query_devices = egl.eglGetProcAddress(b"eglQueryDevicesEXT")
    query_attribute = egl.eglGetProcAddress(b"eglQueryDeviceAttribEXT")
    if not query_devices or not query_attribute:
        return None
    ordinals = [_ordinal(query_attribute, device) for device in _devices(query_devices)]
    return ordinals.index(cuda_ordinal) if cuda_ordinal in ordinals else None


def load_egl() -> Any:
    """libEGL, or None where there is none."""
    try:
        return ctypes.CDLL("libEGL.so.1")
    except OSError:
        return None


# EGLBoolean is an unsigned int, EGLint 32 bits, EGLDeviceEXT a pointer, EGLAttrib as wide as one.
_QueryDevices = ctypes.CFUNCTYPE(
    ctypes.c_uint,
    ctypes.c_int32,
    ctypes.POINTER(ctypes.c_void_p),
    ctypes.POINTER(ctypes.c_int32),
)
_QueryAttribute = ctypes.CFUNCTYPE(
    ctypes.c_uint, ctypes.c_void_p, ctypes.c_int32, ctypes.POINTER(ctypes.c_ssize_t)
)


def _devices(address: int) -> list[int | None]:
    query = _QueryDevices(address)
    count = ctypes.c_int32()
    if not query(0, None, ctypes.byref(count)) or count.value <= 0:
        return []
    devices = (ctypes.c_void_p * count.value)()
    if not query(count.value, devices, ctypes.byref(count)):
        return []
    return list(devices[: count.value])


def _ordinal(address: int, device: int | None) -> int | None:
    """CUDA's number for an EGL device; None for one that CUDA does not drive."""
    value = ctypes.c_ssize_t()
    known = _QueryAttribute(address)(device, EGL_CUDA_DEVICE_NV, ctypes.byref(value))
    return value.value if known else None
