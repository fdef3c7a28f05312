"""As much of V4L2 as it takes to be a camera: ask a device what it is, set a format.

Numbers and layouts are those of the kernel's <linux/videodev2.h>, which never change.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
from collections.abc import Callable
from pathlib import Path

from murai_show.show.words import Size

LOOPBACK = "v4l2 loopback"  # how the driver calls itself

VIDIOC_QUERYCAP = 0x80685600  # _IOR('V', 0, struct v4l2_capability)
VIDIOC_S_FMT = 0xC0D05605  # _IOWR('V', 5, struct v4l2_format), on 64 bits
# struct v4l2_capability: driver, card, bus_info, version, capabilities, device_caps, reserved[3]
_CAPABILITY = struct.Struct("16s32s32sII I12x")
# struct v4l2_format: type, four bytes of nothing, and a union of 200 bytes that begins with
# struct v4l2_pix_format: width, height, pixelformat, field, bytesperline, sizeimage, colorspace,
# priv, flags, ycbcr_enc, quantization, xfer_func
_FORMAT = struct.Struct("I4x12I152x")
_VIDEO_OUTPUT = 2  # V4L2_BUF_TYPE_VIDEO_OUTPUT
_FIELD_NONE = 1
_REC709, _SMPTE170M = 3, 1  # V4L2_COLORSPACE_…
YUYV = int.from_bytes(b"YUYV", "little")

Ioctl = Callable[[int, int, bytearray], int]


def system_ioctl(device: int, request: int, argument: bytearray) -> int:
    return fcntl.ioctl(device, request, argument, True)


def trouble_with(device: str, ioctl: Ioctl = system_ioctl) -> str:
    """Why `device` cannot be a virtual camera, in words that go on after its name; empty when it
    can."""
    try:
        if not stat.S_ISCHR(Path(device).stat().st_mode):
            return "is no device"
        opened = os.open(device, os.O_WRONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        number = device.removeprefix("/dev/video")
        which = f" video_nr={number}" if number.isdigit() else ""
        return f"is not there; load the kernel's module: modprobe v4l2loopback{which}"
    except OSError as error:
        # Busy is no trouble: the show that is changed while it runs may be who writes there.
        return "" if error.errno == errno.EBUSY else f"cannot be opened: {error.strerror}"
    try:
        driver = driver_of(opened, ioctl)
    except OSError:
        return "is no video device"
    finally:
        os.close(opened)
    if driver != LOOPBACK:
        return f"is no virtual camera but one of {driver}; take a device of v4l2loopback"
    return ""


def driver_of(device: int, ioctl: Ioctl = system_ioctl) -> str:
    """How the driver of an open device calls itself.  Raises OSError."""
    found = bytearray(_CAPABILITY.size)
    ioctl(device, VIDIOC_QUERYCAP, found)
    driver: bytes = _CAPABILITY.unpack(found)[0]
    return driver.rstrip(b"\0").decode("ascii", "replace")


def set_format(device: int, size: Size, ioctl: Ioctl = system_ioctl) -> None:
    """Announce pictures of `size`, which is even, in YUYV (4:2:2, two bytes a pixel), in the
    colours that `movie.colours_of` gives them.

    Raises OSError, also when the device takes another format: programs that film with it hold on to
    the one that they found.
    """
    colours = _REC709 if size.height >= 720 else _SMPTE170M
    line = 2 * size.width
    pixels = (*size, YUYV, _FIELD_NONE, line, line * size.height, colours, 0, 0, 0, 0, 0)
    wanted = bytearray(_FORMAT.pack(_VIDEO_OUTPUT, *pixels))
    ioctl(device, VIDIOC_S_FMT, wanted)
    _, width, height, layout, *_ = _FORMAT.unpack(wanted)
    if (width, height, layout) != (*size, YUYV):
        held = f"it is held at {width}x{height} by a program that films with it"
        raise OSError(errno.EBUSY, held)
