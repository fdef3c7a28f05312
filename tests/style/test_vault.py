"""Engines are read only from files and folders that nobody else can have written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from murai_show.errors import EngineError
from murai_show.style import vault
from murai_show.style.bank import Bank, read_bank
from murai_show.style.vault import keep, open_vault, read_trusted
from tests.banks import write_small_bank


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return read_bank(write_small_bank(tmp_path / "small.safetensors"))


def test_the_vault_is_ours_alone(bank: Bank) -> None:
    folder = open_vault(bank.path)
    assert folder == bank.path.parent / ".engines" / "nvidia"
    keep(folder / "x.engine", b"code")
    modes = [path.stat().st_mode & 0o777 for path in (folder, folder / "x.engine")]
    assert modes == [0o700, 0o600]
    assert read_trusted(folder / "x.engine") == b"code"
    assert read_trusted(folder / "y.engine") is None
    assert [path.name for path in folder.iterdir()] == ["x.engine"]  # no part is left


def test_a_folder_that_others_could_write_is_emptied(
    bank: Bank, caplog: pytest.LogCaptureFixture
) -> None:
    folder = open_vault(bank.path)
    keep(folder / "x.engine", b"whose?")
    folder.chmod(0o777)
    assert open_vault(bank.path) == folder
    assert list(folder.iterdir()) == []
    assert folder.stat().st_mode & 0o777 == 0o700
    assert "others may write it (mode 0777)" in caplog.text


def a_loose_file(path: Path) -> None:
    path.write_bytes(b"code")
    path.chmod(0o666)


def a_link(path: Path) -> None:
    path.with_name("elsewhere").write_bytes(b"code")
    path.symlink_to(path.with_name("elsewhere"))


def a_pipe(path: Path) -> None:
    os.mkfifo(path, 0o600)


@pytest.mark.parametrize("make", [a_loose_file, a_link, a_pipe, Path.mkdir])
def test_a_file_that_others_could_have_made_is_not_read(
    bank: Bank, make: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    path = open_vault(bank.path) / "x.engine"
    make(path)
    assert read_trusted(path) is None
    assert "x.engine is not used: " in caplog.text


def test_a_stranger_is_not_trusted(
    bank: Bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To everything here another user is us, so all that we own is a stranger's."""
    folder = open_vault(bank.path)
    keep(folder / "x.engine", b"code")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "cache/murai-show/nvidia").mkdir(parents=True, mode=0o700)
    monkeypatch.setattr(vault.os, "geteuid", lambda: os.getuid() + 12345)
    if os.getuid() == 0:  # whose files are trusted; give them to somebody
        for path in (folder, folder / "x.engine", tmp_path / "cache/murai-show/nvidia"):
            os.chown(path, 4321, 4321)
    assert read_trusted(folder / "x.engine") is None
    with pytest.raises(EngineError, match=r"kept anywhere: .*it belongs to .*it belongs to "):
        open_vault(bank.path)


def test_beside_a_bank_that_is_read_only_the_users_cache_serves(
    bank: Bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (bank.path.parent / ".engines").write_text("a file, so that no folder can be made below it")
    assert open_vault(bank.path) == tmp_path / "cache/murai-show/nvidia"


def test_what_a_kill_cut_off_goes_with_the_next_one_and_a_neighbours_stays(tmp_path: Path) -> None:
    cut, built, writing = (tmp_path / f".part-{name}" for name in ("cut", "built", "writing"))
    built.mkdir()
    for part in (cut, writing, built / "fp32.bin"):
        part.write_bytes(b"half")
    for old in (cut, built):
        os.utime(old, (0, 0))
    keep(tmp_path / "x.engine", b"code")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".part-writing", "x.engine"]
