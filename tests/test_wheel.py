"""Built as a wheel and used elsewhere, the program still finds its shows and banks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.plans import REPOSITORY


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked as pip does it: a folder to import from, far from the repository."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=REPOSITORY, check=True, capture_output=True,
    )  # fmt: skip
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


def murai(installed: Path, work: Path, *words: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "murai_show", *words],
        cwd=work, env={**os.environ, "PYTHONPATH": str(installed)},
        # The first show builds its engines.
        capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_what_is_in_the_wheel(installed: Path) -> None:
    shipped = installed / "murai_show/shipped"
    assert {p.name for p in (shipped / "shows").glob("*.yaml")} >= {"demo.yaml", "up375.yaml"}
    assert (shipped / "models/first.safetensors").is_file()
    assert not (installed / "tests").exists()


def test_the_shipped_show_is_found_and_painted(installed: Path, tmp_path: Path) -> None:
    # A minute of it in a tenth of a second, for it begins five minutes before the first light.
    words = ("rehearse", "up375", "--date", "2026-12-24", "--speed", "600", "--for", "3s", "--json")
    report = json.loads(murai(installed, tmp_path, *words))
    assert report["painted"] > 0
    assert all(str(tmp_path) in file for file in report["files"])


def test_a_new_show_finds_the_shipped_bank(installed: Path, tmp_path: Path) -> None:
    murai(installed, tmp_path, "new", "plaza")
    plan = json.loads(murai(installed, tmp_path, "plan", "plaza.yaml", "--json", "--rehearse"))
    assert str(installed) in json.dumps(plan["bank"])
