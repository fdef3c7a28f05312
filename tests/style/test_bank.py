import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from murai_show.errors import BankError
from murai_show.style.bank import kernel_sets, read_bank, write_bank
from murai_show.style.card import BankCard, StyleCard, read_card
from murai_show.style.network import build_network
from tests.banks import write_bank_of_two, write_small_bank

WAVE = StyleCard("wave", "Hokusai", "public domain")
CARD = BankCard("painter", {"half": 8}, (WAVE,), {"by": "a test"})
WEIGHTS = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3)}
STYLES = np.ones((1, 4), np.float32)


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    path = tmp_path / "deep" / "one.safetensors"
    write_bank(path, CARD, WEIGHTS, STYLES)
    return path


def test_what_is_written_is_read(bank: Path) -> None:
    found = read_bank(bank)
    assert found.card == CARD
    assert np.array_equal(found.network["a.weight"], WEIGHTS["a.weight"])
    assert np.array_equal(found.styles, STYLES)
    assert len(found.sha256) == 64
    assert repr(found) == "Bank(one.safetensors, painter, wave)"
    assert {p.name for p in bank.parent.iterdir()} == {"one.safetensors", "one.json"}


def test_a_wrong_count_of_styles_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 styles on the card"):
        write_bank(tmp_path / "x.safetensors", CARD, WEIGHTS, np.ones((2, 4), np.float32))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "cannot be read"),
        ("[]", "\"murai_bank\" is 'list'"),
        ('{"murai_bank": 3}', '"murai_bank" is 3, not 1 or 2'),
        ('{"murai_bank": 1}', "incomplete: 'styles'"),
        ('{"murai_bank": 1, "styles": [{"nom": "x"}]}', "incomplete: .*'nom'"),
        (
            '{"murai_bank": 1, "styles": [], "config": {}, "architecture": "gan"}',
            "unknown architecture 'gan'; known: painter, classic",
        ),
    ],
)
def test_damaged_cards(bank: Path, text: str, sentence: str) -> None:
    bank.with_suffix(".json").write_text(text)
    with pytest.raises(BankError, match=sentence):
        read_card(bank)


def test_missing_parts(bank: Path) -> None:
    with pytest.raises(BankError, match=r"nothing\.json: the bank's card is missing"):
        read_bank(bank.with_name("nothing.safetensors"))
    bank.unlink()
    with pytest.raises(BankError, match="no such bank"):
        read_bank(bank)


def test_damaged_tensors(bank: Path) -> None:
    whole = bank.read_bytes()
    bank.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BankError, match="cannot be read"):
        read_bank(bank)
    save_file({"styles": np.ones((3, 4), np.float32)}, bank)
    with pytest.raises(BankError, match="holds 3 style vectors, its card names 1 styles"):
        read_bank(bank)


def test_a_bank_is_taken_apart_by_kernel_sets(tmp_path: Path) -> None:
    bank = read_bank(write_bank_of_two(tmp_path / "two.safetensors"))
    shared, own = kernel_sets(bank)
    assert (shared.card.names, own.card.names) == (("a", "c"), ("b",))
    assert np.array_equal(shared.styles, bank.styles[[0, 2]])
    assert np.array_equal(own.styles, bank.styles[[1]])
    assert all(np.array_equal(shared.network[k], v) for k, v in bank.network.items())
    for key, kernel in bank.own[1].items():
        assert kernel.dtype == np.float16
        assert own.network[key].dtype == np.float32
        assert np.array_equal(own.network[key], kernel)
    assert (bank.name, shared.name, own.name) == ("two", "two", "two (b)")
    assert not np.array_equal(shared.network["up.weight"], own.network["up.weight"])


def test_kernels_that_are_not_its_own_are_the_shared_ones(tmp_path: Path) -> None:
    path = write_bank_of_two(tmp_path / "two.safetensors")
    bank = read_bank(path)
    tail = {k: v for k, v in bank.own[1].items() if k.startswith("head.")}
    write_bank(path, bank.card, bank.network, bank.styles, {1: tail})
    own = kernel_sets(read_bank(path))[1]
    assert np.array_equal(own.network["up.weight"], bank.network["up.weight"])
    assert np.array_equal(own.network["head.bias"], bank.own[1]["head.bias"])
    build_network(own)


def test_a_bank_that_shares_everything_is_whole_and_as_old_versions_know_it(tmp_path: Path) -> None:
    path = write_small_bank(tmp_path / "small.safetensors")
    bank = read_bank(path)
    assert kernel_sets(bank) == (bank,)
    facts = json.loads(path.with_suffix(".json").read_text())
    assert facts["murai_bank"] == 1
    assert "kernels" not in facts["styles"][0]
    two = write_bank_of_two(tmp_path / "two.safetensors").with_suffix(".json")
    facts = json.loads(two.read_text())
    assert (facts["murai_bank"], facts["styles"][1]["kernels"]) == (2, 1)
    assert "kernels" not in facts["styles"][0]


def test_a_kernel_set_stays_the_same_when_the_bank_gets_another_style(tmp_path: Path) -> None:
    """Its engines are then found again."""
    path = write_bank_of_two(tmp_path / "two.safetensors")
    before = read_bank(path)
    card = replace(before.card, styles=(*before.card.styles, StyleCard("d", kernels=2)))
    styles = np.concatenate([before.styles, before.styles[:1]])
    half = {key: kernel * np.float16(0.5) for key, kernel in before.own[1].items()}
    write_bank(path, card, before.network, styles, {**before.own, 2: half})
    after = read_bank(path)
    assert after.sha256 != before.sha256
    hashes = [one.sha256 for one in kernel_sets(after)]
    assert hashes[:2] == [one.sha256 for one in kernel_sets(before)]
    assert len(set(hashes)) == 3


def test_a_kernel_set_that_no_style_has_is_not_written(tmp_path: Path) -> None:
    path = write_bank_of_two(tmp_path / "two.safetensors")
    bank = read_bank(path)
    styles = tuple(replace(style, kernels=0) for style in bank.card.styles)
    write_bank(path, replace(bank.card, styles=styles), bank.network, bank.styles, bank.own)
    assert not read_bank(path).own


def test_a_kernel_set_that_is_missing(tmp_path: Path) -> None:
    path = write_bank_of_two(tmp_path / "two.safetensors")
    bank = read_bank(path)
    with pytest.raises(ValueError, match=r"kernel sets \[1\] are on the card and not given"):
        write_bank(path, bank.card, bank.network, bank.styles)
    assert read_bank(path).own
    told = path.with_suffix(".json")
    told.write_text(told.read_text().replace('"kernels": 1', '"kernels": 4'))
    with pytest.raises(BankError, match="b has kernel set 4 on the card, the bank holds 1"):
        read_bank(path)


def test_a_bank_of_two_networks_is_not_built_as_one(tmp_path: Path) -> None:
    bank = read_bank(write_bank_of_two(tmp_path / "two.safetensors"))
    with pytest.raises(ValueError, match="has several networks"):
        build_network(bank)
