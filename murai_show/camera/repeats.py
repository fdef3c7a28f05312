"""Whether a live camera sends one picture over and over: its encoder runs, its sensor does not.

No clock finds this, for frames come as they should.  Two pictures of a real sensor are never the
same to the bit, since light itself is noisy; so the same luma for ten seconds is a fault, or a lens
in perfect darkness, and of both a person wants to know.
"""

from __future__ import annotations

import logging
from zlib import crc32

import numpy as np
from av.video.frame import VideoFrame

from murai_show.camera.source import Picture
from murai_show.errors import CameraError

log = logging.getLogger(__name__)

LOOKS = 5  # at least so many pictures must agree
LOOK_EVERY = 0.2  # seconds: often enough, and a few hundredths of a percent of a core
_MOST_TRIES = 10  # doublings of the time until the source is opened anew: hours


class Repeats:
    """Looks at the pictures of camera `name` and says after how long that they repeat; `after` in
    seconds, None for a source that may.  One thread calls, any may read `frozen`."""

    def __init__(self, name: str, after: float | None) -> None:
        self.frozen = False
        self._name, self._after = name, after
        self._last: int | None = None
        self._since = 0.0  # when the picture at hand first came
        self._due = float("-inf")
        self._tries = 0

    def saw(self, picture: Picture, now: float) -> None:
        """`picture` came at `now` (monotonic seconds).

        Raises CameraError when it is worth opening the source anew: after twice the time, then
        four times, and so on.  Until that helps the camera counts as frozen.
        """
        if self._after is None or now < self._due:
            return
        self._due = now + min(LOOK_EVERY, self._after / LOOKS)
        seen = picture.fingerprint()
        if seen is None or seen != self._last:
            self._changed(seen, now)
            return
        lasted = now - self._since
        if not self.frozen and lasted >= self._after:
            self.frozen = True
            log.warning("camera %s: frozen: one picture for %.1f s", self._name, lasted)
        if lasted >= self._after * 2 ** (self._tries + 1):
            self._tries = min(self._tries + 1, _MOST_TRIES)
            raise CameraError(f"it has sent one picture for {lasted:.1f} s")

    def _changed(self, seen: int | None, now: float) -> None:
        if self.frozen:
            lasted = now - self._since
            log.info("camera %s: no longer frozen, after %.1f s", self._name, lasted)
        self.frozen, self._tries = False, 0
        self._last, self._since = seen, now


def fingerprint(frame: VideoFrame) -> int:
    """Of the luma of `frame` (of its first plane), the same for two that are the same to the bit.

    Rows are cut to what is seen: what lies beyond is whatever the decoder left there.
    """
    plane = frame.planes[0]
    bits = frame.format.components[0].bits if frame.format.is_planar else 0
    wide = plane.width * (-(-bits // 8) or frame.format.padded_bits_per_pixel // 8)
    rows = np.frombuffer(bytes(plane), np.uint8)[: plane.height * plane.line_size]
    return crc32(rows.reshape(plane.height, plane.line_size)[:, :wide].tobytes())
