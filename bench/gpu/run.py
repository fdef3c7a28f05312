"""All of the NVIDIA path, checked and measured on one GPU; nothing is fetched from the net.

    python bench/gpu/run.py [--out bench-gpu] [--bank montreal] [--seconds 5] [--skip-tests]

Writes OUT/gpu.json and OUT/gpu.md: the tests that need a GPU, the measured matrix rate and
bandwidth, each engine (TensorRT in fp16, int8 and fp8) at 720p, 1080p and 4K beside the roofline
of its traffic in fp16, NVDEC's rate, a picture's way into OpenGL and a canvas's to NVENC, copies
between host and GPU for one frame, and the whole show beside the loop that tutorials teach.  A part
that fails is named with its reason, and the others go on.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import torch

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "bench"), str(REPOSITORY)]

from engines import johnson  # noqa: E402 - after the path that finds it
from loop import write_film  # noqa: E402
from roofline import Roofline, demand, measure  # noqa: E402

from murai_show.app import make_plan, run_show  # noqa: E402
from murai_show.camera import open_decoding  # noqa: E402
from murai_show.camera.decode import SOFTWARE, video_of  # noqa: E402
from murai_show.errors import EngineError, MuraiError, OutputError  # noqa: E402
from murai_show.frame import Frame  # noqa: E402
from murai_show.gpu import find_gpu  # noqa: E402
from murai_show.output.offscreen import Offscreen  # noqa: E402
from murai_show.output.stage import Stage  # noqa: E402
from murai_show.practice import practice_frames  # noqa: E402
from murai_show.report import report_json  # noqa: E402
from murai_show.scoring import Untimed  # noqa: E402
from murai_show.shipped import shipped  # noqa: E402
from murai_show.show.plan import Plan  # noqa: E402
from murai_show.show.timeline import LIT, Look  # noqa: E402
from murai_show.show.words import Size  # noqa: E402
from murai_show.style.bank import Bank, kernel_sets, read_bank  # noqa: E402
from murai_show.style.cuda import CudaStylizer, open_cuda  # noqa: E402
from murai_show.style.network import build_network  # noqa: E402
from murai_show.style.qdq import find_narrow, make_narrow  # noqa: E402
from murai_show.style.tensorrt import Precision, open_tensorrt  # noqa: E402

SIZES = (Size(1280, 720), Size(1920, 1080), Size(3840, 2160))
FULL = Size(1920, 1080)
SHOWN = ("cuda", "tensorrt")  # by whole shows; TensorRT in what was the fastest
SHOW = """\
murai: 1
show: bench
cameras:
  camera: {kind: file, path: clip.mp4}
bank: {name: BANK, engine: ENGINE}
playlists:
  all: {styles: [wave, starry, kandinsky, delaunay], each: 8s, fade: 2s}
play: {playlist: all, paint: 1920x1080}
outputs:
  wall: {kind: offscreen, size: 1920x1080, fps: 240}
metrics: "off"
"""


def tensorrt_in(precision: Precision) -> Callable[[Bank, Size], CudaStylizer]:
    """TensorRT in one precision, which is made and judged here where it was not before."""

    def opened(bank: Bank, size: Size) -> CudaStylizer:
        if precision != "fp16":
            narrow = find_narrow(bank, precision)
            if narrow is None:
                narrow = make_narrow(bank, precision, practice_frames(), print)
            if not narrow.verdict.good:
                raise EngineError(f"its pictures do not hold: {narrow.verdict.why}")
        return open_tensorrt(bank, size, precision=precision)

    return opened


OPENERS: dict[str, Callable[[Bank, Size], CudaStylizer]] = {
    "cuda": open_cuda,
    "tensorrt fp16": tensorrt_in("fp16"),
    "tensorrt int8": tensorrt_in("int8"),
    "tensorrt fp8": tensorrt_in("fp8"),
}


def tests() -> dict[str, object]:
    """The tests that need a GPU, where a GPU is promised."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "needs_gpu", "tests"]
    environ = {**os.environ, "MURAI_REQUIRE_GPU": "1"}
    ran = subprocess.run(
        command, cwd=REPOSITORY, env=environ, capture_output=True, text=True, check=False
    )
    return {"status": ran.returncode, "tail": ran.stdout.splitlines()[-40:]}


def device_frame(size: Size) -> Frame:
    draw = torch.Generator("cuda").manual_seed(1)
    shape = (size.height, size.width, 3)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, device="cuda", generator=draw)
    torch.cuda.current_stream().synchronize()
    return Frame(pixels, 0.0, 0.0, 1, "bench")


def timed(call: Callable[[], object], seconds: float) -> dict[str, float]:
    """Milliseconds of a call that returns when its work is done: median, least, 99th percentile."""
    taken: list[float] = []
    while sum(taken) < seconds or len(taken) < 20:
        begun = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begun)
    ordered = sorted(taken)
    figures = (statistics.median(ordered), ordered[0], ordered[int(0.99 * len(ordered))])
    return dict(zip(("ms", "least", "p99"), (round(1e3 * f, 4) for f in figures), strict=True))


