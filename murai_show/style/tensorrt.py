"""The fastest painter of an NVIDIA GPU: a TensorRT engine, built once for a bank and a GPU, in fp16
or, where `qdq` has made them and their pictures hold, in int8 or fp8.

Written against TensorRT 11: networks are strongly typed (precision is the ONNX graph's), tensors go
by name, work is enqueued by `execute_async_v3`.  TensorRT is imported when an engine is opened, not
before.  It tells failures by None or False and says why in its log, so each is asked for here.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import torch
from torch import Tensor

from murai_show.cuda_faults import classify, first_line
from murai_show.errors import EngineError
from murai_show.show.sizes import inside
from murai_show.show.words import Size
from murai_show.style.bank import Bank
from murai_show.style.cuda import CudaStylizer, as_sentence, find_device, gpu_key
from murai_show.style.judge import Verdict
from murai_show.style.onnx import FRAME, PICTURE, SMALLEST, STYLE, export
from murai_show.style.program import Program
from murai_show.style.qdq import EIGHTS, Eight, Narrow, find_narrow
from murai_show.style.race import open_fastest
from murai_show.style.vault import content_key, keep, open_vault, read_trusted

LEAST_VERSION = 11
Precision = Literal["fp16", "int8", "fp8"]
WIDE: Final = "fp16"  # what paints where nothing else was made
FP8_SINCE = (8, 9)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choice:
    """What paints `bank` here, as `stylizer`: its precision, `milliseconds` a frame of each that
    may, where there was a choice, and how all were judged; kept in `folder`."""

    folder: Path
    stylizer: CudaStylizer
    precision: str
    milliseconds: Mapping[str, float]
    verdicts: Mapping[str, Verdict]

    def why(self, size: Size) -> str:
        """`TensorRT int8 at 1920x1080: fp16 1.20 ms, int8 0.90 ms`"""
        told = ", ".join(f"{name} {ms:.2f} ms" for name, ms in self.milliseconds.items())
        return f"TensorRT {self.precision} at {size}" + (f": {told}" if told else "")


def open_tensorrt(
    bank: Bank,
    paint: Size,
    device: str = "cuda",
    *,
    precision: Precision | None = None,
    watch: Callable[[str], None] = log.info,
    anew: bool = False,
) -> CudaStylizer:
    """`bank` as a TensorRT engine for paintings up to `paint`, warmed up.

    It is `precision`; None leaves it to `choose_tensorrt`.  The engine is the one that was kept, or
    is built, in minutes, and kept; `watch` is told so.  Raises EngineError when TensorRT is not
    here, or an engine cannot be built or run: `cuda` can paint then.  Raises DeviceLostError,
    BankError.
    """
    if precision is None:
        return choose_tensorrt(bank, paint, device, watch=watch, anew=anew).stylizer
    trt, where = load_tensorrt(), find_device(device)
    narrow = None if precision == WIDE else find_narrow(bank, precision)
    if precision != WIDE and narrow is None:
        raise EngineError(f"{bank.name} has no {precision}: murai-show build makes it")
    return _warmed(trt, _Wanted(bank, paint, where, precision, narrow), watch, anew)


def choose_tensorrt(
    bank: Bank,
    paint: Size,
    device: str = "cuda",
    *,
    watch: Callable[[str], None] = log.info,
    anew: bool = False,
) -> Choice:
    """The fastest of fp16 and what eight bits were made and judged good, as measured here before,
    or now (or `anew`).  Where nothing was made it is fp16.  Raises as `open_tensorrt` does."""
    trt, where = load_tensorrt(), find_device(device)
    narrows = {name: found for name in runnable(where) if (found := find_narrow(bank, name))}
    verdicts = {WIDE: Verdict(good=True)} | {name: n.verdict for name, n in narrows.items()}
    openers = {
        name: partial(
            _warmed, trt, _Wanted(bank, paint, where, name, narrows.get(name)), watch, anew
        )
        for name, verdict in verdicts.items()
        if verdict.good
    }
    folder = open_vault(bank.path)
    forms = "+".join(_form(name, narrows.get(name)) for name in openers)
    file = folder / f"{engine_name(bank, paint, where, trt.__version__, forms)}.json"
    won = open_fastest(openers, file, paint, anew=anew)
    choice = Choice(folder, won.stylizer, won.name, won.milliseconds, verdicts)
    if len(openers) > 1:
        log.info("%s: %s", bank.name, choice.why(paint))
    return choice


def runnable(device: torch.device) -> tuple[Eight, ...]:
    """What eight bits `device` has: fp8 came with Ada, compute capability 8.9."""
    if device.type == "cuda" and torch.cuda.get_device_capability(device) < FP8_SINCE:
        return ("int8",)
    return EIGHTS


def load_tensorrt() -> Any:
    """The module `tensorrt`.  Raises EngineError where it is missing, broken or too old."""
    try:
        import tensorrt
    except ModuleNotFoundError as error:
        if error.name != "tensorrt":
            raise EngineError(f"TensorRT cannot be loaded: {error}") from None
        raise EngineError("TensorRT is not installed; pip install 'murai-show[nvidia]'") from None
    except (ImportError, OSError) as error:  # libnvinfer is missing, or does not load
        raise EngineError(f"TensorRT cannot be loaded: {first_line(error)}") from None
    trt: Any = tensorrt
    if int(trt.__version__.split(".")[0]) < LEAST_VERSION:
        raise EngineError(f"TensorRT {trt.__version__} is too old; {LEAST_VERSION} or newer is due")
    return trt


def engine_name(
    bank: Bank, paint: Size, device: torch.device, version: str, form: str = WIDE
) -> str:
    """`montreal-0123456789ab-89abcdef-tensorrt11.4.0.106-1280x720-fp16.engine`: content, GPU and
    driver, TensorRT, the largest painting it is built for, and what the convolutions compute in."""
    key = f"{content_key(bank)}-{gpu_key(device)}-tensorrt{version}"
    return f"{bank.path.stem}-{key}-{inside(paint, paint)}-{form}.engine"


class TensorrtNetwork:
    """An engine on `device`.  `plan` is what TensorRT serialised; from nowhere but the vault.

    Raises EngineError when it is not for this GPU, this driver and this TensorRT.
    """

    engine = "tensorrt"

    def __init__(self, trt: Any, plan: bytes, device: torch.device) -> None:
        self.device = device
        self._log = make_log(trt)
        self._runtime = made_by(self._log, "no runtime", trt.Runtime, self._log)
        self._engine = made_by(
            self._log, "the engine cannot be read", self._runtime.deserialize_cuda_engine, plan
        )

    def program(self, size: Size, style: Tensor) -> Program:
        """See Network.  One context for each size: a captured graph holds the context's memory."""
        context = made_by(self._log, "no context", self._engine.create_execution_context)
        shape = (1, size.height, size.width)
        frame = torch.zeros((*shape, 3), dtype=torch.uint8, device=self.device)
        picture = torch.zeros((*shape, 4), dtype=torch.uint8, device=self.device)
        if not context.set_input_shape(FRAME, tuple(frame.shape)):
            raise RuntimeError(self._log.why(f"{size} is not a size that it was built for"))
        for name, tensor in ((FRAME, frame), (STYLE, style), (PICTURE, picture)):
            if not context.set_tensor_address(name, tensor.data_ptr()):
                raise RuntimeError(self._log.why(f"it has no tensor called {name}"))
        if missing := context.infer_shapes():
            raise RuntimeError(self._log.why(f"it wants {', '.join(missing)} too"))

        def run() -> None:
            stream = torch.cuda.current_stream(self.device).cuda_stream
            if not context.execute_async_v3(stream):
                raise RuntimeError(self._log.why("it did not run"))

        return Program(frame[0], picture[0], run, holds=(context, style))


