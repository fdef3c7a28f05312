"""Small pictures of looks, painted by the show's own bank."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from murai_show.errors import BankError, CameraError, UsageError
from murai_show.frame import Frame
from murai_show.show.plan import Plan
from murai_show.show.playing import DARK, PLAIN
from murai_show.show.timeline import Look, Mix
from murai_show.show.words import Size

if TYPE_CHECKING:
    from PIL.Image import Image

SIZE = Size(640, 360)  # as shows paint: a brush stroke has a size
log = logging.getLogger(__name__)


def paint_entries(plan: Plan, entries: Iterable[Mix]) -> dict[Mix, Image]:
    """Each look of `entries` over a demo photograph, `SIZE`; nothing where that cannot be had.

    The light of `dark` and the share of `plain` in a mix are left out: a thumbnail tells the style.
    """
    if plan.bank.engine == "identity":
        return {}
    from PIL import Image

    from murai_show.camera.still import find_photos
    from murai_show.paint import cropped, open_photo
    from murai_show.style import open_reference
    from murai_show.style.bank import read_bank

    try:
        photo = open_photo(next(iter(find_photos("demo"))))
        stylizer = open_reference(read_bank(plan.bank.file), SIZE)
    except (BankError, CameraError, UsageError, ImportError) as error:
        log.info("no thumbnails: %s", error)
        return {}
    import numpy as np

    pixels = np.asarray(cropped(Image.fromarray(photo), SIZE))
    painted: dict[Mix, Image] = {}
    try:
        for number, entry in enumerate(entries, 1):
            mix = tuple((style, weight) for style, weight in entry if style not in (DARK, PLAIN))
            if entry == ((PLAIN, 1.0),):
                painted[entry] = Image.fromarray(pixels)
            elif mix:
                frame = Frame(pixels, 0.0, 0.0, number, "thumbnail")
                painted[entry] = Image.fromarray(stylizer(frame, Look(mix)).pixels)
    finally:
        stylizer.close()
    return painted
