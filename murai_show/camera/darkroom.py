"""Where surfaces of the GPU become pixels: a camera's own stream, and what happens in its order."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
from av.video.frame import VideoFrame
from torch import Tensor

from murai_show.camera.decode import painted_at
from murai_show.camera.nv12 import Colours, to_rgb
from murai_show.camera.source import Picture, Wire
from murai_show.errors import CameraError
from murai_show.show.words import Size

# 4:2:0 by FFmpeg's names, and the bits of a sample.
BITS = {"yuv420p": 8, "yuvj420p": 8, "nv12": 8, "yuv420p10le": 10, "yuv420p12le": 12}
_FULL_RANGE = 2  # AVCOL_RANGE_JPEG


class Lane(Protocol):
    """A stream of one camera's own on a device, in whose order everything happens."""

    gpu: int
    context: int  # CUcontext
    stream: int  # CUstream

    def at_work(self) -> AbstractContextManager[object]:
        """What the calling thread starts inside happens on this stream."""
        ...

    def wait(self) -> None:
        """Return when all of it has happened.  Raises RuntimeError where some of it failed."""
        ...


class CudaLane:
    """A stream of its own on `gpu`, in PyTorch's context there.

    Raises CameraError when CUDA does not work: this is asked of PyTorch, because PyNvVideoCodec
    would end the process.
    """

    def __init__(self, gpu: int) -> None:
        from cuda.bindings import driver  # pyright: ignore[reportAttributeAccessIssue]

        self.gpu = gpu
        try:
            torch.cuda.set_device(gpu)  # of this thread; the decoder needs its context current
            self._stream = torch.cuda.Stream(gpu)
            with self.at_work():
                torch.ones(1, device=f"cuda:{gpu}")
            self.wait()
        except RuntimeError as error:
            raise CameraError(f"GPU {gpu} does not answer: {brief(error)}") from None
        self.stream: int = self._stream.cuda_stream
        result, context = driver.cuStreamGetCtx(driver.CUstream(self.stream))
        if result != driver.CUresult.CUDA_SUCCESS:
            raise CameraError(f"GPU {gpu} has no context for a decoder: {result.name}")
        self.context = int(context)

    def at_work(self) -> AbstractContextManager[object]:
        return torch.cuda.stream(self._stream)

    def wait(self) -> None:
        self._stream.synchronize()


@dataclass(frozen=True)
class Tags:
    """What a stream says about its pictures: AVColorSpace, whether codes use the full range, how
    many bits they have, and by how many degrees they are to be turned counterclockwise."""

    space: int
    full: bool
    bits: int
    rotation: int

    @classmethod
    def of(cls, frame: VideoFrame) -> Tags:
        name = frame.format.name
        full = frame.color_range == _FULL_RANGE or name == "yuvj420p"
        return cls(int(frame.colorspace), full, BITS[name], frame.rotation)


class Darkroom:
    """Turns surfaces into pixels on the device, upright and at the size at which they are painted.

    Its tensors are complete when they leave: it waits for its stream, so that no other stream has
    to.
    """

    def __init__(self, lane: Lane, tags: Tags, within: Size | None) -> None:
        self._lane = lane
        self._tags = tags
        self._within = within

    def developed(self, planes: Tensor) -> Tensor:
        """(h, w, 3) uint8 RGB.  Raises CameraError when the GPU cannot.  May be called from any
        thread."""
        tags, lines = self._tags, planes.shape[0] * 2 // 3
        colours = Colours.tagged(tags.space, full=tags.full, bits=tags.bits, lines=lines)
        size = painted_at(Size(planes.shape[1], lines), tags.rotation, self._within)
        return self._complete(lambda: to_rgb(planes, colours, size, tags.rotation))

    def kept(self, planes: Tensor) -> Tensor:
        """A copy that outlives the surface.  Raises CameraError when the GPU cannot."""
        return self._complete(planes.clone)

    def _complete(self, work: Callable[[], Tensor]) -> Tensor:
        try:
            with self._lane.at_work():
                done = work()
            self._lane.wait()
        except RuntimeError as error:  # its memory is full, or it is lost, which ends the painter
            raise CameraError(f"the GPU cannot develop a picture: {brief(error)}") from None
        return done


@dataclass(frozen=True)
class Surface:
    """A picture in the engine's memory, which the next packet may overwrite."""

    planes: Tensor
    time: float | None
    darkroom: Darkroom
    wire: Wire

    def picture(self, pts: float, captured: float) -> Picture:
        """Developed now; while pictures come faster than they are taken, copied instead, which is
        a tenth of the work, and developed if somebody takes it."""
        if self.wire.behind:
            kept = self.darkroom.kept(self.planes)
            return Picture(partial(self.darkroom.developed, kept), pts, captured)
        pixels = self.darkroom.developed(self.planes)
        return Picture(lambda: pixels, pts, captured)


def brief(error: Exception) -> str:
    """The first line of what a library says; the rest is advice to programmers."""
    said = str(error).strip()
    return said.splitlines()[0].strip() if said else type(error).__name__
