"""The last good version: kept when it ran for a while, used when the file is broken."""

from __future__ import annotations

import logging
import os
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from murai_show.app import make_plan, plan_or_last_good
from murai_show.errors import ShowError
from murai_show.last_good import Keeper, copy_of, kept, text_of
from murai_show.style.vault import keep
from tests.banks import write_small_bank
from tests.plans import REPOSITORY
from tests.reloading import Studio
from tests.test_reload import SHOW


@pytest.fixture
def work(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    write_small_bank(tmp_path / "models/small.safetensors")
    (tmp_path / "plaza.yaml").write_text(SHOW)
    return tmp_path


def planner(work: Path) -> partial:
    return partial(make_plan, "plaza", os.environ, work, displays=False)


def store(work: Path, text: str = SHOW) -> Path:
    copy = copy_of(work / "plaza.yaml")
    copy.parent.mkdir(parents=True, exist_ok=True)
    keep(copy, text.encode())
    return copy


def test_what_ran_long_enough_is_kept_for_its_owner_alone(tmp_path: Path, monkeypatch) -> None:
    studio = Studio(tmp_path, monkeypatch)
    done = threading.Event()
    store_it = Keeper._keep

    def told(self: Keeper, show: Path, text: bytes) -> None:
        store_it(self, show, text)
        done.set()

    monkeypatch.setattr(Keeper, "_keep", told)
    newer = SHOW.replace("[a]", "[b]")
    with studio.running(SHOW, keep_after=0.05) as show:
        assert done.wait(10)
        copy = kept(show.file)
        assert copy is not None
        assert copy.read_text() == SHOW
        done.clear()
        show.take(newer)
        assert done.wait(10)
        assert copy.read_text() == newer
        show.refuse(newer + "typo: 1\n")
    assert copy.read_text() == newer
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert stat.S_IMODE(copy.parent.stat().st_mode) == 0o700
    assert copy.is_relative_to(tmp_path / "state/murai-show")


def test_what_did_not_run_long_enough_is_not_kept(work: Path) -> None:
    plan = planner(work)()
    keeper = Keeper(after=3600.0)
    keeper.on_air(plan)
    keeper.close()
    assert kept(work / "plaza.yaml") is None


def test_a_text_that_is_no_longer_the_plan_s_is_not_kept(work: Path) -> None:
    plan = planner(work)()
    assert text_of(plan) == SHOW.encode()
    (work / "plaza.yaml").write_text("another")
    assert text_of(plan) is None
    assert text_of(replace(plan, source=work / "gone.yaml")) is None


def test_a_folder_that_cannot_be_written_is_one_line(work: Path, monkeypatch, caplog) -> None:
    (work / "state").write_text("a file")
    keeper = Keeper()
    with caplog.at_level(logging.WARNING):
        keeper._keep(work / "plaza.yaml", b"x")
    assert "no copy of the last good show can be kept" in caplog.text
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/murai-show:/more")
    assert copy_of(work / "plaza.yaml").parent == Path("/var/lib/murai-show/last-good")


def test_a_broken_file_runs_as_it_last_ran_well(work: Path, caplog) -> None:
    """As if it stood in its place: what it names is looked for beside the show file."""
    show = work / "plaza.yaml"
    good = planner(work)()
    store(work)
    show.write_text(SHOW + "typo: 1\n")
    with caplog.at_level(logging.WARNING):
        plan = plan_or_last_good(show, planner(work))
    assert plan == good
    assert "plaza.yaml:12:1: unknown key 'typo'" in caplog.text
    assert f"last good version {good.config_hash} runs" in caplog.text


def test_without_a_last_good_version_the_errors_stand(work: Path) -> None:
    (work / "plaza.yaml").write_text("")
    with pytest.raises(ShowError, match="the file is empty"):
        plan_or_last_good(work / "plaza.yaml", planner(work))
    store(work, "murai: 1\n")  # no good any more either: those of the file are said
    with pytest.raises(ShowError, match="the file is empty"):
        plan_or_last_good(work / "plaza.yaml", planner(work))


def test_a_copy_that_others_can_write_is_not_used(work: Path, caplog) -> None:
    store(work).chmod(0o666)
    with caplog.at_level(logging.WARNING):
        assert kept(work / "plaza.yaml") is None
    assert "others may write it" in caplog.text


@pytest.mark.parametrize("strict", [False, True])
def test_the_command_line(work: Path, strict: bool) -> None:
    """A process of its own: without --strict it runs, with it the status is 2 as ever."""
    store(work)
    (work / "plaza.yaml").write_text(SHOW + "typo: 1\n")
    words = ["run", "plaza.yaml", "--for", "300ms", "--json", *(["--strict"] * strict)]
    ran = subprocess.run(
        [sys.executable, "-m", "murai_show", *words],
        cwd=work, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert "plaza.yaml:12:1: unknown key 'typo'" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.returncode == (2 if strict else 0), ran.stderr
    assert ('"painted"' in ran.stdout) == (not strict)
    assert ("last good version" in ran.stderr) == (not strict)
