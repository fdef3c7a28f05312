"""A few pixels of a picture, wherever it lies, for those that only look at it."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from murai_show.output.upload import on_device

LEAST = 90  # pixels on each side of what is given, where the picture has as many
log = logging.getLogger(__name__)


def sampled(pixels: Any) -> NDArray[np.uint8] | None:
    """Every so many-th of `pixels`, (H, W, 3) uint8 RGB, in the host's memory.

    Of a picture on a GPU only these few are copied, on the stream of the calling thread, which is
    waited for; None when the GPU does not give them.
    """
    down, across = (max(1, int(side) // LEAST) for side in pixels.shape[:2])
    few = pixels[down // 2 :: down, across // 2 :: across]
    if not on_device(pixels):
        return few
    try:
        return few.cpu().numpy()
    except RuntimeError as error:  # whether the GPU is lost is for those to say who work with it
        log.debug("a picture on the GPU cannot be looked at: %s", error)
        return None
