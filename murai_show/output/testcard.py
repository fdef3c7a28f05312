"""The test card: what an installer needs to see on the wall, drawn for each output.

A card lies on its output's part of a surface and goes through its corners and mesh like a picture,
but is not blended: in an overlap both grids show, each in its output's own colour, and where they
fall together the projectors are aligned.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from murai_show.frame import Frame
from murai_show.show.planned import CanvasSpec, PlannedOutput
from murai_show.show.projection import ProjectionSpec, SurfaceSpec
from murai_show.show.surface import EDGES, Region
from murai_show.show.words import Size

Colour = tuple[int, int, int]

_GROUND, _GRID, _WHITE, _SOFT = (14, 17, 21), (52, 60, 68), (255, 255, 255), (176, 186, 194)
_BARS: tuple[Colour, ...] = (
    (255, 255, 255), (255, 255, 0), (0, 255, 255), (0, 255, 0),
    (255, 0, 255), (255, 0, 0), (0, 0, 255), (0, 0, 0),
)  # fmt: skip
_NEAR_BLACK = (0, 2, 4, 6, 8, 10, 12, 16)  # signals: which steps can be told apart?
_NEAR_WHITE = (255, 253, 251, 249, 247, 245, 243, 239)
_STEPS = (10, 20, 25, 50, 60, 100, 120, 200, 240, 250, 500, 1000)
_GOLDEN = 0.381966  # of the circle of hues: neighbours differ much


@dataclass(frozen=True)
class Card:
    """What a card says.  `part` is the output's part of a surface of the size `whole`; `overlaps`
    are the widths of its soft edges to left, right, top and bottom, in pixels of the surface."""

    name: str
    number: int
    size: Size
    pixels: Size
    part: Region
    whole: Size
    surface: str
    overlaps: tuple[float, float, float, float]

    @property
    def accent(self) -> Colour:
        red, green, blue = colorsys.hsv_to_rgb((0.08 + self.number * _GOLDEN) % 1.0, 0.75, 1.0)
        return (round(255 * red), round(255 * green), round(255 * blue))


def card_of(planned: PlannedOutput, number: int) -> Card:
    """The card of an output with a canvas; `number` counts the outputs from 1."""
    spec = planned.canvas
    assert spec is not None
    turned = spec.rotate in (90, 270)
    size = Size(spec.size.height, spec.size.width) if turned else spec.size
    projection = spec.projection
    part = projection.region if projection else Region(0, 0, *size)
    beam = projection.beam if projection and projection.neighbours else None
    return Card(
        name=planned.name,
        number=number,
        size=size,
        pixels=spec.size,
        part=part,
        whole=projection.surface.size if projection else size,
        surface=projection.surface.name if projection else "",
        overlaps=beam.ramps if beam else (0.0, 0.0, 0.0, 0.0),
    )


def card_canvas(spec: CanvasSpec) -> CanvasSpec:
    """The canvas that puts a card where the output's part of the picture is: the same corners and
    mesh, nothing fitted, blended, masked or dimmed."""
    projection = spec.projection
    if projection is not None:
        part = Region(0, 0, projection.region.width, projection.region.height)
        surface = SurfaceSpec("", Size(part.width, part.height), "stretch", "none", 0)
        projection = ProjectionSpec(surface, part, mesh=projection.mesh)
    return replace(spec, fit="stretch", brightness=1.0, gamma=1.0, projection=projection)


def card_frame(card: Card, *, identify: bool = False) -> Frame:
    """The card as a picture of its size; with `identify` a number that is read from afar."""
    picture = _identity(card) if identify else _Drawing(card).picture
    return Frame(np.asarray(picture), 0.0, 0.0, 1, card.name)


def _identity(card: Card) -> Image.Image:
    picture = Image.new("RGB", card.size, tuple(channel // 3 for channel in card.accent))
    draw, (width, height) = ImageDraw.Draw(picture), card.size
    side = min(width, height)
    edge = max(2, side // 40)
    draw.rectangle((0, 0, width - 1, height - 1), None, card.accent, edge)
    middle = (width / 2, height * 0.43)
    draw.text(middle, str(card.number), _WHITE, _font(0.62 * side), "mm")
    name = (width / 2, height * 0.84)
    draw.text(name, card.name, _WHITE, _fitting(card.name, 0.16 * side, 0.9 * width), "mm")
    return picture


class _Drawing:
    """Draws one card.  `unit` is a hundredth of its shorter side."""

    def __init__(self, card: Card) -> None:
        self.card = card
        self.width, self.height = card.size
        self.unit = min(card.size) / 100
        self.line = max(1, round(self.unit / 6))
        self.picture = Image.new("RGB", card.size, _GROUND)
        self.draw = ImageDraw.Draw(self.picture)
        self._overlaps()
        self._grid()
        self._circles()
        self._frame()
        self._patches()
        self._words()
        self._corners()

    def _grid(self) -> None:
        """Lines at round places of the surface, so that neighbours draw the same ones."""
        part = self.card.part
        step = next((s for s in _STEPS if s * 20 >= max(part.width, part.height)), _STEPS[-1])
        faint = _mixed(_GRID, self.card.accent, 0.5)
        font = _font(2.4 * self.unit)
        for axis, (start, length) in enumerate(((part.x, part.width), (part.y, part.height))):
            side = (self.width, self.height)[axis]
            for place in range(-(-start // step) * step, start + length + 1, step):
                at = round((place - start) / length * side)
                if not self.unit < at < side - self.unit:
                    continue
                end = (at, self.height) if axis == 0 else (self.width, at)
                begin = (at, 0) if axis == 0 else (0, at)
                self.draw.line((begin, end), faint, self.line)
                spot = (at, 1.6 * self.unit) if axis == 0 else (1.6 * self.unit, at)
                anchor = "mt" if axis == 0 else "lm"
                rim = {"stroke_width": self.line * 2, "stroke_fill": _GROUND}
                self.draw.text(spot, str(place), _SOFT, font, anchor, **rim)

    def _overlaps(self) -> None:
        """Where neighbours shine too: hatched."""
        part = self.card.part
        across, down = self.width / part.width, self.height / part.height
        left, right, top, bottom = self.card.overlaps
        boxes = (
            (0, 0, left * across, self.height),
            (self.width - right * across, 0, self.width, self.height),
            (0, 0, self.width, top * down),
            (0, self.height - bottom * down, self.width, self.height),
        )
        stripes = Image.new("L", self.card.size, 0)
        pen, step = ImageDraw.Draw(stripes), max(4, round(3 * self.unit))
        for at in range(-self.height, self.width, step):
            pen.line((at, self.height, at + self.height, 0), 255, max(1, step // 3))
        where = Image.new("L", self.card.size, 0)
        for box, width in zip(boxes, self.card.overlaps, strict=True):
            if width:
                ImageDraw.Draw(where).rectangle(tuple(map(round, box)), 255)
        hatch = Image.composite(stripes, Image.new("L", self.card.size, 0), where)
        self.picture.paste(_mixed(_GROUND, self.card.accent, 0.15), mask=hatch)

    def _circles(self) -> None:
        """Round only where the projector's pixels are square on the wall."""
        middle = (self.width / 2, self.height / 2)
        large, small = 45 * self.unit, 10 * self.unit
        inset = small + 4 * self.unit
        for x in (inset, self.width - inset):
            for y in (inset, self.height - inset):
                self._circle((x, y), small, _SOFT)
        self._circle(middle, large, _WHITE)
        self.draw.line((0, middle[1], self.width, middle[1]), self.card.accent, self.line)
        self.draw.line((middle[0], 0, middle[0], self.height), self.card.accent, self.line)

    def _circle(self, middle: tuple[float, float], radius: float, colour: Colour) -> None:
        """Drawn four times as large, because Pillow's circles are not smooth."""
        side, fine = int(2 * radius) + 4, 4
        disc = Image.new("L", (side * fine, side * fine), 0)
        reach = (side / 2 - radius) * fine
        box = (reach, reach, side * fine - reach, side * fine - reach)
        ImageDraw.Draw(disc).ellipse(box, None, 255, max(fine, round(self.line * 1.5 * fine)))
        spot = (round(middle[0] - side / 2), round(middle[1] - side / 2))
        smooth = disc.resize((side, side), Image.Resampling.BOX)
        self.picture.paste(colour, (*spot, spot[0] + side, spot[1] + side), smooth)

    def _frame(self) -> None:
        """The outermost pixels, white: all four sides are seen, or the edge is cut."""
        box = (0, 0, self.width - 1, self.height - 1)
        self.draw.rectangle(box, None, _WHITE, self.line)

    def _patches(self) -> None:
        """Colours, greys, and the steps that a bad setting swallows."""
        wide = min(0.62 * self.width, 130 * self.unit)
        tall = 5 * self.unit
        left, y = (self.width - wide) / 2, self.height - 33 * self.unit
        greys = [(v, v, v) for v in np.linspace(0, 255, 11).round().astype(int).tolist()]
        rows = (
            _BARS,
            greys,
            [(v, v, v) for v in (*_NEAR_BLACK, *reversed(_NEAR_WHITE))],
        )
        for row in rows:
            each = wide / len(row)
            for number, colour in enumerate(row):
                x = left + number * each
                right = max(round(x), round(x + each) - 1)
                box = (round(x), round(y), right, round(y + tall))
                self.draw.rectangle(box, colour)
            y += tall + self.unit

    def _words(self) -> None:
        card, middle = self.card, self.width / 2
        name = _fitting(card.name, 15 * self.unit, 0.6 * self.width)
        self._text((middle, 25 * self.unit), card.name, name, _WHITE)
        about = f"output {card.number}   {card.pixels}"
        self._text((middle, 38 * self.unit), about, _font(4.4 * self.unit), card.accent)
        if card.surface:
            part = f"{card.surface} {card.whole}, from {card.part.x}, {card.part.y}: "
            part += f"{card.part.width} x {card.part.height}"
            self._text((middle, 44 * self.unit), part, _font(3.2 * self.unit), _SOFT)
        edges = zip(EDGES, card.overlaps, strict=True)
        shared = "   ".join(f"{edge} {width:g}" for edge, width in edges if width)
        if shared:
            text = f"shared with neighbours: {shared}"
            self._text((middle, 56 * self.unit), text, _font(3.2 * self.unit), _SOFT)

    def _text(
        self,
        spot: tuple[float, float],
        text: str,
        font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
        colour: Colour,
    ) -> None:
        """Text on a plate, or the grid would cross it out."""
        pad = self.unit
        left, top, right, bottom = self.draw.textbbox(spot, text, font, "mm")
        self.draw.rectangle((left - 2 * pad, top - pad, right + 2 * pad, bottom + pad), _GROUND)
        self.draw.text(spot, text, colour, font, "mm")

    def _corners(self) -> None:
        """An arrow into each corner, and its number, clockwise as `corners` names them."""
        reach, font = 7 * self.unit, _font(5 * self.unit)
        spots = ((0, 0), (self.width, 0), (self.width, self.height), (0, self.height))
        for number, (x, y) in enumerate(spots, 1):
            sx, sy = (1 if x == 0 else -1), (1 if y == 0 else -1)
            tip = (x - (sx < 0), y - (sy < 0))
            self.draw.polygon((tip, (x + sx * reach, y), (x, y + sy * reach)), self.card.accent)
            spot = (x + sx * 14 * self.unit, y + sy * 14 * self.unit)
            self.draw.text(spot, str(number), _WHITE, font, "mm")


def _mixed(a: Colour, b: Colour, part: float) -> Colour:
    red, green, blue = (round(p + (q - p) * part) for p, q in zip(a, b, strict=True))
    return (red, green, blue)


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(max(6.0, size))


def _fitting(text: str, size: float, width: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font of `size`, or smaller, in which `text` is at most `width` wide."""
    font = _font(size)
    left, _, right, _ = font.getbbox(text)
    return _font(size * min(1.0, width / max(1.0, right - left)))
