"""Eight bits for TensorRT: what is quantised and what is not, judged by pictures that are really
painted."""

from __future__ import annotations

import json
import stat
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from murai_show.errors import EngineError
from murai_show.frame import Frame
from murai_show.show.timeline import Look
from murai_show.style import judge
from murai_show.style.bank import Bank, read_bank, write_bank
from murai_show.style.judge import Practice, Verdict, settle
from murai_show.style.onnx import export
from murai_show.style.qdq import (
    EIGHTS,
    Eight,
    Rehearsal,
    convolutions,
    find_narrow,
    make_narrow,
    quantise,
)
from tests.banks import write_small_bank
from tests.style.scenes import scenes

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")

NAMES = ["enter", "down", "blocks.0", "blocks.1", "up", "head"]
LOOK = Look((("a", 0.5), ("b", 0.5)))


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return read_bank(write_small_bank(tmp_path_factory.mktemp("qdq") / "small.safetensors"))


@pytest.fixture(scope="module")
def wide(bank: Bank) -> bytes:
    return export(bank)


@pytest.fixture(scope="module")
def narrow(bank: Bank, wide: bytes) -> dict[str, bytes]:
    return {name: quantise(wide, name, scenes(4, 1), bank.styles, ["head"]) for name in EIGHTS}


def painted(bank: Bank, model: bytes, pixels: np.ndarray) -> np.ndarray:
    return Rehearsal(bank, model)(Frame(pixels, 0.0, 0.0, 1, "test"), LOOK).pixels


def test_convolutions_are_told_in_the_order_of_painting(wide: bytes) -> None:
    assert convolutions(wide) == NAMES


@pytest.mark.parametrize("precision", EIGHTS)
def test_only_the_convolutions_are_quantised(narrow: dict[str, bytes], precision: Eight) -> None:
    """Input and weights of each but `head`, in the type that TensorRT wants, with no zero point
    but zero, and nothing behind them."""
    graph = onnx.load_from_string(narrow[precision]).graph
    held = {tensor.name: tensor for tensor in graph.initializer}
    types = onnx.TensorProto
    made = {name: node for node in graph.node for name in node.output}
    convs = [node for node in graph.node if node.op_type == "Conv"]
    assert len(convs) == len(NAMES)
    for conv, name in zip(convs, NAMES, strict=True):
        sources = [made.get(given) for given in conv.input[:2]]
        kinds = [None if node is None else node.op_type for node in sources]
        quantised = kinds == ["DequantizeLinear"] * 2
        assert quantised == (name != "head"), name
    kinds = Counter(node.op_type for node in graph.node)
    assert kinds["QuantizeLinear"] == kinds["DequantizeLinear"] == 2 * (len(NAMES) - 1)
    wanted = types.INT8 if precision == "int8" else types.FLOAT8E4M3FN
    for node in graph.node:
        if node.op_type == "QuantizeLinear":
            scale, zero = held[node.input[1]], held[node.input[2]]
            assert scale.data_type == types.FLOAT16  # as all between the norms
            assert zero.data_type == wanted
            assert not np.any(np.frombuffer(zero.raw_data, np.uint8))
            weights = node.input[0] in held
            assert list(scale.dims) == (list(held[node.input[0]].dims)[:1] if weights else [])
            assert (onnx.numpy_helper.to_array(scale) > 0).all()
    means = [made[n.input[0]] for n in graph.node if n.op_type == "ReduceMean"]
    assert all(node.op_type in ("Cast", "Mul") for node in means)  # of fp32, see test_onnx


@pytest.mark.parametrize("precision", EIGHTS)
def test_it_is_another_computation_and_close(
    bank: Bank, wide: bytes, narrow: dict[str, bytes], precision: Eight
) -> None:
    scene = scenes(1, 4)[0]
    one, other = (painted(bank, model, scene).astype(float) for model in (wide, narrow[precision]))
    error = ((one - other) ** 2).mean()
    assert 0 < error < 255**2 / 10**2.5  # 25 dB
    assert one.std() > 10  # and there was something to paint


def test_nothing_left_to_quantise_is_the_model_itself(bank: Bank, wide: bytes) -> None:
    assert quantise(wide, "int8", scenes(1, 1), bank.styles, NAMES) == wide


