"""Banks put together: every style painted as it was."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from murai_show.cli import app
from murai_show.errors import BankError, UsageError
from murai_show.frame import Frame
from murai_show.show.timeline import Look
from murai_show.show.words import Size
from murai_show.style import open_reference
from murai_show.style.bank import Bank, kernel_sets, read_bank, write_bank
from murai_show.style.card import StyleCard
from murai_show.style.join import join_banks
from tests.banks import write_bank_of_two, write_small_bank

PAINT = Size(64, 36)


@pytest.fixture
def two(tmp_path: Path) -> Bank:
    """`a` and `c`; `b` by itself."""
    return read_bank(write_bank_of_two(tmp_path / "two.safetensors"))


@pytest.fixture
def other(tmp_path: Path, two: Bank) -> Bank:
    """`d`, of another network."""
    path = write_small_bank(tmp_path / "other.safetensors", ("d",))
    bank = read_bank(path)
    network = {name: weights * np.float32(0.7) for name, weights in bank.network.items()}
    write_bank(path, bank.card, network, bank.styles)
    return read_bank(path)


def painted(bank: Bank, style: str) -> np.ndarray:
    noise = np.random.default_rng(3).integers(0, 256, (36, 64, 3), np.uint8)
    picture = open_reference(bank, PAINT)(Frame(noise, 0.0, 0.0, 1, "x"), Look(((style, 1.0),)))
    return picture.pixels.astype(int)


def test_every_style_is_painted_as_it_was(two, other, tmp_path) -> None:
    join_banks([two, other], tmp_path / "all.safetensors")
    joined = read_bank(tmp_path / "all.safetensors")
    assert joined.card.names == ("a", "b", "c", "d")
    assert len(kernel_sets(joined)) == 3
    for style in ("a", "b", "c"):
        assert np.array_equal(painted(joined, style), painted(two, style))
    assert np.abs(painted(joined, "d") - painted(other, "d")).max() <= 1  # half precision
    assert joined.card.styles[3].credit == "credit of d"
    told = joined.card.made["joined"]
    assert [one["sha256"] for one in told] == [two.sha256, other.sha256]


def test_a_history_that_the_joined_share_is_told_once(two, other, tmp_path) -> None:
    """Each of them was learned on from one bank; and then two of those joined are joined again."""
    parent = {"bank": "old.safetensors", "sha256": "0" * 64, "made": {"steps": 4711}}
    paths = []
    for bank in (two, other):
        path = tmp_path / f"{bank.path.stem}-on.safetensors"
        card = replace(bank.card, made={"steps": 12, "parent": parent})
        write_bank(path, card, bank.network, bank.styles, bank.own)
        paths.append(path)
    join_banks([read_bank(path) for path in paths], tmp_path / "all.safetensors")
    made = read_bank(tmp_path / "all.safetensors").card.made["joined"]
    assert made[0]["made"]["parent"] == parent
    assert made[1]["made"] == {
        "steps": 12,
        "parent": {"bank": "old.safetensors", "sha256": "0" * 64},
    }
    banks = [read_bank(tmp_path / "all.safetensors"), read_bank(paths[0])]
    join_banks(banks, tmp_path / "again.safetensors", replacing=True)
    again = json.dumps(dict(read_bank(tmp_path / "again.safetensors").card.made))
    assert again.count("4711") == 1
    assert again.count('"steps": 12') == 2


def test_what_is_alike_is_kept_once(two, tmp_path) -> None:
    cards = tuple(replace(style, name=style.name * 2) for style in two.card.styles)
    path = tmp_path / "again.safetensors"
    write_bank(path, replace(two.card, styles=cards), two.network, two.styles, two.own)
    join_banks([two, read_bank(path)], tmp_path / "all.safetensors")
    joined = read_bank(tmp_path / "all.safetensors")
    assert joined.card.names == ("a", "b", "c", "aa", "bb", "cc")
    assert [style.kernels for style in joined.card.styles] == [0, 1, 0, 0, 1, 0]


def test_a_namesake_is_an_error_or_replaced(two, other, tmp_path) -> None:
    path = tmp_path / "b.safetensors"
    write_bank(path, replace(other.card, styles=(StyleCard("b"),)), other.network, other.styles)
    new, out = read_bank(path), tmp_path / "all.safetensors"
    with pytest.raises(BankError, match=r"b\.safetensors: an earlier bank has a style b too"):
        join_banks([two, new], out)
    assert not out.exists()
    join_banks([two, new], out, replacing=True)
    joined = read_bank(out)
    assert joined.card.names == ("a", "b", "c")
    assert set(joined.own) == {2}  # the kernels of the old one are gone
    assert np.abs(painted(joined, "b") - painted(new, "b")).max() <= 1
    assert np.array_equal(painted(joined, "c"), painted(two, "c"))


def test_numbers_too_large_for_half_precision_stay(two, other, tmp_path) -> None:
    huge = {**other.network, "head.bias": other.network["head.bias"] + np.float32(1e6)}
    write_bank(other.path, other.card, huge, other.styles)
    join_banks([two, read_bank(other.path)], tmp_path / "all.safetensors")
    own = read_bank(tmp_path / "all.safetensors").own[2]
    assert own["head.bias"].dtype == np.float32
    assert own["up.weight"].dtype == np.float16


def test_two_kinds_of_network(two, other, tmp_path) -> None:
    card = replace(other.card, config={"half": 8, "quarter": 8, "blocks": 2})
    write_bank(other.path, card, other.network, other.styles)
    with pytest.raises(BankError, match="only banks of one kind and size can be joined"):
        join_banks([two, read_bank(other.path)], tmp_path / "all.safetensors")


def test_the_verb(two, other, tmp_path) -> None:
    runner, out = CliRunner(), tmp_path / "all.safetensors"
    arguments = ["join", str(two.path), str(other.path), "--bank", str(out)]
    ran = runner.invoke(app, arguments, catch_exceptions=False)
    assert ran.exit_code == 0
    assert ran.stdout.endswith("all.safetensors is written: a, b, c, d; networks: 3\n")
    with pytest.raises(UsageError, match="name at least two banks to join"):
        runner.invoke(app, ["join", "one", "--bank", str(out)], catch_exceptions=False)
    wrong = ["join", "one", "two", "--bank", "all.pth"]
    with pytest.raises(UsageError, match=r"--bank all\.pth: a bank's name ends in \.safetensors"):
        runner.invoke(app, wrong, catch_exceptions=False)
    (tmp_path / "no").write_text("a file where a folder should be")
    wrong = [*arguments[:3], "--bank", str(tmp_path / "no/all.safetensors")]
    with pytest.raises(UsageError, match="cannot be written"):
        runner.invoke(app, wrong, catch_exceptions=False)
