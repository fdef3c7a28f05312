from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from murai_show.errors import BankError
from murai_show.style.bank import read_bank, write_bank
from murai_show.style.card import BankCard, StyleCard, read_card

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
        ('{"murai_bank": 2}', '"murai_bank" is 2, not 1'),
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
