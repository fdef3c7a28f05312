"""Recordings: real encoders, real files, real kills."""

import errno
import io
import signal
import subprocess
import sys
import threading
from pathlib import Path

import av
import numpy as np
import pytest

from murai_show.errors import OutputError
from murai_show.output import open_output
from murai_show.output import recording as recording_module
from murai_show.output.movie import Movie
from murai_show.output.recording import BUSY, DISK, Recording
from murai_show.show.timeline import LIT
from tests.output.planning import STARTED, a_canvas, an_output, flat, lit, noise, until
from tests.plans import REPOSITORY

SMALL = a_canvas(96, 64)


@pytest.fixture
def record(make_stage):
    opened = []

    def start(file: Path, canvas=SMALL, **changed) -> Recording:
        planned = an_output("recording", canvas, file, **changed)
        recording = open_output(planned, make_stage(planned), "A show", STARTED)
        opened.append(recording)
        return recording

    yield start
    for recording in opened:
        recording.close()


def show_all(recording: Recording, count: int, fps: float = 30.0, begin: float = 100.0) -> None:
    """Different pictures at `fps`, as slowly as the encoder needs."""
    for number in range(count):
        recording.show(noise(number), LIT, begin + number / fps)
        settle(recording)


def settle(recording: Recording) -> None:
    """Let the encoder work off what it has: these tests' time runs faster than it does."""
    until(lambda: recording._worker.idle)


