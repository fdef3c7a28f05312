"""The CUDA stylizer: its logic on the CPU, its graphs against recording fakes, its pictures on a
GPU where there is one."""

from __future__ import annotations

import inspect
import logging
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from murai_show.errors import DeviceLostError, EngineError
from murai_show.frame import Frame
from murai_show.show.timeline import Look
from murai_show.show.words import Size
from murai_show.style import cuda, race
from murai_show.style.bank import Bank, kernel_sets, read_bank
from murai_show.style.cuda import KEPT, CudaStylizer, captured, open_cuda
from murai_show.style.program import Program, TorchNetwork
from murai_show.style.pytorch import PytorchStylizer
from tests.banks import write_small_bank
from tests.contract.test_stylizer import (  # noqa: F401 - what every engine owes the loop
    PAINT,
    a_frame,
    test_a_dark_look_is_refused,
    test_a_fade_walks_from_one_style_to_the_other,
    test_a_frame_that_cannot_be_written_is_painted,
    test_a_mix_is_taken,
    test_an_unknown_style_is_a_key_error,
    test_frames_of_many_sizes_come_back_in_their_order,
    test_it_paints_inside_the_paint_size_and_keeps_the_moment,
    test_the_frame_is_left_as_it_was,
    test_the_same_frame_gives_the_same_picture,
    test_together_is_as_one_by_one,
    test_together_too_a_look_is_lit_and_known,
)
from tests.style.test_half import TRAINED, a_scene

LOOK = Look((("a", 0.25), ("b", 0.75)))
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return read_bank(write_small_bank(tmp_path_factory.mktemp("cuda") / "small.safetensors"))


@pytest.fixture
def stylizer(bank: Bank) -> CudaStylizer:
    return CudaStylizer(bank, PAINT, device="cpu")


class Recording:
    """A network whose programs paint the style's first number, or raise what they are told to."""

    engine, device = "cuda", CPU

    def __init__(self, *troubles: str) -> None:
        self.troubles = list(troubles)
        self.sizes: list[Size] = []

    def program(self, size: Size, style: Tensor) -> Program:
        self.sizes.append(size)
        picture = torch.zeros((size.height, size.width, 3))
        painted = torch.full((size.height, size.width, 4), 255, dtype=torch.uint8)

        def run() -> None:
            if self.troubles:
                raise RuntimeError(self.troubles.pop(0))
            painted[..., :3] = style[0, 0] * 10

        return Program(picture, painted, run)


@pytest.mark.parametrize("size", [(64, 36), (128, 72), (127, 71), (30, 90)])
def test_in_fp32_it_paints_what_pytorch_paints(
    bank: Bank, stylizer: CudaStylizer, size: tuple[int, int]
) -> None:
    frame = a_frame(*size)
    wanted = PytorchStylizer(bank, PAINT)(frame, LOOK).pixels
    assert np.array_equal(stylizer(frame, LOOK).pixels, wanted)
    assert stylizer.engine == "cuda"
    assert stylizer.styles == ("a", "b")


def test_a_tensor_is_painted_like_an_array_also_without_its_alpha(stylizer: CudaStylizer) -> None:
    frame = a_frame()
    rgba = torch.full((36, 64, 4), 255, dtype=torch.uint8)
    rgba[..., :3] = torch.from_numpy(frame.pixels)
    wanted = stylizer(frame, LOOK).pixels
    for pixels in (torch.from_numpy(frame.pixels), rgba[..., :3]):
        assert np.array_equal(stylizer(frame.painted(pixels), LOOK).pixels, wanted)


def test_a_picture_is_not_painted_over_while_the_loop_shows_it(stylizer: CudaStylizer) -> None:
    first = stylizer(a_frame(), Look((("a", 1.0),))).pixels
    before = first.copy()
    second = stylizer(a_frame(), Look((("b", 1.0),))).pixels
    assert not np.array_equal(first, second)
    assert np.array_equal(first, before)


