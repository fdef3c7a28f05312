"""What the driver tells of a GPU, with a driver that is played."""

from __future__ import annotations

import ctypes

import pytest

from murai_show.gpu import DRIVER, Gpu, find_gpu


class Driver:
    """Answers as libcuda does: a status, and values through pointers.  `failing` returns 100."""

    def __init__(self, count: int = 1, failing: str = "") -> None:
        self.count = count
        self.failing = failing

    def _give(self, call: str, pointer: object, value: int) -> int:
        if call == self.failing:
            return 100
        pointer._obj.value = value  # type: ignore[attr-defined]
        return 0

    def cuInit(self, flags: int) -> int:  # noqa: N802 - the driver's own name
        return 100 if self.failing == "cuInit" else flags

    def cuDeviceGetCount(self, pointer: object) -> int:  # noqa: N802
        return self._give("cuDeviceGetCount", pointer, self.count)

    def cuDriverGetVersion(self, pointer: object) -> int:  # noqa: N802
        return self._give("cuDriverGetVersion", pointer, 13020)

    def cuDeviceGet(self, pointer: object, ordinal: int) -> int:  # noqa: N802
        return self._give("cuDeviceGet", pointer, ordinal)

    def cuDeviceGetName(self, buffer: ctypes.Array, length: int, device: object) -> int:  # noqa: N802
        buffer.value = b"NVIDIA H200"
        assert length > len(buffer.value)
        return 0

    def cuDeviceTotalMem_v2(self, pointer: object, device: object) -> int:  # noqa: N802
        return self._give("cuDeviceTotalMem_v2", pointer, 139 * 2**30)

    def cuDeviceGetAttribute(self, pointer: object, attribute: int, device: object) -> int:  # noqa: N802
        return self._give("cuDeviceGetAttribute", pointer, {75: 9, 76: 0}[attribute])


def test_a_gpu_is_described() -> None:
    asked: list[str] = []

    def load(name: str) -> Driver:
        asked.append(name)
        return Driver()

    found = find_gpu(load)
    assert asked == [DRIVER]
    assert found == Gpu("NVIDIA H200", (9, 0), (13, 2), 139 * 2**30)
    assert str(found) == "NVIDIA H200, 139 GiB"


def no_library(name: str) -> Driver:
    raise OSError(f"{name}: cannot open shared object file")


@pytest.mark.parametrize(
    "load",
    [
        no_library,
        lambda name: object(),
        lambda name: Driver(count=0),
        *(
            lambda name, call=call: Driver(failing=call)
            for call in ("cuInit", "cuDeviceGetCount", "cuDriverGetVersion", "cuDeviceGetAttribute")
        ),
    ],
)
def test_where_there_is_none(load) -> None:
    assert find_gpu(load) is None


@pytest.mark.needs_gpu
def test_torch_sees_the_same_gpu() -> None:
    import torch

    found = find_gpu()
    assert found is not None
    properties = torch.cuda.get_device_properties(0)
    assert (found.name, found.memory) == (properties.name, properties.total_memory)
    assert found.capability == torch.cuda.get_device_capability(0)
