"""The video devices of this machine and what they film in, asked of V4L2.

Numbers and layouts are those of the kernel's <linux/videodev2.h>.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from murai_show.output.v4l2 import Ioctl, system_ioctl
from murai_show.show.words import Size

_QUERYCAP = 0x80685600
_ENUM_FMT = 0xC0405602  # _IOWR('V', 2, struct v4l2_fmtdesc)
_ENUM_FRAMESIZES = 0xC02C564A  # _IOWR('V', 74, struct v4l2_frmsizeenum)
_CAPABILITY = struct.Struct("16s32s32s3I12x")
# struct v4l2_fmtdesc: index, type, flags, description, pixelformat, mbus_code, reserved[3]
_FORMAT = struct.Struct("III32sI16x")
# struct v4l2_frmsizeenum: index, pixel_format, type, a union of six numbers, reserved[2]
_FRAME_SIZE = struct.Struct("III6I8x")
_CAPTURE = 1  # V4L2_CAP_VIDEO_CAPTURE, and V4L2_BUF_TYPE_VIDEO_CAPTURE
_DEVICE_CAPS = 0x80000000
_DISCRETE = 1
_MOST = 64  # a broken driver could count for ever


@dataclass(frozen=True)
class Format:
    """`fourcc` is V4L2's name of it; `largest` None where the driver does not say."""

    fourcc: str
    largest: Size | None

    def __str__(self) -> str:
        return f"{self.fourcc} to {self.largest}" if self.largest else self.fourcc


@dataclass(frozen=True)
class Device:
    """A camera: its path, best by id, and its own name."""

    path: Path
    card: str
    formats: tuple[Format, ...]


def cameras(
    folder: Path = Path("/dev"),
    open_: Callable[[Path], int] = lambda path: os.open(path, os.O_RDWR | os.O_NONBLOCK),
    ioctl: Ioctl = system_ioctl,
) -> Iterator[Device | tuple[Path, OSError]]:
    """Each camera, or a device that cannot be asked, and why.  Nothing is set, nothing filmed."""
    for path in sorted(folder.glob("video[0-9]*")):
        try:
            opened = open_(path)
        except OSError as error:
            yield path, error
            continue
        try:
            found = device(best_name(path, folder), opened, ioctl)
        except OSError:  # no V4L2 behind that name
            continue
        finally:
            os.close(opened)
        if found is not None:
            yield found


def best_name(path: Path, folder: Path = Path("/dev")) -> Path:
    """The name that stays when cables are swapped, where there is one."""
    for link in sorted((folder / "v4l/by-id").glob("*")):
        if link.resolve() == path.resolve():
            return link
    return path


def device(path: Path, opened: int, ioctl: Ioctl) -> Device | None:
    """The camera behind an open device; None when it films nothing.  Raises OSError."""
    asked = bytearray(_CAPABILITY.size)
    ioctl(opened, _QUERYCAP, asked)
    _, card, _, _, whole, own = _CAPABILITY.unpack(asked)
    if not (own if whole & _DEVICE_CAPS else whole) & _CAPTURE:
        return None
    formats = tuple(_formats(opened, ioctl))
    name = card.rstrip(b"\0").decode(errors="replace")
    return Device(path, name, formats) if formats else None


def _formats(opened: int, ioctl: Ioctl) -> Iterator[Format]:
    for index in range(_MOST):
        asked = bytearray(_FORMAT.pack(index, _CAPTURE, 0, b"", 0))
        try:
            ioctl(opened, _ENUM_FMT, asked)
        except OSError:  # EINVAL: that was the last
            return
        code = _FORMAT.unpack(asked)[4]
        fourcc = code.to_bytes(4, "little").decode("ascii", "replace").strip()
        yield Format(fourcc, max(_sizes(opened, code, ioctl), default=None, key=_area))


def _sizes(opened: int, code: int, ioctl: Ioctl) -> Iterator[Size]:
    for index in range(_MOST):
        asked = bytearray(_FRAME_SIZE.pack(index, code, 0, *(0,) * 6))
        try:
            ioctl(opened, _ENUM_FRAMESIZES, asked)
        except OSError:
            return
        _, _, kind, *numbers = _FRAME_SIZE.unpack(asked)
        if kind == _DISCRETE:
            yield Size(numbers[0], numbers[1])
        else:  # stepwise: least, most and step of the width, then of the height
            yield Size(numbers[1], numbers[4])
            return


def _area(size: Size) -> int:
    return size.width * size.height
