"""A portrait's file: the picture as it was painted, a label that covers nothing of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from murai_show.errors import OutputError
from murai_show.output.portrait import PAPER, Label, develop, labelled

LABEL = Label(("Katsushika Hokusai", "The Great Wave off Kanagawa"), ("Plaza", "2026-11-23 · № 7"))


def picture(width: int = 320, height: int = 180) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


def test_the_picture_is_written_as_it_was_painted(tmp_path: Path) -> None:
    pixels = picture()
    develop(pixels, None, tmp_path / "portraits" / "7.png")
    assert (np.asarray(Image.open(tmp_path / "portraits" / "7.png")) == pixels).all()
    assert (tmp_path / "portraits").stat().st_mode & 0o777 == 0o700
    assert [path.name for path in (tmp_path / "portraits").iterdir()] == ["7.png"]


@pytest.mark.parametrize("size", [(320, 180), (180, 320), (64, 64), (1280, 720)])
def test_the_label_stands_below_and_covers_nothing(size: tuple[int, int]) -> None:
    width, height = size
    pixels = picture(width, height)
    whole = labelled(pixels, LABEL)
    assert (whole[:height] == pixels).all()
    label = whole[height:].astype(int)
    assert 0 < len(label) < max(60, 0.2 * height)
    assert label.shape[1] == width
    written = np.abs(label - PAPER).max(-1) > 80
    left, right = written[:, : width // 2], written[:, width // 2 :]
    assert left.any()
    assert right.any()
    rim = np.abs(label - PAPER).max(-1) > 8
    assert not rim[0].any()
    assert not rim[-1].any(), "letters are cut off"
    assert not rim[:, 0].any()
    assert not rim[:, -1].any()


def test_more_is_written_for_more_words() -> None:
    few = labelled(picture(), Label(("a",), ("b",)))
    assert len(few) < len(labelled(picture(), LABEL))


def test_jpeg_is_written_where_the_name_says_so(tmp_path: Path) -> None:
    develop(picture(), LABEL, tmp_path / "7.jpg")
    found = Image.open(tmp_path / "7.jpg")
    assert (found.format, found.width) == ("JPEG", 320)


def test_a_picture_of_another_library_is_fetched(tmp_path: Path, monkeypatch) -> None:
    """Tensors stand for those of a GPU, which is not here."""
    pixels = picture()
    monkeypatch.setattr("murai_show.output.portrait.on_device", torch.is_tensor)
    develop(torch.from_numpy(pixels), None, tmp_path / "7.png")
    assert (np.asarray(Image.open(tmp_path / "7.png")) == pixels).all()


def test_a_disk_that_fails_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "portraits").write_text("a file, where the folder should be")
    with pytest.raises(OutputError, match=r"a portrait cannot be written: .*File exists"):
        develop(picture(), LABEL, tmp_path / "portraits" / "7.png")
