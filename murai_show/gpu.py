"""Whether this machine has an NVIDIA GPU that can be used, asked of the driver alone.

Neither torch nor CUDA's run time is loaded for it: both take seconds, and a machine without NVIDIA
shall never know of them.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

DRIVER = "libcuda.so.1"
_CAPABILITY = (75, 76)  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, …_MINOR


@dataclass(frozen=True)
class Gpu:
    """The first GPU.  `capability` is CUDA's, such as (9, 0); `driver` is the newest CUDA that the
    driver speaks, such as (13, 0); `memory` in bytes."""

    name: str
    capability: tuple[int, int]
    driver: tuple[int, int]
    memory: int

    def __str__(self) -> str:
        return f"{self.name}, {self.memory / 2**30:.0f} GiB"


def find_gpu(load: Callable[[str], Any] = ctypes.CDLL) -> Gpu | None:
    """The first GPU of this machine; None without a driver, or where it has none to give."""
    try:
        driver = load(DRIVER)
    except OSError:
        return None
    count, version, device = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    memory, name = ctypes.c_size_t(), ctypes.create_string_buffer(128)
    major, minor = ctypes.c_int(), ctypes.c_int()
    try:
        asked = (
            driver.cuInit(0)
            or driver.cuDeviceGetCount(ctypes.byref(count))
            or (0 if count.value else -1)
            or driver.cuDriverGetVersion(ctypes.byref(version))
            or driver.cuDeviceGet(ctypes.byref(device), 0)
            or driver.cuDeviceGetName(name, len(name), device)
            or driver.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
            or driver.cuDeviceGetAttribute(ctypes.byref(major), _CAPABILITY[0], device)
            or driver.cuDeviceGetAttribute(ctypes.byref(minor), _CAPABILITY[1], device)
        )
    except AttributeError:  # a library of that name without CUDA in it
        return None
    if asked != 0:
        return None
    speaks = (version.value // 1000, version.value % 1000 // 10)
    called = name.value.decode(errors="replace")
    return Gpu(called, (major.value, minor.value), speaks, memory.value)
