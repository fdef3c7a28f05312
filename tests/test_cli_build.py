"""`murai-show build` on a machine with an NVIDIA GPU: what is made, in which order, and what is
printed.  TensorRT is in tests/style/test_tensorrt.py, OpenVINO in tests/test_cli.py."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from murai_show import gpu
from murai_show.cli import app
from murai_show.errors import EngineError
from murai_show.gpu import Gpu
from murai_show.style import cuda, qdq, tensorrt
from murai_show.style.judge import Practice, Verdict
from murai_show.style.qdq import Narrow
from murai_show.style.tensorrt import Choice
from tests.banks import write_bank_of_two, write_small_bank

BAD = Verdict(False, {"a": 0.9, "b": 0.91}, ("head",), "a would be too far from itself")
VERDICTS = {
    "fp16": Verdict(good=True),
    "int8": Verdict(True, {"a": 0.99, "b": 0.97}, ("head",)),
    "fp8": BAD,
}


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A GPU with fp8 and a TensorRT that builds nothing; what is asked of them."""
    done: list[str] = []
    kept: dict[str, Narrow] = {}

    def make(bank, precision, frames, watch) -> Narrow:
        done.append(f"make {precision} of {bank.path.name}")
        kept[precision] = Narrow(b"", VERDICTS[precision])
        return kept[precision]

    def choose(bank, paint, **more) -> Choice:
        done.append(f"choose at {paint}")
        closing = SimpleNamespace(close=lambda: done.append("close"))
        measured = {"fp16": 1.25, "int8": 0.75}
        return Choice(tmp_path, closing, "int8", measured, VERDICTS)  # pyright: ignore

    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    write_small_bank(tmp_path / "models/small.safetensors")
    monkeypatch.setattr(gpu, "find_gpu", lambda: Gpu("a GPU", (9, 0), (13, 0), 2**37))
    monkeypatch.setattr(cuda, "find_device", lambda: "a device")
    monkeypatch.setattr(tensorrt, "load_tensorrt", lambda: done.append("load"))
    monkeypatch.setattr(tensorrt, "runnable", lambda _: ("int8", "fp8"))
    monkeypatch.setattr(tensorrt, "choose_tensorrt", choose)
    monkeypatch.setattr(qdq, "find_narrow", lambda _, precision: kept.get(precision))
    monkeypatch.setattr(qdq, "make_narrow", make)
    monkeypatch.setattr("murai_show.practice.practice_frames", lambda content: Practice((), ()))
    return done


def built(*arguments: str) -> str:
    ran = CliRunner().invoke(app, ["build", "small", *arguments], catch_exceptions=False)
    assert ran.exit_code == 0, ran.stderr
    return ran.stdout


def test_eight_bits_are_made_once_and_the_fastest_paints(steps: list[str]) -> None:
    out = built("--size", "1280x720")
    made = ["make int8 of small.safetensors", "make fp8 of small.safetensors"]
    assert steps == ["load", "load", *made, "choose at 1280x720", "close"]
    assert "small: TensorRT int8 at 1280x720: fp16 1.25 ms, int8 0.75 ms" in out
    assert "a would be too far from itself" in " ".join(out.replace("│", " ").split())
    steps.clear()
    built()
    assert not [step for step in steps if step.startswith("make")]
    for again in (["--anew"], ["--content", "photos"]):
        steps.clear()
        built(*again)
        assert [step for step in steps if step.startswith("make")] == made


def test_scripts_are_told_the_same(steps: list[str], tmp_path: Path) -> None:
    (told,) = json.loads(built("--json"))["networks"]
    assert (told["engine"], told["paints"], told["folder"]) == ("tensorrt", "int8", str(tmp_path))
    assert told["precisions"]["int8"] == {
        "good": True,
        "ms": 0.75,
        "ssim": {"a": 0.99, "b": 0.97},
        "style_loss": {},
        "wide": ["head"],
        "why": "",
    }
    assert told["precisions"]["fp8"]["ms"] is None


def test_each_network_of_a_bank_is_built(steps: list[str], tmp_path: Path) -> None:
    write_bank_of_two(tmp_path / "models/small.safetensors")
    out = built("--size", "1280x720")
    assert len([step for step in steps if step.startswith("choose")]) == 2
    assert "small: TensorRT int8" in out
    assert "small (b): TensorRT int8" in out
    told = json.loads(built("--json"))["networks"]
    assert [one["styles"] for one in told] == [["a", "c"], ["b"]]


def test_without_tensorrt_the_cpu_s_are_built(
    steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from murai_show import cli_build

    def missing() -> None:
        raise EngineError("TensorRT is not installed")

    monkeypatch.setattr(tensorrt, "load_tensorrt", missing)
    assert cli_build._best() == "openvino"
    monkeypatch.setattr(gpu, "find_gpu", lambda: None)
    monkeypatch.setattr(tensorrt, "load_tensorrt", lambda: pytest.fail("there is no GPU"))
    assert cli_build._best() == "openvino"


def test_an_engine_that_cannot_be_built_is_named(steps: list[str]) -> None:
    ran = CliRunner().invoke(app, ["build", "small", "--engine", "cuda"])
    assert ran.exit_code != 0
    assert "--engine: 'cuda'; there are: auto, openvino, tensorrt" in str(ran.exception)
