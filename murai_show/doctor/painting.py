"""What paints: GPU and driver, video engines, TensorRT, OpenVINO, what the processor computes."""

from __future__ import annotations

import ctypes
import logging
import subprocess
from collections.abc import Iterator
from pathlib import Path

from murai_show.doctor.verdict import Case, State, Verdict
from murai_show.errors import CameraError
from murai_show.gpu import DRIVER, find_gpu
from murai_show.show.words import Size

_NVIDIA, _DISPLAYS = "0x10de", "0x03"  # PCI's vendor and base class
_HOT = 88  # °C, where GPUs begin to slow down
_TRIAL = Size(1280, 720)


def has_driver() -> bool:
    """Whether NVIDIA's driver is installed; it is not asked anything, so it cannot hang."""
    try:
        ctypes.CDLL(DRIVER)
    except OSError:
        return False
    return True


def gpu(case: Case) -> Iterator[Verdict]:
    found = find_gpu()
    if found is not None:
        yield Verdict("GPU", "ok", f"{found}, driver for CUDA {found.driver[0]}.{found.driver[1]}")
        yield from _nvidia_smi()
    elif _has_card():
        yield Verdict(
            "GPU",
            "bad",
            "an NVIDIA card is plugged in, and its driver does not answer",
            "apt-get install nvidia-driver, start the machine anew, then nvidia-smi",
        )
    elif case.plan is not None and case.plan.bank.engine in ("tensorrt", "cuda"):
        engine = case.plan.bank.engine
        mend = "write engine: auto, or run it where there is an NVIDIA GPU"
        yield Verdict("GPU", "bad", f"none, and the show wants engine: {engine}", mend)
    else:
        yield Verdict("GPU", "skip", "no NVIDIA card; the processor paints")


def _nvidia_smi() -> Iterator[Verdict]:
    fields = "driver_version,temperature.gpu,memory.used,memory.total"
    command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=4)  # noqa: S603
        driver, degrees, used, total = ran.stdout.splitlines()[0].split(", ")
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return  # a container may have the driver without the tool
    found = f"driver {driver}, {degrees} °C, {used} of {total} MiB used"
    hot = degrees.isdigit() and int(degrees) >= _HOT
    mend = "it is about to slow down: clean its fan, give it air" if hot else ""
    yield Verdict("GPU at work", "warn" if hot else "ok", found, mend)


def _has_card(devices: Path = Path("/sys/bus/pci/devices")) -> bool:
    for device in devices.glob("*"):
        try:
            vendor = (device / "vendor").read_text(encoding="ascii").strip()
            kind = (device / "class").read_text(encoding="ascii").strip()
        except OSError:
            continue
        if vendor == _NVIDIA and kind.startswith(_DISPLAYS):
            return True
    return False


def nvdec(_case: Case) -> Iterator[Verdict]:
    if find_gpu() is None:
        yield Verdict("NVDEC", "skip", "no NVIDIA GPU; cameras are decoded by the processor")
        return
    from murai_show.camera.nvdec import open_nvdec

    try:
        open_nvdec()
    except CameraError as error:
        yield Verdict("NVDEC", "warn", f"{error}; the processor decodes", "see above")
    else:
        yield Verdict("NVDEC", "ok", "the GPU decodes cameras")


def nvenc(_case: Case) -> Iterator[Verdict]:
    if find_gpu() is None:
        yield Verdict("NVENC", "skip", "no NVIDIA GPU; films are encoded by the processor")
        return
    from murai_show.output.nvenc import nvenc as settings
    from murai_show.output.nvenc import refusal

    why = refusal(settings(20), _TRIAL, 30.0)
    if why:
        mend = "install NVIDIA's driver whole; a GPU for computing (H100, H200) has no encoder"
        yield Verdict("NVENC", "warn", f"{why}; the processor encodes", mend)
    else:
        yield Verdict("NVENC", "ok", "the GPU encodes films and streams")


def tensorrt(_case: Case) -> Iterator[Verdict]:
    if find_gpu() is None:
        yield Verdict("TensorRT", "skip", "no NVIDIA GPU")
        return
    try:
        import tensorrt as library  # pyright: ignore[reportMissingImports]

        version, built = library.__version__, library.Builder(library.Logger(library.Logger.ERROR))
    except (ImportError, OSError, AttributeError, TypeError, RuntimeError) as error:
        mend = "pip install 'murai-show[nvidia]'; CUDA paints meanwhile, a little slower"
        why = str(error).strip().splitlines() or ["it does not say why"]
        yield Verdict("TensorRT", "warn", f"cannot be used: {why[0]}", mend)
    else:
        assert built is not None
        yield Verdict("TensorRT", "ok", f"{version} builds engines here")


def openvino(case: Case) -> Iterator[Verdict]:
    logging.getLogger("openvino").setLevel(logging.ERROR)
    try:
        import openvino as library

        core = library.Core()
        devices = [
            f"{d}: {core.get_property(d, 'FULL_DEVICE_NAME')}" for d in core.available_devices
        ]
    except ImportError:
        state = "warn" if case.plan is not None and case.plan.bank.engine == "openvino" else "skip"
        yield Verdict("OpenVINO", state, "not installed", "pip install 'murai-show[cpu]'")
        return
    except RuntimeError as error:
        why = str(error).strip().splitlines()[0]
        yield Verdict("OpenVINO", "warn", f"cannot be used: {why}", "PyTorch paints, more slowly")
        return
    yield Verdict("OpenVINO", "ok", f"{library.__version__.split('-')[0]} on {'; '.join(devices)}")


def processor(case: Case, cpuinfo: Path = Path("/proc/cpuinfo")) -> Iterator[Verdict]:
    """What it computes at once, in words."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        yield Verdict("processor", "skip", "this system does not tell what it can")
        return
    facts = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    facts = {key.strip(): value.strip() for key, value in facts.items()}
    model, words = facts.get("model name", "unknown"), facts.get("flags", "")
    words = words or facts.get("Features", "")  # so ARM calls them
    state, can = _abilities(set(words.split()))
    on_cpu = case.plan is None or case.plan.bank.engine in ("openvino", "pytorch")
    mend = "expect few pictures a second; a smaller play.paint helps" if state == "warn" else ""
    if not on_cpu:
        state, mend = "ok", ""
    yield Verdict("processor", state, f"{model}: {can}", mend)


def _abilities(flags: set[str]) -> tuple[State, str]:
    if "amx_int8" in flags:
        return "ok", "AMX, which multiplies whole tiles of int8 at once: the fastest there is"
    if "avx512_vnni" in flags:
        return "ok", "AVX-512 with VNNI: int8 engines paint three times as fast"
    if "avx_vnni" in flags:
        return "ok", "AVX2 with VNNI: int8 engines paint two to three times as fast"
    if "avx512f" in flags:
        return "ok", "AVX-512 without VNNI: int8 engines help little"
    if "avx2" in flags:
        return "ok", "AVX2 without VNNI: int8 engines help little"
    if "asimddp" in flags:
        return "ok", "NEON with dot products: int8 engines help"
    if "asimd" in flags:
        return "ok", "NEON"
    return "warn", "neither AVX2 nor NEON: painting will be slow"
