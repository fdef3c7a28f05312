"""Canvases as NV12, drawn by OpenGL, against FFmpeg's own conversion on the CPU."""

import numpy as np
import pytest

from murai_show.frame import Frame
from murai_show.output.movie import ToYuv
from murai_show.output.nv12 import Nv12, weights
from murai_show.show.words import Size
from tests.output.planning import a_canvas, a_frame, flat, noise


def drawn(make_canvas, picture: Frame) -> np.ndarray:
    canvas = make_canvas(a_canvas(picture.width, picture.height))
    canvas.draw(picture, 1.0)
    nv12 = Nv12(canvas.texture.ctx, Size(picture.width, picture.height))
    nv12.draw(canvas.texture)
    codes = nv12.read()
    nv12.close()
    nv12.close()
    return codes


def converted(picture: Frame) -> np.ndarray:
    """What FFmpeg makes of it: the luma's lines, then the chroma's."""
    rgba = np.dstack([picture.pixels, np.full(picture.pixels.shape[:2], 255, np.uint8)])
    return ToYuv(Size(picture.width, picture.height), "nv12")(rgba, 0.0).to_ndarray()


def slopes(width: int, height: int) -> Frame:
    """Every colour changes slowly, so that it does not matter where chroma is sampled."""
    y, x = np.mgrid[0:height, 0:width]
    red, green = 255 * x / width, 255 * y / height
    return a_frame(np.dstack([red, green, 255 - (red + green) / 2]))


@pytest.mark.parametrize("size", [(320, 180), (1280, 720), (321, 181)])
def test_the_codes_are_ffmpeg_s(make_canvas, size) -> None:
    """BT.601 in small pictures, BT.709 in large ones; an odd row and column are left away."""
    picture = slopes(*size)
    ours, theirs = drawn(make_canvas, picture).astype(int), converted(picture).astype(int)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 2  # FFmpeg rounds in between
    assert np.abs(ours - theirs).mean() < 0.5


def test_luma_is_the_pixel_s_own(make_canvas) -> None:
    picture = noise(1, 96, 64)
    ours, theirs = drawn(make_canvas, picture)[:64].astype(int), converted(picture)[:64]
    assert np.abs(ours - theirs).max() <= 1


def test_chroma_is_the_mean_of_two_by_two_pixels(make_canvas) -> None:
    picture = noise(2, 96, 64)
    means = picture.pixels.reshape(32, 2, 48, 2, 3).mean((1, 3))
    _, cb, cr = (np.array(w) for w in weights(Size(96, 64)))
    chroma = drawn(make_canvas, picture)[64:].reshape(32, 48, 2)
    assert np.abs(chroma[..., 0] - (means @ cb + 128)).max() <= 0.51
    assert np.abs(chroma[..., 1] - (means @ cr + 128)).max() <= 0.51


@pytest.mark.parametrize(
    ("colour", "codes"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((255, 0, 0), (63, 102, 240)),  # 75 % bars aside, BT.709's own table
        ((0, 0, 255), (32, 240, 118)),
    ],
)
def test_the_codes_of_bt_709(make_canvas, colour, codes) -> None:
    shown = drawn(make_canvas, flat(colour, 1280, 720))
    assert (shown[0, 0], *shown[720, :2]) == codes
    assert np.ptp(shown[:720]) == 0
