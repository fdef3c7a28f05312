"""A CUDA runtime without a GPU: it records every call, insists on their order, and really copies.

Its "device memory" is host memory, its textures are real ones.  As on a GPU, a copy is not done
when the call returns, but when the stream was waited for, and OpenGL sees what was copied after
the unmap.  `test_interop` holds its names and signatures against NVIDIA's wheel.
"""

# ruff: noqa: N802, N803, N815  the names are NVIDIA's

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from itertools import count
from typing import Any

import moderngl
import numpy as np

DEVICE = 1  # the GPU that all memory belongs to


class DevicePixels:
    """The [..., :3] view of an RGBA picture "on a GPU", whose rows may lie further apart."""

    def __init__(self, rgb: np.ndarray, padding: int = 0) -> None:
        height, width, _ = rgb.shape
        self._rows = np.full((height, width + padding, 4), 255, np.uint8)
        self._rows[:, :width, :3] = rgb
        self.shape = (height, width, 3)
        self.strides: tuple[int, ...] | None = self._rows.strides
        self.typestr = "|u1"

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "strides": self.strides,
            "typestr": self.typestr,
            "data": (self._rows.ctypes.data, False),
            "version": 2,
        }


class PackedPixels(DevicePixels):
    """RGB "on a GPU" with nothing between, as a camera films; strides are then left out."""

    def __init__(self, rgb: np.ndarray) -> None:
        super().__init__(rgb)
        self._rows = np.ascontiguousarray(rgb)
        self.strides = None


class Status(IntEnum):
    cudaSuccess = 0
    cudaErrorMemoryAllocation = 2
    cudaErrorUnknown = 999


class RegisterFlags(IntFlag):
    cudaGraphicsRegisterFlagsReadOnly = 1
    cudaGraphicsRegisterFlagsWriteDiscard = 2


class DeviceList(IntEnum):
    cudaGLDeviceListAll = 1


class Kind(IntEnum):
    cudaMemcpyDeviceToHost = 2
    cudaMemcpyDeviceToDevice = 3


@dataclass
class Attributes:
    device: int


@dataclass
class Resource:
    glo: int
    flags: RegisterFlags
    mapped: bool = False
    rgba: bytes = b""
    width: int = 0
    height: int = 0


def rows(address: int, pitch: int, width: int, height: int) -> bytes:
    return b"".join(ctypes.string_at(address + pitch * y, width) for y in range(height))


