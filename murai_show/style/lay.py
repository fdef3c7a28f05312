"""Lay one picture upon another, in the host's memory or a GPU's."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Bytes = NDArray[np.uint8]


def lay(under: Any, over: Any, share: Bytes | float) -> Any:
    """`over` upon `under`, both (H, W, 3), uint8, as much of it as `share` says: a number, or
    (H, W), uint8.

    A picture of one pixel is a colour.  In a GPU's memory if `under` is there, else NumPy.
    """
    if not isinstance(under, np.ndarray):
        return _lay_on_device(under, over, share)
    if not isinstance(over, np.ndarray):
        over = over.cpu().numpy()
    below = Image.fromarray(under)
    above = Image.fromarray(over)
    if above.size != below.size:
        above = above.resize(below.size, Image.Resampling.BILINEAR)
    if isinstance(share, float | int):
        return np.asarray(Image.blend(below, above, float(share)))
    return np.asarray(Image.composite(above, below, Image.fromarray(share)))


def _lay_on_device(under: Any, over: Any, share: Bytes | float) -> Any:
    """The same with torch, where `under` lies."""
    import torch

    put = partial(torch.as_tensor, device=under.device)
    above = put(over).to(torch.float32)
    if above.shape != under.shape:
        planes = above.permute(2, 0, 1)[None]
        size = tuple(under.shape[:2])
        planes = torch.nn.functional.interpolate(planes, size, mode="bilinear")
        above = planes[0].permute(1, 2, 0)
    weight = share if isinstance(share, float | int) else put(share)[..., None] / 255.0
    mixed = torch.lerp(under.to(torch.float32), above, weight)
    return mixed.round_().to(torch.uint8)
