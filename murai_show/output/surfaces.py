"""Surfaces: canvases in a GPU's memory, from where its video encoder takes them.

A canvas is drawn once more, as NV12; CUDA copies that from OpenGL's texture to memory of its own,
on the GPU, and FFmpeg is told where it lies (DLPack).  The memory is PyTorch's, and is let go when
the encoder is done with it.  Nothing of it touches the computer's memory.

Everything here belongs to the thread that owns the OpenGL context, but for what becomes of the
surfaces.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from av.error import FFmpegError
from av.video.frame import CudaContext, VideoFrame

from murai_show.cuda_faults import first_line
from murai_show.errors import OutputError
from murai_show.output.interop import GL_TEXTURE_2D, Interop, let_go
from murai_show.output.nv12 import Nv12
from murai_show.show.words import Size

if TYPE_CHECKING:
    import moderngl


class Surfaces:
    """Takes surfaces of canvases of one size, on the GPU that draws them.

    The texture of the NV12 codes is registered with CUDA once; each surface then costs a drawing, a
    map, one copy from device to device and an unmap.  Raises OutputError where CUDA does not reach
    OpenGL.
    """

    def __init__(self, ctx: moderngl.Context, size: Size, interop: Interop) -> None:
        rt, call = interop.runtime, interop.call
        self._interop = interop
        self._resource: Any = None
        count, gpus = call(rt.cudaGLGetDevices, 1, rt.cudaGLDeviceList.cudaGLDeviceListAll)
        if not count:
            raise OutputError("no GPU of CUDA's draws this OpenGL")
        self._device = memory_of(gpus[0])
        call(rt.cudaSetDevice, gpus[0])
        self._stream = call(rt.cudaStreamCreateWithFlags, rt.cudaStreamNonBlocking)
        # Not the primary context by name: FFmpeg refuses that when it is in use with other flags
        # than its own, and PyTorch's has others.  The current one is the same.
        self._context = CudaContext(gpus[0], primary_ctx=False, current_ctx=True)
        self._nv12 = Nv12(ctx, size)
        read_only = rt.cudaGraphicsRegisterFlags.cudaGraphicsRegisterFlagsReadOnly
        try:
            self._resource = call(
                rt.cudaGraphicsGLRegisterImage, self._nv12.texture.glo, GL_TEXTURE_2D, read_only
            )
        except OutputError:
            self.close()
            raise

    def take(self, canvas: moderngl.Texture) -> VideoFrame:
        """A copy of `canvas`, complete, NV12 in the GPU's memory (`cuda` in FFmpeg's words).

        Raises OutputError when it does not get there.
        """
        self._nv12.draw(canvas)
        width, lines = self._nv12.size
        try:
            codes = torch.empty((lines * 3 // 2, width), dtype=torch.uint8, device=self._device)
            self._copy(codes)
            planes = (codes[:lines], codes[lines:])
            return VideoFrame.from_dlpack(planes, "nv12", width, lines, cuda_context=self._context)
        except (RuntimeError, FFmpegError) as error:
            raise OutputError(f"the GPU has no surface for it: {first_line(error)}") from error

    def close(self) -> None:
        """Unregister before the texture goes: CUDA would hold on to its memory."""
        rt, call = self._interop.runtime, self._interop.call
        if self._resource is not None:
            let_go(partial(call, rt.cudaGraphicsUnregisterResource, self._resource))
            self._resource = None
        let_go(partial(call, rt.cudaStreamDestroy, self._stream))
        self._nv12.close()

    def _copy(self, codes: torch.Tensor) -> None:
        rt, call, stream = self._interop.runtime, self._interop.call, self._stream
        # Mapping waits, on the GPU, for the drawing.
        call(rt.cudaGraphicsMapResources, 1, self._resource, stream)
        try:
            array = call(rt.cudaGraphicsSubResourceGetMappedArray, self._resource, 0, 0)
            height, width = codes.shape
            call(
                rt.cudaMemcpy2DFromArrayAsync,
                codes.data_ptr(),
                width,
                array,
                0,
                0,
                width,
                height,
                rt.cudaMemcpyKind.cudaMemcpyDeviceToDevice,
                stream,
            )
        finally:  # OpenGL may not draw into a mapped texture, whatever became of the copy
            call(rt.cudaGraphicsUnmapResources, 1, self._resource, stream)
        call(rt.cudaStreamSynchronize, stream)


def memory_of(gpu: int) -> str:
    """PyTorch's word for the memory of CUDA's `gpu`."""
    return f"cuda:{gpu}"
