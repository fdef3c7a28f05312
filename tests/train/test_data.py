import logging

import numpy as np
import pytest
import torch
from PIL import Image

from murai_show.errors import TrainError
from murai_show.train.data import Loader, Photos, list_photos, open_picture

CPU = torch.device("cpu")


def test_a_batch_depends_on_its_number_alone(school) -> None:
    one, two = (Photos(list_photos(school.content), seed=3) for _ in range(2))
    two.batch(1, 2, 32)
    assert torch.equal(one.batch(5, 2, 32), two.batch(5, 2, 32))
    assert not torch.equal(one.batch(5, 2, 32), one.batch(6, 2, 32))
    assert not torch.equal(one.batch(5, 2, 32), Photos(one.paths, seed=4).batch(5, 2, 32))


def test_processes_fill_their_places_of_the_same_batch(school) -> None:
    photos = Photos(list_photos(school.content), seed=3)
    parts = []
    for places in (range(2), range(2, 4)):
        with Loader(photos, places) as loader:
            loader.ask(7, 24)
            parts.append(loader.take(CPU))
    assert torch.equal(torch.cat(parts), photos.batch(7, 4, 24))


def test_reading_ahead_changes_nothing(school) -> None:
    photos = Photos(list_photos(school.content), seed=3)
    with Loader(photos, range(2)) as loader:
        loader.ask(4, 24)
        for number in range(4, 8):
            batch = loader.take(CPU)
            loader.ask(number + 1, 24 if number < 5 else 40)
            assert torch.equal(batch, photos.batch(number, 2, 24 if number < 6 else 40))


def test_a_broken_photograph_is_named_once_and_skipped(school, caplog) -> None:
    (school.content / "3.jpg").write_bytes(b"half a photograph")
    Image.new("RGB", (300, 20)).save(school.content / "4.jpg")
    photos = Photos(list_photos(school.content), seed=3)
    with caplog.at_level(logging.WARNING), Loader(photos, range(2)) as loader:
        for number in range(20):
            loader.ask(number, 16)
            assert loader.take(CPU).shape == (2, 3, 16, 16)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert any("3.jpg: not a picture, or a damaged one" in text for text in told)
    assert any("4.jpg: 300x20 is too small to learn from" in text for text in told)


def test_what_was_found_broken_before_changes_no_batch(school) -> None:
    """A resumed run does not know yet what the one before it found out."""
    (school.content / "3.jpg").write_bytes(b"")
    knowing, new = (Photos(list_photos(school.content), seed=3) for _ in range(2))
    for number in range(10):
        knowing.batch(number, 2, 16)
    assert knowing.broken
    for number in range(10):
        assert torch.equal(
            knowing.batch(number, 2, 16), Photos(new.paths, seed=3).batch(number, 2, 16)
        )


@pytest.mark.parametrize("damage", [b"", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, b"GIF89a"])
def test_whatever_is_wrong_with_a_file_is_a_sentence(tmp_path, damage) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(damage)
    with pytest.raises(TrainError, match=r"a\.png: "):
        open_picture(file)
    whole = tmp_path / "b.jpg"
    Image.effect_noise((90, 90), 50).convert("RGB").save(whole)
    whole.write_bytes(whole.read_bytes()[:-900])
    with pytest.raises(TrainError, match=r"b\.jpg: the picture cannot be read: .*truncated"):
        open_picture(whole)


def test_nothing_but_broken_photographs(school) -> None:
    for path in school.content.iterdir():
        path.write_bytes(b"")
    with pytest.raises(TrainError, match="none of the 6 photographs can be read"):
        Photos(list_photos(school.content), seed=3).batch(0, 2, 16)


def test_no_photographs(tmp_path) -> None:
    with pytest.raises(TrainError, match="no photographs"):
        list_photos(tmp_path)
    with pytest.raises(TrainError, match="no such folder"):
        list_photos(tmp_path / "nothing")


def test_a_picture_is_rgb_from_0_to_1_at_the_asked_size(school) -> None:
    picture = open_picture(next(school.content.iterdir()), 30)
    assert picture.shape == (3, 30, 40)
    assert 0 <= picture.min() < picture.max() <= 1


def test_a_photograph_taken_upright_is_upright(tmp_path) -> None:
    """A telephone turns nothing: it writes how it was held.  The crop is of what a person sees."""
    seen = np.zeros((60, 40, 3), np.uint8)
    seen[:20] = 255  # a white sky
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90° clockwise
    lying = Image.fromarray(seen).transpose(Image.Transpose.ROTATE_90)
    lying.save(tmp_path / "a.png", exif=exif)
    picture = open_picture(tmp_path / "a.png")
    assert picture.shape == (3, 60, 40)
    assert picture[:, :20].min() == 1.0
    assert picture[:, 20:].max() == 0.0
    assert open_picture(tmp_path / "a.png", None, (0, 0, 40, 32)).shape == (3, 32, 40)


def test_a_crop_outside_the_picture_and_a_tiny_painting_are_refused(school) -> None:
    path = school.pictures["dots"]
    with pytest.raises(TrainError, match=r"crop 0,0,65,40 does not lie .*, which is 64x64"):
        open_picture(path, None, (0, 0, 65, 40))
    with pytest.raises(TrainError, match=r"40x31 is too small .* should have 32 pixels"):
        open_picture(path, None, (0, 0, 40, 31))


def test_a_tiny_photograph_is_enlarged_to_the_crop(school) -> None:
    photos = Photos(list_photos(school.content)[:1], seed=1)
    assert photos.batch(0, 1, 96).shape == (1, 3, 96, 96)


@pytest.mark.parametrize(("side", "period", "fewest", "most"), [(72, 8, 7, 9), (400, 40, 4, 11)])
def test_no_photograph_is_enlarged_beyond_what_it_has(tmp_path, side, period, fewest, most) -> None:
    """Lines of a known period: of a photograph that was enlarged, a crop of 64 would hold fewer."""
    lines = np.zeros((side, side), np.uint8)
    lines[:, np.arange(side) % period < period // 2] = 255
    Image.fromarray(lines).save(tmp_path / "lines.png")
    photos = Photos(list_photos(tmp_path), seed=2)
    for number in range(40):
        row = photos.picture(number, 0, 64)[0, 32]
        bright = row > row.max() / 2
        assert fewest <= int((bright[1:] & ~bright[:-1]).sum()) <= most
