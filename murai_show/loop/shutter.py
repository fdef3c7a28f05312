"""The shutter: stands between the easel and the outputs, and holds a picture when it is asked to.

Pictures are never changed in place, so taking one is keeping it: nothing is copied, and the loop
waits for nobody.  Who took a picture shows it on the wall as long as it looks at it.
"""

from __future__ import annotations

from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as NotInTimeError
from dataclasses import dataclass, field

from murai_show.frame import Frame


@dataclass(frozen=True)
class _Wish:
    """The next picture of `shot`, held until `until` (monotonic)."""

    shot: str
    until: float
    picture: Future[Frame] = field(default_factory=Future)


class Shutter:
    """One slot: at most one picture is held, and one is waited for.  `through` belongs to the
    presenter, everything else to one other thread."""

    def __init__(self) -> None:
        self._wish: _Wish | None = None
        self._held: _Wish | None = None

    def through(self, shot: str, picture: Frame, now: float) -> Frame:
        """What is presented of `shot` at `now`: `picture`, or the one that is held."""
        wish = self._wish
        if wish is not None and wish.shot == shot:
            self._wish = None
            if wish.picture.set_running_or_notify_cancel():
                self._held = wish  # before it is handed over, or letting go could come too early
                wish.picture.set_result(picture)
        held = self._held
        if held is None or held.shot != shot:
            return picture
        if now >= held.until:
            self._held = None
            return picture
        return held.picture.result()

    def take(self, shot: str, until: float, patience: float) -> Frame | None:
        """The next picture of `shot` that is presented, which is then held until `until` (seconds
        of the monotonic clock) at the latest; None when none is within `patience` seconds."""
        wish = self._wish = _Wish(shot, until)
        try:
            return wish.picture.result(patience)
        except NotInTimeError:
            if not wish.picture.cancel():
                return wish.picture.result()
        except CancelledError:  # another wish took its place
            pass
        return None

    def let_go(self) -> None:
        """Show the live picture again, from the next one on."""
        self._held = None
