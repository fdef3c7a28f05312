"""The ONNX model in eight bits for TensorRT: int8 or fp8, by Q/DQ nodes, judged by its pictures.

TensorRT takes eight bits only where the graph says so: a QuantizeLinear and a DequantizeLinear
before each convolution and on its weights (symmetric: it knows no zero points).  Norms, sums and
up-sampling stay as they were.  ONNX Runtime quantises the model, and runs it on the CPU, for the
judge; a GPU is not needed here.
"""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from murai_show.cuda_faults import first_line
from murai_show.errors import EngineError
from murai_show.frame import Frame
from murai_show.show.timeline import Look
from murai_show.show.words import Size
from murai_show.style.bank import Bank
from murai_show.style.judge import Practice, Remembered, Verdict, judge, read_verdict, settle
from murai_show.style.onnx import FRAME, PICTURE, STYLE, export
from murai_show.style.vault import content_key, keep, open_vault, read_trusted

Eight = Literal["int8", "fp8"]
EIGHTS: tuple[Eight, ...] = ("int8", "fp8")
FORMAT = 1
_LARGEST = {"int8": 127.0, "fp8": 448.0}  # of E4M3: OCP 8-bit floating point, 2023, table 1
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Narrow:
    """`model` is the ONNX of a bank in eight bits, serialised; `verdict` tells whether it may
    paint."""

    model: bytes
    verdict: Verdict


def find_narrow(bank: Bank, precision: Eight) -> Narrow | None:
    """What was made and judged before for `bank` as it is now.  Raises EngineError where nothing
    can be kept."""
    facts, model = (read_trusted(path) for path in _files(bank, precision))
    try:
        found = json.loads(facts or b"{}")
        if found["murai_qdq"] != FORMAT or model is None:
            return None
        if found["sha256"] != hashlib.sha256(model).hexdigest():
            return None
        return Narrow(model, read_verdict(found["verdict"]))
    except (ValueError, KeyError, TypeError):
        return None


def make_narrow(
    bank: Bank, precision: Eight, frames: Practice, watch: Callable[[str], None]
) -> Narrow:
    """Quantise `bank`, judge it on frames that it was not fitted to, and keep both.

    Raises EngineError when ONNX Runtime is missing or fails, or nothing can be kept; BankError.
    """
    from murai_show.style.pytorch import PytorchStylizer

    wide_model = export(bank)
    names = convolutions(wide_model)
    height, width = frames.unseen[0].shape[:2]
    reference = Remembered(PytorchStylizer(bank, Size(width, height)))
    made = b""

    def make(wide: Sequence[str]) -> Verdict:
        nonlocal made
        made = quantise(wide_model, precision, frames.seen, bank.styles, wide)
        return judge(reference, Rehearsal(bank, made), frames, tuple(wide))

    # Fp8 has three bits behind the point: too few for what the first one reads, a camera's bytes.
    suspects = (names[-1], names[0]) if precision == "fp8" else (names[-1],)
    try:
        verdict = settle(names, make, lambda what: watch(f"{precision}: {what}"), suspects)
    except ImportError as error:  # the judge's scikit-image
        raise _missing(error) from None
    facts = {
        "murai_qdq": FORMAT,
        "sha256": hashlib.sha256(made).hexdigest(),
        "verdict": asdict(verdict),
    }
    told, file = _files(bank, precision)
    try:
        keep(file, made)
        keep(told, json.dumps(facts, indent=1).encode())
    except OSError as error:
        raise EngineError(f"{file} cannot be written: {error.strerror}") from None
    return Narrow(made, verdict)


def convolutions(model: bytes) -> list[str]:
    """The convolutions of `model`, from the first to the last, by the names of their modules."""
    return list(_nodes(_loaded(model)))


def quantise(
    model: bytes,
    precision: Eight,
    frames: Sequence[np.ndarray],
    styles: np.ndarray,
    wide: Sequence[str] = (),
) -> bytes:
    """`model`, of `export`, with its convolutions in eight bits, except those named in `wide`.

    A convolution's input gets one scale, seen on `frames`, each (H, W, 3), uint8, painted in one of
    `styles`, (styles, style_length), in turn; its weights one for each channel.  The range of an
    input is the mean of the frames' own: for the extremes of all, int8 has too few steps (of a
    trained bank's styles SSIM 0.62 to 0.81 is left, against 0.93 to 0.96).  Raises EngineError.
    """
    quantization = _quantization()
    loaded = _loaded(model)
    nodes = _nodes(loaded)
    if set(nodes) <= set(wide):  # it would find nothing to do, and say so
        return model
    quantization.quant_utils.add_pre_process_metadata(loaded)  # or it advises to pre-process
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "narrow.onnx"
        with _told(f"{precision} cannot be made"):
            quantization.quantize_static(
                loaded,
                file,
                _Shown(frames, styles),
                quant_format=quantization.QuantFormat.QDQ,
                op_types_to_quantize=["Conv"],
                nodes_to_exclude=[nodes[name] for name in wide],
                per_channel=True,
                activation_type=quantization.QuantType.QInt8,
                weight_type=quantization.QuantType.QInt8,
                extra_options={
                    "ActivationSymmetric": True,
                    "AddQDQPairToWeight": True,
                    "CalibMovingAverage": True,
                    "OpTypesToExcludeOutputQuantization": ["Conv"],
                    "QuantizeBias": False,
                    "WeightSymmetric": True,
                },
            )
        narrow = file.read_bytes()
    return _as_fp8(narrow) if precision == "fp8" else narrow


