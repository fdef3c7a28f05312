"""The canvas: any picture, warped, fitted and lit, drawn into a texture of the output's size."""

from __future__ import annotations

import moderngl
import numpy as np
from numpy.typing import NDArray

from murai_show.frame import Frame
from murai_show.output import shaders
from murai_show.output.homography import Placement, place
from murai_show.output.upload import Upload, Uploads, on_device
from murai_show.show.planned import CanvasSpec

Pixels = NDArray[np.uint8]

# Below this the bilinear filter still sees every texel; above, it would skip some and shimmer.
_MINIFIED = 1.2


class Canvas:
    """Draws pictures as `spec` says.  Its context must be current in every call.

    `texture` is RGBA8 of the canvas's size, row 0 on top.  `draws` counts real drawings: the same
    picture in the same light is drawn once.  Magnified by Catmull-Rom, but bilinearly where Mesa
    draws on the CPU (there it costs three times as much); `cubic` overrules that choice.  Canvases
    of one context share their `uploads`.
    """

    def __init__(
        self,
        ctx: moderngl.Context,
        spec: CanvasSpec,
        cubic: bool | None = None,
        uploads: Uploads | None = None,
    ) -> None:
        self.spec = spec
        self.draws = 0
        self.texture = ctx.texture(spec.size, 4)
        self._ctx = ctx
        self._cubic = not draws_on_cpu(ctx) if cubic is None else cubic
        self._fbo = ctx.framebuffer([self.texture])
        self._uploads = uploads or Uploads(ctx)
        self._source: Upload | None = None
        self._holds: tuple[int, int, bool] | None = None  # width, height, on a GPU?
        self._placement: Placement | None = None
        self._minified = False
        self._programs: dict[tuple[bool, bool], tuple[moderngl.Program, moderngl.VertexArray]] = {}
        self._drawn: tuple[Frame | None, float] | None = None
        self._pixels: Pixels | None = None

    def draw(self, picture: Frame, light: float) -> bool:
        """Draw `picture` at `light` (0 dark … 1 full); False when that is what is there already."""
        wanted = (picture if light > 0.0 else None, light)
        if self._drawn is not None and self._drawn[0] is wanted[0] and self._drawn[1] == light:
            return False
        self._fbo.use()
        if light > 0.0:
            self._upload(picture)
            self._render(light)
        else:
            self._fbo.clear(0.0, 0.0, 0.0, 1.0)
        self._drawn, self._pixels = wanted, None
        self.draws += 1
        return True

    def read_rgba(self) -> Pixels:
        """What was drawn: (H, W, 4), uint8, RGBA, top row first, read-only, kept until `draw`.

        Four channels, because that is how it lies in memory: three cost ten times as much on a CPU.
        """
        if self._pixels is None:
            width, height = self.spec.size
            pixels = np.empty((height, width, 4), np.uint8)
            self._fbo.read_into(pixels, components=4, alignment=1)
            pixels.flags.writeable = False
            self._pixels = pixels
        return self._pixels

    def read(self) -> Pixels:
        """What was drawn: (H, W, 3), uint8, RGB, top row first: a read-only view of `read_rgba`."""
        return self.read_rgba()[..., :3]

    def close(self) -> None:
        """Free what lies in the context.  Safe to call twice."""
        for program, array in self._programs.values():
            array.release()
            program.release()
        self._programs.clear()
        if self._source is not None:
            self._source.close()
            self._source = None
        self._fbo.release()
        self.texture.release()

    def _upload(self, picture: Frame) -> None:
        holds = (picture.width, picture.height, on_device(picture.pixels))
        if self._source is None or self._holds != holds:
            self._source = self._hold(picture)
            self._holds = holds
        self._source.write(picture.pixels)
        if self._minified:
            self._source.texture.build_mipmaps()

    def _hold(self, picture: Frame) -> Upload:
        """Make room for pictures of another size or kind, and place them."""
        if self._source is not None:
            self._source.close()
            self._source = None
        self._placement = place(self.spec, picture.width, picture.height)
        self._minified = self._placement.shrink > _MINIFIED
        source = self._uploads.open(picture.pixels, minified=self._minified)
        source.texture.use(0)
        for toned in (False, True):  # a fade to dark must not wait for the compiler
            self._program(toned=toned)
        return source

    def _render(self, light: float) -> None:
        assert self._source is not None
        assert self._placement is not None
        spec = self.spec
        factor = spec.brightness * light
        program, array = self._program(toned=factor != 1.0 or spec.gamma != 1.0)
        wanted = {
            "canvas": np.array(spec.size),
            "to_picture": self._placement.to_picture.T,
            "edges": self._placement.edges,
            "factor": factor,
            "gain": factor ** (1 / 2.4),
            "lift": 1.0 / spec.gamma,
        }
        for name, value in wanted.items():
            uniform = program.get(name, None)  # GLSL drops what a variant does not use
            if isinstance(uniform, moderngl.Uniform):
                uniform.write(np.asarray(value, np.float32).tobytes())
        self._source.texture.use(0)
        array.render(vertices=3)

    def _program(self, *, toned: bool) -> tuple[moderngl.Program, moderngl.VertexArray]:
        key = (self._minified, toned)
        if key not in self._programs:
            source = shaders.fragment(
                minified=self._minified,
                cubic=self._cubic,
                toned=toned,
                gamma=self.spec.gamma != 1.0,
            )
            program = self._ctx.program(shaders.CANVAS_VERTEX, source)
            array = self._ctx.vertex_array(program, [])
            array.render(vertices=3)  # Mesa compiles at the first draw
            self._programs[key] = (program, array)
        return self._programs[key]


def draws_on_cpu(ctx: moderngl.Context) -> bool:
    """True where OpenGL is Mesa's software rasteriser."""
    renderer = ctx.info["GL_RENDERER"].lower()
    return any(name in renderer for name in ("llvmpipe", "softpipe", "swrast"))