def test_the_style_walks_with_the_mix_at_every_size(bank: Bank) -> None:
    stylizer = CudaStylizer(bank, PAINT, network=Recording())
    told: list[int] = []
    for share in (0.0, 0.5, 1.0, 1.0, 0.0):
        look = Look(tuple((s, w) for s, w in (("a", 1 - share), ("b", share)) if w))
        painted = [stylizer(frame, look).pixels for frame in (a_frame(), a_frame(32, 20))]
        told += [int(picture[0, 0, 0]) for picture in painted]
    first = bank.styles[:, 0] * 10
    steps = [first[0], first.mean(), first[1], first[1], first[0]]
    assert told == [int(step) for step in steps for _ in range(2)]
    assert len(set(told)) == 3


def test_few_sizes_are_kept_and_the_last_used_stay(bank: Bank) -> None:
    network = Recording()
    stylizer = CudaStylizer(bank, Size(256, 256), network=network)
    sides = [16 + 4 * i for i in range(KEPT + 1)]
    for side in [*sides[:KEPT], sides[0], sides[KEPT], sides[0], sides[KEPT]]:
        stylizer(a_frame(side, side), LOOK)
    assert [size.width for size in network.sizes] == sides
    stylizer(a_frame(sides[1], sides[1]), LOOK)
    assert len(network.sizes) == len(sides) + 1  # it had gone


def test_close_is_safe_twice(stylizer: CudaStylizer) -> None:
    stylizer.warm_up()
    stylizer.close()
    stylizer.close()
    assert stylizer._programs == {}


OUT = "CUDA out of memory. Tried to allocate 2.00 GiB"


def test_out_of_memory_once_costs_a_frame_nothing(
    bank: Bank, caplog: pytest.LogCaptureFixture
) -> None:
    network = Recording(OUT)
    stylizer = CudaStylizer(bank, PAINT, network=network)
    assert stylizer(a_frame(), LOOK).pixels.shape == (36, 64, 3)
    assert stylizer.recoveries == 1
    assert len(network.sizes) == 2  # it let go of the first program
    assert "out of memory" in caplog.text
    stylizer(a_frame(), LOOK)
    assert stylizer.recoveries == 1


@pytest.mark.parametrize(
    ("troubles", "raised", "said"),
    [
        ((OUT, OUT), EngineError, r"^the painter failed: CUDA out of memory.*; paint smaller, or"),
        (("CUDA error: unspecified launch failure\nhint",), DeviceLostError,
         r"^the painter failed: CUDA error: unspecified launch failure; the GPU is lost to this"),
        ((OUT, "CUDA error: an illegal memory access"), DeviceLostError, "illegal memory access"),
        (("cuDNN error: CUDNN_STATUS_BAD_PARAM",), EngineError, r"CUDNN_STATUS_BAD_PARAM$"),
    ],
)  # fmt: skip
def test_what_cannot_be_mended_is_a_sentence(
    bank: Bank, troubles: tuple[str, ...], raised: type[Exception], said: str
) -> None:
    stylizer = CudaStylizer(bank, PAINT, network=Recording(*troubles))
    with pytest.raises(raised, match=said) as caught:
        stylizer(a_frame(), LOOK)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(torch.backends.cuda.is_built(), reason="this torch is built with CUDA")
def test_a_torch_without_cuda_says_so(bank: Bank) -> None:
    with pytest.raises(EngineError, match="CUDA cannot be used: Torch not compiled with CUDA"):
        CudaStylizer(bank, PAINT)


# --- CUDA graphs


class FakeGraph:
    """What `captured` asks of torch.cuda.CUDAGraph, written down."""

    calls: list[str]
    fails: str = ""

    def capture_begin(self, pool=None, capture_error_mode: str = "global") -> None:
        self.calls.append(f"begin {capture_error_mode}")

    def capture_end(self) -> None:
        self.calls.append("end")
        if self.fails:
            raise RuntimeError(self.fails)

    def replay(self) -> None:
        self.calls.append("replay")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(FakeGraph, "calls", found, raising=False)
    monkeypatch.setattr(FakeGraph, "fails", "")
    monkeypatch.setattr(torch.cuda, "CUDAGraph", FakeGraph)
    return found


