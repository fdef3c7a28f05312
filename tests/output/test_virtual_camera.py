"""The virtual camera.  No kernel module can be had here: the bytes for the kernel are compared with
the header's own structs, and a pipe stands in for the device."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import struct
import subprocess
import threading
from pathlib import Path
from random import Random

import av
import numpy as np
import pytest

from murai_show.backoff import Backoff
from murai_show.output import v4l2
from murai_show.output.movie import ToYuv
from murai_show.output.v4l2 import (
    LOOPBACK,
    VIDIOC_QUERYCAP,
    VIDIOC_S_FMT,
    YUYV,
    set_format,
    trouble_with,
)
from murai_show.output.virtual_camera import DEVICE, VirtualCamera, packed
from murai_show.show.timeline import LIT
from murai_show.show.words import Size
from tests.output.planning import RED, a_canvas, an_output, flat, noise, until

CANVAS = a_canvas(96, 64)
HEADER = Path("/usr/include/linux/videodev2.h")


class Kernel:
    """Answers ioctl as v4l2loopback does; `held` is the size that a reader holds on to."""

    def __init__(self, driver: str = LOOPBACK, held: Size | None = None) -> None:
        self.driver, self.held = driver, held
        self.formats: list[tuple[int, ...]] = []

    def __call__(self, device: int, request: int, argument: bytearray) -> int:
        if request == VIDIOC_QUERYCAP:
            assert len(argument) == 104
            argument[:16] = self.driver.encode().ljust(16, b"\0")
        elif request == VIDIOC_S_FMT:
            assert len(argument) == 208
            if self.held:
                struct.pack_into("II", argument, 8, *self.held)
            self.formats.append(struct.unpack_from("I4x8I", argument))
        else:
            raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))
        return 0


@pytest.mark.skipif(
    not HEADER.exists() or shutil.which("gcc") is None, reason="no kernel headers, or no compiler"
)
def test_numbers_and_layouts_are_the_kernel_s(tmp_path) -> None:
    program = """
    #include <linux/videodev2.h>
    #include <stdio.h>
    #include <string.h>
    int main(void) {
        struct v4l2_format f; memset(&f, 0, sizeof f);
        f.type = V4L2_BUF_TYPE_VIDEO_OUTPUT;
        f.fmt.pix.width = 96; f.fmt.pix.height = 64;
        f.fmt.pix.pixelformat = V4L2_PIX_FMT_YUYV; f.fmt.pix.field = V4L2_FIELD_NONE;
        f.fmt.pix.bytesperline = 192; f.fmt.pix.sizeimage = 192 * 64;
        f.fmt.pix.colorspace = V4L2_COLORSPACE_SMPTE170M;
        fwrite(&f, sizeof f, 1, stdout);
        unsigned numbers[] = {VIDIOC_QUERYCAP, VIDIOC_S_FMT, sizeof(struct v4l2_capability)};
        fwrite(numbers, sizeof numbers, 1, stdout);
        return 0;
    }
    """
    (tmp_path / "a.c").write_text(program)
    subprocess.run(["gcc", "-o", tmp_path / "a", tmp_path / "a.c"], check=True)
    said = subprocess.run([tmp_path / "a"], check=True, capture_output=True).stdout
    sent: list[bytes] = []
    set_format(0, Size(96, 64), lambda _d, _r, argument: sent.append(bytes(argument)) or 0)
    assert said[:208] == sent[0]
    assert struct.unpack("III", said[208:]) == (VIDIOC_QUERYCAP, VIDIOC_S_FMT, 104)


def test_hd_has_the_colours_of_hd() -> None:
    kernel = Kernel()
    set_format(0, Size(1280, 720), kernel)
    assert kernel.formats == [(2, 1280, 720, YUYV, 1, 2560, 2560 * 720, 3, 0)]


def test_a_format_that_is_held_by_a_reader_is_said() -> None:
    with pytest.raises(OSError, match="held at 640x480 by a program that films with it"):
        set_format(0, Size(96, 64), Kernel(held=Size(640, 480)))


@pytest.mark.parametrize(
    ("device", "kernel", "said"),
    [
        ("/dev/video9871", Kernel(), "is not there; load the kernel's module: modprobe v4l2loopba"),
        ("/etc/hostname", Kernel(), "is no device"),
        ("/dev/null", Kernel("uvcvideo"), "is no virtual camera but one of uvcvideo; take a devi"),
        ("/dev/null", v4l2.system_ioctl, "is no video device"),
        ("/dev/null", Kernel(), ""),
    ],
)
def test_what_is_wrong_with_a_device(device, kernel, said) -> None:
    found = trouble_with(device, kernel)
    assert found.startswith(said) if said else not found


def test_pictures_are_packed_without_a_gap() -> None:
    """A width whose lines FFmpeg pads; red in BT.601, video range: Y 81, U 90, V 240."""
    rgba = np.zeros((34, 50, 4), np.uint8)
    rgba[...] = (255, 0, 0, 255)
    data = packed(ToYuv(Size(50, 34), "yuyv422"), rgba)
    assert len(data) == 2 * 50 * 34
    y0, u, y1, v = np.frombuffer(data, np.uint8).reshape(-1, 4).astype(int).T
    for plane, wanted in ((y0, 81), (y1, 81), (u, 90), (v, 240)):
        assert np.abs(plane - wanted).max() <= 2


@pytest.fixture
def camera(make_stage, tmp_path):
    """A virtual camera whose device is a pipe, and what comes out of it."""
    opened: list[VirtualCamera] = []
    pipe = tmp_path / "video"
    os.mkfifo(pipe)

    def start(kernel: Kernel, canvas=CANVAS) -> tuple[VirtualCamera, Path]:
        planned = an_output("virtual_camera", canvas, device="/dev/video10", fps=30)
        object.__setattr__(planned.spec, "device", str(pipe))
        soon = Backoff(0.05, 0.1, 1.0)
        opened.append(VirtualCamera(planned, make_stage(planned), kernel, soon, Random(1)))
        return opened[-1], pipe

    yield start
    for each in opened:
        each.close()


def read_exactly(device: int, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += os.read(device, count - len(data))
    return data


def test_a_program_that_films_sees_the_canvas(camera) -> None:
    kernel = Kernel()
    output, pipe = camera(kernel)
    film: list[bytes] = []

    def reader() -> None:
        device = os.open(pipe, os.O_RDONLY)
        film.append(read_exactly(device, 2 * 96 * 64))
        os.close(device)

    thread = threading.Thread(target=reader)
    thread.start()
    number = 0
    while not film:
        output.show(flat(RED), LIT, number / 30)
        until(lambda: output._worker.idle)
        number += 1
    thread.join()
    assert kernel.formats == [(2, 96, 64, YUYV, 1, 192, 192 * 64, 1, 0)]
    frame = av.VideoFrame.from_ndarray(
        np.frombuffer(film[0], np.uint8).reshape(64, 96, 2), "yuyv422"
    )
    assert frame.to_ndarray(format="rgb24").mean((0, 1)) == pytest.approx(RED, abs=4)


def test_a_device_that_is_away_is_tried_again(camera, caplog) -> None:
    """A pipe that nobody reads cannot be opened for writing, as a device that is gone cannot."""
    caplog.set_level(logging.INFO)
    output, pipe = camera(Kernel())
    for number in range(10):
        output.show(noise(number), LIT, number / 30)
        until(lambda: output._worker.idle)
    assert output.drops == {DEVICE: 10}
    device = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    for number in range(10, 30):
        output.show(noise(number), LIT, number / 30)
        until(lambda: output._worker.idle)
    assert output.pictures > 0
    os.close(device)
    for number in range(30, 40):
        output.show(noise(number), LIT, number / 30)
        until(lambda: output._worker.idle)
    assert caplog.text.count("takes no pictures") == 2
    assert caplog.text.count("pictures go to") == 1


def test_a_size_that_is_held_is_said_and_tried_again(camera, caplog) -> None:
    kernel = Kernel(held=Size(640, 480))
    output, pipe = camera(kernel)
    device = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    for number in range(60):
        output.show(noise(number), LIT, number / 30)
        until(lambda: output._worker.idle)
    os.close(device)
    assert output.pictures == 0
    assert len(kernel.formats) > 1
    assert caplog.text.count("held at 640x480") == 1
