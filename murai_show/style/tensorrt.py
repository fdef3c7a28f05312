"""The fastest painter of an NVIDIA GPU: a TensorRT engine, built once for a bank and a GPU.

Written against TensorRT 11: networks are strongly typed (precision is the ONNX graph's), tensors go
by name, work is enqueued by `execute_async_v3`.  TensorRT is imported when an engine is opened, not
before.  It tells failures by None or False and says why in its log, so each is asked for here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from murai_show.cuda_faults import classify, first_line
from murai_show.errors import EngineError
from murai_show.show.sizes import inside
from murai_show.show.words import Size
from murai_show.style.bank import Bank
from murai_show.style.cuda import CudaStylizer, Program, as_sentence, find_device, gpu_key
from murai_show.style.onnx import FRAME, PICTURE, SMALLEST, STYLE, export
from murai_show.style.vault import content_key, keep, open_vault, read_trusted

LEAST_VERSION = 11
log = logging.getLogger(__name__)


def open_tensorrt(
    bank: Bank,
    paint: Size,
    device: str = "cuda",
    *,
    watch: Callable[[str], None] = log.info,
    anew: bool = False,
) -> CudaStylizer:
    """`bank` as a TensorRT engine for paintings up to `paint`, warmed up.

    The engine is the one that was kept, or is built, in minutes, and kept; `watch` is told so.
    Raises EngineError when TensorRT is not here, or an engine cannot be built or run: `cuda` can
    paint then.  Raises DeviceLostError, BankError.
    """
    trt = load_tensorrt()
    where = find_device(device)
    try:
        with torch.cuda.device(where):
            network = _open_network(trt, bank, paint, where, watch, anew)
        stylizer = CudaStylizer(bank, paint, network=network)
    except RuntimeError as error:
        raise as_sentence("the TensorRT engine cannot be opened", error) from None
    stylizer.warm_up()
    return stylizer


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


def engine_name(bank: Bank, paint: Size, device: torch.device, version: str) -> str:
    """`montreal-0123456789ab-89abcdef-tensorrt11.4.0.106-1280x720.engine`: content, GPU and driver,
    TensorRT, and the largest painting it is built for."""
    key = f"{content_key(bank)}-{gpu_key(device)}-tensorrt{version}"
    return f"{bank.path.stem}-{key}-{inside(paint, paint)}.engine"


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


def _open_network(
    trt: Any,
    bank: Bank,
    paint: Size,
    device: torch.device,
    watch: Callable[[str], None],
    anew: bool,
) -> TensorrtNetwork:
    """From the vault, or built.  Raises EngineError, or RuntimeError with what CUDA said."""
    vault = open_vault(bank.path)
    file = vault / engine_name(bank, paint, device, trt.__version__)
    if not anew and (plan := read_trusted(file)) is not None:
        try:
            return TensorrtNetwork(trt, plan, device)
        except RuntimeError as error:
            if classify(error) in ("memory", "device"):
                raise
            watch(f"{file.name} is not used: {first_line(error)}")
    watch(f"{bank.path.stem}: its TensorRT engine is built for this GPU, once, in some minutes")
    timings = vault / f"timings-{gpu_key(device)}-tensorrt{trt.__version__}"
    model = export(bank)
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
