"""Several cameras on air: real threads, a real loop, a file that is saved while it runs."""

from __future__ import annotations

import threading
import urllib.request
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from murai_show.app import make_plan, run_show
from murai_show.camera.feed import Feed
from murai_show.clocks import FastClock
from murai_show.frame import Frame
from murai_show.output.memory import Memory
from murai_show.show.plan import PlannedOutput
from tests.banks import write_small_bank
from tests.reloading import Running, Studio

SHOW = """\
murai: 1
show: plaza
cameras:
  street: {kind: pattern, size: 160x90, fps: 10}
  stage: {kind: pattern, size: 96x54, fps: 10}
views:
  pair: {kind: side_by_side, cameras: [street, stage]}
bank: {name: small, engine: identity}
playlists:
  all: {styles: [a], each: 1h}
play: {playlist: all, camera: street, paint: 160x88}
outputs:
  wall: {kind: memory, fps: 100, keep: 8}
  side: {kind: memory, fps: 100, keep: 8, camera: stage}
  both: {kind: memory, fps: 100, keep: 8, camera: pair}
metrics: "off"
"""


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    return Studio(tmp_path, monkeypatch)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The cameras that were opened, and closed, in order."""
    said: list[str] = []
    start, close = Feed.__init__, Feed.close

    def noted(self: Feed, name: str, *args: object, **how: object) -> None:
        said.append(f"+{name}")
        start(self, name, *args, **how)  # pyright: ignore

    def shut(self: Feed) -> None:
        said.append(f"-{self.name}")
        close(self)

    monkeypatch.setattr(Feed, "__init__", noted)
    monkeypatch.setattr(Feed, "close", shut)
    return said


def on(show: Running, output: str) -> list[Frame]:
    return [frame for name, frame, _, _ in list(show.wall.shown) if name == output]


def until(show: Running, output: str, good) -> Frame:
    """The first newest picture on `output` that is `good`."""
    while not (found := on(show, output)) or not good(found[-1]):
        show.wall.wait_for(1, output)
    return found[-1]


def test_each_output_shows_its_own_and_a_shared_camera_is_opened_once(
    studio: Studio, opened: list[str]
) -> None:
    with studio.running(SHOW) as show:
        wall = until(show, "wall", lambda f: f.camera == "street" and f.number > 3)
        side = until(show, "side", lambda f: f.camera == "stage" and f.number > 3)
        both = until(show, "both", lambda f: f.camera == "pair" and f.number > 3)
        assert (wall.width, side.width, both.width) == (156, 96, 160)
        # The halves of the pair are the middles of its cameras' bars: the same test pattern twice.
        assert np.abs(both.pixels[:40, 10:70].astype(int) - both.pixels[:40, 90:150]).mean() < 20
        assert opened == ["+street", "+stage"]
    assert sorted(opened[2:]) == ["-stage", "-street"]
    assert show.report is not None
    assert set(show.report.status.cameras) == {"street", "stage"}
    assert show.report.status.errors == {}


def test_a_camera_comes_changes_and_goes_alone(studio: Studio, opened: list[str]) -> None:
    """The street's frames are numbered on: nothing of it was touched, and none was lost."""
    with studio.running(SHOW) as show:
        until(show, "wall", lambda f: f.number > 2)
        said = show.take(SHOW.replace("96x54, fps: 10", "80x44, fps: 10"))
        assert said.endswith(": camera stage (opened)")
        until(show, "side", lambda f: f.width == 80)
        roof = SHOW.replace("views:", "  roof: {kind: pattern, size: 64x36, fps: 10}\nviews:")
        said = show.take(roof.replace("camera: stage", "camera: roof"))
        assert said.endswith("shots, camera roof (opened), camera stage (opened)"), said
        until(show, "side", lambda f: f.width == 64)
        alone = SHOW.replace(", camera: stage}", "}").replace(", camera: pair}", "}")
        said = show.take(alone)
        assert "camera roof (closed), camera stage (closed)" in said
        until(show, "both", lambda f: f.camera == "street")
        show.wall.wait_for(30)
    assert opened[:2] == ["+street", "+stage"]
    assert opened.count("+street") == opened.count("-street") == 1
    assert sorted(opened) == sorted(o.translate({43: 45, 45: 43}) for o in opened)
    numbers = [number for number, _ in groupby(frame.number for frame in on(show, "wall"))]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


