"""The `nvdec` decoder: PyAV reads packets, NVIDIA's video engine decodes them in the GPU's memory,
and there they stay.

The library's buffers are used again at the next packet, so a picture is developed at once, on the
camera's thread and stream.  Damage is concealed by the engine and not told; what is told is that
no picture comes.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import torch
from av.bitstream import BitStreamFilterContext
from av.error import FFmpegError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from torch import Tensor

from murai_show.camera.darkroom import (
    BITS,
    CudaLane,
    Darkroom,
    Lane,
    Surface,
    Tags,
    as_camera_error,
    brief,
)
from murai_show.camera.decode import SOFTWARE, Decoder, Negative, sane
from murai_show.camera.source import Wire
from murai_show.cuda_faults import classify
from murai_show.errors import CameraError, DeviceLostError
from murai_show.show.words import Size

log = logging.getLogger(__name__)

# FFmpeg's name of a codec → the engine's, and the filter that puts what only the file's header has
# (start codes and parameter sets, a decoder's configuration) into the packets.
_CODECS: dict[str, tuple[str, str]] = {
    "h264": ("H264", "h264_mp4toannexb"),
    "hevc": ("HEVC", "hevc_mp4toannexb"),
    "av1": ("AV1", ""),
    "vp8": ("VP8", ""),
    "vp9": ("VP9", ""),
    "mpeg1video": ("MPEG1", ""),
    "mpeg2video": ("MPEG2", ""),
    "mpeg4": ("MPEG4", "dump_extra"),
}
_PLANES = {"NV12": torch.uint8, "P016": torch.uint16}  # what 4:2:0 comes as

_NO_STAMP = -(2**63)  # AV_NOPTS_VALUE
_WAITING = 64  # packets without a picture, after which they count as damaged; a reorder takes 16


def open_nvdec(gpu: int = 0) -> Nvdec:
    """Decoding on the video engine of `gpu`.  Raises CameraError where there is none."""
    if not torch.cuda.is_available():
        raise CameraError("NVDEC wants an NVIDIA GPU, and PyTorch sees none")
    try:
        import cuda.bindings.driver  # noqa: F401 - so that its absence is found here
        import PyNvVideoCodec  # pyright: ignore[reportMissingImports]
    except (ImportError, OSError, RuntimeError) as error:  # RuntimeError: a driver is missing
        raise CameraError(
            f"NVDEC cannot be used: {brief(error)}; it wants NVIDIA's driver, with `video` among "
            "the capabilities of a container, and pip install 'murai-show[nvidia]'"
        ) from None
    return Nvdec(PyNvVideoCodec, gpu)


class Nvdec:
    """Decoding on one GPU, for any number of cameras; what its engine cannot decode, the CPU does,
    and one line says so.  `library` is the module PyNvVideoCodec."""

    def __init__(self, library: Any, gpu: int = 0, lane: Callable[[int], Lane] = CudaLane) -> None:
        self.library = library
        # The library's own do not descend from RuntimeError, nor from each other.
        self.faults = (
            library.PyNvVCException,
            library.PyNvVCExceptionUnsupported,
            RuntimeError,
        )
        self.gpu = gpu
        self._lane = lane
        self._unable: dict[str, str] = {}  # streams that turned out to be too much for it, and why
        self._told: set[tuple[str, str]] = set()

    def open(self, stream: VideoStream, what: str, *, live: bool, within: Size | None) -> Decoder:
        """As `Decoding` says.  Raises CameraError when the GPU does not answer."""
        lane = self._lane(self.gpu)
        if trouble := self._unable.get(what) or self.trouble_with(stream.codec_context):
            return self.on_cpu(stream, what, trouble, live=live, within=within)
        stream.codec_context.thread_type = "NONE"  # it decodes one picture, and that at once
        return NvdecDecoder(self, lane, stream, what, live=live, within=within)

    def trouble_with(self, codec: VideoCodecContext) -> str:
        """Why the engine cannot decode this, in a few words; empty where it can, or where the
        stream has not told yet what it is.  Raises DeviceLostError."""
        name = codec.codec.canonical_name
        if name not in _CODECS:
            return f"it does not know {name}"
        if codec.format is None or not (codec.width and codec.height):
            return ""
        size = Size(codec.width, codec.height)
        bits = BITS.get(codec.format.name)
        if bits is None or size.width % 2 or size.height % 2:
            return f"{codec.format.name} of {size} is not 4:2:0 with even sides"
        try:
            able = self.library.GetDecoderCaps(
                gpuid=self.gpu,
                codec=self.codec(name),
                chromaformat=getattr(self.library.cudaVideoChromaFormat, "420"),
                bitdepth=bits,
            )
        except self.faults as error:
            if classify(error) == "device":
                raise as_camera_error("NVDEC was asked what it can decode", error) from None
            return f"it cannot decode {name} of {bits} bits: {brief(error)}"
        least = Size(able["width_min"], able["height_min"])
        most = Size(able["width_max"], able["height_max"])
        if most.width == 0:
            return f"it cannot decode {name} of {bits} bits"
        fits = all(a <= side <= b for a, side, b in zip(least, size, most, strict=True))
        return "" if fits else f"{name} of {size} is not within {least} and {most}"

    def codec(self, name: str) -> Any:
        """The engine's word for what FFmpeg calls `name`."""
        return getattr(self.library.cudaVideoCodec, _CODECS[name][0])

    def unable(self, what: str, trouble: str) -> None:
        """From its next opening on, `what` is decoded on the CPU."""
        self._unable[what] = trouble

    def on_cpu(
        self, stream: VideoStream, what: str, trouble: str, *, live: bool, within: Size | None
    ) -> Decoder:
        if (what, trouble) not in self._told:  # a camera that comes and goes says it once
            self._told.add((what, trouble))
            log.warning("%s: NVDEC leaves it to the CPU: %s", what, trouble)
        return SOFTWARE.open(stream, what, live=live, within=within)


