"""Several styles in one picture: each painted over all of it, then cut out and laid down."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from murai_show.frame import Frame
from murai_show.ports import Resizable
from murai_show.show.playing import PLAIN
from murai_show.show.timeline import AreaLook, Look, MaskFile, Mix, Wipe, smooth
from murai_show.show.words import Size
from murai_show.style.ensemble import Ensemble
from murai_show.style.identity import IdentityStylizer
from murai_show.style.lay import Bytes, lay

ReadMask = Callable[[Path, Size], NDArray[np.float32]]
KEPT = 32  # masks: a few areas, at the sizes of a camera and its slate


class Collage:
    """A `Resizable` stylizer that lets `stylizer` paint each look of a picture's areas and lays
    them together, and that knows `plain`, the picture as it is filmed.

    The painter sees the whole picture each time, because its norms are over all of it: an area
    painted by itself would change with where it is cut.  So each further look costs one painting;
    a look without areas costs nothing.  `read_mask` gives (H, W), float32, 0 to 1, of a size.
    """

    def __init__(self, stylizer: Resizable, paint: Size, read_mask: ReadMask) -> None:
        self._plain = IdentityStylizer((PLAIN,), paint)
        self._stylizer = Ensemble((stylizer, self._plain))
        self.engine, self.styles = self._stylizer.engine, self._stylizer.styles
        self._read_mask = read_mask
        self._masks: OrderedDict[tuple[object, ...], Bytes] = OrderedDict()

    @property
    def paint(self) -> Size:
        """The size that is painted inside; see `Resizable`."""
        return self._plain.paint

    @paint.setter
    def paint(self, size: Size) -> None:
        self._stylizer.paint = size

    @property
    def recoveries(self) -> int:
        """How often a GPU was out of memory and went on."""
        return self._stylizer.recoveries

    def prepare(self, files: Iterable[MaskFile]) -> None:
        """Read masks before the show and not in it; on any thread.  Raises what reading raises."""
        for mask in files:
            self._read_mask(mask.file, self.paint)

    def __call__(self, frame: Frame, look: Look) -> Frame:
        """See `Stylizer`.  Raises KeyError for no such style."""
        return self.paint_all([frame], look)[0]

    def paint_all(self, frames: Sequence[Frame], look: Look) -> Sequence[Frame]:
        """See `Batching`: each look is painted over all of `frames` in one call, if that can be."""
        hands: dict[Mix, Sequence[Frame]] = {}
        ground, areas = uncovered(look)
        pictures = self._by(frames, ground, hands)
        for area in areas:
            overs = self._lit(frames, area, hands)
            pictures = [
                under.painted(lay(under.pixels, over, self._share(area, under)))
                for under, over in zip(pictures, overs, strict=True)
            ]
        return pictures

    def close(self) -> None:
        """Close the painter."""
        self._stylizer.close()

    def _by(
        self, frames: Sequence[Frame], mix: Mix, hands: dict[Mix, Sequence[Frame]]
    ) -> Sequence[Frame]:
        """`frames` in `mix`, painted once however many areas show it."""
        if mix not in hands:
            hands[mix] = self._stylizer.paint_all(frames, Look(mix))
        return hands[mix]

    def _lit(
        self, frames: Sequence[Frame], area: AreaLook, hands: dict[Mix, Sequence[Frame]]
    ) -> list[Any]:
        """The area's picture over all of each frame, at its light."""
        if area.light <= 0.0:
            return [DARKNESS] * len(frames)
        pixels = [frame.pixels for frame in self._by(frames, area.mix, hands)]
        if area.light >= 1.0:
            return pixels
        return [lay(bright, DARKNESS, 1.0 - area.light) for bright in pixels]

    def _share(self, area: AreaLook, picture: Frame) -> Bytes:
        """How much of the area is at each pixel of `picture`: (H, W), uint8."""
        size = Size(picture.width, picture.height)
        soft = area.soft * size.width
        if isinstance(area.shape, Wipe):
            return wiped(area.shape, soft, size)
        key = (area.shape, soft, size)
        if key not in self._masks:
            self._masks[key] = softened(self._read_mask(area.shape.file, size), soft)
            while len(self._masks) > KEPT:
                self._masks.popitem(last=False)
        return self._masks[key]


def uncovered(look: Look) -> tuple[Mix, list[AreaLook]]:
    """What there is to paint: the mix at the bottom, and the areas that lie on it.  What a wipe
    hides for now, or has not begun to show, is left out."""
    ground, areas = look.mix, list[AreaLook]()
    for area in look.areas:
        passed = area.shape.passed if isinstance(area.shape, Wipe) else 0.5
        if passed >= 1.0 and area.light >= 1.0:
            ground, areas = area.mix, []
        elif passed > 0.0:
            areas.append(area)
    return ground, areas


DARKNESS: Bytes = np.zeros((1, 1, 3), np.uint8)


def softened(mask: NDArray[np.float32], soft: float) -> Bytes:
    """`mask`, (H, W), 0 to 1, with edges about `soft` pixels wide, as uint8."""
    grey = Image.fromarray(np.rint(mask * 255.0).astype(np.uint8))
    if soft > 0.0:  # a Gaussian rises from 16 to 84 % within two deviations
        grey = grey.filter(ImageFilter.GaussianBlur(soft / 2.0))
    return np.asarray(grey)


def wiped(wipe: Wipe, soft: float, size: Size) -> Bytes:
    """What an edge of `soft` pixels has passed: (H, W), uint8; nothing at 0 and all at 1."""
    across = wipe.towards in ("right", "left")
    length = size.width if across else size.height
    middles = np.arange(length) + 0.5
    if wipe.towards in ("left", "up"):
        middles = length - middles
    edge = wipe.passed * (length + 2.0 * soft) - soft
    ramp = [smooth((edge - at) / max(soft, 1.0) + 0.5) for at in middles]
    line = np.rint(np.array(ramp) * 255.0).astype(np.uint8)
    shaped = line[None, :] if across else line[:, None]
    return np.ascontiguousarray(np.broadcast_to(shaped, (size.height, size.width)))
