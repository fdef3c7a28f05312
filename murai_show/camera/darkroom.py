"""Where surfaces of the GPU become pixels: a camera's own stream, and what happens in its order."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Protocol
from zlib import crc32

import torch
from av.video.frame import VideoFrame
from torch import Tensor

from murai_show.camera.decode import painted_at
from murai_show.camera.nv12 import Colours, to_rgb
from murai_show.camera.source import Picture, Wire
from murai_show.cuda_faults import classify
from murai_show.errors import CameraError, DeviceLostError
from murai_show.show.words import Size

# 4:2:0 by FFmpeg's names, and the bits of a sample.
BITS = {"yuv420p": 8, "yuvj420p": 8, "nv12": 8, "yuv420p10le": 10, "yuv420p12le": 12}
_FULL_RANGE = 2  # AVCOL_RANGE_JPEG
_UNDEVELOPED = "the GPU cannot develop a picture"


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

    def make_room(self) -> None:
        """Give back the device's memory that is held for later."""
        ...


class CudaLane:
    """A stream of its own on `gpu`, in PyTorch's context there.

    Raises CameraError when CUDA does not work, DeviceLostError when it never will again in this
    process: this is asked of PyTorch, because PyNvVideoCodec would end the process.
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
            raise as_camera_error(f"GPU {gpu} does not answer", error) from None
        self.stream: int = self._stream.cuda_stream
        result, context = driver.cuStreamGetCtx(driver.CUstream(self.stream))
        if result != driver.CUresult.CUDA_SUCCESS:
            raise CameraError(f"GPU {gpu} has no context for a decoder: {result.name}")
        self.context = int(context)

    def at_work(self) -> AbstractContextManager[object]:
        return torch.cuda.stream(self._stream)

    def wait(self) -> None:
        self._stream.synchronize()

    def make_room(self) -> None:
        torch.cuda.empty_cache()


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
        """(h, w, 3) uint8 RGB.  Raises CameraError when the GPU cannot, DeviceLostError when it is
        lost.  May be called from any thread."""
        tags, lines = self._tags, planes.shape[0] * 2 // 3
        colours = Colours.tagged(tags.space, full=tags.full, bits=tags.bits, lines=lines)
        size = painted_at(Size(planes.shape[1], lines), tags.rotation, self._within)
        return self._complete(lambda: to_rgb(planes, colours, size, tags.rotation))

    def kept(self, planes: Tensor) -> Tensor:
        """A copy that outlives the surface.  Raises as `developed` does."""
        return self._complete(planes.clone)

    def _complete(self, work: Callable[[], Tensor]) -> Tensor:
        """Out of memory, it gives back what it can and tries once more."""
        try:
            return self._tried(work)
        except RuntimeError as error:
            if classify(error) != "memory":
                raise as_camera_error(_UNDEVELOPED, error) from None
        self._lane.make_room()  # not above: there the error holds on to the memory it failed with
        try:
            return self._tried(work)
        except RuntimeError as error:
            raise as_camera_error(_UNDEVELOPED, error) from None

    def _tried(self, work: Callable[[], Tensor]) -> Tensor:
        with self._lane.at_work():
            done = work()
        self._lane.wait()
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

    def fingerprint(self) -> int:
        """Of every fourth row and column, since these few kilobytes have to leave the GPU."""
        few = self.darkroom.kept(self.planes[::4, ::4].contiguous())
        return crc32(few.cpu().numpy().tobytes())


def brief(error: Exception) -> str:
    """The first line of what a library says; the rest is advice to programmers."""
    said = str(error).strip()
    return said.splitlines()[0].strip() if said else type(error).__name__


def as_camera_error(what: str, error: Exception) -> CameraError | DeviceLostError:
    """`error` of CUDA as ours: DeviceLostError when the process must end, else a lost camera."""
    if classify(error) == "device":
        return DeviceLostError(
            f"{what}: {brief(error)}; the GPU is lost to this process, which ends"
        )
    return CameraError(f"{what}: {brief(error)}")
