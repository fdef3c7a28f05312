"""Frames to build engines with: what a camera would film, without a camera."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from murai_show.errors import CameraError, EngineError
from murai_show.show.words import Size
from murai_show.style.judge import Practice

SIZE = Size(640, 360)
SEEN, UNSEEN = 20, 6  # frames
NOISE = 0.02  # of the sensor, a share of full scale
EACH = 4.0  # seconds that the virtual camera stays on a photograph; the frame is from the middle


def practice_frames(content: Path | None = None) -> Practice:
    """Views of the photographs in the folder `content`, or of the demo's, with a sensor's noise,
    every fourth as dark as a street at night.

    Int8 is judged on other photographs than it was fitted to, unless there is only one.  Raises
    EngineError when there is none.
    """
    from murai_show.camera.still import find_photos

    try:
        photos = find_photos("demo" if content is None else str(content))
        return Practice(
            tuple(_views(photos[::2], SEEN, seed=1)),
            tuple(_views(photos[1::2] or photos, UNSEEN, seed=2)),
        )
    except CameraError as error:
        raise EngineError(
            f"int8 wants photographs to be fitted to, and {error}; "
            "murai-show build BANK --content FOLDER takes others"
        ) from None


def _views(photos: Sequence[Path], count: int, seed: int) -> Iterator[np.ndarray]:
    """`count` frames of a film over `photos`, each (H, W, 3), uint8, RGB."""
    from murai_show.camera.still import Album, StillFilm

    with Album(photos, SIZE) as album:
        film = StillFilm(album, SIZE, 1.0, EACH, noise=NOISE, seed=seed)
        for visit in range(count):
            frame = np.array(film.picture(round((visit + 0.5) * EACH)))
            yield _at_night(frame) if visit % 4 == 3 else frame


def _at_night(frame: np.ndarray) -> np.ndarray:
    """Half the light, and steeper."""
    return (255.0 * 0.5 * (frame / 255.0) ** 1.6).astype(np.uint8)
