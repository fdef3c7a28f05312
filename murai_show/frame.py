"""A frame: the one value that flows from camera to projector."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture and where it comes from.  Never changed in place; compared by identity.

    `pixels` is (H, W, 3), uint8, RGB, top row first: a NumPy array on the CPU path, a device
    array on a GPU.  `captured` is in seconds of the monotonic clock, `pts` in seconds of the
    source's own time.  `number` counts the frames of `camera` from 1 and only ever grows.
    """

    pixels: Any
    pts: float
    captured: float
    number: int
    camera: str

    def __post_init__(self) -> None:
        shape = tuple(self.pixels.shape)
        if len(shape) != 3 or shape[2] != 3 or 0 in shape:
            raise ValueError(f"a frame is (H, W, 3), not {shape}")

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    def painted(self, pixels: Any) -> Self:
        """The same moment with other pixels."""
        return replace(self, pixels=pixels)

    def __repr__(self) -> str:
        return (
            f"Frame({self.camera} #{self.number}, {self.width}x{self.height}, pts {self.pts:.3f})"
        )
