"""At which size a frame is painted."""

from __future__ import annotations

from murai_show.show.words import Size


def inside(frame: Size, paint: Size) -> Size:
    """The largest size of `frame`'s aspect inside `paint`, in steps of 4 pixels, never enlarged.

    The painter works on a grid of 4; cutting to the paint size instead would decide the framing,
    which is the canvas's business (`fit`).
    """
    factor = min(1.0, paint.width / frame.width, paint.height / frame.height)
    return Size(*(max(16, round(side * factor / 4) * 4) for side in frame))
