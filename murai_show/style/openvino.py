"""The stylizer of a bare CPU: OpenVINO, in fp32, bf16 or int8.  Needs no torch at run time."""

from __future__ import annotations

import logging
import os
import sys
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from murai_show.errors import EngineError
from murai_show.frame import Frame
from murai_show.show.sizes import inside
from murai_show.show.timeline import Look, Mix
from murai_show.show.words import Size
from murai_show.style.bank import Bank
from murai_show.style.together import paint_together

# OpenVINO and NNCF would tell their maker over the net what they did.  A kiosk does not.
sys.modules.setdefault("openvino_telemetry", None)  # pyright: ignore[reportArgumentType]

import openvino as ov  # noqa: E402 - after the line above

log = logging.getLogger(__name__)

# Compiled sizes: a camera and its slate, each at the sizes of a ladder; and as many for batches.
KEPT = 8
# What the CPU computes in where the graph says fp32; left alone, OpenVINO takes bf16 wherever it
# can, also where that is slower.
HINTS = {"fp32": "f32", "bf16": "bf16", "int8": "f32", "int8-bf16": "bf16"}


@dataclass(frozen=True)
class Program:
    """What is compiled: a graph's file, the precision it is run in, and on how many threads.

    `cache` is the folder where OpenVINO keeps what it has compiled, None to compile anew.
    """

    graph: Path
    precision: str
    threads: int
    cache: Path | None = None


def painting_threads(cores: int | None = None) -> int:
    """Threads for the painter: from three cores on, one is left to decoding and the canvas."""
    found = len(os.sched_getaffinity(0)) if cores is None else cores
    return found if found <= 2 else found - 1


class OpenvinoStylizer:
    """Paint with `bank` as `program` says, inside `paint`, keeping the frame's aspect.

    Raises EngineError when the graph cannot be read or compiled.
    """

    engine = "openvino"

    def __init__(self, bank: Bank, program: Program, paint: Size) -> None:
        self.styles = bank.card.names
        self.paint = paint
        self.program = program
        self._vectors = dict(zip(bank.card.names, bank.styles, strict=True))
        self._core = ov.Core()
        if program.cache is not None:
            self._core.set_property({"CACHE_DIR": str(program.cache)})
        self._graph = self._read()
        self._requests: OrderedDict[Size, ov.InferRequest] = OrderedDict()
        self._batches: OrderedDict[tuple[int, Size], ov.InferRequest | None] = OrderedDict()

    def warm_up(self) -> None:
        """Compile for the paint size and paint once, before the show and not in it."""
        blank = np.zeros((self.paint.height, self.paint.width, 3), np.uint8)
        self(Frame(blank, 0.0, 0.0, 0, "warm-up"), Look(((self.styles[0], 1.0),)))

    def vector(self, mix: Mix) -> np.ndarray:
        """The style vector of `mix`, shape (1, style_length).  Raises KeyError."""
        mixed = np.zeros_like(next(iter(self._vectors.values())))
        for style, weight in mix:
            mixed += self._vectors[style] * np.float32(weight)
        return mixed[None]

    def __call__(self, frame: Frame, look: Look) -> Frame:
        if not look.lit:
            raise ValueError("a dark look is not painted")
        vector = self.vector(look.mix)
        size = inside(Size(frame.width, frame.height), self.paint)
        # Both are used where they lie: OpenVINO reads the camera's pixels and writes the picture's,
        # and takes no array that cannot be written.
        pixels = np.require(_fitted(frame, size), requirements=("C", "W"))[None]
        return frame.painted(_infer(self._request(size), pixels, vector)[0])

    def paint_all(self, frames: Sequence[Frame], look: Look) -> tuple[Frame, ...]:
        """See Batching.  The first call with another number of frames compiles for it."""
        alone, several = partial(self.__call__, look=look), partial(self._several, look)
        return paint_together(frames, self.paint, alone, several)

    def _several(self, look: Look, frames: Sequence[Frame], size: Size) -> list[Frame]:
        if not look.lit:
            raise ValueError("a dark look is not painted")
        vector = self.vector(look.mix)
        request = self._batch(len(frames), size)
        if request is None:
            return [self(frame, look) for frame in frames]
        pixels = np.stack([_fitted(frame, size) for frame in frames])
        painted = _infer(request, pixels, vector)
        # A copy each: one picture that is still shown must not hold on to the whole batch.
        return [frame.painted(p.copy()) for frame, p in zip(frames, painted, strict=True)]

    def close(self) -> None:
        """Let go of what was compiled.  Safe to call twice."""
        self._requests.clear()
        self._batches.clear()

    def _read(self) -> ov.Model:
        try:
            return self._core.read_model(self.program.graph)
        except RuntimeError as error:
            raise EngineError(f"{self.program.graph}: {_last_line(error)}") from None

    def _request(self, size: Size) -> ov.InferRequest:
        """Ready for frames of `size`; the sizes used last are kept."""
        if size not in self._requests:
            self._requests[size] = self._compile(1, size)
            while len(self._requests) > KEPT:
                self._requests.popitem(last=False)
        self._requests.move_to_end(size)
        return self._requests[size]

    def _batch(self, count: int, size: Size) -> ov.InferRequest | None:
        """Ready for `count` frames of `size` at once; kept beside the single ones, so that a batch
        never costs a lone camera its engine.  None where it cannot be compiled."""
        key = (count, size)
        if key not in self._batches:
            try:
                self._batches[key] = self._compile(count, size)
            except EngineError as error:
                log.warning("%s; cameras are painted one by one", error)
                self._batches[key] = None
            while len(self._batches) > KEPT:
                self._batches.popitem(last=False)
        self._batches.move_to_end(key)
        return self._batches[key]

    def _compile(self, count: int, size: Size) -> ov.InferRequest:
        graph = self._graph.clone()
        wanted = {
            "INFERENCE_PRECISION_HINT": HINTS[self.program.precision],
            "INFERENCE_NUM_THREADS": self.program.threads,
            "PERFORMANCE_HINT": "LATENCY",
        }
        try:
            graph.reshape({0: [count, size.height, size.width, 3], 1: list(graph.inputs[1].shape)})
            return self._core.compile_model(graph, "CPU", wanted).create_infer_request()
        except RuntimeError as error:
            raise EngineError(f"{self.program.graph.name}: {_last_line(error)}") from None


def _fitted(frame: Frame, size: Size) -> np.ndarray:
    """The frame's pixels at `size`, (H, W, 3), uint8."""
    if size == (frame.width, frame.height):
        return frame.pixels
    return np.asarray(Image.fromarray(frame.pixels).resize(size, Image.Resampling.BILINEAR))


def _infer(request: ov.InferRequest, pixels: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """`pixels`, (N, H, W, 3), uint8, contiguous and writable, painted."""
    painted = np.empty_like(pixels)
    request.set_input_tensor(0, ov.Tensor(pixels, shared_memory=True))
    request.set_input_tensor(1, ov.Tensor(vector, shared_memory=True))
    request.set_output_tensor(ov.Tensor(painted, shared_memory=True))
    request.infer()
    return painted


def _last_line(error: RuntimeError) -> str:
    """OpenVINO says where in its code it was, line by line, and last what went wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "OpenVINO gave no reason"
