"""The school from the command line, on the miniature of `conftest`."""

from __future__ import annotations

import sys

import pytest
from PIL import Image

from murai_show.cli import main
from murai_show.errors import TrainError
from murai_show.style.bank import read_bank
from murai_show.train import session
from murai_show.train.session import list_paintings


@pytest.fixture
def train(school, tmp_path, monkeypatch, capsys):
    """`murai-show train` on the two pictures of the school, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(session, "PREVIEW_EVERY", 2)

    def call(*words: str) -> tuple[int, str]:
        pictures = [str(path) for path in school.pictures.values()]
        fixed = (
            "--content",
            str(school.content),
            "--features",
            str(school.features),
            "--size",
            "mini",
        )
        command = ["murai-show", "train", *pictures, *fixed, *words]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as left:
            main()
        return int(left.value.code or 0), capsys.readouterr().err

    return call


def test_pictures_become_a_bank_with_credits_and_previews(train, tmp_path) -> None:
    credit = ("--credit", "A. Dotter", "--credit", "A. Liner", *("--licence", "CC0") * 2)
    code, err = train("--bank", "mine.safetensors", "--steps", "3", *credit)
    assert code == 0, err
    bank = read_bank(tmp_path / "mine.safetensors")
    assert bank.card.names == ("dots", "lines")
    assert bank.card.styles[1].credit == "A. Liner"
    assert bank.card.styles[1].picture == "lines.png"
    assert bank.card.made["recipe"]["steps"] == 3
    previews = sorted((tmp_path / "runs/mine").glob("preview-*.png"))
    assert [p.name for p in previews] == ["preview-000002.png", "preview-000003.png"]
    with Image.open(previews[0]) as sheet:
        assert sheet.size == (3 * 320, 4 * 200)


def test_wrong_words_are_one_sentence(train, tmp_path) -> None:
    for words, sentence in (
        (("--bank", "mine.bin"), "--bank mine.bin: a bank's name ends in .safetensors"),
        (("--bank", "m.safetensors", "--name", "x"), "--name is given 1 times for 2 pictures"),
    ):
        code, err = train(*words, "--steps", "1")
        assert (code, err) == (1, f"{sentence}\n")
    assert not (tmp_path / "runs").exists()


def test_names_must_differ(school) -> None:
    path = school.pictures["dots"]
    with pytest.raises(TrainError, match="two styles have one name: dots, dots"):
        list_paintings([path, path], [], [], [], [])
    paintings = list_paintings([path, path], ["a", "b"], [], [], ["-", "1,2,40,50"])
    assert [p.card.name for p in paintings] == ["a", "b"]
    assert [p.card.crop for p in paintings] == [None, (1, 2, 40, 50)]
