"""The mean of a training and of one that went on from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from murai_show.cli import app
from murai_show.errors import BankError, UsageError
from murai_show.style.bank import Bank, Weights, read_bank, write_bank
from murai_show.style.mean import mean_banks
from tests.banks import write_bank_of_two


@pytest.fixture
def before(tmp_path: Path) -> Bank:
    """`a` and `c`; `b` by itself."""
    return read_bank(write_bank_of_two(tmp_path / "before.safetensors"))


def moved(bank: Bank, path: Path, how_far: float) -> Bank:
    """`bank` after a training that moved every number by about the share `how_far` of it."""
    draw = np.random.default_rng(7)

    def move(kernels: Weights) -> Weights:
        return {
            name: (k + how_far * k.std() * draw.standard_normal(k.shape)).astype(k.dtype)
            for name, k in kernels.items()
        }

    own = {number: move(kernels) for number, kernels in bank.own.items()}
    styles = bank.styles + np.float32(how_far)
    card = replace(bank.card, made={"steps": 12})
    write_bank(path, card, move(bank.network), styles, own)
    return read_bank(path)


def test_it_is_the_mean_of_all_numbers(before, tmp_path) -> None:
    after = moved(before, tmp_path / "after.safetensors", 0.2)
    further = moved(before, tmp_path / "further.safetensors", 0.3)
    mean_banks([before, after, further], tmp_path / "mean.safetensors")
    mean = read_bank(tmp_path / "mean.safetensors")
    three = (before, after, further)
    np.testing.assert_allclose(mean.styles, np.mean([b.styles for b in three], 0), rtol=1e-6)
    for name, found in mean.network.items():
        wanted = np.mean([b.network[name] for b in three], 0)
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)
    (number,) = mean.own
    for name, found in mean.own[number].items():
        wanted = np.mean([b.own[number][name].astype(float) for b in three], 0)
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)  # half precision
        assert found.dtype == before.own[number][name].dtype
    assert mean.card.styles == before.card.styles
    told = mean.card.made["mean"]
    assert [one["sha256"] for one in told] == [bank.sha256 for bank in three]
    assert told[1]["made"] == {"steps": 12}


def test_banks_that_learned_apart_are_refused(before, tmp_path) -> None:
    apart, out = moved(before, tmp_path / "apart.safetensors", 2.0), tmp_path / "mean.safetensors"
    sentence = (
        r"apart\.safetensors: too far from before\.safetensors \(the cosine of .*0\.8 or more"
    )
    with pytest.raises(BankError, match=sentence):
        mean_banks([before, apart], out)
    assert not out.exists()


def test_kernels_that_are_no_numbers_are_refused(before, tmp_path) -> None:
    broken = {name: np.full_like(kernel, np.nan) for name, kernel in before.network.items()}
    other = replace(before, network=broken)
    with pytest.raises(BankError, match=r"cosine of .* is nan"):
        mean_banks([before, other], tmp_path / "mean.safetensors")


def test_other_styles_are_refused(before, tmp_path) -> None:
    turned = replace(before.card, styles=before.card.styles[::-1])
    for card in (turned, replace(before.card, styles=before.card.styles[:2])):
        rows = before.styles[: len(card.styles)]
        write_bank(tmp_path / "other.safetensors", card, before.network, rows, before.own)
        other = read_bank(tmp_path / "other.safetensors")
        with pytest.raises(BankError, match=r"has .*; a mean is of banks with the same styles"):
            mean_banks([before, other], tmp_path / "mean.safetensors")


def test_other_sizes_are_refused(before, tmp_path) -> None:
    card = replace(before.card, config={"half": 8, "quarter": 8, "blocks": 2})
    other = replace(before, card=card)
    with pytest.raises(BankError, match="only banks of one kind and size can be averaged"):
        mean_banks([before, other], tmp_path / "mean.safetensors")


def test_the_verb(before, tmp_path) -> None:
    after = moved(before, tmp_path / "after.safetensors", 0.2)
    runner, out = CliRunner(), tmp_path / "mean.safetensors"
    arguments = ["mean", str(before.path), str(after.path), "--bank", str(out)]
    ran = runner.invoke(app, arguments, catch_exceptions=False)
    assert ran.exit_code == 0
    assert ran.stdout.endswith("mean.safetensors is written: a, b, c; networks: 2\n")
    with pytest.raises(UsageError, match="name at least two banks to average"):
        runner.invoke(app, ["mean", "one", "--bank", str(out)], catch_exceptions=False)
