"""A camera for the loop: a thread runs the source, one slot holds the newest frame."""

from __future__ import annotations

import contextlib
import logging
import threading
import traceback
from collections import Counter
from random import Random

from murai_show.backoff import Backoff
from murai_show.bell import Bell
from murai_show.camera.repeats import Repeats
from murai_show.camera.source import Picture, Pixels, Source
from murai_show.errors import CameraError, DeviceLostError
from murai_show.frame import Frame
from murai_show.ports import CameraHealth, CameraState, Clock

log = logging.getLogger(__name__)

_JOIN = 1.5  # seconds that close() waits for the thread; the promise is 2 for everything
_BEHIND = 2  # pictures in a row that nobody took, after which there are too many
_LOOK_AGAIN = 0.25  # seconds after which a waiting caller looks whether the slate is due


def standing(
    now: float, last: float | None, due: float, lost: float | None, hold: float, patience: float
) -> CameraState:
    """How a camera stands at `now`; all times in seconds of one clock.

    `last` is when its last new frame came (None: never), `due` when the next one is or was
    expected, `lost` when its source failed (None: it has not since the last frame).  A source that
    is open and silent for `patience` after `due` is as lost as one that failed.
    """
    if last is None:
        return "connecting"
    silent = max(last, due) + patience
    since = silent if lost is None else min(lost, silent)
    if now < since:
        return "live"
    return "held" if now < since + hold else "slate"


