"""Captions over a canvas: lettered once, placed on the wall, mixed with the picture in light.

A caption lies on the wall as the picture does: corner pins and meshes bend it, a surface's
projectors show each its part, soft edges and masks dim both alike.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace

import moderngl
import numpy as np
from numpy.typing import NDArray

from murai_show.errors import OutputError
from murai_show.output import shaders
from murai_show.output.homography import Matrix, pin_to_canvas
from murai_show.output.lettering import check_font, letter, mixing, power_curve, srgb_curve
from murai_show.output.mesh import cells, triangles
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
_LETTERS, _LIGHT = 0, 1  # texture units

Key = tuple[OverlaySpec, str]


@dataclass(frozen=True, eq=False)
class _Lettered:
    """A caption in a texture (`lettering.mixing`), and its size in pixels of the wall."""

    texture: moderngl.Texture
    size: tuple[float, float]


@dataclass(frozen=True, eq=False)
class _Placed:
    """A caption and where it is: `rows` and `columns` are the cells of the grid that it reaches
    into, `corners` its own on the pin, where there is no grid."""

    lettered: _Lettered
    opacity: float
    to_caption: Matrix
    corners: Matrix
    rows: range = range(1)
    columns: range = range(1)


class Overlays:
    """Writes captions over what a canvas has drawn.  Its OpenGL context is current in every call.

    It draws into the framebuffer that is in use.  `light` is the light map of a projector, where
    one draws.
    Letters are drawn anew when a text changes and kept while it stays; a few are kept longer,
    because texts come back.  Raises OutputError when a font cannot be read.
    """

    def __init__(
        self,
        ctx: moderngl.Context,
        spec: CanvasSpec,
        light: moderngl.Texture | None,
    ) -> None:
        for overlay in spec.overlays:
            check_font(overlay)
        self._ctx, self._spec, self._light = ctx, spec, light
        self._specs = {overlay.name: overlay for overlay in spec.overlays}
        self._wall, self._to_wall = wall_size(spec), pin_to_wall(spec)
        self._scale = canvas_scale(spec)
        lit = spec.projection if light is not None else None
        self._curve = power_curve(lit.gamma) if lit is not None else srgb_curve()
        self._last: tuple[Caption, ...] = ()
        self._placed: list[_Placed] = []
        self._lettered: OrderedDict[Key, _Lettered | None] = OrderedDict()
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

    def draw(self, captions: Iterable[Caption]) -> None:
        """Write `captions` over what the canvas shows."""
        wanted = tuple(captions)
        if wanted != self._last:  # most pictures have the captions of the one before
            self._placed, self._last = self._place(wanted), wanted
        self._ctx.enable(self._ctx.BLEND)
        self._ctx.blend_func = (self._ctx.ONE, self._ctx.ONE_MINUS_SRC_ALPHA)
        for each in self._placed:
            self._write(each)
        self._ctx.disable(self._ctx.BLEND)

    def close(self) -> None:
        """Free what lies in the context.  Safe to call twice."""
        for found in self._lettered.values():
            if found is not None:
                found.texture.release()
        self._lettered.clear()
        for thing in (self._array, self._order, self._points, self._program):
            thing.release()

    def _compile(self) -> moderngl.Program:
        lit = self._light is not None
        source = shaders.caption(lit=lit, cut=not lit and self._spec.projection is not None)
        program = self._ctx.program(shaders.CAPTION_VERTEX, source)
        for name, unit in (("letters", _LETTERS), ("light", _LIGHT)):
            sampler = program.get(name, None)
            if isinstance(sampler, moderngl.Uniform):
                sampler.value = unit
        write_uniforms(program, canvas=self._spec.size, pin=pin_to_canvas(self._spec).T)
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
        pixels = mixing(found.coverage, self._light_of(spec), self._curve)
        rows, columns = pixels.shape[:2]
        texture = self._ctx.texture((columns, rows), 4, pixels.tobytes())
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

    def _place(self, captions: tuple[Caption, ...]) -> list[_Placed]:
        """Those of `captions` that are seen on this canvas, lettered."""
        lettered = [(caption, self._letters(caption)) for caption in captions]
        shown = [(caption, found) for caption, found in lettered if found is not None]
        wanted = [Standing(self._specs[c.overlay], *found.size, c.opacity) for c, found in shown]
        boxes = stand(self._wall, wanted)
        self._forget({(self._specs[c.overlay], c.text) for c in captions})
        placed = (
            self._on_pin(found, caption.opacity, box)
            for (caption, found), box in zip(shown, boxes, strict=True)
        )
        return [each for each in placed if each is not None]

    def _on_pin(self, lettered: _Lettered, opacity: float, box: Box) -> _Placed | None:
        """None where the box is on other canvases."""
        corners = corners_on_pin(box, self._to_wall)
        low, high = corners.min(0), corners.max(0)
        if (high <= 0.0).any() or (low >= 1.0).any():
            return None
        placed = _Placed(lettered, opacity, pin_to_box(box, self._to_wall), corners)
        if self._grid is None:
            return placed
        even = self._grid[0]
        rows = _between(even[:, 0, 1], low[1], high[1])
        return replace(placed, rows=rows, columns=_between(even[0, :, 0], low[0], high[0]))

    def _write(self, placed: _Placed) -> None:
        placed.lettered.texture.use(_LETTERS)
        if self._light is not None:
            self._light.use(_LIGHT)
        write_uniforms(self._program, to_caption=placed.to_caption.T, opacity=placed.opacity)
        across = 1
        if self._grid is None:
            both = np.concatenate([placed.corners, placed.corners], axis=-1)
            self._points.write(both.astype(np.float32).tobytes())
        else:
            across = self._grid[0].shape[1] - 1
        for row in placed.rows:
            first = 6 * (row * across + placed.columns.start)
            self._array.render(vertices=6 * len(placed.columns), first=first)

    def _light_of(self, spec: OverlaySpec) -> NDArray[np.float64]:
        """The writing's colour in linear light, as bright as the canvas's white."""
        signal = np.array(spec.colour)
        light = np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)
        tint = np.array(self._spec.brightness)
        if self._light is not None and self._spec.projection is not None:
            light = signal**self._spec.projection.gamma
            tint = tint * np.array(self._spec.projection.gains)
        return np.minimum(light * tint, 1.0)


def _between(edges: NDArray[np.float64], low: float, high: float) -> range:
    """The cells between `edges`, which grow, that reach into low … high."""
    first = int(np.searchsorted(edges, low, "right")) - 1
    last = int(np.searchsorted(edges, high, "left"))
    return range(max(0, first), min(last, len(edges) - 1))
