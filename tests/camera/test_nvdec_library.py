"""The `nvdec` decoder is opened, or is not; the stand-in for its library against the real one."""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from murai_show.camera import darkroom, open_decoding
from murai_show.camera.darkroom import CudaLane
from murai_show.camera.decode import SOFTWARE
from murai_show.camera.nvdec import open_nvdec
from murai_show.errors import CameraError, DeviceLostError
from tests.camera.engine import Engine
from tests.plans import REPOSITORY

# ---- opening ----------------------------------------------------------------------------------


def test_without_the_choice_nothing_of_it_is_loaded() -> None:
    code = (
        "import sys; from murai_show.camera import open_decoding; open_decoding('software');"
        "print(*sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    loaded = set(ran.stdout.split())
    assert "murai_show.camera.film" in loaded
    assert not loaded & {"torch", "cuda", "PyNvVideoCodec", "murai_show.camera.nvdec"}


def test_where_there_is_no_gpu_the_cpu_decodes_and_a_line_says_why(
    monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert open_decoding("nvdec") is SOFTWARE
    assert [r.getMessage() for r in caplog.records] == [
        "NVDEC wants an NVIDIA GPU, and PyTorch sees none; the CPU decodes instead"
    ]


def test_a_driver_without_video_is_a_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's own import fails with a page of advice where a container lacks `video`."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setitem(sys.modules, "PyNvVideoCodec", None)
    with pytest.raises(CameraError) as caught:
        open_nvdec()
    assert "PyNvVideoCodec" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "murai-show[nvidia]" in str(caught.value)


class FakeCuda:
    """torch.cuda, as far as a lane uses it."""

    def __init__(self, trouble: str = "") -> None:
        self.calls: list[str] = []
        self.trouble = trouble

    def set_device(self, gpu: int) -> None:
        self.calls.append(f"set_device {gpu}")

    def Stream(self, gpu: int):  # noqa: N802
        self.calls.append(f"Stream {gpu}")
        return SimpleNamespace(cuda_stream=512, synchronize=self.synchronize)

    def stream(self, stream):
        self.calls.append("stream")
        return nullcontext()

    def empty_cache(self) -> None:
        self.calls.append("empty_cache")

    def synchronize(self) -> None:
        self.calls.append("synchronize")
        if self.trouble:
            raise RuntimeError(self.trouble)


def test_a_lane_tries_cuda_before_it_tells_its_context(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = pytest.importorskip("cuda.bindings.driver", reason="cuda-bindings is not installed")
    cuda = FakeCuda()

    def context_of(stream):
        cuda.calls.append(f"context of {int(stream)}")
        return driver.CUresult.CUDA_SUCCESS, driver.CUcontext(1024)

    fake = SimpleNamespace(cuda=cuda, ones=lambda n, device: cuda.calls.append(f"ones {device}"))
    monkeypatch.setattr(darkroom, "torch", fake)
    monkeypatch.setattr(driver, "cuStreamGetCtx", context_of)
    lane = CudaLane(1)
    assert (lane.gpu, lane.stream, lane.context) == (1, 512, 1024)
    assert cuda.calls == [
        "set_device 1",
        "Stream 1",
        "stream",
        "ones cuda:1",
        "synchronize",
        "context of 512",
    ]
    lane.make_room()
    assert cuda.calls[-1] == "empty_cache"
    for name in ("set_device", "Stream", "stream", "is_available", "empty_cache"):
        assert hasattr(torch.cuda, name)
    assert hasattr(torch.cuda.Stream, "synchronize")
    cuda.trouble = "CUDA error: device lost\nCUDA kernel errors might be …"
    with pytest.raises(CameraError, match=r"^GPU 1 does not answer: CUDA error: device lost$"):
        CudaLane(1)
    cuda.trouble = "CUDA error: unspecified launch failure\nCUDA kernel errors might be …"
    with pytest.raises(DeviceLostError, match=r"^GPU 1 does not answer: CUDA error: unspecified"):
        CudaLane(1)


# ---- the real library's names ------------------------------------------------------------------

_ASK = """
import inspect, json
import PyNvVideoCodec as n
enums = "cudaVideoCodec cudaVideoChromaFormat DisplayDecodeLatencyType VideoPacketFlag"
enums = (enums + " OutputColorType Pixel_Format").split()
packet = n.PacketData()
packet.decode_flag = n.VideoPacketFlag.ENDOFPICTURE
packet.bsl_data, packet.bsl, packet.pts = 2**47, 7, -2**63
print(json.dumps({
    "enums": {e: {k: int(v) for k, v in getattr(n, e).__members__.items()} for e in enums},
    "CreateDecoder": n.CreateDecoder.__doc__,
    "GetDecoderCaps": n.GetDecoderCaps.__doc__,
    "packet": [packet.decode_flag, packet.bsl_data, packet.bsl, packet.pts],
    "Decode": n.PyNvDecoder.Decode.__doc__,
    "frame": dir(n.DecodedFrame),
    "dlpack": n.DecodedFrame.__dlpack__.__doc__,
    "format": n.DecodedFrame.format.fget.__doc__,
    "bases": [n.PyNvVCException.__bases__[0].__name__,
              n.PyNvVCExceptionUnsupported.__bases__[0].__name__],
    "module": n.module_path,
}))
"""


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What the real library says of itself.  Without a driver it is loaded on empty ones."""
    found = importlib.util.find_spec("PyNvVideoCodec")
    if found is None or found.origin is None:
        pytest.skip("PyNvVideoCodec is not installed")
    if not (shutil.which("gcc") and shutil.which("nm")):
        pytest.skip("gcc and nm, which stand in for NVIDIA's driver, are not installed")
    folder = tmp_path_factory.mktemp("driver")
    wanted = "int NvEncodeAPIGetMaxSupportedVersion(unsigned *v) { *v = 13 * 16; return 0; }\n"
    for module in Path(found.origin).parent.glob("PyNvVideoCodec_*.so"):
        listed = subprocess.run(
            ["nm", "-D", "--undefined-only", module], capture_output=True, text=True, check=True
        )
        for name in sorted(set(re.findall(r" U (cu[A-Z]\w+)$", listed.stdout, re.MULTILINE))):
            if f" {name}(" not in wanted:
                wanted += f"int {name}(void) {{ return 100; }}\n"
    (folder / "driver.c").write_text(wanted)
    for library in ("libcuda.so.1", "libnvcuvid.so.1", "libnvidia-encode.so.1"):
        subprocess.run(
            ["gcc", "-shared", "-fPIC", f"-Wl,-soname,{library}", "driver.c", "-o", library],
            cwd=folder,
            check=True,
        )
    ran = subprocess.run(
        [sys.executable, "-c", _ASK],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"LD_LIBRARY_PATH": str(folder)},
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def test_the_stand_in_has_the_words_of_the_real_library(real: dict) -> None:
    for name, members in real["enums"].items():
        for member in getattr(Engine, name):
            if name == "cudaVideoCodec" or name == "Pixel_Format":
                assert member.name in members, (name, member.name)
            else:
                assert members[member.name] == member, (name, member.name)
    assert real["packet"] == [8, 2**47, 7, -(2**63)]
    assert {"getPTS", "format", "__dlpack__", "__dlpack_device__"} <= set(real["frame"])
    assert "stream: object" in real["dlpack"]
    assert "Pixel_Format" in real["format"]
    assert (
        "arg0: _PyNvVideoCodec.PacketData) -> List[_PyNvVideoCodec.DecodedFrame]" in real["Decode"]
    )
    assert real["bases"] == ["Exception", "Exception"]


@pytest.mark.parametrize("name", ["CreateDecoder", "GetDecoderCaps"])
def test_the_stand_in_has_the_signatures_of_the_real_library(real: dict, name: str) -> None:
    said = re.search(rf"{name}\(((?!\*args).*?)\) ->", real[name])
    assert said is not None
    theirs = re.findall(r"(\w+): ", said[1])
    ours = [p for p in inspect.signature(getattr(Engine, name)).parameters if p != "self"]
    assert set(ours) <= set(theirs)
    assert ours == [parameter for parameter in theirs if parameter in ours]


def test_the_capabilities_have_the_names_that_are_read(real: dict) -> None:
    """They cannot be asked without a GPU, but the names stand in the library."""
    text = Path(real["module"]).read_bytes()
    for name in Engine().caps:
        assert b"\0" + name.encode() + b"\0" in text
