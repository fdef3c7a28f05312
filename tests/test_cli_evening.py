"""`plan --date`, `why` and `rehearse`, as people type them."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from murai_show.clocks import FastClock
from murai_show.strip import WIDTH, swatch
from tests.test_cli import murai, work

__all__ = ["murai", "work"]

SHOW = """\
murai: 1
show: evening
title: The Harbour
place: { lat: 45.5088, lon: -73.5540, tz: America/Montreal }
cameras:
  street: { kind: v4l2, device: /dev/video-of-nobody, size: 320x180 }
bank: { name: small, engine: pytorch }
playlists:
  all: { styles: [a, b], each: 4m, fade: 6s }
  finale: { styles: [{ a: 0.5, b: 0.5 }] }
play: { playlist: all, paint: 160x90 }
schedule:
  - default: dark
  - { from: dusk+10m, to: "23:00", not_before: "17:30", play: all }
  - { from: "22:00", to: "22:15", play: finale }
  - { dates: 2026-12-25, play: dark }
outputs:
  wall: { kind: display, size: 320x180 }
  film: { kind: recording, of: wall, path: film.mp4 }
metrics: off
"""


@pytest.fixture
def show(work: Path) -> Path:
    path = work / "evening.yaml"
    path.write_text(SHOW)
    return path


def test_the_evening_as_a_table(show, murai) -> None:
    code, out, _ = murai("plan", "evening", "--rehearse", "--date", "2026-12-24")
    assert code == 0
    assert "The Harbour  Thursday 24 December 2026" in out
    assert "lit 17:30 to 23:00, 5h 30m; America/Montreal" in out
    assert "sunset 16:15, dusk 16:49" in out
    rows = [re.split(r"  +", line) for line in out.splitlines() if re.match(r"\d\d:\d\d  ", line)]
    assert [row[:4] for row in rows] == [
        ["12:00", "17:30", "5h 30m", "dark"],
        ["17:30", "22:00", "4h 30m", "all"],
        ["22:00", "22:15", "15m", "finale"],
        ["22:15", "23:00", "45m", "all"],
        ["23:00", "00:00", "1h", "dark"],
        ["00:00", "12:00", "12h", "dark"],
    ]
    assert [row[-1].strip() for row in rows] == ["13", "14", "15", "14", "13", "16"]


def test_the_evening_as_json(show, murai) -> None:
    code, out, _ = murai("plan", "evening", "--rehearse", "--date", "2026-12-24", "--json")
    assert code == 0
    told = json.loads(out)
    assert told["lit"] == ["2026-12-24T17:30:00-05:00", "2026-12-24T23:00:00-05:00"]
    assert [s["line"] for s in told["stretches"]] == [13, 14, 15, 14, 13, 16]


def test_a_plan_without_a_date_is_as_ever(show, murai) -> None:
    code, out, _ = murai("plan", "evening", "--rehearse", "--json")
    assert code == 0
    told = json.loads(out)
    assert told["playlist"]["name"] == "all"
    assert [rule["line"] for rule in told["schedule"]] == [13, 14, 15, 16]


@pytest.mark.parametrize("engine", ["pytorch", "identity"])
def test_the_evening_as_a_picture(show, murai, engine: str) -> None:
    """Really painted, or swatches where nothing paints: the finale's tile is its look's colour."""
    show.write_text(SHOW.replace("engine: pytorch", f"engine: {engine}"))
    words = ("plan", "evening", "--rehearse", "--date", "2026-12-24", "--png", "out/evening.png")
    code, _, err = murai(*words)
    assert code == 0, err
    assert "out/evening.png is written" in err
    with Image.open("out/evening.png") as file:
        pixels = np.array(file.convert("RGB")).astype(int)
    assert pixels.shape[1] == WIDTH
    if engine == "identity":
        looks = swatch((("a", 0.5), ("b", 0.5)), (1, 1)).getpixel((0, 0))
        row = (pixels == np.array(looks)).all(axis=2).sum(axis=1)
        assert 40 < row.max() < 400, "the finale, a quarter of an hour of nine"
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 500


def test_pictures_of_a_dark_evening_and_of_a_show_without_a_place(show, murai) -> None:
    code, out, _ = murai("plan", "evening", "--rehearse", "--date", "2026-12-25", "--png", "a.png")
    assert code == 0
    assert "dark all evening" in out
    text = "".join(line for line in SHOW.splitlines(True) if not line.startswith("place"))
    show.write_text(text.replace("dusk+10m", '"18:00"'))
    code, out, _ = murai("plan", "evening", "--rehearse", "--date", "today", "--png", "b.png")
    assert code == 0
    assert "sunset" not in out
    assert "its times are UTC" in out
    with Image.open("a.png") as dark, Image.open("b.png") as nowhere:
        assert dark.width == nowhere.width == WIDTH


def test_why(show, murai) -> None:
    code, out, _ = murai("why", "evening", "--at", "2026-12-24 22:05")
    assert code == 0
    assert "Thursday 24 December 2026, 22:05:00 EST" in out
    assert re.search(r"shows +a 50% \+ b 50%", out)
    assert re.search(r"because +evening\.yaml:15  22:00 to 22:15: finale", out)
    assert re.search(r"overrides +evening\.yaml:14  dusk\+10m to 23:00, not before 17:30: all", out)
    assert re.search(r"next +22:15:00  evening\.yaml:14", out)
    code, out, _ = murai("why", "evening", "--at", "2026-12-24 dusk+1h", "--json")
    told = json.loads(out)
    assert (code, told["rule"]["line"], told["overridden"][0]["line"]) == (0, 14, 13)
    assert told["at"].startswith("2026-12-24T17:49")
    assert murai("why", "evening")[0] == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("plan", "evening", "--rehearse", "--date", "24/12"), "--date: '24/12' is not a date"),
        (("plan", "evening", "--rehearse", "--date", "0009-01-01"), "is too far off"),
        (("plan", "evening", "--rehearse", "--png", "evening.yaml/a.png"), "cannot be written"),
        (("why", "evening", "--at", "sunste"), "--at: 'sunste' is not a time; did you mean sunset"),
        (("why", "evening", "--at", "2026-02-30 20:00"), "--at: '2026-02-30' is not a date"),
        (("rehearse", "evening", "--date", "2026-12-25"), "the wall stays dark on the evening"),
        (("rehearse", "evening", "--for", "3"), "--for: '3' is not a duration"),
    ],
)
def test_wrong_words(show, murai, words, sentence: str) -> None:
    code, _, err = murai(*words)
    assert code == 2
    assert sentence in err


def test_a_whole_evening_is_painted_in_seconds(show, murai) -> None:
    """5 h 40 min in six seconds: dark, lit, dark again, and the film shows it."""
    words = ("rehearse", "evening", "--date", "2026-12-24", "--speed", "3600", "--json")
    code, out, err = murai(*words)
    assert code == 0, err
    assert "17:25 to 23:05 on 2026-12-24, 3600 times as fast: 6 s" in err
    report = json.loads(out)
    assert 5.0 < report["seconds"] < 8.0
    assert report["painted"] > 10
    with av.open(report["files"][0]) as film:
        light = [f.to_ndarray(format="gray").mean() for f in film.decode(video=0)]
    assert light[0] < 20
    assert max(light) > 40
    assert light[-1] < 20


def test_a_fast_clock_begins_when_it_is_first_asked() -> None:
    clock = FastClock(1000.0, 3600.0)
    before = clock.monotonic()
    asked: list[float] = []
    threads = [threading.Thread(target=lambda: asked.append(clock.wall())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert min(asked) >= 1000.0
    assert clock.wall() <= 1000.0 + (clock.monotonic() - before) * 3600.0
    first = clock.wall()
    assert clock.wall() >= first
