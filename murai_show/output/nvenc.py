"""NVENC: the encoder of NVIDIA's GPUs, where there is one.

Whether it is there is found out by opening it, at the size of the canvas: FFmpeg may lack it, the
driver may be missing or too old, a GPU for computing has none (the H100 and H200), a GeForce allows
only so many at once, and none encodes very small pictures.  Otherwise x264
serves, as it does without a word where there is no NVIDIA GPU.
"""

from __future__ import annotations

import errno
import logging
from fractions import Fraction
from typing import cast

from av.codec.codec import UnknownCodecError
from av.codec.context import CodecContext
from av.error import ExternalError, FFmpegError
from av.video.codeccontext import VideoCodecContext

from murai_show.gpu import find_gpu
from murai_show.output.files import plain
from murai_show.output.movie import Encoder, even_size, prepare, x264
from murai_show.show.words import Size

CODEC = "h264_nvenc"

# What libavcodec's nvenc.c gives for what it met.
_MEANINGS = {
    errno.EPERM: "NVIDIA's driver, or its part for encoding, is not installed",
    errno.ENOSYS: "the GPU has no encoder for H.264, or its driver is too old for this FFmpeg",
    errno.ENOMEM: "the GPU's memory is full, or it encodes as many films as it may already",
    errno.EINVAL: "it does not take pictures of this size",
}

log = logging.getLogger(__name__)


def nvenc(crf: int) -> Encoder:
    """NVENC at about the quality that x264 has at `crf`, none of its pictures waiting for others.

    Its own scale begins at 1; 0 would leave the quality to it.
    """
    options = {
        "preset": "p4",
        "tune": "ll",
        "rc": "vbr",
        "cq": str(max(1, crf)),
        "b": "0",  # the quality alone decides
        "bf": "0",
        "delay": "0",
        "zerolatency": "1",
        "forced-idr": "1",
    }
    return Encoder(CODEC, options, surfaces=True)


def choose_encoder(output: str, size: Size, fps: float, crf: int) -> Encoder:
    """NVENC where it opens for pictures of `size`, else x264; where there is an NVIDIA GPU, one
    line says which and why.  Without one nobody expects NVENC, and it is not tried."""
    return choose(output, size, fps, nvenc(crf), x264(crf), "records")


def choose(output: str, size: Size, fps: float, gpu: Encoder, cpu: Encoder, does: str) -> Encoder:
    """`gpu`, an encoder of NVENC, where it opens, else `cpu`; `does` is what it does, in a word."""
    if find_gpu() is None:
        return cpu
    trouble = refusal(gpu, even_size(size), fps)
    if not trouble:
        log.info("output %s: NVENC %s", output, does)
        return gpu
    log.info("output %s: x264 %s, on the CPU: no NVENC here: %s", output, does, trouble)
    return cpu


def refusal(encoder: Encoder, size: Size, fps: float) -> str:
    """Why `encoder` cannot be opened for pictures of `size`, which is even; empty when it can."""
    try:
        codec = cast("VideoCodecContext", CodecContext.create(encoder.codec, "w"))
        prepare(codec, size, fps)
        codec.framerate = Fraction(fps).limit_denominator(1001)
        codec.options = dict(encoder.options)
        codec.open()
    except UnknownCodecError:
        return f"this FFmpeg is built without {encoder.codec}"
    except ExternalError:
        return "no GPU here has an encoder that can be used"
    except FFmpegError as error:
        return _MEANINGS.get(error.errno or 0) or plain(error)
    return ""