class Rehearsal:
    """A Stylizer for the judge: what TensorRT is to compute, by ONNX Runtime on the CPU.

    Frames have sides in steps of 4.  Raises EngineError when the model cannot be run.
    """

    engine = "onnx"

    def __init__(self, bank: Bank, model: bytes) -> None:
        self.styles = bank.card.names
        self._vectors = dict(zip(bank.card.names, bank.styles, strict=True))
        self._session = _session(model)

    def __call__(self, frame: Frame, look: Look) -> Frame:
        vector = np.sum([self._vectors[style] * share for style, share in look.mix], axis=0)
        given = {FRAME: frame.pixels[None], STYLE: vector[None].astype(np.float32)}
        with _told("ONNX Runtime cannot paint"):
            (picture,) = self._session.run([PICTURE], given)
        return frame.painted(picture[0, ..., :3])

    def close(self) -> None:
        """Nothing to free: the session goes with the object."""


class _Shown:
    """What ONNX Runtime reads frame by frame: its CalibrationDataReader."""

    def __init__(self, frames: Sequence[np.ndarray], styles: np.ndarray) -> None:
        self._left: Iterator[dict[str, np.ndarray]] = (
            {FRAME: frame[None], STYLE: styles[i % len(styles)][None].astype(np.float32)}
            for i, frame in enumerate(frames)
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._left, None)


def _as_fp8(model: bytes) -> bytes:
    """The Q/DQ nodes of an int8 `model` with the same ranges in E4M3.

    ONNX Runtime's own way to fp8 takes its scales from standard deviations, not from ranges, and
    fails on values in fp16; it runs such a model, though.
    """
    import onnx

    loaded = _loaded(model)
    quantisers = [node for node in loaded.graph.node if node.op_type == "QuantizeLinear"]
    scales = {node.input[1] for node in quantisers}
    zeros = {node.input[2] for node in quantisers}
    factor = _LARGEST["int8"] / _LARGEST["fp8"]
    for tensor in loaded.graph.initializer:
        if tensor.name in scales:
            scale = onnx.numpy_helper.to_array(tensor)
            narrow = (scale.astype(np.float32) * factor).astype(scale.dtype)
            tensor.CopyFrom(onnx.numpy_helper.from_array(narrow, tensor.name))
        elif tensor.name in zeros:
            count = int(np.prod(tensor.dims, dtype=int))
            kind = onnx.TensorProto.FLOAT8E4M3FN
            zero = onnx.helper.make_tensor(tensor.name, kind, tensor.dims, bytes(count), raw=True)
            tensor.CopyFrom(zero)
    return loaded.SerializeToString()


def _files(bank: Bank, precision: Eight) -> tuple[Path, Path]:
    """(what is known of it, the model)"""
    stem = open_vault(bank.path) / f"{bank.path.stem}-{content_key(bank)}-{precision}"
    return stem.with_name(f"{stem.name}.json"), stem.with_name(f"{stem.name}.onnx")


def _nodes(model: Any) -> dict[str, str]:
    """The convolutions' modules, such as `blocks.0`, and their nodes, in the order of painting."""
    return {
        node.input[1].removeprefix("network.network.").removesuffix(".weight"): node.name
        for node in model.graph.node
        if node.op_type == "Conv"
    }


def _loaded(model: bytes) -> Any:
    try:
        import onnx
    except ImportError as error:
        raise _missing(error) from None
    return onnx.load_from_string(model)


def _quantization() -> Any:
    try:
        from onnxruntime import quantization
    except ImportError as error:
        raise _missing(error) from None
    return quantization


def _session(model: bytes) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise _missing(error) from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors: it warns of what fp16 costs a CPU
    with _told("ONNX Runtime cannot read the network"):
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


@contextmanager
def _told(what: str) -> Iterator[None]:
    """ONNX Runtime's exceptions descend from Exception alone, each for itself."""
    try:
        yield
    except Exception as error:
        raise EngineError(f"{what}: {first_line(error)}") from error


def _missing(error: ImportError) -> EngineError:
    package = (error.name or str(error)).split(".")[0]
    return EngineError(
        f"eight bits are made with ONNX Runtime, and the package {package} is missing; "
        "pip install onnx onnxruntime scikit-image"
    )
