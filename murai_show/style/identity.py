"""The stylizer that paints nothing: frames pass at paint size.  For tests and benchmarks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from murai_show.frame import Frame
from murai_show.show.sizes import inside
from murai_show.show.timeline import Look
from murai_show.show.words import Size


class IdentityStylizer:
    """Knows the styles by name, so that a plan's errors stay the same, and paints none of them.

    A frame at paint size passes as it is, in the host's memory or a GPU's; what has to be scaled is
    scaled on the CPU.
    """

    engine = "identity"

    def __init__(self, styles: tuple[str, ...], paint: Size) -> None:
        self.styles = styles
        self.paint = paint

    def __call__(self, frame: Frame, look: Look) -> Frame:
        if not look.lit:
            raise ValueError("a dark look is not painted")
        for style, _ in look.mix:
            if style not in self.styles:
                raise KeyError(style)
        size = inside(Size(frame.width, frame.height), self.paint)
        if size == (frame.width, frame.height):
            return frame.painted(frame.pixels)
        pixels = frame.pixels
        if not isinstance(pixels, np.ndarray):  # a GPU's, whose decoder has not scaled it
            pixels = pixels.cpu().numpy()
        scaled = Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR)
        return frame.painted(np.asarray(scaled))

    def paint_all(self, frames: Sequence[Frame], look: Look) -> tuple[Frame, ...]:
        """See Batching."""
        return tuple(self(frame, look) for frame in frames)

    def close(self) -> None:
        """Nothing to free."""
