"""The self-check: real files, real films, and what is wrong with them."""

from __future__ import annotations

import os
import shutil
import time
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from prometheus_client import CollectorRegistry, generate_latest

from murai_show.edge.routine import Routine
from murai_show.edge.selfcheck import SelfCheck, Surroundings
from murai_show.output.damage import damage
from murai_show.output.movie import Movie, x264
from murai_show.show.planned import PlannedBank
from murai_show.show.words import Size
from tests.output.planning import an_output, noise, until
from tests.plans import a_plan

Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - as shutil's own


def film(path: Path) -> Path:
    movie = Movie(path, path.open("wb", buffering=0), Size(64, 36), 10, x264(30))
    rgba = Image.fromarray(noise(1).pixels).convert("RGBA")
    import numpy as np

    for number in range(3):
        movie.write(np.asarray(rgba), number / 10)
    movie.close()
    return path


@pytest.fixture
def bank(tmp_path) -> PlannedBank:
    file = tmp_path / "bank.safetensors"
    file.write_bytes(b"styles")
    return PlannedBank("bank", file, "identity", ("a",))


@pytest.fixture
def world(tmp_path, bank, monkeypatch):
    """A show that records, writes pictures and is well; change what is wrong."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**13, 0, 10**12))
    show = tmp_path / "show.yaml"
    show.write_text("murai: 1")
    outputs = (
        an_output("recording", None, tmp_path / "films/{time}.mp4", free="5GB"),
        an_output("snapshot", None, tmp_path / "stills/{time}.png"),
    )
    (tmp_path / "films").mkdir()
    (tmp_path / "stills").mkdir()
    film(tmp_path / "films/200000.mp4")
    Image.fromarray(noise(1).pixels).save(tmp_path / "stills/200000.png")
    plan = a_plan(outputs=outputs, bank=bank, source=show)
    return Surroundings(lambda: plan, lambda: (), lambda: (), damage, time.time)


def result(check: SelfCheck) -> str:
    registry = CollectorRegistry()
    registry.register(check)
    return generate_latest(registry).decode()


def run(around: Surroundings, before=lambda: None) -> SelfCheck:
    check = SelfCheck(around)
    check.know(around.plan().bank)
    before()
    check()
    return check


def test_all_is_well(world, caplog) -> None:
    caplog.set_level("INFO")
    check = run(world)
    assert caplog.messages == ["self-check: disk, files, clock and bank are well"]
    assert "murai_selfcheck_ok 1.0" in result(check)
    assert "murai_selfcheck_timestamp 1." in result(check)


def test_before_the_first_there_is_nothing_to_tell(world) -> None:
    assert "murai_selfcheck" not in result(SelfCheck(world))


def said(world, caplog, **changed) -> str:
    check = run(replace(world, **changed))
    assert "murai_selfcheck_ok 0.0" in result(check)
    (line,) = [m for m in caplog.messages if m.startswith("self-check")]
    return line


def test_a_disk_that_is_nearly_full(world, tmp_path, monkeypatch, caplog) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**13, 0, 4_200_000_000))
    assert said(world, caplog) == f"self-check: only 4.2 GB is free in {tmp_path}/films"


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("films/200001.mp4", b"", "Invalid data found when processing input"),
        ("films/200001.mp4", b"nothing of a film", "Invalid data found when processing input"),
        ("stills/200001.png", b"", "it is no picture"),
        ("stills/200001.png", b"\x89PNG\r\n\x1a\n torn", "it is no picture"),
    ],
)
def test_a_file_that_cannot_be_opened(world, tmp_path, caplog, name, content, why) -> None:
    (tmp_path / name).write_bytes(content)
    assert said(world, caplog) == f"self-check: {tmp_path / name} cannot be opened: {why}"


def test_a_torn_picture(world, tmp_path, caplog) -> None:
    whole = (tmp_path / "stills/200000.png").read_bytes()
    (tmp_path / "stills/200000.png").write_bytes(whole[: len(whole) // 2])
    assert "200000.png cannot be opened" in said(world, caplog)


def test_older_files_and_the_one_that_is_written_are_not_opened(world, tmp_path, caplog) -> None:
    old, now = tmp_path / "films/100000.mp4", tmp_path / "films/200001.mp4"
    old.write_bytes(b"torn")
    now.write_bytes(b"half")
    os.utime(old, (time.time() - 2 * 86400,) * 2)
    check = run(replace(world, writing=lambda: (now,)))
    assert "murai_selfcheck_ok 1.0" in result(check)


def test_a_film_of_this_run_that_is_gone_is_said_once(world, tmp_path, caplog) -> None:
    gone = tmp_path / "films/200500.mp4"
    check = run(replace(world, written=lambda: (gone,)))
    assert f"{gone} is gone" in caplog.text
    check()
    assert "murai_selfcheck_ok 1.0" in result(check)


def test_a_film_that_may_go_is_not_missed(world, tmp_path) -> None:
    keeps = an_output("recording", None, tmp_path / "films/{time}.mp4", keep="1h")
    plan = replace(world.plan(), outputs=(keeps,))
    around = replace(world, plan=lambda: plan, written=lambda: (tmp_path / "films/200500.mp4",))
    assert "murai_selfcheck_ok 1.0" in result(run(around))


def test_a_clock_that_cannot_be_right(world, caplog) -> None:
    line = said(world, caplog, wall=lambda: 86400.0)
    assert "the clock shows 1970-01-02 00:00 UTC; set it, by NTP at best" in line


def test_a_clock_before_the_show_was_saved(world, caplog) -> None:
    later = time.time() + 10 * 86400
    os.utime(world.plan().source, (later, later))
    assert "before the show file was saved" in said(world, caplog)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda file: file.write_bytes(b"others"), "another than when it was read"),
        (lambda file: file.unlink(), "gone"),
    ],
)
def test_a_bank_that_is_another(world, bank, caplog, change, words) -> None:
    check = run(world, lambda: change(bank.file))
    assert f"the bank {bank.file} is {words}" in caplog.text
    assert "murai_selfcheck_ok 0.0" in result(check)


def test_the_routine_of_a_show(world, tmp_path) -> None:
    """Housekeeping at once, on its own thread; the hour and the bank follow a newer version."""
    for number in range(3):
        film(tmp_path / f"films/10000{number}.mp4")
        os.utime(tmp_path / f"films/10000{number}.mp4", (time.time() - 9 * 86400,) * 2)
    keeps = an_output("recording", None, tmp_path / "films/{time}.mp4", keep="7d")
    plan = replace(world.plan(), outputs=(keeps,), selfcheck="12:00")
    routine = Routine(plan, replace(world, plan=lambda: plan))
    try:
        until(lambda: not list((tmp_path / "films").glob("10000*")))
        assert (tmp_path / "films/200000.mp4").exists()
        registry = CollectorRegistry()
        registry.register(routine)
        until(lambda: b'murai_files_deleted_total{output="my-recording"} 3.0' in
              generate_latest(registry))  # fmt: skip
        hours = {tag for job in routine.jobs._scheduler.jobs for tag in job.tags}
        assert {"housekeeping", "selfcheck"} <= hours
        routine.follow(replace(plan, selfcheck="off"))
        assert "selfcheck" not in {t for job in routine.jobs._scheduler.jobs for t in job.tags}
    finally:
        routine.close()
