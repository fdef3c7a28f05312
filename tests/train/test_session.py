"""The school from the command line, on the miniature of `conftest`."""

from __future__ import annotations

import builtins
import logging
import os
import pty
import re
import sys

import numpy as np
import pytest
from PIL import Image

from murai_show.cli import main
from murai_show.style.bank import read_bank
from murai_show.train import session
from murai_show.train.recipe import Recipe

BANK = ("--bank", "mine.safetensors", "--size", "mini")


@pytest.fixture
def train(school, tmp_path, monkeypatch, capsys):
    """`murai-show train` on the two pictures of the school, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str, pictures: tuple[str, ...] = ()) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["murai-show", *school.words(*pictures), *words])
        with pytest.raises(SystemExit) as left:
            main()
        return int(left.value.code or 0), capsys.readouterr().err

    return call


def test_pictures_become_a_bank_with_credits_previews_and_a_curve(train, tmp_path) -> None:
    credit = ("--credit", "A. Dotter", "--credit", "A. Liner", *("--licence", "CC0") * 2)
    code, err = train(*BANK, "--steps", "3", "--preview-every", "2", *credit)
    assert code == 0, err
    bank = read_bank(tmp_path / "mine.safetensors")
    assert bank.card.names == ("dots", "lines")
    assert bank.card.styles[1].credit == "A. Liner"
    assert bank.card.styles[1].picture == "lines.png"
    assert bank.card.made["recipe"]["steps"] == 3
    folder = tmp_path / "runs/mine"
    previews = sorted(folder.glob("preview-*.png"))
    assert [p.name for p in previews] == ["preview-000002.png", "preview-000003.png"]
    assert read_bank(folder / "bank.safetensors").card.made["finished"] is False
    with Image.open(folder / "curve.png") as curve:
        assert curve.width > 1000
        assert len(np.unique(np.asarray(curve.convert("RGB")).reshape(-1, 3), axis=0)) > 50


def test_a_sheet_has_a_labelled_column_for_each_style(train, school, tmp_path) -> None:
    photo = tmp_path / "face.png"
    Image.new("RGB", (90, 300), (10, 200, 30)).save(photo)
    code, err = train(*BANK, "--steps", "1", "--preview-photo", str(photo))
    assert code == 0, err
    with Image.open(tmp_path / "runs/mine/preview-000001.png") as file:
        sheet = np.asarray(file.convert("RGB")).astype(int)
    columns, rows = 3, 5  # photo and two styles; the paintings and four photographs
    assert sheet.shape[:2] == (34 + rows * 206, 6 + columns * 326)
    paper = sheet[0, 0]
    assert (sheet[34:234, 6:326] == paper).all()  # no painting above the photographs
    assert (sheet[240:440, 6:326] == (10, 200, 30)).all()
    for left in (332, 658):
        label = sheet[2:32, left : left + 320]
        assert ((label - paper).max(-1) > 150).sum() > 40, "a name stands over its column"
        assert sheet[34:234, left : left + 320].std() > 5
        assert (sheet[240:440, left : left + 320] != paper).any(-1).mean() > 0.99


def test_without_a_terminal_a_line_now_and_then_tells_all(train, monkeypatch, caplog) -> None:
    monkeypatch.setattr(session, "LINE_EVERY", 2)
    caplog.set_level(logging.INFO, "murai_show")
    assert train(*BANK, "--steps", "5")[0] == 0
    lines = [r.getMessage() for r in caplog.records if r.getMessage().startswith("step ")]
    assert [line.split()[1] for line in lines] == ["2/5", "4/5", "5/5"]
    number = r"[\d.e-]+"
    losses = "  ".join(f"{name} {number}" for name in ("content", "style", "tv", "noise", "motion"))
    assert re.fullmatch(rf"step 4/5  {losses}  [\d.]+ pictures/s  \d+ s left", lines[1])


def test_without_matplotlib_a_line_says_so(train, monkeypatch, caplog, tmp_path) -> None:
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    caplog.set_level(logging.INFO, "murai_show")
    assert train(*BANK, "--steps", "1")[0] == 0
    assert "no curve.png: matplotlib is not installed" in caplog.text
    assert not (tmp_path / "runs/mine/curve.png").exists()


def test_a_bar_shows_the_losses_and_what_is_logged_stands_above_it(school, tmp_path) -> None:
    """On a real terminal, which a pseudo-terminal is."""
    (school.content / "3.jpg").write_bytes(b"no photograph")
    ours, theirs = pty.openpty()
    words = (*school.words(), *BANK, "--steps", "40")
    process = school.process(tmp_path, *words, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # what Linux says when the other end has closed
            break
        if not chunk:
            break
        seen += chunk
    os.close(ours)
    assert process.wait(60) == 0
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode())
    assert "step 40/40" in shown
    assert "pictures/s" in shown
    assert re.search(
        r"content [\d.]+  style [\d.]+  tv [\d.]+  noise [\d.e-]+  motion [\d.e-]+", shown
    )
    assert "".join(shown.split()).count("3.jpg:notapicture") == 1  # lines of 80 columns


def test_losses_are_smoothed_from_the_first_on() -> None:
    smooth = session.Smooth()
    for value in (1.0, 3.0):
        smooth.add({"style": value})
    assert smooth.values == {"style": 2.0}
    for _ in range(2000):
        smooth.add({"style": 5.0, "noise": 1.0})
    assert smooth.values == pytest.approx({"style": 5.0, "noise": 1.0}, rel=1e-3)


def test_minutes_end_a_run(train, tmp_path) -> None:
    code, err = train(*BANK, "--minutes", "0.02")
    assert code == 0, err
    made = read_bank(tmp_path / "mine.safetensors").card.made
    assert made["recipe"]["minutes"] == 0.02
    assert made["minutes"] >= 0.02
    assert made["steps"] < Recipe.steps


def test_a_style_is_added_to_a_bank(train, school, tmp_path) -> None:
    assert train(*BANK, "--steps", "2", pictures=("dots",))[0] == 0
    old = read_bank(tmp_path / "mine.safetensors")
    add = ("--into", "mine.safetensors", "--vector-only", "--steps", "2")
    code, err = train(*add, pictures=("lines",))
    assert code == 0, err
    new = read_bank(tmp_path / "mine.safetensors")
    assert new.card.names == ("dots", "lines")
    assert np.array_equal(new.styles[0], old.styles[0])
    assert (tmp_path / "runs/mine-lines/curve.png").exists()
    code, err = train(*add, pictures=("lines",))
    assert code == 1
    assert err == ("mine.safetensors: has a style named lines already; choose another --name\n")


def test_a_run_begins_with_a_bank(train, tmp_path) -> None:
    assert train(*BANK, "--steps", "2", pictures=("dots",))[0] == 0
    first = read_bank(tmp_path / "mine.safetensors")
    code, err = train("--from", "mine.safetensors", "--bank", "b.safetensors", "--steps", "1")
    assert code == 0, err
    made = read_bank(tmp_path / "b.safetensors").card.made
    assert made["recipe"]["size"] == "mini"
    assert made["parent"]["sha256"] == first.sha256


WRONG = [
    (("--bank", "mine.bin"), 2, "--bank mine.bin: a bank's name ends in .safetensors"),
    ((), 2, "--bank OUT.safetensors is missing: it names the bank to write"),
    ((*BANK, "--name", "x"), 1, "--name is given 1 times for 2 pictures"),
    ((*BANK, "--crop", "1,2", "--crop", "-"), 1, "--crop '1,2': write x,y,w,h in pixels"),
    ((*BANK, "--minutes", "3", "--steps", "3"), 2, "--steps and --minutes both say how long"),
    ((*BANK, "--minutes", "0"), 2, "--minutes 0: should be more than 0"),
    ((*BANK[:2], "--size", "kisok"), 2, "--size kisok: no such size; did you mean kiosk?"),
    ((*BANK[:2], "--size", "xyz"), 2, "--size xyz: no such size; there are: pocket, kiosk"),
    ((*BANK, "--precision", "fp8"), 2, "--precision fp8: write auto, fp32, bf16"),
    ((*BANK, "--device", "cuda:7"), 2, "--device cuda:7: this machine has no such GPU"),
    ((*BANK, "--device", "gpu"), 2, "--device gpu: no such device; there is: "),
    (("--into", "a.safetensors"), 2, "--into adds styles to a bank whose others stay as they are"),
    ((*BANK, "--vector-only"), 2, "--vector-only needs --into BANK"),
    (
        ("--into", "a.safetensors", "--vector-only", "--from", "b.safetensors"),
        2,
        "--into adds to a bank and --from begins with one; give one of them",
    ),
    (("--into", "a.safetensors", "--vector-only"), 1, "a.json: the bank's card is missing"),
    ((*BANK, "--content", "nowhere"), 1, "nowhere: no such folder; --content names a folder"),
    ((*BANK, "--features", "no.safetensors"), 1, "no.safetensors: no such file; --features"),
    ((*BANK, "--preview-photo", "no.jpg"), 1, "no.jpg: no such picture"),
]


@pytest.mark.parametrize(("words", "status", "sentence"), WRONG)
def test_wrong_words_are_one_sentence(train, tmp_path, words, status, sentence) -> None:
    code, err = train("--steps", "1", *words) if "--minutes" not in words else train(*words)
    assert code == status
    assert err.startswith(sentence), err
    assert err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_help_says_the_defaults_that_hold(train, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["murai-show", "train", "--help"])
    with pytest.raises(SystemExit):
        main()
    said = " ".join(capsys.readouterr().out.split())
    assert f"Optimiser steps. Default: {Recipe.steps}." in said
    assert f"[default: {Recipe.noise_weight}; x>=0]" in said
    assert "How much the painting counts. Default: 20; 30 with --vector-only." in said
    assert "Default: 144; 320 where a bank learns on." in said
    assert "torchrun" in said
