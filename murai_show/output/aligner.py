"""Aligning without a ladder: which point is moved, where to, and back again.  No window here.

A `Bench` is a value: every key gives a new one.  A move that would cross corners or fold a mesh is
not made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from murai_show.output.homography import canvas_to_pin, pin_to_canvas, project
from murai_show.show.align import AlignedOutput
from murai_show.show.mesh import even_grid
from murai_show.show.planned import CanvasSpec
from murai_show.show.projection import ProjectionSpec, SurfaceSpec
from murai_show.show.schema import Corners
from murai_show.show.surface import Mesh, Region
from murai_show.show.words import Point

_CORNERS = ("top_left", "top_right", "bottom_right", "bottom_left")
_UNIT = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
_NEW_MESH = (4, 5)  # rows and columns of the mesh that `m` begins with
_MOST_UNDONE = 1000
ARROWS: Mapping[str, Point] = {
    "left": (-1.0, 0.0),
    "right": (1.0, 0.0),
    "up": (0.0, -1.0),
    "down": (0.0, 1.0),
}


@dataclass(frozen=True)
class Target:
    """One output on the bench: its canvas as it is now, and as it was when alignment began."""

    name: str
    canvas: CanvasSpec
    planned: CanvasSpec

    @property
    def mesh(self) -> Mesh | None:
        return self.canvas.projection.mesh if self.canvas.projection else None

    @property
    def points(self) -> tuple[str, ...]:
        """The names of its points: corners, then the mesh's row by row."""
        mesh = self.mesh or ()
        inner = [
            f"mesh, row {row}, column {column}"
            for row, line in enumerate(mesh, 1)
            for column, _ in enumerate(line, 1)
        ]
        return (*(f"corner {n}" for n in range(1, 5)), *inner)

    def spot(self, point: int) -> Point:
        """Where a point is on the card, 0..1, which goes through corners and mesh itself."""
        if point < 4:
            return _UNIT[point]
        assert self.mesh is not None
        row, column = divmod(point - 4, len(self.mesh[0]))
        return (column / (len(self.mesh[0]) - 1), row / (len(self.mesh) - 1))

    def pixel(self, point: int) -> Point:
        """Where a point is on the canvas, in pixels."""
        x, y = project(pin_to_canvas(self.canvas), np.array([self._on_pin(point)]))[0]
        return (float(x), float(y))

    def moved(self, point: int, dx: float, dy: float) -> Target:
        """The same with a point `dx`, `dy` pixels away.  Raises ValueError where it may not be."""
        x, y = self.pixel(point)
        if point < 4:
            width, height = self.canvas.size
            return self._with(point, ((x + dx) / width, (y + dy) / height))
        u, v = project(canvas_to_pin(self.canvas), np.array([(x + dx, y + dy)]))[0]
        return self._with(point, (float(u), float(v)))

    @property
    def begun(self) -> Target:
        """As it was when alignment began."""
        return Target(self.name, self.planned, self.planned)

    def reset(self, point: int) -> Target:
        """The same with one point where it was.  Raises ValueError where it may not be."""
        begun = self.begun
        return self if point >= len(begun.points) else self._with(point, begun.value(point))

    def meshed(self) -> Target:
        """The same with an even mesh to move; a mesh of this session goes, the show's gets even."""
        if self.mesh is None:
            return self._bent(even_grid(*_NEW_MESH))
        if self.begun.mesh is None:
            return self._bent(None)
        return self._bent(even_grid(len(self.mesh), len(self.mesh[0])))

    def aligned(self, before: AlignedOutput | None) -> AlignedOutput | None:
        """What the sidecar keeps, which has kept `before`; None where that is nothing."""
        corners, mesh = (before.corners, before.mesh) if before else (None, None)
        if self.canvas.corners != self.planned.corners:
            corners = self.canvas.corners
        if self.mesh != self.begun.mesh:
            mesh = self.mesh
        return AlignedOutput(corners=corners, mesh=mesh) if corners or mesh else None

    def _on_pin(self, point: int) -> Point:
        return _UNIT[point] if point < 4 else self.value(point)

    def value(self, point: int) -> Point:
        """A point as the show language has it."""
        if point < 4:
            return self.canvas.corners.points()[point]
        assert self.mesh is not None
        row, column = divmod(point - 4, len(self.mesh[0]))
        return self.mesh[row][column]

    def _with(self, point: int, value: Point) -> Target:
        if point < 4:
            points = [*self.canvas.corners.points()]
            points[point] = value
            corners = Corners(**dict(zip(_CORNERS, points, strict=True)))
            return replace(self, canvas=replace(self.canvas, corners=corners))
        assert self.mesh is not None
        row, column = divmod(point - 4, len(self.mesh[0]))
        rows = [list(line) for line in self.mesh]
        rows[row][column] = value
        found = AlignedOutput.model_validate({"mesh": tuple(map(tuple, rows))})
        return self._bent(found.mesh)

    def _bent(self, mesh: Mesh | None) -> Target:
        projection = self.canvas.projection or _whole(self.canvas)
        return replace(self, canvas=replace(self.canvas, projection=replace(projection, mesh=mesh)))


