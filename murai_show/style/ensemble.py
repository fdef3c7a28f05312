"""Several painters as one: each paints the styles that it knows, and a mix of theirs is a dissolve.

A network mixes styles by mixing their vectors.  Styles that two networks paint have no vector
between them, so while one fades into the other both paint, and their pictures are mixed as they are
encoded (sRGB), as a dissolve on a mixing desk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from murai_show.frame import Frame
from murai_show.ports import Batching, Resizable
from murai_show.show.timeline import Look, Mix
from murai_show.show.words import Size
from murai_show.style.lay import lay


class Share(NamedTuple):
    """The part of a mix that one painter paints: `mix` has sum 1, and `weight` is how much of the
    picture it is."""

    painter: Resizable
    mix: Mix
    weight: float


class Ensemble:
    """A `Resizable` and `Batching` stylizer made of `painters`, of whom no two know one style.

    What one of them knows alone costs one painting, a mix over several one of each.
    """

    def __init__(self, painters: Sequence[Resizable]) -> None:
        self.engine = painters[0].engine
        self.styles = tuple(style for painter in painters for style in painter.styles)
        self._painters = tuple(painters)
        self._by_style = {
            style: number for number, painter in enumerate(painters) for style in painter.styles
        }
        if len(self._by_style) < len(self.styles):
            raise ValueError(f"two painters know one style: {', '.join(self.styles)}")

    @property
    def paint(self) -> Size:
        """The size that is painted inside; see `Resizable`."""
        return self._painters[0].paint

    @paint.setter
    def paint(self, size: Size) -> None:
        for painter in self._painters:
            painter.paint = size

    @property
    def recoveries(self) -> int:
        """How often a GPU was out of memory and went on."""
        return sum(getattr(painter, "recoveries", 0) for painter in self._painters)

    def __call__(self, frame: Frame, look: Look) -> Frame:
        """See `Stylizer`.  Raises KeyError for no such style."""
        return self.paint_all([frame], look)[0]

    def paint_all(self, frames: Sequence[Frame], look: Look) -> Sequence[Frame]:
        """See `Batching`."""
        if not look.lit:
            raise ValueError("a dark look is not painted")
        first, *others = self.shares(look.mix)
        painted, weight = _painted(first, frames, look), first.weight
        for share in others:
            weight += share.weight
            over = _painted(share, frames, look)
            painted = [
                below.painted(lay(below.pixels, above.pixels, share.weight / weight))
                for below, above in zip(painted, over, strict=True)
            ]
        return painted

    def shares(self, mix: Mix) -> list[Share]:
        """`mix` by painter, in their order.  Raises KeyError for no such style."""
        parts: dict[int, list[tuple[str, float]]] = {}
        for style, weight in mix:
            parts.setdefault(self._by_style[style], []).append((style, weight))
        if len(parts) == 1:
            return [Share(self._painters[next(iter(parts))], mix, 1.0)]
        found: list[Share] = []
        for number, part in sorted(parts.items()):
            whole = sum(weight for _, weight in part)
            scaled = tuple((style, weight / whole) for style, weight in part)
            found.append(Share(self._painters[number], scaled, whole))
        return found

    def close(self) -> None:
        """Close every painter.  Safe to call twice."""
        for painter in self._painters:
            painter.close()


def _painted(share: Share, frames: Sequence[Frame], look: Look) -> Sequence[Frame]:
    own = replace(look, mix=share.mix)
    if len(frames) > 1 and isinstance(share.painter, Batching):
        return share.painter.paint_all(frames, own)
    return [share.painter(frame, own) for frame in frames]
