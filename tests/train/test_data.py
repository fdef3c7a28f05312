import itertools
import logging

import pytest
import torch

from murai_show.errors import TrainError
from murai_show.train.data import Photos, list_photos, open_picture, prefetched


def test_a_batch_depends_on_its_number_alone(school) -> None:
    one, two = (Photos(list_photos(school.content), seed=3) for _ in range(2))
    two.batch(1, 2, 32)
    assert torch.equal(one.batch(5, 2, 32), two.batch(5, 2, 32))
    assert not torch.equal(one.batch(5, 2, 32), one.batch(6, 2, 32))
    assert not torch.equal(one.batch(5, 2, 32), Photos(one.paths, seed=4).batch(5, 2, 32))


def test_prefetching_changes_nothing(school) -> None:
    photos = Photos(list_photos(school.content), seed=3)
    ahead = prefetched(photos, 4, 2, lambda n: 24 if n < 6 else 40)
    for number, batch in zip(range(4, 8), ahead, strict=False):
        assert torch.equal(batch, photos.batch(number, 2, 24 if number < 6 else 40))


def test_a_broken_photograph_is_named_once_and_skipped(school, caplog) -> None:
    (school.content / "3.jpg").write_bytes(b"half a photograph")
    photos = Photos(list_photos(school.content), seed=3)
    with caplog.at_level(logging.WARNING):
        for number in range(20):
            assert photos.batch(number, 2, 16).shape == (2, 3, 16, 16)
    assert [r.getMessage().count("3.jpg") for r in caplog.records] == [1]


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


def test_a_tiny_photograph_is_enlarged_to_the_crop(school) -> None:
    photos = Photos(list_photos(school.content)[:1], seed=1)
    shapes = {tuple(b.shape) for b in itertools.islice(prefetched(photos, 0, 1, lambda n: 96), 4)}
    assert shapes == {(1, 3, 96, 96)}
