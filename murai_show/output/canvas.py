"""The canvas: any picture, warped, fitted and lit, drawn into a texture of the output's size."""

from __future__ import annotations

import moderngl
import numpy as np
from numpy.typing import NDArray

from murai_show.frame import Frame
from murai_show.output import shaders
from murai_show.output.homography import Placement, place
from murai_show.output.overlays import Overlays
from murai_show.output.projector import Projector, write_uniforms
from murai_show.output.upload import Upload, Uploads, on_device
from murai_show.show.caption import Caption
from murai_show.show.planned import CanvasSpec

Pixels = NDArray[np.uint8]

# Compiled shaders by (minified, toned, with a gamma), each with what it draws.
Programs = dict[tuple[bool, bool, bool], tuple[moderngl.Program, moderngl.VertexArray]]

# Below this the bilinear filter still sees every texel; above, it would skip some and shimmer.
_MINIFIED = 1.2


class Canvas:
    """Draws pictures as `spec` says.  Its context must be current in every call.

    `texture` is RGBA8 of the canvas's size, row 0 on top.  `draws` counts real drawings: the same
    picture in the same light is drawn once.  Magnified by Catmull-Rom, but bilinearly where Mesa
    draws on the CPU (there it costs three times as much); `cubic` overrules that choice.  Canvases
    of one context share their `uploads`, and their `programs`: compiling takes longer than a frame
    lasts, and a canvas may come while others are on.  Whoever gives them frees them.

    Where light joins that of other projectors, or bends, a `Projector` draws; any other canvas
    never pays for that.  Where something may be written over the picture, `Overlays` does; the
    picture is drawn as ever.  Raises OutputError when a mask or a font cannot be read.
    """

    def __init__(
        self,
        ctx: moderngl.Context,
        spec: CanvasSpec,
        cubic: bool | None = None,
        uploads: Uploads | None = None,
        programs: Programs | None = None,
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
        lit = spec.projection is not None and spec.projection.lit
        self._projector = Projector(ctx, spec, cubic=self._cubic) if lit else None
        light = self._projector.light if self._projector is not None else None
        self._overlays = Overlays(ctx, spec, light) if spec.overlays else None
        self._own: Programs = {}
        self._programs = self._own if programs is None else programs
        self._drawn: tuple[Frame | None, float, tuple[Caption, ...]] | None = None
        self._pixels: Pixels | None = None

    def draw(self, picture: Frame, light: float, captions: tuple[Caption, ...] = ()) -> bool:
        """Draw `picture` at `light` (0 dark … 1 full), and those of `captions` over it that are for
        this canvas; False when that is what is there already."""
        written = self._overlays.of(captions) if self._overlays is not None else ()
        wanted = (picture if light > 0.0 else None, light, written)
        there = self._drawn
        if there is not None and there[0] is wanted[0] and there[1:] == wanted[1:]:
            return False
        self._fbo.use()
        # Black is lifted in the dark too: the lamps are on, and overlaps would glow.
        if light > 0.0 or (self._projector is not None and self._projector.lifted):
            self._upload(picture)
            self._render(light)
        else:
            self._fbo.clear(0.0, 0.0, 0.0, 1.0)
        if self._overlays is not None and written:
            self._overlays.draw(written)
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
        free(self._own)
        if self._projector is not None:
            self._projector.close()
        if self._source is not None:
            self._source.close()
            self._source = None
        if self._overlays is not None:
            self._overlays.close()
            self._overlays = None
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
        if self._projector is not None:
            self._projector.prepare(minified=self._minified)
            return source
        for toned in (False, True):  # a fade to dark must not wait for the compiler
            self._program(toned=toned)
        return source

    def _render(self, light: float) -> None:
        assert self._source is not None
        assert self._placement is not None
        spec = self.spec
        factor = spec.brightness * light
        if self._projector is not None:
            self._projector.draw(
                self._source.texture, self._placement, factor, minified=self._minified
            )
            return
        program, array = self._program(toned=factor != 1.0 or spec.gamma != 1.0)
        write_uniforms(
            program,
            canvas=spec.size,
            to_picture=self._placement.to_picture.T,
            edges=self._placement.edges,
            factor=factor,
            gain=factor ** (1 / 2.4),
            lift=1.0 / spec.gamma,
        )
        self._source.texture.use(0)
        array.render(vertices=3)

    def _program(self, *, toned: bool) -> tuple[moderngl.Program, moderngl.VertexArray]:
        key = (self._minified, toned, self.spec.gamma != 1.0)
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


def free(programs: Programs) -> None:
    """Their context must be current.  Safe to call twice."""
    for program, array in programs.values():
        array.release()
        program.release()
    programs.clear()


def draws_on_cpu(ctx: moderngl.Context) -> bool:
    """True where OpenGL is Mesa's software rasteriser."""
    renderer = ctx.info["GL_RENDERER"].lower()
    return any(name in renderer for name in ("llvmpipe", "softpipe", "swrast"))
