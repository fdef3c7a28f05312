"""The button: what it asks of `gpiod`, compared with the real package, and what it does with edges.

The kernel's gpio-sim is not there where these run, so no edge here comes from a kernel.
"""

from __future__ import annotations

import inspect
import logging
import queue
import sys
import types
from datetime import timedelta
from typing import Any, Self

import gpiod
import pytest

from murai_show.edge.booth import button
from murai_show.edge.booth.button import Button
from murai_show.show.planned_booth import PlannedGpio


class Line:
    """A request of `gpiod` whose edges come from a queue."""

    def __init__(self) -> None:
        self.edges: queue.Queue[int | OSError] = queue.Queue()
        self.released = False
        self._there: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.released = True

    def wait_edge_events(self, timeout: timedelta | float | None = None) -> bool:
        try:
            found = self.edges.get(timeout=float(timeout))  # pyright: ignore
        except queue.Empty:
            return False
        if isinstance(found, OSError):
            raise found
        self._there = [0] * found
        return True

    def read_edge_events(self, max_events: int | None = None) -> list[int]:
        return self._there


class Chip:
    """Takes the place of `gpiod`; everything but the kernel is the real package's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[dict[str, Any]] = []
        self.line = Line()
        self.trouble: list[OSError] = []
        fake = types.ModuleType("gpiod")
        fake.LineSettings, fake.line = gpiod.LineSettings, gpiod.line  # pyright: ignore
        fake.request_lines = self.request_lines  # pyright: ignore
        monkeypatch.setitem(sys.modules, "gpiod", fake)

    def request_lines(self, *words: Any, **named: Any) -> Line:
        bound = inspect.signature(gpiod.request_lines).bind(*words, **named)
        self.asked.append(bound.arguments)
        if self.trouble:
            raise self.trouble.pop(0)
        return self.line


@pytest.fixture
def chip(monkeypatch: pytest.MonkeyPatch) -> Chip:
    monkeypatch.setattr(button, "LOOKS", 0.01)
    monkeypatch.setattr(button, "AGAIN", 0.01)
    return Chip(monkeypatch)


def test_the_stand_in_has_the_signatures_of_the_real_request() -> None:
    for name in ("wait_edge_events", "read_edge_events"):
        real = inspect.signature(getattr(gpiod.LineRequest, name))
        assert list(real.parameters) == list(inspect.signature(getattr(Line, name)).parameters)
    assert {"__enter__", "__exit__"} <= set(dir(gpiod.LineRequest))


@pytest.mark.parametrize(
    ("edge", "asks", "bias"),
    [
        ("falling", gpiod.line.Edge.FALLING, gpiod.line.Bias.PULL_UP),
        ("rising", gpiod.line.Edge.RISING, gpiod.line.Bias.PULL_DOWN),
    ],
)
def test_an_edge_is_a_press(chip: Chip, edge: Any, asks: Any, bias: Any) -> None:
    presses: queue.Queue[int] = queue.Queue()
    found = Button(PlannedGpio("/dev/gpiochip4", 17, edge), lambda: presses.put(1))
    chip.line.edges.put(2)
    assert presses.get(timeout=10) == presses.get(timeout=10) == 1
    found.close()
    assert chip.line.released
    (asked,) = chip.asked
    assert (asked["path"], asked["consumer"]) == ("/dev/gpiochip4", "murai-show")
    ((line, settings),) = asked["config"].items()
    assert line == 17
    assert settings.direction == gpiod.line.Direction.INPUT
    assert (settings.edge_detection, settings.bias) == (asks, bias)
    assert settings.debounce_period == timedelta(milliseconds=30)


def test_a_line_that_is_held_or_pulled_out_is_asked_for_again(chip: Chip, caplog) -> None:
    caplog.set_level(logging.INFO)
    presses: queue.Queue[int] = queue.Queue()
    chip.trouble = [OSError(16, "Device or resource busy"), OSError(16, "Device or resource busy")]
    found = Button(PlannedGpio("/dev/gpiochip0", 3, "falling"), lambda: presses.put(1))
    chip.line.edges.put(1)
    assert presses.get(timeout=10) == 1
    chip.line.edges.put(OSError(19, "No such device"))
    chip.line.edges.put(1)
    assert presses.get(timeout=10) == 1
    found.close()
    said = [record.message for record in caplog.records]
    assert said == [
        "booth: line 3 of /dev/gpiochip0: Device or resource busy; it is tried again",
        "booth: the button is line 3 of /dev/gpiochip0",
        "booth: line 3 of /dev/gpiochip0: No such device; it is tried again",
        "booth: the button is line 3 of /dev/gpiochip0",
    ]


def test_without_the_package_one_line_says_so(monkeypatch, caplog) -> None:
    monkeypatch.setitem(sys.modules, "gpiod", None)
    found = Button(PlannedGpio("/dev/gpiochip0", 3, "falling"), lambda: None)
    found._thread.join(10)
    found.close()
    said = 'booth: no button without gpiod; pip install "murai-show[gpio]"'
    assert [record.message for record in caplog.records] == [said]


def test_a_machine_without_that_chip_says_so(monkeypatch, caplog) -> None:
    """The real package, and the real kernel's answer."""
    monkeypatch.setattr(button, "AGAIN", 0.01)
    found = Button(PlannedGpio("/dev/gpiochip999", 3, "falling"), lambda: None)
    while not caplog.records:
        pass
    found.close()
    said = "booth: line 3 of /dev/gpiochip999: No such file or directory; it is tried again"
    assert [record.message for record in caplog.records] == [said]
