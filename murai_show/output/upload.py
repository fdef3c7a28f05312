"""Uploads: how a picture gets into the texture that the canvas draws from.

Pictures in the computer's memory are written by OpenGL; those in a GPU's by CUDA, where `interop`
is imported for the first of them and never without one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import moderngl
import numpy as np

from murai_show.show.words import Size

if TYPE_CHECKING:
    from murai_show.output.interop import Interop


class Upload(Protocol):
    """Holds one texture for pictures of one size.  Its OpenGL context is current in every call."""

    texture: moderngl.Texture

    def write(self, pixels: Any) -> None:
        """Put `pixels`, (H, W, 3) uint8 RGB, top row first, into level 0 of the texture.

        They may be let go when this returns.  Raises TypeError when they lie otherwise, and
        OutputError when they do not get there.
        """
        ...

    def close(self) -> None:
        """Free the texture and what belongs to it."""
        ...


class Uploads:
    """Opens the uploads of one OpenGL context, which share what is known about CUDA's way to it."""

    def __init__(self, ctx: moderngl.Context) -> None:
        self._ctx = ctx
        self._interop: Interop | None = None

    def open(self, pixels: Any, *, minified: bool) -> Upload:
        """An upload for `pixels` and all of their kind and size; `minified` asks for mipmaps.

        Raises TypeError for pixels that lie otherwise, and OutputError where CUDA cannot be used.
        """
        if not on_device(pixels):
            return HostUpload(self._ctx, pixels, minified=minified)
        from murai_show.output.interop import DeviceUpload

        return DeviceUpload(self._ctx, pixels, self.interop(), minified=minified)

    def interop(self) -> Interop:
        """CUDA's way to this OpenGL.  Raises OutputError where CUDA cannot be used."""
        if self._interop is None:
            from murai_show.output.interop import Interop

            self._interop = Interop()
        return self._interop


class HostUpload:
    """NumPy's pixels, by OpenGL's own copy."""

    def __init__(self, ctx: moderngl.Context, pixels: Any, *, minified: bool) -> None:
        self.texture = source_texture(ctx, size_of(pixels), 3, minified=minified)

    def write(self, pixels: Any) -> None:
        flat = np.ascontiguousarray(pixels)
        if flat.dtype != np.uint8:
            raise TypeError(f"a picture's pixels are uint8, not {flat.dtype}")
        self.texture.write(flat)

    def close(self) -> None:
        self.texture.release()


def on_device(pixels: Any) -> bool:
    """Whether `pixels` lie in a GPU's memory (the CUDA Array Interface of Numba)."""
    return hasattr(pixels, "__cuda_array_interface__")


def size_of(pixels: Any) -> Size:
    """The size of (H, W, …) pixels."""
    height, width = pixels.shape[:2]
    return Size(int(width), int(height))


def source_texture(
    ctx: moderngl.Context, size: Size, components: int, *, minified: bool
) -> moderngl.Texture:
    """An empty texture of 3 (RGB8) or 4 (RGBA8) `components`, filtered as the canvas samples it."""
    texture = ctx.texture(size, components, alignment=1)
    texture.filter = (ctx.LINEAR_MIPMAP_LINEAR if minified else ctx.LINEAR, ctx.LINEAR)
    texture.repeat_x = texture.repeat_y = False
    return texture