def build_plan(
    trt: Any, model: bytes, largest: Size, known_timings: bytes = b""
) -> tuple[bytes, bytes]:
    """Build an engine of the ONNX `model` for frames of 16x16 to `largest`, best at `largest`.

    Returns the serialised engine and timing cache; `known_timings` is an earlier one, which makes
    it quicker.  Raises EngineError, DeviceLostError.
    """
    logger = make_log(trt)
    builder = made_by(logger, "no builder", trt.Builder, logger)
    network = builder.create_network(0)  # 0: no flags; strongly typed, batch as in the graph
    parser = trt.OnnxParser(network, logger)  # it owns the weights until the engine is built
    if not parser.parse(model):
        said = parser.get_error(0).desc() if parser.num_errors else logger.why("no reason given")
        raise EngineError(f"TensorRT cannot read the network: {said}")
    config = builder.create_builder_config()
    profile = builder.create_optimization_profile()
    least, most = (1, SMALLEST, SMALLEST, 3), (1, largest.height, largest.width, 3)
    profile.set_shape(FRAME, least, most, most)
    if config.add_optimization_profile(profile) < 0:
        raise EngineError(f"TensorRT takes no sizes up to {largest}: {logger.why('')}")
    timings = _timings(config, known_timings)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        trouble = RuntimeError(logger.why("it gave no reason"))
        raise as_sentence("TensorRT cannot build the engine", trouble)
    return bytes(plan), bytes(timings.serialize())


