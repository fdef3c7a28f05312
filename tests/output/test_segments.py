"""Films in segments, and a floor of free disk."""

from __future__ import annotations

import logging
import shutil
from collections import namedtuple
from pathlib import Path

import av
import pytest

from murai_show.output import open_output
from murai_show.output.movie import Movie
from murai_show.output.recording import DISK, Recording
from murai_show.show.timeline import LIT
from tests.output.planning import STARTED, a_canvas, an_output, noise, until

Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - as shutil's own


@pytest.fixture
def record(make_stage):
    opened = []

    def start(file: Path, **changed) -> Recording:
        planned = an_output("recording", a_canvas(96, 64), file, fps=10, **changed)
        opened.append(open_output(planned, make_stage(planned), "A show", STARTED))
        return opened[-1]

    yield start
    for recording in opened:
        recording.close()


@pytest.fixture
def disk(monkeypatch):
    """`disk["free"]` is what is free."""
    free = {"free": 10**12}
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**13, 0, free["free"]))
    return free


def show(recording: Recording, numbers: range) -> None:
    for number in numbers:
        recording.show(noise(number), LIT, 50.0 + number / 10)
        until(lambda: recording._worker.idle)


def frames(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_each_segment_begins_with_the_picture_that_the_last_did_not_get(
    record, tmp_path, suffix
) -> None:
    recording = record(tmp_path / f"wall-{{time}}{suffix}", segment="10s")
    show(recording, range(250))
    recording.close()
    names = [f"wall-{time}{suffix}" for time in ("201500", "201510", "201520")]
    assert [path.name for path in recording.files] == names
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    cut = [frames(path) for path in recording.files]
    assert [len(segment) for segment in cut] == [100, 100, 50]
    for segment in cut:
        assert segment[0].key_frame
        assert segment[0].time == 0
        assert segment[-1].time == pytest.approx((len(segment) - 1) / 10, abs=0.002)
    assert recording.drops == {}
    assert recording.frames == 250


def test_no_picture_is_lost_while_the_encoder_is_behind(record, tmp_path, monkeypatch) -> None:
    """The cut is made where the pictures wait already: none is there twice, none is missing."""
    written = []
    write = Movie.write
    monkeypatch.setattr(
        Movie, "write", lambda self, rgba, at: (written.append(rgba.mean()), write(self, rgba, at))
    )
    recording = record(tmp_path / "{time}.mp4", segment="10s")
    show(recording, range(98))
    for number in range(98, 102):  # as fast as they can be drawn
        recording.show(noise(number), LIT, 50.0 + number / 10)
    recording.close()
    assert len(written) == len(set(written)) == 102
    assert [len(frames(path)) for path in recording.files] == [100, 2]


def test_without_segments_there_is_one_file(record, tmp_path) -> None:
    recording = record(tmp_path / "{time}.mp4")
    show(recording, range(0, 4000, 100))
    assert len(recording.files) == 1


def test_a_floor_of_free_disk_stops_and_resumes(record, tmp_path, disk, caplog) -> None:
    caplog.set_level(logging.INFO)
    recording = record(tmp_path / "{time}.mp4", free="5GB")
    show(recording, range(30))
    disk["free"] = 4 * 10**9
    show(recording, range(30, 150))
    assert recording.drops[DISK] > 80
    first = recording.path
    assert len(frames(first)) >= 30, "it has been finished in order"
    disk["free"] = 6 * 10**9
    show(recording, range(150, 260))
    recording.close()
    assert recording.path != first
    assert len(frames(recording.path)) > 50
    assert sorted(tmp_path.iterdir()) == sorted(recording.files)
    stops = [m for m in caplog.messages if "nothing is recorded until there is room" in m]
    assert stops == [
        (
            f"output my-recording: less than 5GB is free in {tmp_path}; "
            "nothing is recorded until there is room"
        )
    ]
    assert sum("there is room again" in m for m in caplog.messages) == 1


def test_a_show_begins_though_there_is_no_room(record, tmp_path, disk, caplog) -> None:
    disk["free"] = 1
    recording = record(tmp_path / "{time}.mp4", free="5GB")
    show(recording, range(10))
    assert recording.files == ()
    assert not list(tmp_path.iterdir())
    disk["free"] = 10**12
    show(recording, range(10, 80))
    recording.close()
    assert len(recording.files) == 1
    assert caplog.text.count("nothing is recorded") == 1
