"""The test pattern and the slate."""

from __future__ import annotations

import logging
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from murai_show.camera.pattern import Pattern, pattern_source, read_counter, time_code
from murai_show.camera.slate import slate, waves
from murai_show.show.schema import PatternCamera
from murai_show.show.words import Size
from tests.camera.stand_ins import FakeWire


@pytest.mark.parametrize("size", [Size(1280, 720), Size(640, 360), Size(127, 71), Size(64, 48)])
def test_a_machine_reads_the_counter(size: Size) -> None:
    chart = Pattern(size, 30.0)
    for number in (0, 1, 12345, 43690, 65535, 65536 + 17):
        assert read_counter(chart.picture(number)) == number % 65536


def test_the_counter_survives_scaling_and_jpeg(tmp_path: Path) -> None:
    picture = Image.fromarray(Pattern(Size(1280, 720), 30.0).picture(21845))
    picture.resize((480, 270)).save(tmp_path / "small.jpg", quality=40)
    assert read_counter(np.asarray(Image.open(tmp_path / "small.jpg"))) == 21845


def test_bars_and_clock() -> None:
    chart = Pattern(Size(700, 400), 25.0)
    pixels = chart.picture(0)
    bars = [tuple(pixels[10, 50 + 100 * i]) for i in range(7)]
    assert bars == [
        (191, 191, 191),
        (191, 191, 0),
        (0, 191, 191),
        (0, 191, 0),
        (191, 0, 191),
        (191, 0, 0),
        (0, 0, 191),
    ]
    changed = (chart.picture(1) != pixels).any(axis=2)
    assert changed.any(axis=1)[:340].any(), "the clock runs"
    assert not changed[:110].any(), "the bars do not"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "00:00:00.00"),
        (59.999, "00:00:59.99"),
        (3723.45, "01:02:03.45"),
        (360000, "00:00:00.00"),
    ],
)
def test_time_code(seconds: float, text: str) -> None:
    assert time_code(seconds) == text


def test_the_smallest_and_odd_sizes_are_drawn() -> None:
    for size in (Size(16, 16), Size(17, 301), Size(1999, 16)):
        assert Pattern(size, 30.0).picture(99).shape == (size.height, size.width, 3)


def test_each_frame_is_its_own_array() -> None:
    chart = Pattern(Size(64, 48), 30.0)
    first = chart.picture(1)
    kept = first.copy()
    chart.picture(2)[:] = 0
    assert np.array_equal(first, kept)


def test_it_runs_at_its_rate() -> None:
    spec = PatternCamera(kind="pattern", size=Size(64, 48), fps=50.0)
    wire = FakeWire()
    pictures = list(islice(pattern_source(spec).pictures(wire), 51))
    assert [read_counter(p.pixels) for p in pictures] == list(range(51))
    assert wire.now - 100.0 == pytest.approx(1.0)


def test_the_slate_is_waves_of_many_colours() -> None:
    pixels = waves(Size(320, 180))
    assert pixels.shape == (180, 320, 3)
    assert pixels.dtype == np.uint8
    assert pixels.std() > 40
    sky, sea = pixels[40, 20], pixels[-3, 20]
    assert sky.mean() > sea.mean() + 60
    assert sea[2] > sea[0]
    assert waves(Size(100, 400)).shape == (400, 100, 3)


def test_a_slate_of_ones_own_is_cut_to_size(tmp_path: Path, caplog) -> None:
    caplog.set_level(logging.WARNING)
    Image.new("RGB", (300, 100), (10, 200, 30)).save(tmp_path / "mine.png")
    own = slate(str(tmp_path / "mine.png"), Size(64, 48))
    assert own.shape == (48, 64, 3)
    assert tuple(own[20, 20]) == (10, 200, 30)
    (tmp_path / "mine.png").write_bytes(b"no picture")
    assert np.array_equal(slate(str(tmp_path / "mine.png"), Size(64, 48)), waves(Size(64, 48)))
    assert "waves take its place" in caplog.text
