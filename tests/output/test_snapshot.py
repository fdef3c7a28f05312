"""Snapshots: whole files, in time."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from murai_show.errors import OutputError
from murai_show.output import open_output
from murai_show.output import snapshot as snapshot_module
from murai_show.output.snapshot import BUSY, DISK, clear_parts
from murai_show.show.timeline import LIT
from tests.output.planning import RED, STARTED, a_canvas, an_output, flat, noise, until

CANVAS = a_canvas(64, 36)


@pytest.fixture
def snap(make_stage):
    opened = []

    def start(file, every="10s", **changed):
        planned = an_output("snapshot", CANVAS, file, every=every, **changed)
        snapshot = open_output(planned, make_stage(planned), "", STARTED)
        opened.append(snapshot)
        return snapshot

    yield start
    for snapshot in opened:
        snapshot.close()


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_one_picture_every_so_often_each_named_for_its_time(snap, tmp_path, suffix) -> None:
    snapshot = snap(tmp_path / "{date}" / ("wall-{time}" + suffix))
    for second in range(26):
        snapshot.show(noise(second), LIT, 500.0 + second)
        until(lambda: snapshot.pictures == second // 10 + 1)  # noqa: B023
    snapshot.close()
    folder = tmp_path / "2026-11-22"
    names = [f"wall-{t}{suffix}" for t in ("201500", "201510", "201520")]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert snapshot.path == folder / names[-1]
    with Image.open(folder / names[0]) as picture:
        assert (picture.size, picture.mode) == ((64, 36), "RGB")


def test_it_shows_the_canvas(snap, tmp_path) -> None:
    snapshot = snap(tmp_path / "a.png")
    snapshot.show(flat(RED), LIT, 0.0)
    snapshot.close()
    with Image.open(tmp_path / "a.png") as picture:
        assert (np.asarray(picture) == RED).all()


def test_in_between_nothing_is_drawn(snap, tmp_path) -> None:
    snapshot = snap(tmp_path / "a.png")
    for number in range(100):
        snapshot.show(noise(number), LIT, number / 30)
    assert snapshot._stage.canvas(CANVAS).draws == 1


def test_a_reader_never_meets_half_a_picture(snap, tmp_path, monkeypatch) -> None:
    """The newest is always at one name; while it is written the old one stays."""
    snapshot = snap(tmp_path / "latest.png")
    snapshot.show(flat((1, 1, 1)), LIT, 0.0)
    until(lambda: snapshot.pictures == 1)
    before, seen = (tmp_path / "latest.png").read_bytes(), []
    sync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda f: (seen.append((tmp_path / "latest.png").read_bytes()), sync(f))
    )
    snapshot.show(flat((2, 2, 2)), LIT, 10.0)
    snapshot.close()
    assert seen == [before]
    assert (tmp_path / "latest.png").read_bytes() != before
    assert [path.name for path in tmp_path.iterdir()] == ["latest.png"]


def test_a_slow_disk_costs_pictures_not_time(snap, tmp_path, monkeypatch) -> None:
    entered, free = threading.Event(), threading.Event()

    def slow(_: object) -> None:
        entered.set()
        free.wait()

    monkeypatch.setattr(snapshot_module, "write_whole", slow)
    snapshot = snap(tmp_path / "{time}.png", every="1s")
    snapshot.show(noise(0), LIT, 0.0)
    assert entered.wait(20)
    for second in range(1, 5):
        snapshot.show(noise(second), LIT, float(second))
    assert snapshot.drops == {BUSY: 3}
    free.set()


def test_a_full_disk_is_told_once_and_tried_again(snap, tmp_path, monkeypatch, caplog) -> None:
    def full(_) -> None:
        raise OSError(28, "No space left on device")

    write = snapshot_module.write_whole
    monkeypatch.setattr(snapshot_module, "write_whole", full)
    snapshot = snap(tmp_path / "{time}.png", every="1s")
    snapshot.show(noise(0), LIT, 0.0)
    until(lambda: snapshot.drops.get(DISK) == 1)
    with pytest.raises(OutputError, match="cannot write a picture: No space left on device"):
        snapshot.show(noise(0), LIT, 0.5)
    snapshot.show(noise(1), LIT, 1.0)
    until(lambda: snapshot.drops[DISK] == 2)
    monkeypatch.setattr(snapshot_module, "write_whole", write)
    snapshot.show(noise(2), LIT, 2.0)
    until(lambda: snapshot.pictures == 1)
    assert caplog.text.count("No space left") == 1


def test_a_folder_that_cannot_be_is_an_error_at_once(snap, tmp_path) -> None:
    (tmp_path / "taken").write_text("not a folder")
    with pytest.raises(OutputError, match=r"output my-snapshot: cannot write there: .*taken"):
        snap(tmp_path / "taken" / "a.png")


def test_what_a_killed_show_left_half_written_is_cleared_away(tmp_path: Path) -> None:
    """And nothing else: not another output's, not a picture, not a person's own file."""
    keep = ["2026-11-23-1.png", ".other-120000.png.part", ".show-120000.png", "show.png.part"]
    gone = [".show-2026-11-23-120000.png.part", ".show-2026-11-24-000001.png.part"]
    for name in (*keep, *gone):
        (tmp_path / name).write_bytes(b"x")
    clear_parts(tmp_path / "show-{date}-{time}.png", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(keep)
