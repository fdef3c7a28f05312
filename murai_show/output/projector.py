"""A projector's picture: its part of a surface, bent, and lit so that the wall is even.

What `blend` works out for each pixel is kept in a texture.  Drawn in cells, because most of a
canvas needs none of it: a cell that no soft edge and no mask touches is drawn as any canvas is, and
one that is dark all over is left out.
"""

from __future__ import annotations

from typing import Any

import moderngl
import numpy as np
from numpy.typing import NDArray

from murai_show.output import shaders
from murai_show.output.blend import light_map
from murai_show.output.homography import Placement, pin_to_canvas, pin_to_surface
from murai_show.output.mask import read_mask, sample
from murai_show.output.mesh import cells, extremes, on_canvas, triangles
from murai_show.output.shaders import ProjectorVariant
from murai_show.show.planned import CanvasSpec

Floats = NDArray[np.float32]
_PICTURE, _LIGHT = 0, 1  # texture units


class Projector:
    """Draws pictures for one projector.  Its OpenGL context is current in every call.

    `lifted` says whether black is lifted, which it is in the dark too.  Raises OutputError when a
    mask cannot be read.
    """

    def __init__(self, ctx: moderngl.Context, spec: CanvasSpec, *, cubic: bool) -> None:
        assert spec.projection is not None
        self.lifted = spec.projection.lifted
        self._ctx = ctx
        self._spec = spec
        self._projection = spec.projection
        self._cubic = cubic
        even, landed = cells(spec)
        both = np.concatenate([even, landed], axis=-1).astype(np.float32)
        self._points = ctx.buffer(both.tobytes())
        order = triangles(*even.shape[:2])
        light = self._work_out(order)
        least, most = extremes(light[..., 0], on_canvas(spec, landed))
        plain = (least >= 1.0) & (not self.lifted)
        self._plain = order[plain]
        self._mapped = order[(most > 0.0) & ~plain]
        height, width, planes = light.shape
        self._light = ctx.texture((width, height), planes, light.tobytes(), alignment=1, dtype="f2")
        self._light.filter = (ctx.NEAREST, ctx.NEAREST)
        self._programs: dict[ProjectorVariant, _Part] = {}

    @property
    def light(self) -> moderngl.Texture:
        """The light map: `blend.light_map` of every pixel."""
        return self._light

    def prepare(self, *, minified: bool) -> None:
        """Compile what `draw` will need: a fade to dark must not wait for the compiler."""
        for toned in (False, True):
            for mapped in (False, True):
                self._part(minified=minified, toned=toned, mapped=mapped)

    def draw(
        self, picture: moderngl.Texture, placement: Placement, factor: float, *, minified: bool
    ) -> None:
        """Draw `picture` where `placement` says; `factor` is brightness and light together."""
        spec = self._projection
        tint = (factor * np.array(spec.gains)) ** (1.0 / spec.gamma)
        toned = bool((tint != 1.0).any()) or self._spec.gamma != 1.0
        self._ctx.clear(0.0, 0.0, 0.0, 1.0)
        picture.use(_PICTURE)
        self._light.use(_LIGHT)
        for mapped in (False, True):
            part = self._part(minified=minified, toned=toned, mapped=mapped)
            if part.array is None:
                continue
            part.write(
                to_picture=placement.to_picture.T,
                edges=placement.edges,
                tint=tint,
                lift=1.0 / self._spec.gamma,
            )
            part.array.render()

    def close(self) -> None:
        """Free what lies in the context.  Safe to call twice."""
        for part in self._programs.values():
            part.close()
        self._programs.clear()
        self._points.release()
        self._light.release()

    def _part(self, *, minified: bool, toned: bool, mapped: bool) -> _Part:
        variant = ProjectorVariant(
            minified=minified,
            cubic=self._cubic,
            toned=toned,
            gamma=self._spec.gamma != 1.0,
            mapped=mapped,
            lifted=self.lifted,
            bars=self._projection.surface.fit == "contain",
        )
        if variant not in self._programs:
            order = self._mapped if mapped else self._plain
            part = _Part(self._ctx, shaders.projector(variant), self._points, order)
            part.write(
                canvas=self._spec.size,
                pin=pin_to_canvas(self._spec).T,
                room=self._projection.room,
                projector=self._projection.gamma,
            )
            part.compile()
            self._programs[variant] = part
        return self._programs[variant]

    def _work_out(self, order: NDArray[np.uint32]) -> NDArray[np.float16]:
        """The light map, its masks included."""
        points, cover = self._where(order)
        surface = self._projection.surface
        if self._projection.mask is not None:
            cover = cover * read_mask(self._projection.mask, self._spec.size)
        if surface.mask is not None:
            cover = cover * sample(read_mask(surface.mask, surface.size), points, surface.size)
        return light_map(self._projection, points, cover)

    def _where(self, order: NDArray[np.uint32]) -> tuple[Floats, Floats]:
        """Where the middles of the canvas's pixels lie on the surface, (H, W, 2) in its pixels, and
        how much of each pixel is covered, (H, W), 0..1: asked of OpenGL, which will draw there."""
        spec = self._spec
        part = _Part(self._ctx, shaders.WHERE, self._points, order)
        part.write(
            canvas=spec.size,
            pin=pin_to_canvas(spec).T,
            to_picture=pin_to_surface(spec).T,
            edges=_RIM,
        )
        target = self._ctx.texture(spec.size, 4, dtype="f4")
        frame = self._ctx.framebuffer([target])
        frame.use()
        frame.clear()
        assert part.array is not None
        part.array.render()
        found = np.empty((spec.size.height, spec.size.width, 4), np.float32)
        frame.read_into(found, components=4, alignment=1, dtype="f4")
        part.close()
        frame.release()
        target.release()
        size = np.array(self._projection.surface.size, np.float32)
        return found[..., :2] * size, found[..., 2]


_RIM = ((1.0, 0.0, 0.0), (-1.0, 0.0, 1.0), (0.0, 1.0, 0.0), (0.0, -1.0, 1.0))  # of the pin


class _Part:
    """One program and the cells that it draws; `array` is None where there are none."""

    def __init__(
        self,
        ctx: moderngl.Context,
        fragment: str,
        points: moderngl.Buffer,
        order: NDArray[np.uint32],
    ) -> None:
        self.array: moderngl.VertexArray | None = None
        self._order: moderngl.Buffer | None = None
        self._program: moderngl.Program | None = None
        if not len(order):
            return
        self._program = ctx.program(shaders.PROJECTOR_VERTEX, fragment)
        self._order = ctx.buffer(order.tobytes())
        content = [(points, "2f 2f", "even", "landed")]
        self.array = ctx.vertex_array(self._program, content, self._order)
        for name, unit in (("picture", _PICTURE), ("light", _LIGHT)):
            sampler = self._program.get(name, None)
            if isinstance(sampler, moderngl.Uniform):
                sampler.value = unit

    def write(self, **values: Any) -> None:
        """Set uniforms, floats, matrices by columns."""
        if self._program is not None:
            write_uniforms(self._program, **values)

    def compile(self) -> None:
        if self.array is not None:
            self.array.render()  # Mesa compiles at the first draw

    def close(self) -> None:
        for thing in (self.array, self._order, self._program):
            if thing is not None:
                thing.release()


def write_uniforms(program: moderngl.Program, **values: Any) -> None:
    """Set float uniforms by name, matrices by columns.  GLSL drops what a variant does not use,
    and so does this."""
    for name, value in values.items():
        uniform = program.get(name, None)
        if isinstance(uniform, moderngl.Uniform):
            uniform.write(np.asarray(value, np.float32).tobytes())
