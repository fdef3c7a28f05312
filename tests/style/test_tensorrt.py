"""The TensorRT painter: the order of its calls against a recording fake, the fake against the real
bindings, the cache against strangers, and the whole on a GPU where there is one."""

from __future__ import annotations

import inspect
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from murai_show.errors import DeviceLostError, EngineError
from murai_show.frame import Frame
from murai_show.show.timeline import Look
from murai_show.show.words import Size
from murai_show.style import cuda, race, tensorrt
from murai_show.style.bank import Bank, kernel_sets, read_bank, write_bank
from murai_show.style.judge import Practice, Verdict, ssim
from murai_show.style.pytorch import PytorchStylizer
from murai_show.style.qdq import EIGHTS, Eight, Narrow, Rehearsal, make_narrow
from murai_show.style.tensorrt import (
    choose_tensorrt,
    engine_name,
    load_tensorrt,
    open_tensorrt,
)
from murai_show.style.vault import keep, open_vault, read_trusted
from tests.banks import write_small_bank
from tests.plans import REPOSITORY
from tests.style.recording_tensorrt import (
    CALLS,
    FAILS,
    FAKES,
    Builder,
    ICudaEngine,
    OnnxParser,
    Runtime,
    names,
)
from tests.style.scenes import scenes

PAINT = Size(64, 36)
LOOK = Look((("a", 1.0),))
CPU = torch.device("cpu")


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return read_bank(write_small_bank(tmp_path / "small.safetensors"))


@pytest.fixture
def trt(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """In place of TensorRT and of the GPU that it runs on."""
    module = ModuleType("tensorrt")
    module.__dict__.update({fake.__name__: fake for fake in FAKES}, __version__="11.4.0.106")
    monkeypatch.setitem(sys.modules, "tensorrt", module)
    monkeypatch.setattr(tensorrt, "find_device", lambda _: CPU)
    monkeypatch.setattr(tensorrt, "export", lambda _: b"onnx")
    monkeypatch.setattr(torch.cuda, "device", lambda _: nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: SimpleNamespace(cuda_stream=77))
    CALLS.clear()
    FAILS.clear()
    yield module
    FAILS.clear()


def test_an_engine_is_built_kept_and_opened_in_this_order(bank: Bank, trt: ModuleType) -> None:
    told: list[str] = []
    stylizer = open_tensorrt(bank, PAINT, watch=told.append)
    assert CALLS == [
        ("Builder",),
        ("create_network", 0),
        ("parse", b"onnx"),
        ("set_shape", "frame", (1, 16, 16, 3), (1, 36, 64, 3), (1, 36, 64, 3)),
        ("add_optimization_profile",),
        ("create_timing_cache", b""),
        ("set_timing_cache", False),
        ("build_serialized_network",),
        ("deserialize_cuda_engine", b"plan"),
        ("create_execution_context",),
        ("set_input_shape", "frame", (1, 36, 64, 3)),
        ("set_tensor_address", "frame"),
        ("set_tensor_address", "style"),
        ("set_tensor_address", "picture"),
        ("infer_shapes",),
        ("execute_async_v3", 77),
    ]
    assert len(told) == 1
    assert told[0].startswith("small: its TensorRT engine in fp16 is built for this GPU, once")
    assert stylizer.engine == "tensorrt"
    assert stylizer.styles == ("a", "b")


def test_what_was_kept_is_opened_and_not_built(bank: Bank, trt: ModuleType) -> None:
    open_tensorrt(bank, PAINT, watch=lambda _: None)
    CALLS.clear()
    told: list[str] = []
    open_tensorrt(bank, PAINT, watch=told.append)
    assert names()[0] == "deserialize_cuda_engine"
    assert not told
    CALLS.clear()
    open_tensorrt(bank, PAINT, watch=told.append, anew=True)
    assert names()[0] == "Builder"
    assert ("create_timing_cache", b"timings") in CALLS  # what the first build has learned


def test_one_context_for_each_size(bank: Bank, trt: ModuleType) -> None:
    """A captured graph holds its context's memory; two graphs of one context would share it."""
    stylizer = open_tensorrt(bank, PAINT, watch=lambda _: None)
    for width, height in ((64, 36), (32, 20), (64, 36), (32, 20)):
        frame = Frame(np.zeros((height, width, 3), np.uint8), 0.0, 0.0, 1, "test")
        assert stylizer(frame, LOOK).pixels.shape == (height, width, 3)
    assert names().count("create_execution_context") == 2
    assert ("set_input_shape", "frame", (1, 20, 32, 3)) in CALLS


def test_an_engine_that_does_not_load_is_built_anew(bank: Bank, trt: ModuleType) -> None:
    file = open_vault(bank.path) / engine_name(bank, PAINT, CPU, trt.__version__)
    keep(file, b"of another driver")
    told: list[str] = []
    real = Runtime.deserialize_cuda_engine

    def refuse_once(self: Runtime, serialized_engine: bytes) -> ICudaEngine | None:
        FAILS.clear()
        if serialized_engine != b"plan":
            FAILS["deserialize_cuda_engine"] = "the engine plan is not compatible with this version"
        return real(self, serialized_engine)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Runtime, "deserialize_cuda_engine", refuse_once)
        open_tensorrt(bank, PAINT, watch=told.append)
    assert "is not used: the engine plan is not compatible" in told[0]
    assert read_trusted(file) == b"plan"


