"""The stylizer of a bare CPU: OpenVINO, in fp32, bf16 or int8.  Needs no torch at run time."""

from __future__ import annotations

import os
import sys
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from murai_show.errors import EngineError
from murai_show.frame import Frame
from murai_show.show.sizes import inside
from murai_show.show.timeline import Look, Mix
from murai_show.show.words import Size
from murai_show.style.bank import Bank

# OpenVINO and NNCF would tell their maker over the net what they did.  A kiosk does not.
sys.modules.setdefault("openvino_telemetry", None)  # pyright: ignore[reportArgumentType]

import openvino as ov  # noqa: E402 - after the line above

KEPT = 8  # compiled sizes: a camera and its slate, each at the sizes of a ladder
# What the CPU computes in where the graph says fp32; left alone, OpenVINO takes bf16 wherever it
# can, also where that is slower.
HINTS = {"fp32": "f32", "int8": "f32", "bf16": "bf16"}


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
        pixels = frame.pixels
        if size != (frame.width, frame.height):
            pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))
        # Both are used where they lie: OpenVINO reads the camera's pixels and writes the picture's,
        # and takes no array that cannot be written.
        pixels = np.require(pixels, requirements=("C", "W"))[None]
        painted = np.empty_like(pixels)
        request = self._request(size)
        request.set_input_tensor(0, ov.Tensor(pixels, shared_memory=True))
        request.set_input_tensor(1, ov.Tensor(vector, shared_memory=True))
        request.set_output_tensor(ov.Tensor(painted, shared_memory=True))
        request.infer()
        return frame.painted(painted[0])

    def close(self) -> None:
        """Let go of what was compiled.  Safe to call twice."""
        self._requests.clear()

    def _read(self) -> ov.Model:
        try:
            return self._core.read_model(self.program.graph)
        except RuntimeError as error:
            raise EngineError(f"{self.program.graph}: {_last_line(error)}") from None

    def _request(self, size: Size) -> ov.InferRequest:
        """Ready for frames of `size`; the sizes used last are kept."""
        if size not in self._requests:
            self._requests[size] = self._compile(size)
            while len(self._requests) > KEPT:
                self._requests.popitem(last=False)
        self._requests.move_to_end(size)
        return self._requests[size]

    def _compile(self, size: Size) -> ov.InferRequest:
        graph = self._graph.clone()
        graph.reshape({0: [1, size.height, size.width, 3], 1: list(graph.inputs[1].shape)})
        wanted = {
            "INFERENCE_PRECISION_HINT": HINTS[self.program.precision],
            "INFERENCE_NUM_THREADS": self.program.threads,
            "PERFORMANCE_HINT": "LATENCY",
        }
        try:
            return self._core.compile_model(graph, "CPU", wanted).create_infer_request()
        except RuntimeError as error:
            raise EngineError(f"{self.program.graph.name}: {_last_line(error)}") from None


def _last_line(error: RuntimeError) -> str:
    """OpenVINO says where in its code it was, line by line, and last what went wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "OpenVINO gave no reason"
