"""Which frames one call of an engine paints together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from murai_show.frame import Frame
from murai_show.show.sizes import inside
from murai_show.show.words import Size

MOST = 4  # frames in one call: each number of them is an engine of its own, with its memory


def paint_together(
    frames: Sequence[Frame],
    paint: Size,
    alone: Callable[[Frame], Frame],
    several: Callable[[Sequence[Frame], Size], Sequence[Frame]],
) -> tuple[Frame, ...]:
    """Every frame painted, in the order of `frames`: those that are painted at one size by
    `several`, up to `MOST` in a call, and what is left over by `alone`."""
    sizes: dict[Size, list[int]] = {}
    for number, frame in enumerate(frames):
        size = inside(Size(frame.width, frame.height), paint)
        sizes.setdefault(size, []).append(number)
    painted: dict[int, Frame] = {}
    for size, numbers in sizes.items():
        for begin in range(0, len(numbers), MOST):
            batch = numbers[begin : begin + MOST]
            these = [frames[number] for number in batch]
            done = several(these, size) if len(these) > 1 else [alone(these[0])]
            painted |= dict(zip(batch, done, strict=True))
    return tuple(painted[number] for number in range(len(frames)))
