"""The ONNX model paints what PyTorch paints, at any size, and holds no style."""

from __future__ import annotations

import builtins
from collections.abc import Callable

import numpy as np
import pytest

from murai_show.errors import EngineError
from murai_show.frame import Frame
from murai_show.show.timeline import Look
from murai_show.show.words import Size
from murai_show.style.bank import Bank, read_bank
from murai_show.style.onnx import export
from murai_show.style.pytorch import PytorchStylizer
from tests.banks import write_small_bank

MIX = {"a": (("a", 1.0),), "a and b": (("a", 0.25), ("b", 0.75))}
SIZES = [(64, 36), (100, 48)]
Run = Callable[[np.ndarray, np.ndarray], np.ndarray]


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return read_bank(write_small_bank(tmp_path_factory.mktemp("onnx") / "small.safetensors"))


@pytest.fixture(scope="module")
def models(bank: Bank) -> dict[str, bytes]:
    for package in ("onnx", "onnxscript"):
        pytest.importorskip(package)
    return {"fp32": export(bank, "fp32"), "fp16": export(bank, "fp16")}


def paint(model: bytes, frame: np.ndarray, style: np.ndarray) -> np.ndarray:
    runtime = pytest.importorskip("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(["picture"], {"frame": frame[None], "style": style})[0][0]


def scene(width: int, height: int) -> np.ndarray:
    """A gradient with a hard edge: something for a norm to normalise."""
    y, x = np.mgrid[0:height, 0:width]
    picture = np.stack([x * 255 / width, y * 255 / height, (x + y) % 256], -1)
    picture[: height // 2, width // 3 :] *= 0.3
    return picture.astype(np.uint8)


@pytest.mark.parametrize("name", MIX)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("precision", "most", "mean"),
    [
        # The order of additions differs, and a .5 may round either way.
        ("fp32", 1, 0.01),
        # fp16 has 11 significant bits, so a byte's worth of picture (1/255) is eight steps of it;
        # each of 6 convolutions rounds its input and output once.  Found: 1 and 0.05.
        ("fp16", 2, 0.15),
    ],
)
def test_it_paints_what_pytorch_paints(
    bank: Bank,
    models: dict[str, bytes],
    name: str,
    size: tuple[int, int],
    precision: str,
    most: int,
    mean: float,
) -> None:
    frame, reference = scene(*size), PytorchStylizer(bank, Size(*size))
    wanted = reference(Frame(frame, 0.0, 0.0, 1, "test"), Look(MIX[name])).pixels.astype(int)
    style = reference.vector(MIX[name]).numpy()
    painted = paint(models[precision], frame, style)
    assert painted.shape == (size[1], size[0], 4)
    assert painted.dtype == np.uint8
    assert (painted[..., 3] == 255).all()
    difference = np.abs(painted[..., :3] - wanted)
    assert difference.max() <= most
    assert difference.mean() <= mean
    assert wanted.std() > 10  # and there was something to paint


def test_the_style_is_an_input_and_not_in_the_file(bank: Bank, models: dict[str, bytes]) -> None:
    onnx = pytest.importorskip("onnx")
    length = bank.styles.shape[1]
    for model in models.values():
        graph = onnx.load_from_string(model).graph
        shapes = {
            value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
            for value in (*graph.input, *graph.output)
        }
        assert shapes["style"] == [1, length]
        assert (shapes["frame"][0], shapes["frame"][3]) == (1, 3)
        assert (shapes["picture"][0], shapes["picture"][3]) == (1, 4)
        assert all(isinstance(side, str) for side in shapes["frame"][1:3])  # free
        held = [onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer]
        assert not [array.shape for array in held if length in array.shape]
        assert (
            sum(array.size for array in held)
            < sum(weight.size for weight in bank.network.values()) + 200
        )  # the weights, and numbers such as 255, but no vector


def test_it_computes_in_the_precision_that_it_names(models: dict[str, bytes]) -> None:
    """All convolutions in fp16; all statistics, that is what a mean is taken of, in fp32."""
    onnx = pytest.importorskip("onnx")
    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(models["fp16"]))
    half, single = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
    types = {v.name: v.type.tensor_type.elem_type for v in model.graph.value_info}
    types |= {t.name: t.data_type for t in model.graph.initializer}
    of = {
        kind: {types[node.input[0]] for node in model.graph.node if node.op_type == kind}
        for kind in ("Conv", "ReduceMean", "Sqrt")
    }
    assert of == {"Conv": {half}, "ReduceMean": {single}, "Sqrt": {single}}


def test_bytes_are_cast_at_the_edges(models: dict[str, bytes]) -> None:
    """TensorRT knows uint8 only there: nothing but a cast may take or give it."""
    onnx = pytest.importorskip("onnx")
    for model in models.values():
        nodes = onnx.load_from_string(model).graph.node
        takers = {node.op_type for node in nodes if "frame" in node.input}
        givers = {node.op_type for node in nodes if "picture" in node.output}
        assert (takers, givers) == ({"Cast"}, {"Cast"})


def test_without_the_exporter_the_sentence_says_what_to_install(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_onnxscript(name: str, *args: object, **more: object) -> object:
        if name.split(".")[0] in {"onnxscript", "onnx_ir"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return imported(name, *args, **more)

    imported = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", no_onnxscript)
    with pytest.raises(
        EngineError, match=r"package onnx\w* is missing; pip install 'murai-show\[n"
    ):
        export(bank)
