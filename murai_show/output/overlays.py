"""Captions over a canvas: lettered once, placed on the wall, mixed with the picture in light.

A caption lies on the wall as the picture does: corner pins and meshes bend it, a surface's
projectors show each its part, soft edges and masks dim both alike.  What lies under it is copied
first, because OpenGL mixes signals, and light is what adds up on a wall.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

import moderngl
import numpy as np
from numpy.typing import NDArray

from murai_show.errors import OutputError
from murai_show.output import shaders
from murai_show.output.homography import pin_to_canvas, project
from murai_show.output.lettering import check_font, letter
from murai_show.output.mesh import cells, on_canvas, triangles
from murai_show.output.projector import write_uniforms
from murai_show.output.wall_place import (
    Box,
    Standing,
    align_of,
    canvas_scale,
    corners_on_pin,
    pin_to_box,
    pin_to_wall,
    stand,
    wall_size,
    widest,
)
from murai_show.show.caption import Caption, OverlaySpec
from murai_show.show.planned import CanvasSpec

log = logging.getLogger(__name__)

KEPT = 16  # lettered captions that are not shown at present
_GROUND, _LETTERS, _LIGHT = 0, 1, 2  # texture units

Key = tuple[OverlaySpec, str]


@dataclass(frozen=True, eq=False)
class _Lettered:
    """A caption in a texture, and its size in pixels of the wall."""

    texture: moderngl.Texture
    size: tuple[float, float]


@dataclass(frozen=True)
class _Rectangle:
    """Pixels of the canvas, and the cells of the grid that lie there: rows and columns."""

    pixels: tuple[int, int, int, int]
    rows: range
    columns: range


class Overlays:
    """Writes captions over what a canvas has drawn.  Its OpenGL context is current in every call.

    `onto` is the canvas's framebuffer; `light` the light map of a projector, where one draws.
    Letters are drawn anew when a text changes and kept while it stays; a few are kept longer,
    because texts come back.  Raises OutputError when a font cannot be read.
    """

    def __init__(
        self,
        ctx: moderngl.Context,
        spec: CanvasSpec,
        onto: moderngl.Framebuffer,
        light: moderngl.Texture | None,
    ) -> None:
        for overlay in spec.overlays:
            check_font(overlay)
        self._ctx, self._spec, self._onto, self._light = ctx, spec, onto, light
        self._specs = {overlay.name: overlay for overlay in spec.overlays}
        self._wall, self._to_wall = wall_size(spec), pin_to_wall(spec)
        self._scale = canvas_scale(spec)
        self._lettered: OrderedDict[Key, _Lettered | None] = OrderedDict()
        self._ground = ctx.texture(spec.size, 4)
        self._ground.filter = (ctx.NEAREST, ctx.NEAREST)
        self._copy = ctx.framebuffer([self._ground])
        self._grid = cells(spec) if light is not None else None
        self._program = self._compile()
        self._points = self._put_points()
        rows, columns = self._grid[0].shape[:2] if self._grid else (2, 2)
        self._order = ctx.buffer(triangles(rows, columns).tobytes())
        content = [(self._points, "2f 2f", "even", "landed")]
        self._array = ctx.vertex_array(self._program, content, self._order)
        self._array.render(vertices=0)

    def of(self, captions: Iterable[Caption]) -> tuple[Caption, ...]:
        """Those of `captions` that are for this canvas, in their order."""
        return tuple(caption for caption in captions if caption.overlay in self._specs)

    def draw(self, captions: Iterable[Caption], brightness: float) -> None:
        """Write `captions` over what the canvas shows; `brightness` is the canvas's own factor."""
        lettered = [(caption, self._letters(caption)) for caption in captions]
        shown = [(caption, found) for caption, found in lettered if found is not None]
        wanted = [
            Standing(self._specs[caption.overlay], *found.size, caption.opacity)
            for caption, found in shown
        ]
        for (caption, found), box in zip(shown, stand(self._wall, wanted), strict=True):
            rectangle = self._covers(box)
            if rectangle is not None:
                self._write(caption, found, box, rectangle, brightness)
        self._forget({(self._specs[c.overlay], c.text) for c, _ in lettered})

    def close(self) -> None:
        """Free what lies in the context.  Safe to call twice."""
        for found in self._lettered.values():
            if found is not None:
                found.texture.release()
        self._lettered.clear()
        for thing in (self._array, self._order, self._points, self._program):
            thing.release()
        self._copy.release()
        self._ground.release()

    def _compile(self) -> moderngl.Program:
        projection = self._spec.projection
        lit = projection if self._light is not None else None
        source = shaders.caption(lit=lit is not None, lifted=lit is not None and lit.lifted)
        program = self._ctx.program(shaders.CAPTION_VERTEX, source)
        units = (("ground", _GROUND), ("letters", _LETTERS), ("light", _LIGHT))
        for name, unit in units:
            sampler = program.get(name, None)
            if isinstance(sampler, moderngl.Uniform):
                sampler.value = unit
        write_uniforms(program, canvas=self._spec.size, pin=pin_to_canvas(self._spec).T)
        if lit is not None:
            write_uniforms(program, room=lit.room, projector=lit.gamma)
        return program

    def _put_points(self) -> moderngl.Buffer:
        """The points of the grid; without one, room for the corners of a caption."""
        if self._grid is None:
            return self._ctx.buffer(reserve=4 * 4 * 4, dynamic=True)
        both = np.concatenate(self._grid, axis=-1).astype(np.float32)
        return self._ctx.buffer(both.tobytes())

    def _letters(self, caption: Caption) -> _Lettered | None:
        """The caption in a texture; None, and a line in the log, when its font fails: that costs
        the caption, never the picture."""
        spec = self._specs[caption.overlay]
        key = (spec, caption.text)
        if key not in self._lettered:
            try:
                self._lettered[key] = self._drawn(spec, caption.text)
            except (OutputError, OSError, ValueError) as error:
                log.warning("overlay %s: %s; it is left out", spec.name, error)
                self._lettered[key] = None
        self._lettered.move_to_end(key)
        return self._lettered[key]

    def _drawn(self, spec: OverlaySpec, text: str) -> _Lettered:
        height = self._wall.height
        room = (widest(spec, self._wall), max(1.0, (1 - 2 * spec.margin) * height))
        found = letter(spec, text, spec.size * height, room, self._scale, align_of(spec))
        rows, columns = found.coverage.shape[:2]
        data = np.ascontiguousarray(found.coverage).tobytes()
        texture = self._ctx.texture((columns, rows), 2, data, alignment=1)
        texture.filter = (self._ctx.LINEAR, self._ctx.LINEAR)
        texture.repeat_x = texture.repeat_y = False
        return _Lettered(texture, found.size)

    def _forget(self, shown: set[Key]) -> None:
        """Free what was not shown for longest."""
        idle = [key for key in self._lettered if key not in shown]
        for key in idle[: max(0, len(idle) - KEPT)]:
            found = self._lettered.pop(key)
            if found is not None:
                found.texture.release()

    def _covers(self, box: Box) -> _Rectangle | None:
        """What of the canvas `box` covers; None where that is nothing."""
        corners = corners_on_pin(box, self._to_wall)
        low, high = corners.min(0), corners.max(0)
        if (high <= 0.0).any() or (low >= 1.0).any():
            return None
        if self._grid is None:
            both = np.concatenate([corners, corners], axis=-1).astype(np.float32)
            self._points.write(both.tobytes())
            inside = corners.clip(0.0, 1.0)
            pixels = _rim(project(pin_to_canvas(self._spec), inside), self._spec)
            return _Rectangle(pixels, range(1), range(1)) if pixels[2] and pixels[3] else None
        even, landed = self._grid
        columns = _between(even[0, :, 0], low[0], high[0])
        rows = _between(even[:, 0, 1], low[1], high[1])
        part = landed[rows.start : rows.stop + 1, columns.start : columns.stop + 1]
        pixels = _rim(on_canvas(self._spec, part).reshape(-1, 2), self._spec)
        return _Rectangle(pixels, rows, columns) if pixels[2] and pixels[3] else None

    def _write(
        self, caption: Caption, found: _Lettered, box: Box, where: _Rectangle, brightness: float
    ) -> None:
        self._copy.scissor = where.pixels
        self._copy.use()
        self._ctx.copy_framebuffer(self._copy, self._onto)
        self._onto.use()
        self._ground.use(_GROUND)
        found.texture.use(_LETTERS)
        if self._light is not None:
            self._light.use(_LIGHT)
        write_uniforms(
            self._program,
            to_caption=pin_to_box(box, self._to_wall).T,
            writing=self._light_of(self._specs[caption.overlay], brightness),
            opacity=caption.opacity,
        )
        across = len(self._grid[0][0]) - 1 if self._grid else 1
        for row in where.rows:
            first = 6 * (row * across + where.columns.start)
            self._array.render(vertices=6 * len(where.columns), first=first)

    def _light_of(self, spec: OverlaySpec, brightness: float) -> NDArray[np.float64]:
        """The writing's colour in linear light, as bright as the canvas's white."""
        signal = np.array(spec.colour)
        if self._light is None:
            linear = np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)
            return np.minimum(linear * brightness, 1.0)
        projection = self._spec.projection
        assert projection is not None
        tint = brightness * np.array(projection.gains)
        return np.minimum(signal**projection.gamma * tint, 1.0)


def _between(edges: NDArray[np.float64], low: float, high: float) -> range:
    """The cells between `edges`, which grow, that reach into low … high."""
    first = int(np.searchsorted(edges, low, "right")) - 1
    last = int(np.searchsorted(edges, high, "left"))
    return range(max(0, first), min(last, len(edges) - 1))


def _rim(points: NDArray[np.float64], spec: CanvasSpec) -> tuple[int, int, int, int]:
    """The pixels of the canvas around `points`: x, y, width, height."""
    low = np.clip(np.floor(points.min(0)) - 1, 0, spec.size).astype(int)
    high = np.clip(np.ceil(points.max(0)) + 1, 0, spec.size).astype(int)
    (x, y), (width, height) = low.tolist(), (high - low).tolist()
    return (x, y, width, height)