class NvdecDecoder:
    """Looks at a stream before it is decoded on the GPU: the first picture is decoded on the CPU
    too, because only a decoded frame tells its colours and which way up it is."""

    def __init__(
        self,
        nvdec: Nvdec,
        lane: Lane,
        stream: VideoStream,
        what: str,
        *,
        live: bool,
        within: Size | None,
    ) -> None:
        self._nvdec = nvdec
        self._lane = lane
        self._stream = stream
        self._what = what
        self._live = live
        self._within = within
        self._reorders = stream.codec_context.has_b_frames
        self._held: deque[Packet] = deque(maxlen=_WAITING)
        self._decoder: Decoder | None = None

    def __call__(self, packet: Packet, wire: Wire) -> Iterator[Negative | None]:
        packets = [packet]
        if self._decoder is None:
            if self._live and packet.is_keyframe:  # what came before refers to what was missed
                self._held.clear()
            self._held.append(packet)
            try:
                frame = self._first_frame(packet)
            except FFmpegError:
                wire.drop("corrupt")
                yield None
                return
            if frame is None:
                return
            self._decoder = self._decided(frame)
            packets = [*self._held]
            self._held.clear()
        for one in packets:
            yield from self._decoder(one, wire)

    def _first_frame(self, packet: Packet) -> VideoFrame | None:
        frames = self._stream.codec_context.decode(packet)
        return next((f for f in frames if not f.is_corrupt and sane(f.width, f.height)), None)

    def _decided(self, frame: VideoFrame) -> Decoder:
        codec = self._stream.codec_context
        reorders = self._reorders or codec.has_b_frames
        codec.flush_buffers()  # the CPU may have to start over
        if trouble := self._nvdec.trouble_with(codec):
            return self._nvdec.on_cpu(
                self._stream, self._what, trouble, live=self._live, within=self._within
            )
        darkroom = Darkroom(self._lane, Tags.of(frame), self._within)
        soon = self._live and not reorders
        return Session(self._nvdec, self._lane, self._stream, self._what, darkroom, soon=soon)


