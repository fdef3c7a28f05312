"""A push button on a GPIO line, through libgpiod's own Python package (`gpiod`, version 2)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from murai_show.show.planned_booth import PlannedGpio

BOUNCE = timedelta(milliseconds=30)  # a contact closes many times before it is closed
LOOKS = 0.2  # seconds between two looks at whether the show ends
AGAIN = 5.0  # seconds until a line that could not be had is asked for again

log = logging.getLogger(__name__)


class Button:
    """Calls `pressed` for each edge, from a thread of its own, until `close`.

    A line that is away, held or not allowed is said in one line and tried again; a program without
    `gpiod` says so once.
    """

    def __init__(self, gpio: PlannedGpio, pressed: Callable[[], object]) -> None:
        self._gpio, self._pressed = gpio, pressed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="booth button", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(2.0)

    def _run(self) -> None:
        try:
            import gpiod
        except ImportError:
            log.warning('booth: no button without gpiod; pip install "murai-show[gpio]"')
            return
        told = ""
        while not self._stop.is_set():
            try:
                with self._request(gpiod) as line:
                    log.info("booth: the button is line %d of %s", self._gpio.line, self._gpio.chip)
                    told = ""
                    self._listen(line)
            except (OSError, ValueError) as error:  # what gpiod raises for its kernel's answers
                why = getattr(error, "strerror", None) or str(error)
                trouble = f"booth: line {self._gpio.line} of {self._gpio.chip}: {why}"
                if trouble != told:
                    log.warning("%s; it is tried again", trouble)
                told = trouble
                self._stop.wait(AGAIN)

    def _request(self, gpiod: Any) -> Any:
        """The line, for us alone: pulled away from the edge that is a press."""
        falling = self._gpio.edge == "falling"
        settings = gpiod.LineSettings(
            direction=gpiod.line.Direction.INPUT,
            edge_detection=gpiod.line.Edge.FALLING if falling else gpiod.line.Edge.RISING,
            bias=gpiod.line.Bias.PULL_UP if falling else gpiod.line.Bias.PULL_DOWN,
            debounce_period=BOUNCE,
        )
        config = {self._gpio.line: settings}
        return gpiod.request_lines(self._gpio.chip, config=config, consumer="murai-show")

    def _listen(self, line: Any) -> None:
        while not self._stop.is_set():
            if line.wait_edge_events(LOOKS):
                for _event in line.read_edge_events():
                    self._pressed()
