"""A video engine without a GPU: PyNvVideoCodec as it looks from outside, on PyAV and host memory.

It is as unkind as the real one: a surface is wiped at the next packet, the packet is only borrowed
while it is decoded, and H.264 without start codes decodes to nothing.  `test_nvdec.py` compares its
names and signatures with the real library.
"""

from __future__ import annotations

import ctypes
import gc
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import av
import numpy as np
from av.error import FFmpegError

NO_STAMP = -(2**63)


class CudaVideoCodec(IntEnum):
    MPEG1, MPEG2, MPEG4, VC1, H264, JPEG = 0, 1, 2, 3, 4, 5
    HEVC, VP8, VP9, AV1 = 8, 9, 10, 11


class DisplayDecodeLatencyType(IntEnum):
    NATIVE, LOW, ZERO = 0, 1, 2


class VideoPacketFlag(IntEnum):
    ENDOFSTREAM, DISCONTINUITY, ENDOFPICTURE = 1, 4, 8


class OutputColorType(IntEnum):
    NATIVE, RGB, RGBP = 0, 1, 2


class PixelFormat(IntEnum):
    NV12, P016, YUV444 = 0, 1, 2


CudaVideoChromaFormat = IntEnum("CudaVideoChromaFormat", {"Monochrome": 0, "420": 1, "422": 2})


class GenericError(Exception):
    pass


class UnsupportedError(Exception):
    pass


@dataclass
class PacketData:
    bsl_data: int = 0
    bsl: int = 0
    pts: int = 0
    decode_flag: int = 0


class DecodedFrame:
    def __init__(self, planes: np.ndarray, pts: int, kind: PixelFormat) -> None:
        self.planes = planes
        self.format = kind
        self._pts = pts

    def getPTS(self) -> int:  # noqa: N802 - the library's name
        return self._pts

    def __dlpack__(self, stream: object = 0) -> Any:
        return self.planes.__dlpack__()

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)


_DECODERS = {
    CudaVideoCodec.H264: "h264",
    CudaVideoCodec.MPEG4: "mpeg4",
    CudaVideoCodec.VP9: "libvpx-vp9",
}


class Session:
    """One decoder, with buffers of a first picture's size."""

    def __init__(self, engine: Engine, codec: CudaVideoCodec, latency: int) -> None:
        self.engine = engine
        self.codec = av.CodecContext.create(_DECODERS[codec], "r")
        self.codec.thread_type = "NONE"
        if latency == DisplayDecodeLatencyType.LOW:
            self.codec.flags |= av.codec.context.Flags.low_delay
        self.size: tuple[int, int] | None = None
        self.lent: list[np.ndarray] = []

    def Decode(self, packet: PacketData) -> list[DecodedFrame]:  # noqa: N802
        assert isinstance(packet, PacketData)
        engine = self.engine
        engine.calls.append(("Decode", packet.bsl_data, packet.bsl, packet.pts, packet.decode_flag))
        for planes in self.lent:
            planes[:] = 77
        self.lent = []
        if engine.faults:
            raise engine.faults.pop(0)
        if packet.bsl == 0:
            frames = self.codec.decode(None)
            self.codec.flush_buffers()
        else:
            borrowed = ctypes.string_at(packet.bsl_data, packet.bsl)
            gc.collect(0)  # what nobody holds is gone by now
            data = ctypes.string_at(packet.bsl_data, packet.bsl)
            assert data == borrowed
            if self.codec.name == "h264" and data[:3] != b"\0\0\1" and data[:4] != b"\0\0\0\1":
                return []
            coded = av.Packet(data)
            coded.pts = None if packet.pts == NO_STAMP else packet.pts
            try:
                frames = self.codec.decode(coded)
            except FFmpegError:
                return []
        if engine.mute:
            return []
        return [self._surface(frame) for frame in frames]

    def _surface(self, frame: av.VideoFrame) -> DecodedFrame:
        size = (frame.width, frame.height)
        if self.size is not None and size[0] > self.size[0]:
            raise GenericError(
                "Reconfigure Not supported when width/height > maxwidth/maxheight\nx"
            )
        self.size = self.size or size
        y, u, v = (
            np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
            for plane in frame.planes
        )
        planes = np.empty((size[1] * 3 // 2, size[0]), np.uint8)
        planes[: size[1]] = y
        planes[size[1] :, 0::2], planes[size[1] :, 1::2] = u, v
        self.lent.append(planes)
        pts = NO_STAMP if frame.pts is None else frame.pts
        return DecodedFrame(planes, pts, self.engine.kind)


@dataclass
class Engine:
    """The module.  `faults` are raised by the next calls of Decode; `mute` swallows pictures."""

    calls: list[tuple[Any, ...]] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    caps: dict[str, int] = field(
        default_factory=lambda: {
            "num_decoder_engines": 1,
            "width_min": 48,
            "height_min": 16,
            "width_max": 4096,
            "height_max": 4096,
            "mb_num_max": 65536,
        }
    )
    mute: bool = False
    kind: PixelFormat = PixelFormat.NV12  # as which surfaces are given out

    cudaVideoCodec = CudaVideoCodec  # noqa: N815 - the library's names, all of them
    cudaVideoChromaFormat = CudaVideoChromaFormat  # noqa: N815
    DisplayDecodeLatencyType = DisplayDecodeLatencyType
    VideoPacketFlag = VideoPacketFlag
    OutputColorType = OutputColorType
    Pixel_Format = PixelFormat
    PacketData = PacketData
    DecodedFrame = DecodedFrame
    PyNvDecoder = Session
    PyNvVCException = GenericError
    PyNvVCExceptionUnsupported = UnsupportedError

    def GetDecoderCaps(  # noqa: N802
        self,
        gpuid: int = 0,
        codec: CudaVideoCodec = CudaVideoCodec.H264,
        chromaformat: int = 1,
        bitdepth: int = 8,
    ) -> dict[str, int]:
        self.calls.append(("GetDecoderCaps", codec.name, int(chromaformat), bitdepth))
        return self.caps

    def CreateDecoder(  # noqa: N802
        self,
        gpuid: int = 0,
        codec: CudaVideoCodec = CudaVideoCodec.H264,
        cudacontext: int = 0,
        cudastream: int = 0,
        usedevicememory: bool = False,
        outputColorType: OutputColorType = OutputColorType.NATIVE,  # noqa: N803
        latency: DisplayDecodeLatencyType = DisplayDecodeLatencyType.NATIVE,
    ) -> Session:
        assert usedevicememory
        assert outputColorType == OutputColorType.NATIVE
        self.calls.append(("CreateDecoder", codec.name, cudacontext, cudastream, latency.name))
        return Session(self, codec, latency)

    def named(self, name: str) -> list[tuple[Any, ...]]:
        return [call for call in self.calls if call[0] == name]


class HostLane:
    """A lane whose work is done when it is started; it writes down what a GPU would be asked."""

    context, stream = 11, 12

    def __init__(self, engine: Engine, gpu: int) -> None:
        self.gpu = gpu
        self._calls = engine.calls
        self._calls.append(("probe", gpu))

    @contextmanager
    def at_work(self):
        self._calls.append(("work",))
        yield

    def wait(self) -> None:
        self._calls.append(("wait",))

    def make_room(self) -> None:
        self._calls.append(("make_room",))
