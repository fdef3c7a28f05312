"""One stage for each drill."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.drills.stage import Stage
from tests.output.conftest import egl

__all__ = ["egl"]


@pytest.fixture
def stage(egl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(tmp_path, monkeypatch)