class Session:
    """One session of the video engine.  With `soon` each picture comes with its packet, which wants
    a stream without B-frames; without, up to four packets later."""

    def __init__(
        self,
        nvdec: Nvdec,
        lane: Lane,
        stream: VideoStream,
        what: str,
        darkroom: Darkroom,
        *,
        soon: bool,
    ) -> None:
        self._nvdec = nvdec
        self._library = nvdec.library
        self._lane = lane
        self._what = what
        self._darkroom = darkroom
        self._soon = soon
        self._time_base = stream.time_base or Fraction(1)
        self._name = stream.codec_context.codec.canonical_name
        self._filter = _filter_for(stream, self._name)
        self._engine = self._opened()
        self._young = True  # no picture came from it yet
        self._waiting = 0  # packets since the last picture

    def __call__(self, packet: Packet, wire: Wire) -> Iterator[Negative | None]:
        if not packet.size:  # the end of a film, which may be played again
            if self._filter is not None:
                self._filter.flush()
            while held_back := self._told_the_end():
                yield from self._negatives(held_back, wire)
            self._waiting = 0
            return
        try:
            whole = [packet] if self._filter is None else self._filter.filter(packet)
        except FFmpegError:
            wire.drop("corrupt")
            yield None
            return
        for one in whole:
            self._waiting += 1
            yield from self._negatives(self._decoded(one), wire)
        if self._waiting > _WAITING:
            wire.drop("corrupt")
            yield None

    def _opened(self) -> Any:
        latency = self._library.DisplayDecodeLatencyType
        try:
            return self._library.CreateDecoder(
                gpuid=self._nvdec.gpu,
                codec=self._nvdec.codec(self._name),
                cudacontext=self._lane.context,
                cudastream=self._lane.stream,
                usedevicememory=True,
                outputColorType=self._library.OutputColorType.NATIVE,
                latency=latency.LOW if self._soon else latency.NATIVE,
            )
        except self._nvdec.faults as error:
            raise self._lost(error) from None

    def _decoded(self, packet: Packet) -> list[Any]:
        """The surfaces that `packet` completes, in the order in which they are shown."""
        try:
            return self._decode(packet)
        except self._nvdec.faults as error:
            # A decoder cannot grow beyond its first picture's size; a key frame can start a new
            # one.  One that gave no picture yet would only fail again.
            if self._young or not packet.is_keyframe or classify(error) == "device":
                raise self._lost(error) from None
        try:
            self._lane.wait()  # nothing may still be reading the old one's memory
            self._engine, self._young = self._opened(), True
            return self._decode(packet)
        except self._nvdec.faults as error:
            raise self._lost(error) from None

    def _decode(self, packet: Packet) -> list[Any]:
        stamp = packet.dts if packet.pts is None else packet.pts
        data = self._library.PacketData()
        data.bsl_data = packet.buffer_ptr  # into `packet`, which lives until the call returns
        data.bsl = packet.size
        data.pts = _NO_STAMP if stamp is None else stamp
        if self._soon:
            data.decode_flag = self._library.VideoPacketFlag.ENDOFPICTURE
        with self._lane.at_work():
            return self._engine.Decode(data)

    def _told_the_end(self) -> list[Any]:
        """The surfaces that were held back for their order."""
        data = self._library.PacketData()
        data.decode_flag = self._library.VideoPacketFlag.ENDOFSTREAM
        try:
            with self._lane.at_work():
                return self._engine.Decode(data)
        except self._nvdec.faults as error:
            raise self._lost(error) from None

    def _negatives(self, surfaces: list[Any], wire: Wire) -> Iterator[Negative | None]:
        for surface in surfaces:
            self._young, self._waiting = False, 0
            planes = self._planes(surface)
            if not sane(planes.shape[1], planes.shape[0] * 2 // 3):
                wire.drop("geometry")
                yield None
                continue
            stamp = surface.getPTS()
            time = None if stamp == _NO_STAMP else float(stamp * self._time_base)
            yield Surface(planes, time, self._darkroom, wire)

    def _planes(self, surface: Any) -> Tensor:
        """(H + H/2, W), as NV12 or P016; a view of the surface."""
        came = surface.format.name
        if came not in _PLANES:
            raise self._lost(f"it gives {came}, not NV12 or P016")
        try:
            with self._lane.at_work():  # PyTorch tells the library this stream, which waits in it
                planes = torch.from_dlpack(surface)
        except self._nvdec.faults as error:
            raise self._lost(error) from None
        if planes.dtype != _PLANES[came] or planes.ndim != 2 or planes.shape[0] % 3:
            raise self._lost(f"its {came} has the shape {tuple(planes.shape)} of {planes.dtype}")
        return planes

    def _lost(self, error: Exception | str) -> CameraError | DeviceLostError:
        """What to raise.  Out of memory, the camera is opened again soon, and finds some."""
        what = f"{self._what} is lost: NVDEC failed"
        if isinstance(error, str):
            return CameraError(f"{what}: {error}")
        if isinstance(error, self._library.PyNvVCExceptionUnsupported):
            self._nvdec.unable(self._what, brief(error))
        if classify(error) == "memory":
            self._lane.make_room()
        return as_camera_error(what, error)


def _filter_for(stream: VideoStream, name: str) -> BitStreamFilterContext | None:
    """What has to be done to the packets of `stream`, codec `name`, before the engine reads them.

    H.264 and HEVC come with start codes, except from MP4, Matroska and their kin, whose
    configuration record begins with its version, 1.
    """
    wanted = _CODECS[name][1]
    extradata = stream.codec_context.extradata or b""
    if wanted.endswith("_mp4toannexb") and extradata[:1] != b"\x01":
        return None
    if wanted == "dump_extra" and not extradata:
        return None
    return BitStreamFilterContext(wanted, stream) if wanted else None
