"""The stylizers of an NVIDIA GPU: frames from host or device, one CUDA graph for each size.

A frame on the device is a CUDA tensor, (H, W, 3), uint8, RGB.  A picture is the first three
channels of an RGBA tensor with alpha 255, which OpenGL interop copies as it is.

Two copies on the device are the price of a graph, whose addresses are fixed: the frame into the
graph's input, which converts and scales on the way, and the picture out of its output, because the
loop still shows the last one while the next is painted.  At 1080p they read and write 19 and 17 MB.
Whoever reads a picture on another stream waits for that stream before it lets go of the picture:
its memory is then painted again.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from murai_show.cuda_faults import classify, first_line
from murai_show.errors import DeviceLostError, EngineError, MuraiError
from murai_show.frame import Frame
from murai_show.show.sizes import inside
from murai_show.show.timeline import Look, Mix
from murai_show.show.words import Size
from murai_show.style.bank import Bank
from murai_show.style.program import Network, Program, Several, TorchNetwork
from murai_show.style.race import SECONDS, open_fastest
from murai_show.style.together import paint_together
from murai_show.style.vault import content_key, open_vault

KEPT = 8  # graphs: a camera and its slate, each at the sizes of a ladder
_ROUNDS = 3  # before a capture: cuDNN tries its kernels, pools grow, a compiler compiles
_PLAIN, _COMPILED = "plain", "compiled"
log = logging.getLogger(__name__)
T = TypeVar("T")


def find_device(name: str = "cuda") -> torch.device:
    """The device called `name`, with its number.  Raises EngineError when CUDA cannot be used."""
    device = torch.device(name)
    if device.type != "cuda":
        return device
    try:
        torch.cuda.init()
        index = torch.cuda.current_device() if device.index is None else device.index
        torch.cuda.get_device_properties(index)
    except (RuntimeError, AssertionError) as error:
        raise EngineError(f"CUDA cannot be used: {first_line(error)}") from None
    return torch.device("cuda", index)


def as_sentence(what: str, error: BaseException) -> MuraiError:
    """`error` of CUDA as ours: DeviceLostError when the process must end, else EngineError."""
    said = f"{what}: {first_line(error)}"
    if classify(error) == "device":
        return DeviceLostError(f"{said}; the GPU is lost to this process, which ends")
    if classify(error) == "memory":
        return EngineError(f"{said}; paint smaller, or let fewer programs use this GPU")
    return EngineError(said)


class CudaStylizer:
    """Paint with `network`, by default `bank` in torch on `device`, inside `paint`.

    Called from one thread, on a stream of its own; a picture is complete when it is handed over.
    On `device="cpu"` everything is the same in fp32 and NumPy, without graphs, for tests.

    Raises EngineError when CUDA cannot be used or fails, DeviceLostError when this process cannot
    use it any more.  Out of memory, it lets go of all graphs and tries once more; `recoveries`
    counts how often.
    """

    def __init__(
        self, bank: Bank, paint: Size, device: str = "cuda", network: Network | None = None
    ) -> None:
        self.styles = bank.card.names
        self.paint = paint
        self.recoveries = 0
        try:
            self._network = network or TorchNetwork(bank, find_device(device))
            self.device = self._network.device
            self._on_gpu = self.device.type == "cuda"
            self._stream = torch.cuda.Stream(self.device) if self._on_gpu else None
            self._vectors = torch.from_numpy(bank.styles.copy())
            self._mixed = torch.zeros((1, bank.styles.shape[1]), pin_memory=self._on_gpu)
            self._style = torch.zeros(self._mixed.shape, device=self.device)
            if self._on_gpu:
                # Weights and zeros came on the default stream, which ours does not wait for.
                torch.cuda.current_stream(self.device).synchronize()
        except RuntimeError as error:
            raise as_sentence("the painter cannot start", error) from None
        self.engine = self._network.engine
        self._mix: Mix | None = None
        self._staging: dict[int, Tensor] = {}
        self._programs: OrderedDict[Size, Program] = OrderedDict()
        self._batches: OrderedDict[tuple[int, Size], Program | None] = OrderedDict()

    def warm_up(self) -> None:
        """Capture the graph of the paint size and paint once, before the show and not in it."""
        blank = np.zeros((self.paint.height, self.paint.width, 3), np.uint8)
        self(Frame(blank, 0.0, 0.0, 0, "warm-up"), Look(((self.styles[0], 1.0),)))

    def vector(self, mix: Mix) -> Tensor:
        """The style vector of `mix`, shape (1, style_length), on the host.  Raises KeyError."""
        for style, _ in mix:
            if style not in self.styles:
                raise KeyError(style)
        rows = [self._vectors[self.styles.index(style)] * weight for style, weight in mix]
        return torch.stack(rows).sum(0)[None]

    def __call__(self, frame: Frame, look: Look) -> Frame:
        if not look.lit:
            raise ValueError("a dark look is not painted")
        vector = self.vector(look.mix)
        return frame.painted(self._tried(partial(self._painted, frame, look.mix, vector)))

    def paint_all(self, frames: Sequence[Frame], look: Look) -> tuple[Frame, ...]:
        """See Batching.  Where the network takes one frame at a time, they are painted so."""
        if not look.lit:
            raise ValueError("a dark look is not painted")
        vector = self.vector(look.mix)

        def alone(frame: Frame) -> Frame:
            return self(frame, look)

        def several(these: Sequence[Frame], size: Size) -> list[Frame]:
            if not isinstance(self._network, Several):
                return [alone(frame) for frame in these]
            try:
                painted = self._tried(partial(self._all_painted, these, size, look.mix, vector))
            except EngineError as error:  # memory for one may be there where it is not for four
                log.warning("%s; cameras are painted one by one", error)
                painted = self._batches[len(these), size] = None
            if painted is None:
                return [alone(frame) for frame in these]
            return [frame.painted(pixels) for frame, pixels in zip(these, painted, strict=True)]

        return paint_together(frames, self.paint, alone, several)

    def close(self) -> None:
        """Let go of the graphs and their memory.  Safe to call twice."""
        self._programs.clear()
        self._batches.clear()
        self._staging.clear()

    def _tried(self, work: Callable[[], T]) -> T:
        """What `work` gives, on the second try where memory was short on the first."""
        try:
            return work()
        except RuntimeError as error:
            if classify(error) != "memory":
                raise as_sentence("the painter failed", error) from None
            log.warning("the painter: %s; it lets go of its graphs, tries again", first_line(error))
        self._make_room()  # not above: there the error holds on to the memory it failed with
        try:
            return work()
        except RuntimeError as error:
            raise as_sentence("the painter failed", error) from None

    @torch.inference_mode()
    def _painted(self, frame: Frame, mix: Mix, vector: Tensor) -> Tensor | np.ndarray:
        size = inside(Size(frame.width, frame.height), self.paint)
        with self._working():
            self._take_up(mix, vector)
            program = self._program(size)
            program.picture.copy_(_fitted(self._on_device(frame.pixels), size))
            program.run()
            picture = program.painted.clone()[..., :3]
        return self._complete(picture)[0]

    @torch.inference_mode()
    def _all_painted(
        self, frames: Sequence[Frame], size: Size, mix: Mix, vector: Tensor
    ) -> list[Tensor | np.ndarray] | None:
        """`frames`, all painted at `size`, by one program; None where there is none."""
        with self._working():
            self._take_up(mix, vector)
            program = self._batch(len(frames), size)
            if program is None:
                return None
            for place, frame in enumerate(frames):
                # Each through pinned memory of its own: the copy of the one before may still run.
                pixels = self._on_device(frame.pixels, place)
                program.picture[place].copy_(_fitted(pixels, size))
            program.run()
            # Each in memory of its own, as one by one: it is let go when its output is done.
            pictures = [painted.clone()[..., :3] for painted in program.painted]
        return self._complete(*pictures)

    def _take_up(self, mix: Mix, vector: Tensor) -> None:
        """Have the style on the device, in the order of our stream."""
        if mix != self._mix:
            self._mixed.copy_(vector)
            self._style.copy_(self._mixed, non_blocking=True)
            self._mix = mix

    def _complete(self, *pictures: Tensor) -> list[Tensor | np.ndarray]:
        """`pictures`, when they are there; on the CPU as arrays."""
        if self._stream is None:
            return [picture.contiguous().numpy() for picture in pictures]
        # A frame in a slot is complete: whoever takes it needs no event of ours.  This also says
        # that staging memory, style and the camera's tensor are free again.
        self._stream.synchronize()
        return list(pictures)

    def _working(self) -> AbstractContextManager[object]:
        """On our stream; on the CPU there is none."""
        return nullcontext() if self._stream is None else torch.cuda.stream(self._stream)

    def _on_device(self, pixels: Tensor | np.ndarray, place: int = 0) -> Tensor:
        """`pixels`, (H, W, 3), uint8, where the network is; a host's frame goes by pinned memory,
        from which the GPU copies by itself, and of which each `place` of a batch has its own."""
        if isinstance(pixels, Tensor):
            return pixels.to(self.device, non_blocking=True)
        if self._stream is None:
            return torch.from_numpy(pixels if pixels.flags.writeable else pixels.copy())
        staging = self._staging.get(place)
        if staging is None or staging.shape != pixels.shape:
            staging = torch.empty(pixels.shape, dtype=torch.uint8, pin_memory=True)
            self._staging[place] = staging
        staging.numpy()[...] = pixels
        return staging.to(self.device, non_blocking=True)

    def _program(self, size: Size) -> Program:
        """Ready for frames painted at `size`; the sizes used last are kept."""
        if size not in self._programs:
            while len(self._programs) >= KEPT:  # first, so that their memory serves the new one
                self._programs.popitem(last=False)
            program = self._network.program(size, self._style)
            if self._stream is not None:
                program = captured(program, self._stream)
            self._programs[size] = program
        self._programs.move_to_end(size)
        return self._programs[size]

    def _batch(self, count: int, size: Size) -> Program | None:
        """Ready for `count` frames at once; kept beside those for one, so that a batch never costs
        a lone camera its graph.  None where the network paints them quicker one by one."""
        assert isinstance(self._network, Several)
        key = (count, size)
        if key not in self._batches:
            while len(self._batches) >= KEPT:
                self._batches.popitem(last=False)
            program = self._network.several(count, size, self._style)
            if program is not None and self._stream is not None:
                program = captured(program, self._stream)
            self._batches[key] = program
        self._batches.move_to_end(key)
        return self._batches[key]

    def _make_room(self) -> None:
        """Give back all memory that can be had again.  It waits for the device, once."""
        self.recoveries += 1
        self._mix = None
        self._programs.clear()
        self._batches.clear()
        if self._on_gpu:
            torch.cuda.empty_cache()


def captured(program: Program, stream: torch.cuda.Stream) -> Program:
    """`program` with its `run` as one CUDA graph, captured on `stream`, which must be current.

    Not by `torch.cuda.graph`: that waits for the whole device and empties its cache, and a new size
    in mid-show would hold up camera and canvas.  `thread_local`, because a camera's thread may
    allocate meanwhile.  What cannot be captured is launched kernel by kernel, and said once.
    Raises RuntimeError with what CUDA said when it is out of memory or lost.
    """
    for _ in range(_ROUNDS):
        program.run()
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    try:
        graph.capture_begin(capture_error_mode="thread_local")
        try:
            program.run()
        except RuntimeError:
            # The capture must end before anything else runs here; that it fails is no news.
            with contextlib.suppress(RuntimeError):
                graph.capture_end()
            raise
        graph.capture_end()
    except RuntimeError as error:
        if classify(error) != "other":
            raise
        log.warning("no CUDA graph, each kernel is launched by itself: %s", first_line(error))
        return program

    return Program(program.picture, program.painted, graph.replay, holds=program)


def _fitted(pixels: Tensor, size: Size) -> Tensor:
    """`pixels`, (H, W, 3), uint8, at `size`: as they are, or anti-aliased and in whole numbers."""
    if tuple(pixels.shape[:2]) == (size.height, size.width):
        return pixels
    planes = pixels.permute(2, 0, 1)[None]
    if pixels.is_cuda:  # where this kernel knows no bytes
        planes = planes.float()
    scaled = F.interpolate(
        planes, (size.height, size.width), mode="bilinear", antialias=True, align_corners=False
    )
    if pixels.is_cuda:
        scaled.round_()
    return scaled[0].permute(1, 2, 0)


def open_cuda(
    bank: Bank, paint: Size, device: str = "cuda", *, seconds: float = SECONDS, anew: bool = False
) -> CudaStylizer:
    """`bank` in torch on `device`, warmed up, compiled by torch.compile where that is faster.

    Which it is was measured here before, or is now (or `anew`), for `seconds` each.  Where
    torch.compile does not work, torch paints as it is, and one line says so.  Raises EngineError
    when CUDA cannot be used, DeviceLostError, BankError.
    """
    where = find_device(device)
    openers = {name: partial(_warmed, bank, paint, where, name) for name in (_PLAIN, _COMPILED)}
    file = _memory(bank, paint, where)
    won = open_fastest(openers, file, paint, seconds=seconds, anew=anew)
    log.info("%s: torch %s on CUDA, at %s: %s", bank.name, won.name, paint, won.told)
    return won.stylizer


def gpu_key(device: torch.device) -> str:
    """Eight digits that tell one kind of GPU, or a share of it, and its driver from another."""
    if device.type != "cuda":
        return device.type
    found = torch.cuda.get_device_properties(device)
    known = [found.name, found.major, found.minor, found.multi_processor_count, found.total_memory]
    try:
        driver = Path("/proc/driver/nvidia/version").read_text(encoding="utf-8").splitlines()[0]
    except (OSError, IndexError):
        driver = "unknown"  # as on WSL; an engine that does not fit is refused when it is loaded
    return hashlib.sha256("\n".join(map(str, [*known, driver])).encode()).hexdigest()[:8]


def _warmed(bank: Bank, paint: Size, device: torch.device, name: str) -> CudaStylizer:
    compiled = inside(paint, paint) if name == _COMPILED else None
    network = TorchNetwork(bank, device, compiled=compiled)
    stylizer = CudaStylizer(bank, paint, network=network)
    stylizer.warm_up()
    return stylizer


def _memory(bank: Bank, paint: Size, device: torch.device) -> Path | None:
    """Where it is remembered which was faster; None where nothing can be kept."""
    try:
        folder = open_vault(bank.path)
    except EngineError as error:
        log.info("%s", error)
        return None
    # What torch.compile has built is native code too, and not for /tmp.
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(folder / "compiled"))
    key = f"{content_key(bank)}-{gpu_key(device)}-torch{torch.__version__}-{paint}"
    return folder / f"{bank.path.stem}-{key}.json"