def engines(bank: Bank, roof: Roofline, seconds: float) -> dict[str, object]:
    """Each engine at each size, and the least time that its arithmetic and its traffic allow."""
    found: dict[str, object] = {}
    style = torch.from_numpy(bank.styles[:1].copy())
    macs, traffic = demand(build_network(bank), torch.zeros(1, 3, 360, 640), style)
    for name, opener in OPENERS.items():
        for size in SIZES:
            scale = size.width * size.height / (640 * 360)
            least = 1e3 * roof.seconds(macs * scale, traffic * scale)
            try:
                stylizer = opener(bank, size)
            except MuraiError as error:
                found[f"{name} {size}"] = {"failed": str(error)}
                continue
            frame, look = device_frame(size), Look(((bank.card.names[0], 1.0),))
            row = timed(lambda s=stylizer, f=frame, k=look: s(f, k), seconds / 3)
            found[f"{name} {size}"] = {
                **row,
                "roofline_ms": round(least, 4),
                "times_roofline": round(row["ms"] / least, 2),
            }
            stylizer.close()
    return found


def copies(bank: Bank) -> dict[str, float]:
    """Copies between host and GPU for one frame, in a fade, where the style changes each time."""
    from torch.profiler import ProfilerActivity, profile

    stylizer: CudaStylizer = open_cuda(bank, FULL)
    frame, rounds = device_frame(FULL), 50
    one, other = bank.card.names[0], bank.card.names[-1]
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        for number in range(rounds):
            share = (number + 1) / (rounds + 1)
            stylizer(frame, Look(((one, 1 - share), (other, share))))
    stylizer.close()
    kinds = {"HtoD": 0, "DtoH": 0, "DtoD": 0}
    for event in seen.events() or ():
        for kind in kinds:
            kinds[kind] += f"Memcpy {kind}" in event.name
    return {kind: round(count / rounds, 2) for kind, count in kinds.items()}


def decoding(clip: Path, seconds: float) -> dict[str, object]:
    """1080p pictures a second, from packets to RGB where they will be painted."""
    found: dict[str, object] = {}
    for name, choice in (("nvdec", open_decoding("nvdec")), ("software", SOFTWARE)):
        count, begun = 0, time.perf_counter()
        while time.perf_counter() - begun < seconds:
            with av.open(str(clip)) as film:
                stream = video_of(film, clip.name, low_delay=False)
                decoder, wire = choice.open(stream, clip.name, live=False, within=FULL), Untimed()
                for packet in film.demux(stream):
                    for negative in decoder(packet, wire):
                        if negative is not None:
                            _ = negative.picture(0.0, 0.0).pixels
                            count += 1
        found[name] = round(count / (time.perf_counter() - begun), 1)
        found[f"{name} is"] = type(choice).__name__
    return found


def interop(plan: Plan, seconds: float) -> dict[str, object]:
    """A 1080p picture from the GPU's memory onto the canvas, and the same from NumPy."""
    found: dict[str, object] = {}
    rgba = torch.full((FULL.height, FULL.width, 4), 255, dtype=torch.uint8, device="cuda")
    host = np.zeros((FULL.height, FULL.width, 3), np.uint8)
    for name, pixels in (("device", rgba[..., :3]), ("host", host)):
        stage = Stage(plan.outputs, cuda=0)
        wall = Offscreen(plan.outputs[0], stage)

        def show(w: Offscreen = wall, s: Stage = stage, p: object = pixels) -> None:
            w.show(Frame(p, 0.0, 0.0, 1, "bench"), LIT, 0.0)
            context = s._ctx  # noqa: SLF001 - to wait for OpenGL, which no show has to
            assert context is not None
            with context:
                context.finish()

        show()
        found[name] = timed(show, seconds / 2)
        wall.close()
        stage.close()
    return found


def lifting(plan: Plan, seconds: float) -> dict[str, object]:
    """A 1080p canvas, drawn and brought to where an encoder takes it: drawn alone, as a surface of
    the GPU, and through the host."""
    stage = Stage(plan.outputs, cuda=0)
    canvas = plan.outputs[0].canvas
    assert canvas is not None
    pixels = [
        torch.full((FULL.height, FULL.width, 4), grey, dtype=torch.uint8, device="cuda")
        for grey in (64, 192)
    ]
    pictures = itertools.cycle(
        Frame(p[..., :3], 0.0, 0.0, n, "bench") for n, p in enumerate(pixels)
    )
    ways: dict[str, Callable[[], object]] = {
        "drawn": stage.finish,
        "surface": lambda: stage.surface(canvas),
        "pixels": lambda: stage.read_rgba(canvas),
    }
    found: dict[str, object] = {}
    for name, lift in ways.items():

        def show(lift: Callable[[], object] = lift) -> None:
            stage.draw(canvas, next(pictures), 1.0)
            lift()

        try:
            show()
            found[name] = timed(show, seconds / 3)
        except OutputError as error:
            found[name] = str(error)
    stage.close()
    return found