def make_log(trt: Any) -> Any:
    """A logger for TensorRT that remembers the last error; it may be called from any thread.

    `why(otherwise)` gives and forgets it.
    """

    class Log(trt.ILogger):
        def __init__(self) -> None:
            super().__init__()
            self.last = ""

        def log(self, severity: Any, msg: str) -> None:
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
                self.last = msg.strip()
                log.debug("TensorRT: %s", msg)

        def why(self, otherwise: str) -> str:
            said, self.last = self.last, ""
            return said or otherwise

    return Log()


def made_by(logger: Any, otherwise: str, make: Callable[..., Any], *args: Any) -> Any:
    """What `make` makes.  Raises RuntimeError with TensorRT's reason when that is nothing: it gives
    None, and a constructor of its bindings TypeError."""
    try:
        made = make(*args)
    except TypeError as error:
        raise RuntimeError(logger.why(f"{otherwise}: {first_line(error)}")) from None
    if made is None:
        raise RuntimeError(logger.why(otherwise))
    return made


@dataclass(frozen=True)
class _Wanted:
    """An engine: of which bank, for how large a painting, where, and computing in what; `narrow`
    where that is not fp16."""

    bank: Bank
    paint: Size
    device: torch.device
    precision: str
    narrow: Narrow | None


def _form(precision: str, narrow: Narrow | None) -> str:
    """`fp16`, or `int8.01234567`: eight bits may be made again, of other frames."""
    if narrow is None:
        return precision
    return f"{precision}.{hashlib.sha256(narrow.model).hexdigest()[:8]}"


def _warmed(trt: Any, wanted: _Wanted, watch: Callable[[str], None], anew: bool) -> CudaStylizer:
    """Opened and painted with once.  Raises EngineError, DeviceLostError, BankError."""
    try:
        with torch.cuda.device(wanted.device):
            network = _open_network(trt, wanted, watch, anew)
        stylizer = CudaStylizer(wanted.bank, wanted.paint, network=network)
    except RuntimeError as error:
        raise as_sentence("the TensorRT engine cannot be opened", error) from None
    stylizer.warm_up()
    return stylizer


def _open_network(
    trt: Any, wanted: _Wanted, watch: Callable[[str], None], anew: bool
) -> TensorrtNetwork:
    """From the vault, or built.  Raises EngineError, or RuntimeError with what CUDA said."""
    bank, paint, device = wanted.bank, wanted.paint, wanted.device
    vault = open_vault(bank.path)
    form = _form(wanted.precision, wanted.narrow)
    file = vault / engine_name(bank, paint, device, trt.__version__, form)
    if not anew and (plan := read_trusted(file)) is not None:
        try:
            return TensorrtNetwork(trt, plan, device)
        except RuntimeError as error:
            if classify(error) in ("memory", "device"):
                raise
            watch(f"{file.name} is not used: {first_line(error)}")
    watch(
        f"{bank.name}: its TensorRT engine in {wanted.precision} is built for this GPU, once, "
        "in some minutes"
    )
    timings = vault / f"timings-{gpu_key(device)}-tensorrt{trt.__version__}"
    model = export(bank) if wanted.narrow is None else wanted.narrow.model
    plan, known = build_plan(trt, model, inside(paint, paint), read_trusted(timings) or b"")
    for path, data in ((file, plan), (timings, known)):
        _keep(path, data)
    return TensorrtNetwork(trt, plan, device)


def _keep(path: Path, data: bytes) -> None:
    try:
        keep(path, data)
    except OSError as error:
        log.warning("%s cannot be kept and will be built again: %s", path.name, error.strerror)


def _timings(config: Any, known: bytes) -> Any:
    """A timing cache, attached to `config`: `known`, or an empty one where that does not fit."""
    for data in (known, b""):
        cache = config.create_timing_cache(data)
        if cache is not None and config.set_timing_cache(cache, ignore_mismatch=False):
            return cache
    raise EngineError("TensorRT takes no timing cache, not even an empty one")