@pytest.mark.parametrize(
    ("fails", "logged", "raised", "said"),
    [
        ("Builder", "CUDA initialization failure with error: 35", EngineError,
         r"cannot be opened: CUDA initialization failure with error: 35$"),
        ("parse", "", EngineError, "cannot read the network: unsupported node"),
        ("add_optimization_profile", "bad profile", EngineError, "bad profile"),
        ("set_timing_cache", "", EngineError, "takes no timing cache"),
        ("build_serialized_network", "Error Code 2: OutOfMemory (Requested size was 9 bytes.)",
         EngineError, r"cannot build the engine: Error Code 2: OutOfMemory.*; paint smaller"),
        ("build_serialized_network", "Error Code 1: Cuda Runtime (misaligned address)",
         DeviceLostError, "misaligned address"),
        ("deserialize_cuda_engine", "", EngineError, "the engine cannot be read"),
        ("create_execution_context", "", EngineError, "no context"),
        ("set_input_shape", "", EngineError, "64x36 is not a size that it was built for"),
        ("set_tensor_address", "", EngineError, "no tensor called frame"),
        ("infer_shapes", "", EngineError, "it wants style too"),
        ("execute_async_v3", "Cuda Runtime (an illegal memory access was encountered)",
         DeviceLostError, "illegal memory access"),
        ("execute_async_v3", "", EngineError, "the painter failed: it did not run"),
    ],
)  # fmt: skip
def test_whatever_fails_is_a_sentence(
    bank: Bank, trt: ModuleType, fails: str, logged: str, raised: type[Exception], said: str
) -> None:
    FAILS[fails] = logged
    with pytest.raises(raised, match=said) as caught:
        open_tensorrt(bank, PAINT, watch=lambda _: None)
    assert "\n" not in str(caught.value)