def test_a_camera_that_does_not_come_leaves_the_old_one_of_its_name(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("murai_show.filming.PATIENCE", 0.3)
    stream = 'kind: stream, url: "rtsp://127.0.0.1:1/x"'
    with studio.running(SHOW) as show:
        until(show, "side", lambda f: f.number > 2)
        show.take(SHOW.replace("kind: pattern, size: 96x54, fps: 10", stream))
        before = on(show, "side")[-1]
        after = until(show, "side", lambda f: f.number > before.number)
        assert after.width == 96
    line = next(line for line in show.ears.lines if "the one before stays" in line)
    assert line.startswith("camera stage: ")


def test_a_new_camera_that_does_not_come_shows_its_slate(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the others go on: it comes when it comes."""
    monkeypatch.setattr("murai_show.filming.PATIENCE", 0.3)
    away = '  roof: {kind: stream, url: "rtsp://127.0.0.1:1/x"}\nviews:'
    with studio.running(SHOW) as show:
        show.take(SHOW.replace("views:", away).replace("camera: stage", "camera: roof"))
        slate = until(show, "side", lambda f: f.camera == "roof")
        assert slate.width == 156  # the slate's 16 to 9 in the paint size
        number = on(show, "wall")[-1].number
        until(show, "wall", lambda f: f.number > number + 2)
    assert any("its slate is shown until it comes" in line for line in show.ears.lines)


def test_metrics_tell_of_every_camera(studio: Studio) -> None:
    with studio.running(SHOW.replace('"off"', "127.0.0.1:0")) as show:
        url = next(line for line in show.ears.lines if "metrics on" in line).split()[-1]
        until(show, "side", lambda f: f.number > 3)
        with urllib.request.urlopen(url, timeout=10) as answer:
            text = answer.read().decode()
    for camera in ("street", "stage"):
        assert f'murai_camera_state{{camera="{camera}",state="live"}} 1.0' in text
        assert f'murai_camera_last_frame_age_seconds{{camera="{camera}"}}' in text
    assert 'camera="pair"' not in text


def test_a_show_with_turns_walks_from_camera_to_camera(studio: Studio) -> None:
    """The clock alone decides: two seconds each, and a crossfade in half of them."""
    Image.new("RGB", (160, 90), (255, 0, 255)).save(studio.folder / "plain.png")
    plain = "{kind: still, photos: plain.png, size: 160x90, fps: 20, noise: 0}"
    turns = "turns, cameras: [street, stage], each: 2s, fade: 1s"
    text = SHOW.replace("{kind: pattern, size: 96x54, fps: 10}", plain)
    text = text.replace("side_by_side, cameras: [street, stage]", turns)

    def green(frame: Frame) -> float:
        """Of which the bars have much and the stage has none."""
        return frame.pixels[20, 20:140].astype(float)[:, 1].mean()

    with studio.running(text.replace("camera: street,", "camera: pair,")) as show:
        until(show, "wall", lambda f: green(f) < 10)
        until(show, "wall", lambda f: green(f) > 80)
        until(show, "wall", lambda f: 30 < green(f) < 60)  # a walk, not a cut


def test_a_dead_camera_takes_nothing_from_the_others(tmp_path: Path) -> None:
    """From the start: its tile is its slate, and the rest is painted as ever."""
    Studio(tmp_path, pytest.MonkeyPatch())
    text = SHOW.replace(
        "stage: {kind: pattern, size: 96x54, fps: 10}",
        'stage: {kind: stream, url: "rtsp://127.0.0.1:1/x"}',
    )
    (tmp_path / "plaza.yaml").write_text(text)
    plan = make_plan("plaza", {}, tmp_path, displays=False)
    report = run_show(plan, 1.0, threading.Event())
    assert report.status.cameras["stage"].state == "connecting"
    assert report.status.cameras["street"].state == "live"
    assert report.status.errors == {}
    assert all(report.status.presented[name] > 20 for name in ("wall", "side", "both"))


def test_where_the_schedule_changes_cameras_they_walk_into_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The evening of a rule, at the clock's own pace: red, ever less red, and then blue."""
    write_small_bank(tmp_path / "models/small.safetensors")
    for name, colour in (("red", (240, 0, 0)), ("blue", (0, 0, 240))):
        Image.new("RGB", (64, 36), colour).save(tmp_path / f"{name}.png")
    still = "{{kind: still, photos: {}.png, size: 64x36, fps: 30, noise: 0}}"
    text = SHOW.replace("{kind: pattern, size: 160x90, fps: 10}", still.format("red"))
    text = text.replace("{kind: pattern, size: 96x54, fps: 10}", still.format("blue"))
    text = text[: text.index("  side:")] + 'metrics: "off"\nschedule:\n'
    text += '  - {from: "21:00", to: "22:00", play: all, camera: stage, fade: 1500ms}\n'
    (tmp_path / "plaza.yaml").write_text(text.replace("fps: 100, keep: 8", "fps: 100, keep: 4096"))
    walls: list[Memory] = []

    class Spy(Memory):
        def __init__(self, planned: PlannedOutput) -> None:
            super().__init__(planned)
            walls.append(self)

    monkeypatch.setattr("murai_show.output.memory.Memory", Spy)
    plan = make_plan("plaza", {}, tmp_path, displays=False)
    clock = FastClock(21 * 3600.0 - 1.0, 1.0)  # 20:59:59 of a day in UTC
    run_show(plan, 3.5, threading.Event(), clock)
    reds = [int(frame.pixels[18, 32, 0]) for frame in walls[0].pictures]
    blues = [int(frame.pixels[18, 32, 2]) for frame in walls[0].pictures]
    first = reds.index(240)  # before that is the slate
    assert reds[-1] == 0
    assert blues[-1] == 240
    assert reds[first:] == sorted(reds[first:], reverse=True)
    assert blues[first:] == sorted(blues[first:])
    assert sum(0 < red < 240 for red in reds[first:]) >= 5