def decoded(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def times(path: Path) -> list[float]:
    return [frame.time for frame in decoded(path)]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_it_holds_every_picture_at_its_time(record, tmp_path, suffix) -> None:
    recording = record(tmp_path / "{date}" / "wall-{time}{suffix}".replace("{suffix}", suffix))
    show_all(recording, 45)
    recording.close()
    assert recording.path == tmp_path / "2026-11-22" / f"wall-201500{suffix}"
    assert recording.frames == 45
    assert recording.drops == {}
    found = times(recording.path)
    assert found == pytest.approx([n / 30 for n in range(45)], abs=0.002)  # mkv counts in ms


def test_times_are_the_show_s_own(record, tmp_path) -> None:
    recording = record(tmp_path / "a.mp4")
    moments = [5.0, 5.1, 5.35, 5.4, 7.0, 7.9]
    for number, now in enumerate(moments):
        recording.show(noise(number), LIT, now)
        settle(recording)
    recording.close()
    assert times(recording.path) == pytest.approx([now - 5.0 for now in moments], abs=0.001)


def test_a_still_picture_is_written_twice_a_second(record, tmp_path) -> None:
    recording = record(tmp_path / "a.mp4")
    picture = noise(1)
    for number in range(91):
        recording.show(picture, LIT, number / 30)
        settle(recording)
    recording.close()
    found = times(recording.path)
    assert found == pytest.approx([0, 0.5, 1, 1.5, 2, 2.5, 3], abs=0.04)


def test_dark_is_still_whatever_is_painted(record, tmp_path) -> None:
    recording = record(tmp_path / "a.mp4")
    for number in range(31):
        recording.show(noise(number), lit(0.0), number / 30)
    recording.close()
    assert recording.frames == 3
    assert max(frame.to_ndarray(format="rgb24").max() for frame in decoded(recording.path)) <= 2


def test_fps_is_an_upper_bound(record, tmp_path) -> None:
    recording = record(tmp_path / "a.mp4", fps=10)
    for number in range(121):
        recording.show(noise(number), LIT, number / 60)
        settle(recording)
    recording.close()
    assert recording.frames == pytest.approx(20, abs=2)
    assert recording.drops == {}


@pytest.mark.parametrize("fps", [10.0, 25.0, 30.0, 29.97])
def test_jitter_does_not_lower_the_rate(record, tmp_path, fps) -> None:
    """A loop that is a little early, then a little late, at the rate that was asked."""
    recording = record(tmp_path / "a.mp4", fps=fps)
    for number in range(20):
        recording.show(noise(number), LIT, (number + 0.1 * (number % 2)) / fps)
        settle(recording)
    recording.close()
    assert recording.frames == 20


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_it_plays_after_kill_9(egl, tmp_path, suffix) -> None:
    """A child records 10 pictures a second and is killed: all but the last second plays."""
    child = (
        "import sys; from pathlib import Path; from tests.output.planning import *\n"
        "from murai_show.output import Stage, open_output\n"
        "planned = an_output('recording', a_canvas(96, 64), Path(sys.argv[1]))\n"
        "recording = open_output(planned, Stage((planned,)), '', STARTED)\n"
        "for number in range(10_000):\n"
        "    recording.show(noise(number), LIT, number / 10)\n"
        "    until(lambda: recording.frames > number)\n"
        "    print(number / 10, flush=True)\n"
    )
    command = [sys.executable, "-c", child, str(tmp_path / f"a{suffix}")]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        recorded = next(now for line in process.stdout if (now := float(line)) > 4.0)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    found = times(tmp_path / f"a{suffix}")
    assert found == sorted(found)
    assert found[-1] > recorded - 1.5


def test_a_stuck_encoder_never_stalls_the_loop(record, tmp_path, monkeypatch, caplog) -> None:
    entered, free = threading.Event(), threading.Event()
    write = Movie.write

    def stuck(self: Movie, rgba: np.ndarray, seconds: float) -> None:
        entered.set()
        free.wait()
        write(self, rgba, seconds)

    monkeypatch.setattr(Movie, "write", stuck)
    recording = record(tmp_path / "a.mp4")
    recording.show(noise(0), LIT, 0.0)
    assert entered.wait(20)
    for number in range(1, 21):  # would never return if it waited
        recording.show(noise(number), LIT, number / 30)
    # 1 with the encoder, 4 wait, the newest may still make it, 15 were replaced.
    assert recording.drops == {BUSY: 15}
    free.set()
    until(lambda: recording.frames == 5)
    recording.show(noise(99), LIT, 1.0)
    recording.close()
    assert recording.drops == {BUSY: 16}
    assert times(recording.path) == pytest.approx([0, 1 / 30, 2 / 30, 0.1, 4 / 30, 1], abs=0.001)


def test_closing_gives_up_on_an_encoder_that_hangs(record, tmp_path, monkeypatch, caplog) -> None:
    free = threading.Event()
    monkeypatch.setattr(recording_module, "CLOSE_WITHIN", 0.2)
    monkeypatch.setattr(Movie, "write", lambda *_: free.wait())
    recording = record(tmp_path / "a.mp4")
    for number in range(8):
        recording.show(noise(number), LIT, number / 30)
    recording.close()
    assert "the encoder hangs" in caplog.text
    free.set()


def test_an_encoder_that_breaks_is_told_once(record, tmp_path, monkeypatch, caplog) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no such luck")

    monkeypatch.setattr(Movie, "write", broken)
    recording = record(tmp_path / "a.mp4")
    recording.show(noise(0), LIT, 0.0)
    until(lambda: recording._worker.failure is not None)
    with pytest.raises(OutputError, match="output my-recording: the encoder stopped: no such luck"):
        recording.show(noise(1), LIT, 0.1)
    for number in range(2, 9):
        recording.show(noise(number), LIT, number / 10)
    assert recording.drops[BUSY] > 0
    assert "recording my-recording stopped" in caplog.text


class Disk(io.FileIO):
    """A file on a disk that fills up at the flick of a switch."""

    full = False

    def write(self, data) -> int:
        if Disk.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


@pytest.fixture
def disk(monkeypatch) -> type[Disk]:
    create = recording_module.create_new

    def on_disk(path: Path) -> tuple[Path, Disk]:
        path, file = create(path)
        file.close()
        return path, Disk(path, "wb")

    monkeypatch.setattr(recording_module, "create_new", on_disk)
    monkeypatch.setattr(Disk, "full", False)
    return Disk


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_full_disk_costs_pictures_not_the_show(record, tmp_path, disk, caplog, suffix) -> None:
    recording = record(tmp_path / f"a{suffix}")
    first = recording.path
    show_all(recording, 60, begin=0.0)
    disk.full = True
    told = []
    for number in range(60, 360):  # 2 s to 12 s: two retries fail
        try:
            recording.show(noise(number), LIT, number / 30)
        except OutputError as error:
            told.append(str(error))
        settle(recording)
    assert len(told) == 1, told
    assert "output my-recording: cannot go on recording" in told[0]
    assert "No space left on device" in told[0]
    assert caplog.text.count("broke off") == 1
    assert recording.drops[DISK] > 200
    disk.full = False
    written = recording.frames
    for number in range(360, 600):  # 12 s to 20 s: the retry at about 17 s succeeds
        recording.show(noise(number), LIT, number / 30)
        settle(recording)
    recording.close()
    assert recording.frames > written + 60
    assert recording.path != first
    assert sorted(tmp_path.iterdir()) == sorted([first, recording.path])
    assert len(times(recording.path)) == recording.frames - written
    assert times(recording.path)[0] == 0
    assert times(first)[-1] > 0.9, "what was whole before still plays"


def test_a_folder_that_cannot_be_is_an_error_at_once(record, tmp_path) -> None:
    (tmp_path / "taken").write_text("not a folder")
    with pytest.raises(OutputError, match=r"output my-recording: cannot record: .*taken"):
        record(tmp_path / "taken" / "a.mp4")


def test_a_full_disk_at_the_start_is_an_error_at_once(record, tmp_path, disk) -> None:
    disk.full = True
    with pytest.raises(OutputError, match="No space left on device"):
        record(tmp_path / "a.mp4")
    assert not list(tmp_path.iterdir())


def test_no_file_is_begun_on_a_disk_that_is_nearly_full(record, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(recording_module, "FLOOR", 1 << 62)
    with pytest.raises(OutputError, match=f"{tmp_path}: No space left on device"):
        record(tmp_path / "a.mp4")
    assert not list(tmp_path.iterdir())


def test_nothing_is_ever_overwritten(record, tmp_path) -> None:
    (tmp_path / "a.mp4").write_text("somebody's")
    paths = [record(tmp_path / "a.mp4").path.name for _ in range(2)]
    assert paths == ["a-2.mp4", "a-3.mp4"]
    assert (tmp_path / "a.mp4").read_text() == "somebody's"


def test_odd_sizes_lose_a_row_and_a_column(record, tmp_path) -> None:
    recording = record(tmp_path / "a.mp4", a_canvas(97, 65))
    show_all(recording, 3)
    recording.close()
    assert {(f.width, f.height) for f in decoded(recording.path)} == {(96, 64)}


@pytest.mark.parametrize("size", [(1280, 720), (320, 180)])
def test_colours_survive(record, tmp_path, size) -> None:
    """HD in BT.709, smaller in BT.601, each with its tags: a player that reads them is right."""
    colours = [(230, 30, 40), (30, 200, 60), (40, 60, 220), (250, 250, 250), (128, 128, 128)]
    recording = record(tmp_path / "a.mp4", a_canvas(*size), crf=16)
    for number, colour in enumerate(colours):
        recording.show(flat(colour), LIT, number / 10)
        settle(recording)
    recording.close()
    frames = decoded(recording.path)
    hd = size[1] >= 720
    assert len(frames) == len(colours)
    for frame, colour in zip(frames, colours, strict=True):
        assert frame.colorspace == (1 if hd else 6)
        assert frame.color_range == 1
        shown = frame.to_ndarray(format="rgb24", src_colorspace="itu709" if hd else "itu601")
        # Video range has 220 steps of grey, and colour is rounded on its own: 3 of 255.
        assert np.abs(shown.mean((0, 1)) - colour).max() < 3.0


def test_closing_twice_is_closing_once(record, tmp_path) -> None:
    recording = record(tmp_path / "a.mp4")
    recording.close()
    recording.close()