def test_it_says_nothing_on_the_log(
    bank: Bank, wide: bytes, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """ONNX Runtime advises programmers, and `build --json` prints for programs."""
    painted(bank, quantise(wide, "int8", scenes(1, 1), bank.styles), scenes(1, 4)[0])
    assert not caplog.records
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("precision", EIGHTS)
def test_it_is_judged_kept_and_found_again(tmp_path: Path, precision: Eight) -> None:
    bank = read_bank(write_small_bank(tmp_path / "small.safetensors"))
    assert find_narrow(bank, precision) is None
    told: list[str] = []
    made = make_narrow(bank, precision, Practice(scenes(4, 1), scenes(2, 2)), told.append)
    assert set(made.verdict.ssim) == {"a", "b"}
    assert made.verdict.good == (min(made.verdict.ssim.values()) >= judge.BAR)
    assert made.verdict.good, made.verdict
    assert all(0 < likeness < 1 for likeness in made.verdict.ssim.values())
    assert told[0].startswith(f"{precision}: quantising and judging the pictures")
    assert find_narrow(bank, precision) == made
    kept = sorted((tmp_path / ".engines" / "nvidia").iterdir())
    assert [path.suffix for path in kept] == [".json", ".onnx"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}
    write_bank(bank.path, bank.card, bank.network, bank.styles * 1.5)
    assert find_narrow(read_bank(bank.path), precision) is None, "the bank has learned more"


@pytest.mark.parametrize("damage", ["", "[", "[]", '{"murai_qdq": 9}', '{"murai_qdq": 1}'])
def test_what_is_damaged_is_as_good_as_none(tmp_path: Path, damage: str) -> None:
    bank = read_bank(write_small_bank(tmp_path / "small.safetensors"))
    folder = tmp_path / ".engines" / "nvidia"
    make_narrow(bank, "int8", Practice(scenes(2, 1), scenes(1, 2)), lambda _: None)
    facts, model = sorted(folder.iterdir())
    known = facts.read_bytes()
    facts.write_text(damage)
    assert find_narrow(bank, "int8") is None
    facts.write_bytes(known)
    assert find_narrow(bank, "int8") is not None
    model.write_bytes(b"another")
    assert find_narrow(bank, "int8") is None


def test_what_others_could_have_written_is_not_used(tmp_path: Path) -> None:
    bank = read_bank(write_small_bank(tmp_path / "small.safetensors"))
    make_narrow(bank, "int8", Practice(scenes(2, 1), scenes(1, 2)), lambda _: None)
    (model,) = (tmp_path / ".engines" / "nvidia").glob("*.onnx")
    model.chmod(0o666)
    assert find_narrow(bank, "int8") is None


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_what_is_missing_is_named(
    bank: Bank, wide: bytes, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(EngineError, match=rf"package {package} is missing; pip install onnx"):
        quantise(wide, "int8", scenes(1, 1), bank.styles)


def test_a_judge_without_eyes_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bank = read_bank(write_small_bank(tmp_path / "small.safetensors"))
    monkeypatch.setitem(sys.modules, "skimage.metrics", None)
    with pytest.raises(EngineError, match=r"package skimage is missing; .* scikit-image"):
        make_narrow(bank, "int8", Practice(scenes(2, 1), scenes(1, 2)), lambda _: None)
    assert find_narrow(bank, "int8") is None


def test_a_model_that_is_none_is_a_sentence(bank: Bank) -> None:
    with pytest.raises(EngineError, match="ONNX Runtime cannot read the network: "):
        Rehearsal(bank, b"nothing")


def test_suspects_go_first_and_the_rest_is_searched_when_they_were_not_enough() -> None:
    asked: list[tuple[str, ...]] = []
    harm = {"d": 0.2, "b": 0.5, "c": 0.9}  # what is left of the picture by each alone

    def make(wide) -> Verdict:
        asked.append(tuple(wide))
        alone = set("abcdefgh") - set(wide)
        left = harm.get(alone.pop(), 0.95) if len(alone) == 1 else 0.1
        return Verdict({"a", "h", "d", "b"} <= set(wide) and len(wide) < 7, {"x": left})

    assert settle("abcdefgh", make, lambda _: None, suspects="ha").good
    assert asked[:3] == [(), ("h",), ("h", "a")]
    assert asked[3:9] == [tuple(n for n in "abcdefgh" if n != alone) for alone in "bcdefg"]
    assert asked[9:] == [("h", "a", "d"), ("h", "a", "d", "b")]
    asked.clear()
    assert not settle("abc", lambda _: Verdict(good=False, ssim={"x": 0.1}), lambda _: None).good


def test_facts_are_readable_by_a_person(tmp_path: Path) -> None:
    bank = read_bank(write_small_bank(tmp_path / "small.safetensors"))
    make_narrow(bank, "int8", Practice(scenes(2, 1), scenes(1, 2)), lambda _: None)
    (facts,) = (tmp_path / ".engines" / "nvidia").glob("*.json")
    verdict = json.loads(facts.read_text())["verdict"]
    assert set(verdict) == {"good", "ssim", "style_loss", "wide", "why"}
