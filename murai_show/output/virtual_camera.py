"""`virtual_camera`: the canvas as a camera that other programs film with, by v4l2loopback."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Mapping
from random import Random

import numpy as np

from murai_show.backoff import Backoff
from murai_show.errors import OutputError
from murai_show.frame import Frame
from murai_show.output.canvas import Pixels
from murai_show.output.files import plain
from murai_show.output.movie import ToYuv
from murai_show.output.pickup import Pickup, Shot
from murai_show.output.stage import Stage
from murai_show.output.v4l2 import Ioctl, set_format, system_ioctl
from murai_show.output.worker import Worker
from murai_show.show.planned import CanvasSpec, PlannedOutput
from murai_show.show.schema import VirtualCameraOutput
from murai_show.show.timeline import Look

ROOM = 3  # pictures between the loop and the device
STILL_EVERY = 0.5  # seconds: whoever begins to film sees a dark wall too
CLOSE_WITHIN = 1.0  # seconds
BUSY, DEVICE = "device busy", "device"

log = logging.getLogger(__name__)


class Lens:
    """The thread's side: the device, open and set, and after a loss tried again.

    `lost` counts the pictures that had no device, `written` those that it took.
    """

    def __init__(
        self, planned: PlannedOutput, ioctl: Ioctl, backoff: Backoff, draw: Random
    ) -> None:
        assert isinstance(planned.spec, VirtualCameraOutput)
        assert planned.canvas is not None
        self.lost = self.written = 0
        self._name, self._path = planned.name, planned.spec.device
        self._ioctl, self._backoff, self._draw = ioctl, backoff, draw
        self._to_yuyv = ToYuv(planned.canvas.size, "yuyv422")
        self._device: int | None = None
        self._failures = 0
        self._troubled = False
        self._retry_at = float("-inf")

    def write(self, shot: Shot) -> None:
        if self._device is None and shot.now < self._retry_at:
            self.lost += 1
            return
        try:
            if self._device is None:
                self._device = self._open()
            os.write(self._device, packed(self._to_yuyv, shot.picture))
        except OSError as error:
            self._lose(error, shot.now)
            return
        self.written += 1
        if self.written == 1 or self._troubled:
            log.info("output %s: pictures go to %s", self._name, self._path)
        self._failures, self._troubled = 0, False

    def finish(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            os.close(device)

    def _open(self) -> int:
        """Raises OSError."""
        device = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
        try:
            set_format(device, self._to_yuyv.size, self._ioctl)
        except OSError:
            os.close(device)
            raise
        return device

    def _lose(self, error: OSError, now: float) -> None:
        if not self._troubled:
            log.warning(
                "output %s: %s takes no pictures: %s; it is tried again",
                *(self._name, self._path, error.strerror or plain(error)),
            )
        self._troubled = True
        self.lost += 1
        self._failures += 1
        self._retry_at = now + self._backoff.delay(self._failures, self._draw)
        self.finish()


class VirtualCamera:
    """Writes pictures in YUYV on a thread of its own; a device that is gone, or held at another
    size by a program that films with it, is tried again and never stalls the loop."""

    over = False

    def __init__(
        self,
        planned: PlannedOutput,
        stage: Stage,
        ioctl: Ioctl = system_ioctl,
        backoff: Backoff | None = None,
        draw: Random | None = None,
    ) -> None:
        assert planned.canvas is not None
        self.name = planned.name
        self.fps = planned.spec.fps
        self._pickup = Pickup(stage, planned.canvas, self.fps, STILL_EVERY, stage.read_rgba)
        self._closed = self._told = False
        self._lens = Lens(planned, ioctl, backoff or Backoff(), draw or Random())  # noqa: S311
        self._worker = Worker(
            f"virtual camera {self.name}", ROOM, self._lens.write, self._lens.finish
        )

    @property
    def pictures(self) -> int:
        """How many the device took."""
        return self._lens.written

    @property
    def drops(self) -> Mapping[str, int]:
        """`device busy`: pictures replaced before they could be written; `device`: pictures that
        the device did not take."""
        drops = self._pickup.drops + Counter({DEVICE: self._lens.lost})
        return {reason: drops[reason] for reason in (BUSY, DEVICE) if drops[reason]}

    def show(self, picture: Frame, look: Look, now: float) -> None:
        self._tell()
        shot = self._pickup.take(picture, look, now, BUSY if self._worker.full else "")
        if shot is not None:
            self._worker.put(shot)

    def move(self, canvas: CanvasSpec) -> None:
        """Write another canvas of the same size, which the stage has."""
        self._pickup.move(canvas)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if not self._worker.close(CLOSE_WITHIN):
            log.warning("output %s: the device hangs", self.name)

    def _tell(self) -> None:
        """Raise, once, that the thread has ended, which is a fault of ours."""
        failure = self._worker.failure
        if failure is not None and not self._told:
            self._told = True
            raise OutputError(f"output {self.name}: writing stopped: {plain(failure)}")


def packed(to_yuyv: ToYuv, rgba: Pixels) -> bytes:
    """A picture, (H, W, 4) uint8 RGBA, as YUYV: two bytes a pixel, line by line without a gap."""
    frame = to_yuyv(rgba, 0.0)
    plane = frame.planes[0]
    lines = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return lines[:, : 2 * frame.width].tobytes()