def test_without_tensorrt_the_sentence_says_what_to_install(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(EngineError, match=r"is not installed; pip install 'murai-show\[nvidia\]'"):
        open_tensorrt(bank, PAINT)


def test_a_tensorrt_that_is_too_old_or_broken(
    trt: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trt.__dict__["__version__"] = "10.3.0"
    with pytest.raises(EngineError, match=r"10\.3\.0 is too old; 11 or newer"):
        load_tensorrt()
    monkeypatch.delitem(sys.modules, "tensorrt")
    monkeypatch.syspath_prepend(str(tmp_path))
    text = "raise ImportError('libnvinfer.so.11: cannot open shared object file\\nmore')\n"
    (tmp_path / "tensorrt.py").write_text(text)
    with pytest.raises(EngineError, match=r"cannot be loaded: libnvinfer\.so\.11: .* file$"):
        load_tensorrt()


# --- the fake is like the real one


STUBS = """
int createInferBuilder_INTERNAL, createInferRefitter_INTERNAL, initLibNvInferPlugins;
int createNvOnnxParserRefitter_INTERNAL, createNvOnnxParser_INTERNAL, getBuilderPluginRegistry;
int getNvOnnxParserVersion, getPluginRegistry;
"""
RUNTIME = "void *createInferRuntime_INTERNAL(void *logger, int version) { return 0; }\n"
ASK = """
import json, sys, tensorrt_bindings
sys.modules["tensorrt"] = tensorrt_bindings
from murai_show.style.tensorrt import load_tensorrt, made_by, make_log
trt = load_tensorrt()
log = make_log(trt)
try:
    made_by(log, "no runtime", trt.Runtime, log)
except RuntimeError as error:
    said = str(error)
log.log(trt.ILogger.Severity.WARNING, "a warning")
log.log(trt.ILogger.Severity.ERROR, " an error\\n")
found = {
    name: {m: getattr(getattr(trt, name), m).__doc__ or "" for m in dir(getattr(trt, name))}
    for name in sys.argv[1:]
}
print(json.dumps([said, log.why("nothing"), log.why("nothing"), found]))
"""


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What the real bindings say, imported beside empty libraries, for there is no TensorRT."""
    if find_spec("tensorrt_bindings") is None:
        pytest.skip("the bindings are not installed: pip install tensorrt-cu13-bindings")
    if shutil.which("gcc") is None:
        pytest.skip("there is no gcc to make stand-ins for TensorRT's libraries with")
    folder = tmp_path_factory.mktemp("stubs")
    (folder / "stubs.c").write_text(STUBS + RUNTIME)
    for library in ("libnvinfer", "libnvinfer_plugin", "libnvonnxparser"):
        command = ["gcc", "-shared", "-fPIC", "-o", f"{library}.so.11", "stubs.c"]
        subprocess.run(command, check=True, cwd=folder)
    environ = {**os.environ, "LD_LIBRARY_PATH": str(folder), "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", ASK, *(fake.__name__ for fake in FAKES)]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, env=environ)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_the_real_bindings_have_every_name_and_parameter(real: list[Any]) -> None:
    documented = real[3]
    checked = 0
    for fake in FAKES:
        for name, method in inspect.getmembers(fake, inspect.isfunction):
            if name == "__init__" and fake not in (Builder, Runtime, OnnxParser):
                continue
            assert name in documented[fake.__name__], f"{fake.__name__} has no {name}"
            said = documented[fake.__name__][name]
            for parameter in list(inspect.signature(method).parameters)[1:]:
                assert f"{parameter}: " in said, f"{fake.__name__}.{name} takes no {parameter}"
            checked += 1
    assert checked == 22
    assert "num_errors" in documented["OnnxParser"]


def test_the_real_logger_and_the_real_failure_of_a_constructor(real: list[Any]) -> None:
    said, error, then, _ = real
    assert said == "no runtime: pybind11::init(): factory function returned nullptr"
    assert (error, then) == ("an error", "nothing")


# --- where engines are kept


def test_the_name_changes_with_whatever_makes_an_engine_stale(
    bank: Bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [engine_name(bank, PAINT, CPU, "11.4.0")]
    found.append(engine_name(bank, Size(128, 72), CPU, "11.4.0"))
    found.append(engine_name(bank, PAINT, CPU, "11.5.0"))
    monkeypatch.setattr(tensorrt, "gpu_key", lambda _: "another")
    found.append(engine_name(bank, PAINT, CPU, "11.4.0"))
    write_bank(bank.path, bank.card, bank.network, bank.styles * 1.5)
    found.append(engine_name(read_bank(bank.path), PAINT, CPU, "11.4.0"))
    assert len(set(found)) == len(found)
    assert all(name.startswith("small-") and name.endswith(".engine") for name in found)


def test_a_gpu_is_known_by_its_kind_and_its_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    h200 = SimpleNamespace(
        name="NVIDIA H200", major=9, minor=0, multi_processor_count=132, total_memory=1
    )
    driver = ["NVRM version: 580.65"]
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: h200)
    monkeypatch.setattr(cuda.Path, "read_text", lambda *_, **__: driver[0])
    found = [cuda.gpu_key(torch.device("cuda", 0))]
    found.append(cuda.gpu_key(torch.device("cuda", 1)))  # the same kind
    h200.multi_processor_count = 16  # a share of it
    found.append(cuda.gpu_key(torch.device("cuda", 0)))
    driver[0] = "NVRM version: 590.10"
    found.append(cuda.gpu_key(torch.device("cuda", 0)))
    assert found[0] == found[1]
    assert len(set(found)) == 3


def test_an_engine_that_cannot_be_kept_paints_nevertheless(
    bank: Bank, trt: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tensorrt, "keep", full)
    assert open_tensorrt(bank, PAINT, watch=lambda _: None).engine == "tensorrt"
    assert "will be built again: No space left on device" in caplog.text


# --- eight bits


@pytest.fixture
def raced(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """Each race that is held; fp8 wins, then int8."""
    held: list[set[str]] = []

    def win(stylizers, paint, seconds) -> dict[str, float]:
        held.append(set(stylizers))
        return {name: {"fp16": 3.0, "int8": 2.0, "fp8": 1.0}[name] for name in stylizers}

    monkeypatch.setattr(race, "race", win)
    return held


def narrow(bank: Bank, monkeypatch: pytest.MonkeyPatch, **models: bool) -> None:
    """Eight bits were made, and may paint or not."""
    found = {
        name: Narrow(
            name.encode(), Verdict(good, {"a": 0.9, "b": 0.97}, ("head",), "" if good else "no")
        )
        for name, good in models.items()
    }
    monkeypatch.setattr(tensorrt, "find_narrow", lambda _, name: found.get(name))


def test_where_nothing_else_was_made_fp16_paints_without_a_race(
    bank: Bank, trt: ModuleType, raced: list[set[str]]
) -> None:
    choice = choose_tensorrt(bank, PAINT, watch=lambda _: None)
    assert (choice.precision, dict(choice.milliseconds)) == ("fp16", {})
    assert choice.why(PAINT) == "TensorRT fp16 at 64x36"
    assert not raced


def test_the_fastest_that_may_paint_does_and_is_remembered(
    bank: Bank, trt: ModuleType, raced: list[set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow(bank, monkeypatch, int8=True, fp8=False)
    choice = choose_tensorrt(bank, PAINT, watch=lambda _: None)
    assert [call[1] for call in CALLS if call[0] == "parse"] == [b"onnx", b"int8"]
    assert raced == [{"fp16", "int8"}]
    assert choice.precision == "int8"
    assert choice.why(PAINT) == "TensorRT int8 at 64x36: fp16 3.00 ms, int8 2.00 ms"
    assert set(choice.verdicts) == {"fp16", "int8", "fp8"}
    assert not choice.verdicts["fp8"].good
    CALLS.clear()
    again = choose_tensorrt(bank, PAINT, watch=pytest.fail)
    assert again.precision == "int8"
    assert len(raced) == 1
    assert names().count("deserialize_cuda_engine") == 1, "the winner alone is opened"
    narrow(bank, monkeypatch, int8=True, fp8=True)  # made later
    assert choose_tensorrt(bank, PAINT, watch=lambda _: None).precision == "fp8"
    assert raced[1:] == [{"fp16", "int8", "fp8"}]


def test_eight_bits_made_of_other_frames_are_built_anew(
    bank: Bank, trt: ModuleType, raced: list[set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for model in (b"one", b"other"):
        made = Narrow(model, Verdict(good=True))
        monkeypatch.setattr(
            tensorrt, "find_narrow", lambda _, name, m=made: m if name == "int8" else None
        )
        choose_tensorrt(bank, PAINT, watch=lambda _: None)
    assert [call[1] for call in CALLS if call[0] == "parse"] == [b"onnx", b"one", b"other"]
    assert len(raced) == 2


def test_what_tensorrt_does_not_take_leaves_the_painting_to_fp16(
    bank: Bank,
    trt: ModuleType,
    raced: list[set[str]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    narrow(bank, monkeypatch, int8=True)
    real = OnnxParser.parse

    def parse(self: OnnxParser, model: bytes) -> bool:
        return real(self, model) and model != b"int8"

    monkeypatch.setattr(OnnxParser, "parse", parse)
    choice = choose_tensorrt(bank, PAINT, watch=lambda _: None)
    assert choice.precision == "fp16"
    assert "int8 does not work here: TensorRT cannot read the network: unsupported node" in (
        caplog.text
    )
    CALLS.clear()
    choose_tensorrt(bank, PAINT, watch=lambda _: None)
    assert "Builder" not in names(), "and is not tried at every start"


def test_one_precision_can_be_asked_for(
    bank: Bank, trt: ModuleType, raced: list[set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow(bank, monkeypatch, int8=True)
    open_tensorrt(bank, PAINT, precision="int8", watch=lambda _: None)
    assert [call[1] for call in CALLS if call[0] == "parse"] == [b"int8"]
    with pytest.raises(EngineError, match=r"small has no fp8: murai-show build makes it"):
        open_tensorrt(bank, PAINT, precision="fp8")
    assert not raced


@pytest.mark.parametrize(
    ("capability", "wanted"), [((7, 5), ("int8",)), ((8, 9), ("int8", "fp8")), ((9, 0), EIGHTS)]
)
def test_fp8_is_for_gpus_that_have_it(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], wanted: tuple[str, ...]
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert tensorrt.runnable(torch.device("cuda", 0)) == wanted


# --- on a GPU


@pytest.mark.needs_gpu
@pytest.mark.parametrize("precision", EIGHTS)
def test_on_a_gpu_eight_bits_paint_what_they_were_judged_by(
    tmp_path: Path, precision: Eight
) -> None:
    """TensorRT and ONNX Runtime compute the same graph; both round to eight bits at the same
    places, so what is left is the order of additions, which may tip a value to the next step."""
    pytest.importorskip("tensorrt", exc_type=ImportError)
    if precision not in tensorrt.runnable(torch.device("cuda", 0)):
        pytest.skip("this GPU has no fp8")
    bank = read_bank(write_small_bank(tmp_path / "small.safetensors"))
    made = make_narrow(bank, precision, Practice(scenes(4, 1), scenes(2, 2)), lambda _: None)
    engine = open_tensorrt(bank, Size(96, 64), precision=precision)
    rehearsal = Rehearsal(bank, made.model)
    for pixels in scenes(3, 5):
        frame = Frame(pixels, 0.0, 0.0, 1, "test")
        assert ssim(rehearsal(frame, LOOK).pixels, engine(frame, LOOK).pixels.cpu().numpy()) > 0.99


@pytest.mark.needs_gpu
def test_on_a_gpu_the_engine_paints_what_the_cpu_paints(tmp_path: Path) -> None:
    """The tolerance is that of the `cuda` engine: the same weights in fp16, the same fp32 norms."""
    pytest.importorskip("tensorrt", exc_type=ImportError)
    for ending in (".safetensors", ".json"):
        shutil.copy(REPOSITORY / f"models/montreal{ending}", tmp_path / f"montreal{ending}")
    trained = kernel_sets(read_bank(tmp_path / "montreal.safetensors"))[-1]  # of several styles
    size = Size(160, 96)
    engine, reference = open_tensorrt(trained, size), PytorchStylizer(trained, size)
    for given in (size, Size(96, 96), Size(320, 192)):
        y, x = np.mgrid[0 : given.height, 0 : given.width]
        pixels = np.stack([x % 256, y % 256, (x + y) % 256], -1).astype(np.uint8)
        for style in trained.card.names:
            frame, look = Frame(pixels, 0.0, 0.0, 1, "test"), Look(((style, 1.0),))
            wanted = reference(frame, look).pixels.astype(int)
            difference = np.abs(engine(frame, look).pixels.cpu().numpy() - wanted)
            assert difference.mean() <= 0.4, style
            assert np.quantile(difference, 0.999) <= 4, style
    again = open_tensorrt(trained, size, watch=pytest.fail)
    assert all(program.holds is not None for program in again._programs.values())
