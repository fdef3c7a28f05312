"""What a failure of CUDA means for the show: can it be mended, must the process end, or neither?

The texts are those of torch, TensorRT, cuDNN, cuBLAS and the driver, which quote what
cudaGetErrorString says or the name of a code; the codes are those of cudaError_t and CUresult
(CUDA 13, `cuda-bindings`), which agree in every number used here.  Imports nothing of NVIDIA's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

Fault = Literal["memory", "device", "driver", "other"]

# What may stand anywhere in a text, in lower case.  `device` goes first: a lost device makes later
# allocations fail too, and then both are said.
_PHRASES: Mapping[Fault, tuple[str, ...]] = {
    "device": (
        "illegal memory access",
        "illegal instruction",
        "uncorrectable ecc error",
        "uncorrectable nvlink error",
        "unspecified launch failure",
        "launch timed out and was terminated",
        "device-side assert triggered",
        "hardware stack error",
        "misaligned address",
        "invalid program counter",
        "operation not supported on global/shared address space",
        "tensor memory not completely freed",
        "invalid access of peer gpu memory",
        "async error has occured in external entity",  # the spelling is CUDA's
        "context is destroyed",
        "mps client has been terminated",
        "gpu is lost",
        "fallen off the bus",
    ),
    "memory": (
        "out of memory",
        "outofmemory",
        "cudnn_status_alloc_failed",
        "cublas_status_alloc_failed",
    ),
    "driver": (
        "found no nvidia driver",
        "driver on your system is too old",
        "not compiled with cuda enabled",
        "no cuda gpus are available",
        "cuda unknown error - this may be due to an incorrectly set up environment",
        "initialization error",
        "driver is newer than runtime",
        "driver is a stub library",
        "driver version is insufficient",
        "not supported in the installed cuda driver",
        "incompatible driver context",
        "busy or unavailable",
        "no cuda-capable device",
        "invalid device ordinal",
        "no kernel image is available",
        "compiled with an unsupported toolchain",
        "loader version is insufficient",
        "system not yet initialized",
        "unsupported display driver / cuda driver combination",
        "forward compatibility was attempted",
    ),
}
# The names of the codes as the runtime and as the driver spell them, without `cudaError` and
# `CUDA_ERROR_`, in lower case, without underscores.
_NAMES: Mapping[Fault, frozenset[str]] = {
    "device": frozenset(
        (
            "illegaladdress",
            "illegalinstruction",
            "eccuncorrectable",
            "nvlinkuncorrectable",
            "launchfailure",
            "launchfailed",
            "priorlaunchfailure",
            "launchtimeout",
            "assert",
            "hardwarestackerror",
            "misalignedaddress",
            "invalidpc",
            "invalidaddressspace",
            "tensormemoryleak",
            "contained",
            "externaldevice",
            "contextisdestroyed",
            "mpsclientterminated",
        )
    ),
    "memory": frozenset(["memoryallocation", "outofmemory"]),
    "driver": frozenset(
        (
            "initializationerror",
            "notinitialized",
            "versiontranslation",
            "stublibrary",
            "insufficientdriver",
            "callrequiresnewerdriver",
            "incompatibledrivercontext",
            "devicesunavailable",
            "deviceunavailable",
            "nodevice",
            "invaliddevice",
            "nokernelimagefordevice",
            "nobinaryforgpu",
            "unsupportedptxversion",
            "insufficientloaderversion",
            "systemnotready",
            "systemdrivermismatch",
            "compatnotsupportedondevice",
        )
    ),
}
# 999, unknown, is in none of them: said about memory of OpenGL it only means that the GL context is
# not on this GPU.
_NUMBERS: Mapping[int, Fault] = {
    2: "memory",
    **dict.fromkeys((53, 214, 220, 226, 700, 702, 709, 710), "device"),
    **dict.fromkeys((714, 715, 716, 717, 718, 719, 721, 810, 911), "device"),
    **dict.fromkeys((3, 10, 34, 35, 36, 46, 49, 100, 101), "driver"),
    **dict.fromkeys((209, 222, 227, 802, 803, 804), "driver"),
}
_NAMED = re.compile(r"cuda_?error_?([a-z_]+)")
# `CUDA error: 700`, `CUDA failure 35: …`, `cuInit failed with error code 100`, `cudaError 35`
_NUMBERED = re.compile(r"\bcu\w*\b[\w ]{0,40}?(?:error|failure)(?: code)?[ :(]{1,3}(\d{1,3})\b")
_NUMBERED_NAME = re.compile(r"\bcudaerror(?:_t)?[ :(]{1,3}(\d{1,3})\b")


def classify(error: BaseException) -> Fault:
    """What `error`, or what caused it, says about the GPU.

    `memory`: not enough of it; free some and try again.  `device`: the GPU, or this process's hold
    on it, is lost; every later call fails or lies, and the process must end.  `driver`: there is
    no GPU, or driver and libraries do not fit; neither another try nor a restart helps.  `other`:
    nothing known, or nothing of CUDA's.
    """
    faults = {fault for link in _chain(error) for fault in _faults_of(link)}
    for fault in _PHRASES:
        if fault in faults:
            return fault
    return "other"


def first_line(error: BaseException) -> str:
    """The first line of what `error` says; torch adds several for programmers."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__


def _chain(error: BaseException) -> Iterator[BaseException]:
    """`error` and what was named as its cause; not what merely happened before it."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__


def _faults_of(error: BaseException) -> Iterator[Fault]:
    # cuda-bindings gives codes as members of an enumeration, whose text need not be its name.
    members = [str(getattr(arg, "name", "")) for arg in error.args]
    text = " ".join([type(error).__name__, str(error), *members]).lower()
    named = {name.replace("_", "") for name in _NAMED.findall(text)}
    said: list[Fault] = [
        fault
        for fault, phrases in _PHRASES.items()
        if named & _NAMES[fault] or any(phrase in text for phrase in phrases)
    ]
    yield from said
    if said:  # words outlive numbers: 4 was a launch failure before CUDA 10.1
        return
    numbers = [int(n) for n in _NUMBERED.findall(text) + _NUMBERED_NAME.findall(text)]
    numbers.append(getattr(error, "error_code", None) or 0)  # of torch.AcceleratorError
    for number in numbers:
        if number in _NUMBERS:
            yield _NUMBERS[number]