def _whole(canvas: CanvasSpec) -> ProjectionSpec:
    """The projection of a canvas that is a wall of its own."""
    surface = SurfaceSpec("", canvas.size, canvas.fit, "none", 0)
    return ProjectionSpec(surface, Region(0, 0, *canvas.size))


@dataclass(frozen=True)
class Bench:
    """Outputs under alignment, which of them and which point is selected, and what was before.

    `saved` are the targets as they were last written.
    """

    targets: tuple[Target, ...]
    output: int = 0
    point: int = 0
    before: tuple[tuple[Target, ...], ...] = ()
    saved: tuple[Target, ...] = ()

    @property
    def target(self) -> Target:
        return self.targets[self.output]

    @property
    def changed(self) -> bool:
        return self.targets != self.saved

    @property
    def words(self) -> str:
        """What is selected, and where it is."""
        x, y = self.target.pixel(self.point)
        return f"{self.target.name}, {self.target.points[self.point]}: {x:.1f}, {y:.1f}"


def begin(canvases: Mapping[str, CanvasSpec]) -> Bench:
    """A bench for canvases, by output."""
    targets = tuple(Target(name, canvas, canvas) for name, canvas in canvases.items())
    return Bench(targets, saved=targets)


def press(bench: Bench, key: str, step: float = 1.0) -> Bench:
    """The bench after a key: `left`, `right`, `up` and `down` move the selected point by `step`
    pixels, `next` and `previous` select a point, `next output` and `previous output` an output;
    `mesh` begins or drops one, `reset` puts the point back where it was, `undo`."""
    match key:
        case "left" | "right" | "up" | "down":
            dx, dy = ARROWS[key]
            try:
                moved = bench.target.moved(bench.point, dx * step, dy * step)
            except ValueError:  # pydantic's is one too: the point may not go there
                return bench
            return _put(bench, moved)
        case "next" | "previous":
            count = len(bench.target.points)
            return replace(bench, point=(bench.point + (1 if key == "next" else -1)) % count)
        case "next output" | "previous output":
            step_to = 1 if key == "next output" else -1
            return replace(bench, output=(bench.output + step_to) % len(bench.targets), point=0)
        case "mesh":
            return replace(_put(bench, bench.target.meshed()), point=0)
        case "reset":
            try:
                return _put(bench, bench.target.reset(bench.point))
            except ValueError:
                return bench
        case "undo" if bench.before:
            *before, last = bench.before
            points = len(last[bench.output].points)
            point = bench.point if bench.point < points else 0
            return replace(bench, targets=last, before=tuple(before), point=point)
    return bench


def _put(bench: Bench, target: Target) -> Bench:
    if target == bench.target:
        return bench
    targets = tuple(target if n == bench.output else t for n, t in enumerate(bench.targets))
    before = (*bench.before, bench.targets)[-_MOST_UNDONE:]
    return replace(bench, targets=targets, before=before)


def marked(card: Image.Image, spot: Point, words: str) -> Image.Image:
    """`card` with a ring around `spot`, 0..1, and `words` at its foot."""
    picture = card.copy()
    draw, (width, height) = ImageDraw.Draw(picture), picture.size
    unit = max(1.0, min(width, height) / 100)
    x, y = spot[0] * (width - 1), spot[1] * (height - 1)
    for radius, colour, line in ((4.5, (0, 0, 0), 1.4), (4.2, (255, 220, 0), 0.7)):
        box = (x - radius * unit, y - radius * unit, x + radius * unit, y + radius * unit)
        draw.ellipse(box, None, colour, max(1, round(line * unit)))
    for a in ((x - 9 * unit, y, x + 9 * unit, y), (x, y - 9 * unit, x, y + 9 * unit)):
        draw.line(a, (255, 220, 0), max(1, round(0.25 * unit)))
    font = ImageFont.load_default(max(6.0, 3.4 * unit))
    foot = (width / 2, height - 8 * unit)
    left, top, right, bottom = draw.multiline_textbbox(foot, words, font, "mm", align="center")
    draw.rectangle((left - unit, top - unit, right + unit, bottom + unit), (0, 0, 0))
    draw.multiline_text(foot, words, (255, 220, 0), font, "mm", align="center")
    return picture
