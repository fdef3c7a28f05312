"""Faults of outputs and disks: the others go on."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from av.error import FFmpegError
from PIL import Image

from murai_show.errors import OutputError
from murai_show.output import recording
from murai_show.output.offscreen import Offscreen
from tests.drills.ending import seconds_of
from tests.drills.stage import PATIENT, SHOW, Outcome, Stage, drill, frames_of
from tests.plans import REPOSITORY


@drill("display lost", "an output raises for half a second, as when its cable is out")
def test_an_output_is_lost_and_comes_back(stage: Stage, monkeypatch) -> Outcome:
    with stage.on_air() as night:
        show, out = Offscreen.show, [True]

        def lost(own: Offscreen, *given) -> None:
            if out:
                raise OutputError("the monitor is gone")
            show(own, *given)

        monkeypatch.setattr(Offscreen, "show", lost)
        begun = time.monotonic()
        night.steady(begun, ("side", "film"))
        assert not night.eyes.fresh("wall", begun)
        out.clear()
        took = night.steady(time.monotonic())
        missed = night.lost(begun, ("side",))
        said = [line for line in night.ears.lines if "output wall" in line]
        assert said[0] == "output wall: lost: the monitor is gone; the others go on"
        night.wait(lambda: "output wall: is back" in night.ears.lines, "nobody says it is back")
        assert night.status.errors["output wall"] >= 1
    return Outcome("the others go on, tried again every second", took, missed)


@contextmanager
def a_small_disk(folder: Path) -> Iterator[Callable[[bool], None]]:
    """A disk of a mebibyte at `folder`, and what fills and empties it.  Without the right to mount
    one, no file of this process may grow beyond a few kilobytes: to who writes it is the same."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and shutil.which("mount") is not None
    mounted = mounted and subprocess.run(mount, check=False, capture_output=True).returncode == 0
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ballast = folder / "ballast"

    def fill(full: bool) -> None:
        if not mounted:
            resource.setrlimit(resource.RLIMIT_FSIZE, (2048 if full else before[0], before[1]))
        elif full:
            with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(1024))
        else:
            ballast.unlink()

    try:
        yield fill
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)


@drill("disk full", "the film's and the snapshots' disk, a tmpfs of 1 MiB, is filled and emptied")
def test_the_disk_is_full(stage: Stage, monkeypatch) -> Outcome:
    monkeypatch.setattr(recording, "FLOOR", 64 << 10)
    monkeypatch.setattr(recording, "RETRY_AFTER", 0.3)
    shot = '  shot: {kind: snapshot, of: wall, path: "disk/shot-{time}.png", every: 200ms}\n'
    text = SHOW.replace('path: "film-', 'path: "disk/film-').replace("metrics", shot + "metrics")
    disk = stage.folder / "disk"
    with a_small_disk(disk) as fill, stage.on_air(text) as night:
        first = await_film(disk)
        fill(True)
        begun = time.monotonic()
        night.wait(lambda: any("the recording broke off" in s for s in night.ears.lines), "film")
        night.wait(lambda: any("cannot write a picture" in s for s in night.ears.lines), "shot")
        night.steady(time.monotonic(), ("wall", "side"))
        night.wait(lambda: night.status.drops.get(("film", "disk"), 0) > 0, "no drop is counted")
        fill(False)
        took = night.steady(time.monotonic())
        for what in ("the recording broke off", "output shot: cannot write a picture"):
            assert sum(line.startswith("output") and what in line for line in night.ears.lines) <= 2
        lost = night.lost(begun)
        films = sorted(disk.glob("film-*.mp4"))
        for picture in disk.glob("*.png"):
            Image.open(picture).load()
        night.stop.set()
        assert night.thread is not None
        night.thread.join(10)
        assert len(films) >= 2
        assert seconds_of(first) > 0.0
        assert seconds_of(films[-1]) > 0.0
    said = "film and snapshots stop, all else goes on; a new film when there is room"
    return Outcome(said, took, lost)


WINDOW = SHOW.replace(
    "wall: {kind: offscreen, size: 160x96, fps: 25}",
    "wall: {kind: display, window: true, size: 160x96, fps: 25}",
)


@drill("X server dies", "Xvfb is killed under a show with a window")
def test_the_x_server_dies(stage: Stage) -> Outcome:
    """Xlib ends every program that has lost its server, and nothing can be done about it: the film
    must play up to then, and the status must make the supervisor start the show again."""
    if shutil.which("Xvfb") is None:
        if os.environ.get("MURAI_REQUIRE_GL") == "1":
            pytest.fail("Xvfb is not installed")
        pytest.skip("Xvfb is not installed")
    stage.server.start()
    (stage.folder / "drill.yaml").write_text(WINDOW.replace("PORT", str(stage.server.port)))
    reads, writes = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writes), "-screen", "0", "640x480x24"],
        pass_fds=[writes], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(writes)
    with os.fdopen(reads) as told:
        display = told.readline().strip()
    environment = {k: v for k, v in os.environ.items() if k != "WAYLAND_DISPLAY"}
    show = subprocess.Popen(
        [sys.executable, "-m", "murai_show", "run", "drill.yaml"],
        cwd=stage.folder, text=True, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
        env={**environment, "PYTHONPATH": str(REPOSITORY), "DISPLAY": f":{display}"},
    )  # fmt: skip
    try:
        assert show.stderr is not None
        assert next((line for line in show.stderr if "painted by" in line), ""), "it never began"
        film = await_film(stage.folder)
        server.kill()
        killed = time.monotonic()
        rest = show.communicate(timeout=30)[1]
        took = time.monotonic() - killed
    finally:
        server.kill()
        server.wait()
        show.kill()
        stage.server.cut()
    assert show.returncode == 1, rest
    assert "Traceback" not in rest
    assert frames_of(film) > 0
    assert took < 5.0
    said = "the show ends with status 1, the film plays up to then; a supervisor starts it again"
    return Outcome(said, took, 0)


def await_film(folder: Path) -> Path:
    """The film that is being written, once it has a picture that plays."""
    end = time.monotonic() + PATIENT
    while time.monotonic() < end:
        with contextlib.suppress(StopIteration, FFmpegError):
            film = next(folder.glob("film-*.mp4"))
            if frames_of(film) > 0:
                return film
        time.sleep(0.05)
    raise AssertionError("no film")