class FakeRuntime:
    """`calls` holds the names in order; `failing` those that fail, with their status."""

    cudaError_t = Status
    cudaGraphicsRegisterFlags = RegisterFlags
    cudaMemcpyKind = Kind
    cudaGLDeviceList = DeviceList
    cudaStreamNonBlocking = 1
    cudaHostAllocDefault = 0

    def __init__(self, ctx: moderngl.Context, is_texture: Callable[[int], bool]) -> None:
        self.calls: list[str] = []
        self.failing: dict[str, Status] = {}
        self.registered: list[Resource] = []
        self.streams: set[int] = set()
        self.pinned: dict[int, Any] = {}
        self.drawing = 1  # GPUs of CUDA's that draw this OpenGL
        self._ctx = ctx
        self._is_texture = is_texture
        self._under_way: list[Callable[[], None]] = []
        self._device = 0
        self._numbers = count(0x100)

    def _ask(self, name: str, stream: int | None = None) -> Status:
        self.calls.append(name)
        assert stream is None or stream in self.streams, "not a stream of its own"
        status = self.failing.get(name, Status.cudaSuccess)
        if status:
            self._under_way.clear()  # or a copy would go where its memory no longer is
        return status

    def cudaGetErrorName(self, error):
        return Status.cudaSuccess, error.name.encode()

    def cudaGetErrorString(self, error):
        return Status.cudaSuccess, b"as the test wants it"

    def cudaPointerGetAttributes(self, ptr):
        return self._ask("cudaPointerGetAttributes"), Attributes(DEVICE)

    def cudaSetDevice(self, device):
        self._device = device
        return (self._ask("cudaSetDevice"),)

    def cudaGLGetDevices(self, cudaDeviceCount, deviceList):
        assert (cudaDeviceCount, deviceList) == (1, DeviceList.cudaGLDeviceListAll)
        return self._ask("cudaGLGetDevices"), self.drawing, [DEVICE][: self.drawing]

    def cudaStreamCreateWithFlags(self, flags):
        assert flags == self.cudaStreamNonBlocking
        assert self._device == DEVICE
        stream = next(self._numbers)
        self.streams.add(stream)
        return self._ask("cudaStreamCreateWithFlags"), stream

    def cudaStreamDestroy(self, stream):
        status = self._ask("cudaStreamDestroy", stream)
        self.streams.remove(stream)
        return (status,)

    def cudaGraphicsGLRegisterImage(self, image, target, flags):
        assert target == 0x0DE1
        assert self._is_texture(image)
        if status := self._ask("cudaGraphicsGLRegisterImage"):
            return status, None
        self.registered.append(Resource(image, RegisterFlags(flags)))
        return status, self.registered[-1]

    def cudaGraphicsUnregisterResource(self, resource):
        assert self._is_texture(resource.glo), "the texture was released before"
        assert not resource.mapped
        self.registered.remove(resource)
        return (self._ask("cudaGraphicsUnregisterResource"),)

    def cudaGraphicsMapResources(self, count, resources, stream):
        assert count == 1
        assert resources in self.registered
        assert not resources.mapped
        status = self._ask("cudaGraphicsMapResources", stream)
        resources.mapped = not status
        return (status,)

    def cudaGraphicsSubResourceGetMappedArray(self, resource, arrayIndex, mipLevel):
        assert resource.mapped
        assert (arrayIndex, mipLevel) == (0, 0)
        return self._ask("cudaGraphicsSubResourceGetMappedArray"), resource

    def cudaMemcpy2DToArrayAsync(
        self,
        dst,
        wOffset,
        hOffset,
        src,
        spitch,
        width,
        height,
        kind,
        stream,
    ):
        assert dst.mapped
        assert dst.flags == RegisterFlags.cudaGraphicsRegisterFlagsWriteDiscard
        assert (wOffset, hOffset, kind) == (0, 0, Kind.cudaMemcpyDeviceToDevice)
        if status := self._ask("cudaMemcpy2DToArrayAsync", stream):
            return (status,)

        def copy() -> None:
            dst.rgba, dst.width, dst.height = rows(src, spitch, width, height), width, height

        self._under_way.append(copy)
        return (status,)

    def cudaMemcpy2DFromArrayAsync(
        self,
        dst,
        dpitch,
        src,
        wOffset,
        hOffset,
        width,
        height,
        kind,
        stream,
    ):
        assert src.mapped
        assert src.flags == RegisterFlags.cudaGraphicsRegisterFlagsReadOnly
        assert (wOffset, hOffset, kind) == (0, 0, Kind.cudaMemcpyDeviceToDevice)
        assert dpitch == width
        if status := self._ask("cudaMemcpy2DFromArrayAsync", stream):
            return (status,)

        def copy() -> None:
            codes = self._ctx.external_texture(src.glo, (width, height), 1, 0, "f1").read()
            ctypes.memmove(dst, codes, width * height)

        self._under_way.append(copy)
        return (status,)

    def cudaGraphicsUnmapResources(self, count, resources, stream):
        assert count == 1
        assert resources.mapped
        status = self._ask("cudaGraphicsUnmapResources", stream)
        resources.mapped = False
        if not status:
            self._under_way.append(lambda: self._fill(resources))
        return (status,)

    def cudaStreamSynchronize(self, stream):
        status = self._ask("cudaStreamSynchronize", stream)
        for work in self._under_way:
            work()
        self._under_way.clear()
        return (status,)

    def cudaHostAlloc(self, size, flags):
        assert flags == self.cudaHostAllocDefault
        if status := self._ask("cudaHostAlloc"):
            return status, None
        memory = (ctypes.c_uint8 * size)()
        self.pinned[ctypes.addressof(memory)] = memory
        return status, ctypes.addressof(memory)

    def cudaFreeHost(self, ptr):
        del self.pinned[ptr]
        return (self._ask("cudaFreeHost"),)

    def cudaMemcpy2DAsync(self, dst, dpitch, src, spitch, width, height, kind, stream):
        assert kind == Kind.cudaMemcpyDeviceToHost
        assert dpitch == width
        assert len(self.pinned[dst]) == dpitch * height
        if status := self._ask("cudaMemcpy2DAsync", stream):
            return (status,)
        self._under_way.append(
            lambda: ctypes.memmove(dst, rows(src, spitch, width, height), width * height)
        )
        return (status,)

    def _fill(self, resource: Resource) -> None:
        if resource.rgba:
            size = (resource.width // 4, resource.height)
            self._ctx.external_texture(resource.glo, size, 4, 0, "f1").write(resource.rgba)
