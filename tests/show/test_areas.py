"""Areas: planned with their masks and lines, and pure functions of the time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from murai_show.show.changes import changes, plan_files
from murai_show.show.plan import Plan, plan_show
from murai_show.show.report import plan_to_text
from murai_show.show.timeline import Wipe, look_at, passed
from tests.show.machine import machine

SHOW = """\
murai: 1
show: wall
cameras:
  hall: { kind: pattern }
bank: first
playlists:
  evening: { styles: [wave], each: 1m }
  slow: { styles: [starry, dark], each: 1m, fade: 10s }
play: evening
areas:
  sky: { mask: sky.png, play: slow, soft: 0.05 }
  reveal: { wipe: left, every: 40s, style: plain }
outputs:
  wall: { kind: memory }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    Image.new("L", (32, 18), 255).save(tmp_path / "sky.png")
    show = tmp_path / "wall.yaml"
    show.write_text(SHOW)
    return show


@pytest.fixture
def plan(file: Path) -> Plan:
    return plan_show(file, machine(), {})


def test_an_area_is_planned_with_its_mask_and_its_line(plan, file) -> None:
    sky, reveal = plan.areas
    assert (sky.name, sky.line, sky.soft) == ("sky", 11, 0.05)
    assert sky.mask is not None
    assert sky.mask.file == file.parent / "sky.png"
    assert (reveal.wipe, reveal.every, reveal.mask) == ("left", 40.0, None)
    assert "area sky" in plan_to_text(plan)


def test_areas_follow_their_own_playlists(plan) -> None:
    noon = 43200.0
    look = look_at(plan, noon + 30.0)
    assert look.mix == (("wave", 1.0),)
    sky, reveal = look.areas
    assert (sky.mix, sky.light) == ((("starry", 1.0),), 1.0)
    assert reveal.mix == (("plain", 1.0),)
    sky = look_at(plan, noon + 65.0).areas[0]
    assert (sky.mix, sky.light) == ((("starry", 1.0),), 0.5)
    assert look_at(plan, noon + 90.0).areas[0].light == 0.0


def test_a_wipe_goes_there_rests_and_comes_back(plan) -> None:
    assert [passed(turn / 8) for turn in (0, 4, 8)] == [0.0, 1.0, 0.0]
    assert passed(0.25) == passed(0.75) == 0.5
    assert passed(1 / 17) == 0.0
    assert passed(0.5 - 1 / 17) == 1.0
    shares = [passed(turn / 200) for turn in range(101)]
    assert shares == sorted(shares)
    shape = look_at(plan, 43200.0 + 10.0).areas[1].shape
    assert shape == Wipe("left", 0.5)


def test_the_dark_has_no_areas(file) -> None:
    dark = SHOW.replace("play: evening\n", "play: evening\nschedule:\n  - default: dark\n")
    file.write_text(dark)
    assert look_at(plan_show(file, machine(), {}), 43200.0).areas == ()


def test_another_area_is_another_painting_of_the_same_frame(plan) -> None:
    one, two = look_at(plan, 43210.0), look_at(plan, 43211.0)
    assert one.mix == two.mix
    assert one.painting != two.painting
    assert one.painting == replace(one, why="for another reason", light=0.5).painting


def test_a_newer_mask_is_a_newer_show_and_builds_nothing(plan, file) -> None:
    assert file.parent / "sky.png" in plan_files(plan)
    Image.new("L", (32, 18), 0).save(file.parent / "sky.png")
    newer = plan_show(file, machine(), {})
    assert newer.areas[0].mask != plan.areas[0].mask
    found = changes(plan, newer, {file.parent / "sky.png"})
    assert str(found) == "looks"