class Feed:
    """A `Camera`.  Its thread opens the source, fills the slot and reconnects; the newest frame
    wins.  Nothing that goes wrong in there reaches the caller, except as `health`; but a GPU that
    is lost to the process ends the thread, and `newest` raises it.  `bell` is rung, where there is
    one, for whoever waits for several cameras."""

    def __init__(
        self,
        name: str,
        source: Source,
        clock: Clock,
        *,
        slate: Pixels,
        hold: float,
        backoff: Backoff,
        draw: Random,
        bell: Bell | None = None,
    ) -> None:
        self.name = name
        self.clock = clock
        self._source = source
        self._hold = hold
        self._backoff = backoff
        self._draw = draw
        self._bell = bell
        self._slate_pixels = slate
        self._closing = threading.Event()
        self._repeats = Repeats(name, source.frozen_after)
        self._fresh = threading.Condition()  # guards all that follows
        self._number = 0
        self._slate = self._slate_frame(clock.monotonic())
        self._slate_shown = True
        self._newest: Picture | None = None
        self._newest_number = 0
        self._developed: Frame | None = None
        self._taken = True
        self._untaken = 0  # pictures in a row that nobody took
        self._last: float | None = None
        self._due = 0.0
        self._lost: float | None = None
        self._frames = 0
        self._reconnects = 0
        self._drops: Counter[str] = Counter()
        self._trouble = ""
        self._device_lost: DeviceLostError | None = None
        self._thread = threading.Thread(target=self._run, name=f"camera-{name}", daemon=True)
        self._thread.start()

    # ---- what the loop asks ----------------------------------------------------------------

    def newest(self, now: float) -> Frame:
        """The newest frame, the held one or the slate.  Developing it takes a few milliseconds.

        Raises DeviceLostError when the decoder's GPU is lost to this process.
        """
        with self._fresh:
            if self._device_lost is not None:
                raise self._device_lost
            if self._newest is None or self._slate_due(now):
                return self._slate
            picture, number = self._newest, self._newest_number
            self._taken = True
            if self._developed is not None and self._developed.number == number:
                return self._developed
            before = self._developed or self._slate
        try:
            pixels = picture.pixels
        except CameraError as error:
            log.debug("camera %s: %s", self.name, self._source.redact(str(error)))
            self.drop("unreadable")
            pixels = before.pixels
        self._developed = Frame(pixels, picture.pts, picture.captured, number, self.name)
        return self._developed

    def wait(self, after: int, timeout: float) -> bool:
        """Sleep until a frame with a number above `after` is there: True; else False."""

        def there() -> bool:
            if self._closing.is_set() or self._device_lost is not None:
                return True
            return self._on_show(self.clock.monotonic()) > after

        with self._fresh:
            while timeout > _LOOK_AGAIN:
                if self._fresh.wait_for(there, _LOOK_AGAIN):
                    break
                timeout -= _LOOK_AGAIN
            else:
                self._fresh.wait_for(there, max(0.0, timeout))
            return self._device_lost is not None or self._on_show(self.clock.monotonic()) > after

    def health(self, now: float) -> CameraHealth:
        with self._fresh:
            return CameraHealth(
                state=self._state(now),
                age=None if self._last is None else max(0.0, now - self._last),
                frames=self._frames,
                reconnects=self._reconnects,
                drops=dict(self._drops),
                trouble=self._trouble,
                frozen=self._repeats.frozen,
            )

    def close(self) -> None:
        """Stop the thread.  One that sits in a read of a silent device is left behind: it ends,
        and frees the device, at its read timeout."""
        self._closing.set()
        with self._fresh:
            self._fresh.notify_all()
        self._thread.join(_JOIN)

    # ---- what the source asks (Wire) -------------------------------------------------------

    @property
    def closing(self) -> bool:
        return self._closing.is_set()

    @property
    def behind(self) -> bool:
        return self._untaken >= _BEHIND

    def wait_until(self, due: float) -> bool:
        with self._fresh:
            self._due = due
        while (left := due - self.clock.monotonic()) > 0:
            if self._closing.wait(left):
                return False
        return not self._closing.is_set()

    def rest(self, seconds: float) -> bool:
        return not self._closing.wait(seconds)

    def drop(self, reason: str, count: int = 1) -> None:
        with self._fresh:
            self._drops[reason] += count

    # ---- the slot; the caller holds `_fresh` ------------------------------------------------

    def _state(self, now: float) -> CameraState:
        patience = self._source.patience
        return standing(now, self._last, self._due, self._lost, self._hold, patience)

    def _on_show(self, now: float) -> int:
        """The number of the frame that `newest` would give."""
        if self._newest is None or self._slate_due(now):
            return self._slate.number
        return self._newest_number

    def _slate_due(self, now: float) -> bool:
        """Whether the slate is on, which gets a new number each time, so that it is painted."""
        due = self._state(now) not in ("live", "held")
        if due and not self._slate_shown:
            self._slate = self._slate_frame(now)
        self._slate_shown = due
        return due

    def _slate_frame(self, now: float) -> Frame:
        self._number += 1
        return Frame(self._slate_pixels, 0.0, now, self._number, self.name)

    # ---- the thread -------------------------------------------------------------------------

    def _run(self) -> None:
        failures = 0
        while not self._closing.is_set():
            frames, began = self._frames, self.clock.monotonic()
            try:
                self._film()
            except CameraError as error:
                trouble = self._source.redact(str(error))
            except DeviceLostError as error:
                with self._fresh:
                    self._device_lost = error
                    self._fresh.notify_all()
                self._ring()
                return
            except Exception as error:  # noqa: BLE001 - a thread's root: counted, logged, goes on
                trouble = self._crashed(error)
            else:
                return
            delivered = self._frames > frames
            was_good = delivered and self.clock.monotonic() - began >= self._backoff.good
            failures = 1 if was_good else failures + 1
            self._lose(trouble)
            self._closing.wait(self._backoff.delay(failures, self._draw))

    def _film(self) -> None:
        """Run the source until it fails (raises) or is over (returns)."""
        with contextlib.closing(self._source.pictures(self)) as pictures:
            for picture in pictures:
                if self._closing.is_set():
                    return
                self._put(picture)
                self._repeats.saw(picture, self.clock.monotonic())
        if self._closing.is_set():
            return
        with self._fresh:
            self._lost, self._trouble = self.clock.monotonic(), "the film is over"
        log.info("camera %s: the film is over", self.name)

    def _put(self, picture: Picture) -> None:
        now = self.clock.monotonic()
        with self._fresh:
            away = None if self._lost is None else now - self._lost
            back = away is not None and self._last is not None
            self._untaken = 0 if self._taken else self._untaken + 1
            if not self._taken:
                self._drops["superseded"] += 1
            self._number += 1
            self._newest, self._newest_number = picture, self._number
            self._taken = False
            self._frames += 1
            self._reconnects += back
            self._last = self._due = now
            self._lost, self._trouble = None, ""
            self._fresh.notify_all()
        self._ring()
        if away is not None:
            log.info("camera %s: live again after %.1f s", self.name, away)

    def _ring(self) -> None:
        """Outside `_fresh`: whoever hears it asks for the newest frame, and that takes it."""
        if self._bell is not None:
            self._bell.ring()

    def _lose(self, trouble: str) -> None:
        with self._fresh:
            first = self._lost is None
            self._trouble = trouble
            if first:
                self._lost = self.clock.monotonic()
        if first and not self._closing.is_set():
            log.warning("camera %s: lost: %s; it is tried again", self.name, trouble)

    def _crashed(self, error: Exception) -> str:
        """Count a fault of ours; its traceback is logged once for each loss, not each attempt."""
        self.drop("fault")
        if self._lost is None:
            text = "".join(traceback.format_exception(error))
            log.error("camera %s: %s", self.name, self._source.redact(text).rstrip())
        return self._source.redact(f"{type(error).__name__}: {error}")