class FakeStream:
    def __init__(self, calls: list[str]) -> None:
        self.calls = calls

    def synchronize(self) -> None:
        self.calls.append("sync")


def a_program(calls: list[str], trouble: str = "") -> Program:
    def run() -> None:
        if trouble and "begin thread_local" in calls:
            raise RuntimeError(trouble)
        calls.append("run")

    return Program(torch.zeros(1), torch.zeros(1), run)


def test_a_program_is_warm_and_done_before_it_is_captured(calls: list[str]) -> None:
    program = a_program(calls)
    replayed = captured(program, FakeStream(calls))  # pyright: ignore[reportArgumentType]
    assert calls == ["run", "run", "run", "sync", "begin thread_local", "run", "end"]
    replayed.run()
    replayed.run()
    assert calls[7:] == ["replay", "replay"]
    assert replayed.holds is program
    assert (replayed.picture, replayed.painted) == (program.picture, program.painted)


def test_what_cannot_be_captured_runs_as_it_is(
    calls: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    program = a_program(calls, "CUDA error: operation not permitted when stream is capturing")
    assert captured(program, FakeStream(calls)) is program  # pyright: ignore
    assert calls[-2:] == ["begin thread_local", "end"]  # and the capture is over
    assert "no CUDA graph" in caplog.text


def test_out_of_memory_in_a_capture_is_told_as_such(
    calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although ending the broken capture fails too, with another text."""
    monkeypatch.setattr(FakeGraph, "fails", "operation failed due to a previous error")
    with pytest.raises(RuntimeError, match="out of memory"):
        captured(a_program(calls, OUT), FakeStream(calls))  # pyright: ignore
    assert calls[-1] == "end"


def test_the_fakes_have_the_real_names_and_parameters() -> None:
    for fake, real in ((FakeGraph, REAL_GRAPH), (FakeStream, torch.cuda.Stream)):
        for name, method in inspect.getmembers(fake, inspect.isfunction):
            if name.startswith("_"):
                continue
            wanted = inspect.signature(method).parameters
            found = inspect.signature(getattr(real, name)).parameters
            assert set(wanted) <= set(found), name
    for name in ("init", "current_device", "get_device_properties", "current_stream", "stream"):
        assert callable(getattr(torch.cuda, name))
    assert callable(torch.cuda.empty_cache)


REAL_GRAPH = torch.cuda.CUDAGraph


# --- with or without a compiler


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bank:
    """A bank in a folder of its own, so that what is remembered is this test's."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    return read_bank(write_small_bank(tmp_path / "small.safetensors"))


def test_the_faster_one_is_measured_once_and_remembered(
    shelf: Bank, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Tracing is torch's own here; only its code generator is left out."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    caplog.set_level(logging.INFO)
    races: list[set[str]] = []

    def raced(stylizers, paint, seconds) -> dict[str, float]:
        races.append(set(stylizers))
        measured = real_race(stylizers, paint, 0.0)
        assert set(measured) == set(stylizers)
        assert min(measured.values()) > 0
        return {"plain": 2.0, "compiled": 1.0}

    real_race = race.race
    monkeypatch.setattr(race, "race", raced)
    first = open_cuda(shelf, PAINT, "cpu")
    again = open_cuda(shelf, PAINT, "cpu")
    assert races == [{"plain", "compiled"}]
    assert "small: torch compiled on CUDA, at 64x36: plain 2.00 ms, compiled 1.00 ms" in caplog.text
    wanted = PytorchStylizer(shelf, PAINT)(a_frame(), LOOK).pixels
    for stylizer in (first, again):
        assert stylizer._network._compiled is not None  # pyright: ignore
        assert np.array_equal(stylizer(a_frame(), LOOK).pixels, wanted)
    open_cuda(shelf, Size(32, 32), "cpu")  # another size is another race
    assert len(races) == 2


def test_where_nothing_compiles_torch_paints_as_it_is(
    shelf: Bank, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("Cannot find a working triton installation.\nMore of it.")

    def compiled(*_: object, **__: object):
        return broken

    monkeypatch.setattr(torch, "compile", compiled)
    caplog.set_level(logging.INFO)
    stylizer = open_cuda(shelf, PAINT, "cpu", seconds=0.0)
    assert stylizer(a_frame(), LOOK).pixels.shape == (36, 64, 3)
    told = [r.message for r in caplog.records if "does not work here" in r.message]
    assert len(told) == 1
    assert "triton" in told[0]
    open_cuda(shelf, PAINT, "cpu")
    assert len([r for r in caplog.records if "does not work here" in r.message]) == 1


def test_a_memory_that_is_damaged_is_measured_again(shelf: Bank) -> None:
    file = cuda._memory(shelf, PAINT, CPU)
    assert file is not None
    for text in ("", "[", "[]", "3", '{"plain": "fast"}'):
        file.write_text(text)
        assert race.recall(file, ("plain", "compiled")) == {}


# --- on a GPU


@pytest.fixture
def on_gpu(bank: Bank) -> CudaStylizer:
    opened = CudaStylizer(bank, PAINT)
    opened.warm_up()
    return opened


@pytest.mark.needs_gpu
def test_on_a_gpu_host_and_device_frames_give_an_rgba_picture(on_gpu: CudaStylizer) -> None:
    frame = a_frame(128, 72)
    there = frame.painted(torch.from_numpy(frame.pixels).cuda())
    torch.cuda.current_stream().synchronize()
    one, other = on_gpu(frame, LOOK).pixels, on_gpu(there, LOOK).pixels
    for picture in (one, other):
        assert picture.is_cuda
        assert (tuple(picture.shape), picture.dtype) == ((36, 64, 3), torch.uint8)
        assert picture.stride() == (4 * 64, 4, 1)
        assert (picture.as_strided((36, 64, 4), (4 * 64, 4, 1))[..., 3] == 255).all()
    assert torch.equal(one, other)
    assert one.data_ptr() != other.data_ptr()


@pytest.mark.needs_gpu
@pytest.mark.parametrize("size", [(160, 96), (320, 192), (250, 190)])
def test_on_a_gpu_the_picture_is_the_cpus(size: tuple[int, int]) -> None:
    """Within what fp16 costs above; cuDNN adds in another order, in fp32 as well."""
    paint = Size(160, 96)
    for trained in kernel_sets(read_bank(TRAINED)):
        gpu, reference = CudaStylizer(trained, paint), PytorchStylizer(trained, paint)
        for style in trained.card.names:
            frame, look = Frame(a_scene(*size), 0.0, 0.0, 1, "test"), Look(((style, 1.0),))
            wanted = reference(frame, look).pixels.astype(int)
            difference = np.abs(gpu(frame, look).pixels.cpu().numpy() - wanted)
            assert difference.mean() <= 0.4, style
            assert np.quantile(difference, 0.999) <= 4, style
            assert difference.max() <= 12, style


@pytest.mark.needs_gpu
def test_on_a_gpu_a_picture_is_complete_when_it_is_handed_over(on_gpu: CudaStylizer) -> None:
    """Read on another stream, at once, without an event."""
    other = torch.cuda.Stream()
    first = on_gpu(a_frame(), LOOK).pixels.cpu()
    for _ in range(50):
        picture = on_gpu(a_frame(), LOOK).pixels
        with torch.cuda.stream(other):
            assert torch.equal(picture.cpu(), first)


@pytest.mark.needs_gpu
def test_on_a_gpu_a_camera_may_allocate_while_a_graph_is_captured(bank: Bank) -> None:
    stylizer = CudaStylizer(bank, Size(256, 256))
    stop = threading.Event()
    troubles: list[Exception] = []

    def camera() -> None:
        try:
            with torch.cuda.stream(torch.cuda.Stream()):
                while not stop.is_set():
                    torch.empty(30_000_000, dtype=torch.uint8, device="cuda").fill_(1)
                    torch.cuda.empty_cache()
        except RuntimeError as error:
            troubles.append(error)

    thread = threading.Thread(target=camera)
    thread.start()
    try:
        for side in range(16, 256, 8):
            stylizer(a_frame(side, side), LOOK)
    finally:
        stop.set()
        thread.join()
    assert not troubles
    assert all(program.holds is not None for program in stylizer._programs.values())  # captured


@pytest.mark.needs_gpu
def test_on_a_gpu_it_opens_with_what_is_faster(shelf: Bank) -> None:
    opened = open_cuda(shelf, PAINT, seconds=0.2)
    assert opened(a_frame(), LOOK).pixels.is_cuda


class Batched(Recording):
    """A network that takes several frames at once, unless it is short of memory for that."""

    def __init__(self, *troubles: str) -> None:
        super().__init__()
        self.batch_troubles = list(troubles)
        self.batches: list[int] = []

    def several(self, count: int, size: Size, style: Tensor) -> Program | None:
        self.batches.append(count)
        picture = torch.zeros((count, size.height, size.width, 3))
        painted = torch.full((count, size.height, size.width, 4), 255, dtype=torch.uint8)

        def run() -> None:
            if self.batch_troubles:
                raise RuntimeError(self.batch_troubles.pop(0))
            painted[..., :3] = picture.to(torch.uint8)

        return Program(picture, painted, run)


def frames_of(*greys: int) -> list[Frame]:
    return [
        Frame(np.full((36, 64, 3), grey, np.uint8), 0.0, 0.0, grey, f"camera {grey}")
        for grey in greys
    ]


def test_every_frame_of_a_batch_lands_in_its_own_place(bank: Bank) -> None:
    network = Batched()
    stylizer = CudaStylizer(bank, PAINT, network=network)
    painted = stylizer.paint_all(frames_of(10, 20, 30), LOOK)
    assert [int(frame.pixels[5, 5, 0]) for frame in painted] == [10, 20, 30]
    stylizer.paint_all(frames_of(1, 2, 3), LOOK)
    assert [int(frame.pixels[5, 5, 0]) for frame in painted] == [10, 20, 30]  # memory of their own
    assert network.batches == [3]  # built once


def test_a_network_for_one_frame_is_given_one_at_a_time(bank: Bank) -> None:
    network = Recording()
    painted = CudaStylizer(bank, PAINT, network=network).paint_all(frames_of(10, 20), LOOK)
    assert len(painted) == 2
    assert network.sizes == [PAINT]


def test_where_memory_is_short_for_many_they_are_painted_one_by_one(
    bank: Bank, caplog: pytest.LogCaptureFixture
) -> None:
    """Tried once more with all other graphs let go, and then never again."""
    network = Batched("CUDA out of memory", "CUDA out of memory")
    stylizer = CudaStylizer(bank, PAINT, network=network)
    for _ in range(3):
        assert len(stylizer.paint_all(frames_of(10, 20), LOOK)) == 2
    assert network.batches == [2, 2]
    assert stylizer.recoveries == 1
    assert sum("one by one" in line for line in caplog.messages) == 1


def test_what_was_compiled_for_one_frame_is_not_given_up_for_many(bank: Bank) -> None:
    network = TorchNetwork(bank, CPU, compiled=PAINT)
    style = torch.zeros((1, bank.styles.shape[1]))
    assert network.several(2, PAINT, style) is None
    assert network.several(2, Size(32, 20), style) is not None
