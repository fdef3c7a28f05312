"""The stylizer that paints nothing takes frames from wherever they are."""

from __future__ import annotations

import numpy as np

from murai_show.frame import Frame
from murai_show.show.timeline import Look
from murai_show.show.words import Size
from murai_show.style.identity import IdentityStylizer

LOOK = Look((("a", 1.0),))


class Away:
    """Pixels on a GPU, as a CUDA tensor shows them; whoever reads them without fetching fails."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.shape = pixels.shape
        self._pixels = pixels

    def cpu(self) -> Away:
        return self

    def numpy(self) -> np.ndarray:
        return self._pixels


def picture(width: int, height: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


def test_a_frame_on_a_gpu_passes_where_it_is() -> None:
    there = Away(picture(64, 36))
    assert IdentityStylizer(("a",), Size(64, 36))(Frame(there, 0.0, 0.0, 1, "x"), LOOK).pixels is (
        there
    )


def test_a_frame_on_a_gpu_that_is_too_large_is_scaled_as_one_of_the_host() -> None:
    large = picture(128, 72)
    stylizer = IdentityStylizer(("a",), Size(64, 36))
    away, here = (stylizer(Frame(p, 0.0, 0.0, 1, "x"), LOOK).pixels for p in (Away(large), large))
    assert away.shape == (36, 64, 3)
    assert np.array_equal(away, here)
