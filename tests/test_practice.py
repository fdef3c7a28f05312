"""Frames to build engines with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from murai_show.errors import EngineError
from murai_show.practice import SEEN, SIZE, UNSEEN, practice_frames


def write_photo(path: Path, colour: tuple[int, int, int]) -> None:
    Image.new("RGB", (900, 600), colour).save(path)


def test_other_photographs_judge_than_were_fitted_to(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.png", (200, 0, 0))
    write_photo(tmp_path / "b.png", (0, 0, 200))
    practice = practice_frames(tmp_path)
    assert (len(practice.seen), len(practice.unseen)) == (SEEN, UNSEEN)
    for frame in (*practice.seen, *practice.unseen):
        assert frame.shape == (SIZE.height, SIZE.width, 3)
        assert frame.dtype == np.uint8
    assert all(frame[..., 0].mean() > frame[..., 2].mean() + 30 for frame in practice.seen)
    assert all(frame[..., 2].mean() > frame[..., 0].mean() + 30 for frame in practice.unseen)


def test_a_quarter_is_night(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.png", (200, 200, 200))
    light = [frame.mean() for frame in practice_frames(tmp_path).seen]
    assert sum(mean < 100 for mean in light) == SEEN // 4
    assert sum(mean > 180 for mean in light) == SEEN - SEEN // 4


def test_the_demo_serves_where_nothing_is_named() -> None:
    practice = practice_frames()
    assert len({frame.tobytes() for frame in (*practice.seen, *practice.unseen)}) == SEEN + UNSEEN


def test_a_folder_without_a_photograph(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"int8 wants photographs .*there is no photograph in "):
        practice_frames(tmp_path)