def shows(work: Path, bank: str, seconds: float) -> dict[str, object]:
    """Whole shows at 1080p from a film faster than any painter, and the naive loop."""
    found: dict[str, object] = {}
    for engine in SHOWN:
        report = report_json(run_show(plan_of(work, bank, engine), seconds, threading.Event()))
        found[engine] = {
            "painted_fps": report["painted_per_second"],
            "glass_to_glass_ms": report["glass_to_glass_ms"],
            "stages_ms": report["stages_ms"],
            "cameras_1080p30": int(report["painted_per_second"] // 30),
        }
    found["naive"] = naive(plan_of(work, bank, "cuda"), work / "clip.mp4", seconds)
    return found


@torch.inference_mode()
def naive(plan: Plan, clip: Path, seconds: float) -> dict[str, float]:
    """Decode on the CPU, eager fp32 on the GPU, read back, show."""
    network = johnson().cuda()
    stage = Stage(plan.outputs, cuda=0)
    wall = Offscreen(plan.outputs[0], stage)
    count, begun = 0, time.perf_counter()
    with av.open(str(clip)) as film:
        for decoded in film.decode(video=0):
            if time.perf_counter() - begun > seconds:
                break
            pixels = torch.from_numpy(decoded.to_ndarray(format="rgb24")).cuda()
            painted = network(pixels.permute(2, 0, 1)[None].float())
            picture = painted[0].clamp(0, 255).permute(1, 2, 0).to(torch.uint8).cpu().numpy()
            wall.show(Frame(picture, 0.0, 0.0, count, "naive"), LIT, 0.0)
            count += 1
    elapsed = time.perf_counter() - begun
    wall.close()
    stage.close()
    return {"painted_fps": round(count / elapsed, 2)}


def plan_of(work: Path, bank: str, engine: str) -> Plan:
    text = SHOW.replace("BANK", bank).replace("ENGINE", engine)
    (work / "bench.yaml").write_text(text)
    return make_plan("bench.yaml", os.environ, work, displays=True)


def table(found: dict[str, object]) -> str:
    """Every figure in one table, a line each."""
    lines = ["| what | figure |", "|---|---|"]

    def walk(path: str, value: object) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{path} {key}".strip(), inner)
        elif not isinstance(value, list):
            lines.append(f"| {path} | {value} |")

    walk("", found)
    return "\n".join(lines) + "\n"


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--out", type=Path, default=Path("bench-gpu"))
    options.add_argument("--bank", default="montreal")
    options.add_argument("--seconds", type=float, default=5.0)
    options.add_argument("--skip-tests", action="store_true")
    given = options.parse_args()
    gpu = find_gpu()
    if gpu is None or not torch.cuda.is_available():
        sys.exit("no NVIDIA GPU that this PyTorch can use")
    given.out.mkdir(parents=True, exist_ok=True)
    # The networks of a bank are alike but for their numbers; `copies` fades in one of them.
    networks = kernel_sets(read_bank(shipped("models") / f"{given.bank}.safetensors"))
    bank = max(networks, key=lambda one: len(one.card.styles))
    found: dict[str, object] = {
        "gpu": str(gpu),
        "capability": list(gpu.capability),
        "driver": ".".join(map(str, gpu.driver)),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"),
    }
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        write_film(work / "clip.mp4", FULL, seconds=4, fps=960)
        roof = measure()
        found["matrix_tmacs"] = round(roof.matrix / 1e12, 1)
        found["bandwidth_gb"] = round(roof.bandwidth / 1e9)
        parts: dict[str, Callable[[], object]] = {
            "engines": lambda: engines(bank, roof, given.seconds),
            "decoding": lambda: decoding(work / "clip.mp4", given.seconds),
            "interop": lambda: interop(plan_of(work, given.bank, "cuda"), given.seconds),
            "lifting": lambda: lifting(plan_of(work, given.bank, "cuda"), given.seconds),
            "copies a frame": lambda: copies(bank),
            "shows": lambda: shows(work, given.bank, given.seconds),
            "tests": dict if given.skip_tests else tests,
        }
        for name, part in parts.items():
            begun = time.perf_counter()
            try:
                found[name] = part()
            except Exception as error:  # noqa: BLE001 - one part's fault is a figure like any other
                found[name] = {"failed": f"{type(error).__name__}: {error}"}
                traceback.print_exc()
            print(f"{name}: {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
            (given.out / "gpu.json").write_text(json.dumps(found, indent=1) + "\n")
            (given.out / "gpu.md").write_text(table(found))
    print(table(found))


if __name__ == "__main__":
    main()
