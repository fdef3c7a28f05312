"""NV12 to RGB: against the equations, and against swscale."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import av.filter
import numpy as np
import pytest
import torch
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from PIL import Image

from murai_show.camera.nv12 import Colours, to_rgb
from murai_show.camera.still import demo_photos
from murai_show.show.words import Size

MATRICES = {"601": 5, "709": 1, "2020": 9}  # AVColorSpace
SHARES = {"601": (0.299, 0.114), "709": (0.2126, 0.0722), "2020": (0.2627, 0.0593)}
SOLID = [
    (0, 0, 0),
    (255, 255, 255),
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 0),
    (18, 130, 201),
    (127, 128, 129),
]


def coded(rgb: tuple[int, ...], matrix: str, full: bool, bits: int) -> tuple[int, int, int]:
    """Y, Cb and Cr of `rgb`, forwards through the definitions of BT.601, BT.709 and BT.2020."""
    red, blue = SHARES[matrix]
    r, g, b = (part / 255 for part in rgb)
    y = red * r + (1 - red - blue) * g + blue * b
    cb, cr = (b - y) / (2 * (1 - blue)), (r - y) / (2 * (1 - red))
    if full:
        peak, middle = 2**bits - 1, 2 ** (bits - 1)
        return round(peak * y), round(peak * cb + middle), round(peak * cr + middle)
    unit = 2 ** (bits - 8)
    return (
        round((219 * y + 16) * unit),
        round((224 * cb + 128) * unit),
        round((224 * cr + 128) * unit),
    )


def solid(code: tuple[int, int, int], size: Size, bits: int) -> torch.Tensor:
    width, height = size
    dtype = np.uint8 if bits == 8 else np.uint16
    planes = np.empty((height * 3 // 2, width), dtype)
    shift = 0 if bits == 8 else 16 - bits  # P016 uses the upper bits
    planes[:height] = min(code[0], 2**bits - 1) << shift
    planes[height:, 0::2] = min(code[1], 2**bits - 1) << shift
    planes[height:, 1::2] = min(code[2], 2**bits - 1) << shift
    return torch.from_numpy(planes)


@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", MATRICES)
def test_solid_colours_come_back(matrix: str, full: bool, bits: int) -> None:
    """Within 1 with ten bits and more; with eight, within what rounding Y, Cb and Cr costs: half a
    step of blue-yellow alone is 2 × 0.94 × 0.5 × 255/224 = 1.07 levels of blue, plus half a step of
    luma, plus half a level for rounding the result."""
    colours = Colours.tagged(MATRICES[matrix], full=full, bits=bits, lines=1080)
    for rgb in SOLID:
        planes = solid(coded(rgb, matrix, full, bits), Size(32, 16), bits)
        for size in (Size(32, 16), Size(20, 12), Size(15, 7)):
            pixels = to_rgb(planes, colours, size)
            assert pixels.shape == (size.height, size.width, 3)
            assert pixels.dtype == torch.uint8
            assert pixels.is_contiguous()
            error = (pixels.int() - torch.tensor(rgb)).abs().max().item()
            assert error <= (2 if bits == 8 else 1), (rgb, pixels[0, 0])


def test_codes_beyond_black_and_white_do_not_wrap_around() -> None:
    colours = Colours.tagged(1, full=False, bits=8, lines=1080)
    for code, level in (((2, 128, 128), 0), ((254, 128, 128), 255)):
        assert (to_rgb(solid(code, Size(4, 4), 8), colours, Size(4, 4)) == level).all()


def test_a_stream_that_says_nothing_is_taken_for_what_its_lines_suggest() -> None:
    assert Colours.tagged(2, full=False, bits=8, lines=720).red == 0.2126
    assert Colours.tagged(2, full=False, bits=8, lines=718).red == 0.299
    assert Colours.tagged(9, full=False, bits=8, lines=480).red == 0.2627
    assert Colours.tagged(5, full=False, bits=8, lines=1080).red == 0.299


# ---- pictures of the world, against swscale --------------------------------------------------


@pytest.fixture(scope="module")
def photos() -> list[np.ndarray]:
    if not demo_photos():
        pytest.skip("the demo photographs (scikit-image) are not installed")
    pictures = [Image.open(Path(path)).convert("RGB") for path in demo_photos()[:2]]
    return [np.asarray(picture.resize((320, 200))) for picture in pictures]


def as_nv12(rgb: np.ndarray, matrix: str, full: bool) -> av.VideoFrame:
    """`rgb` in NV12 by swscale, tagged."""
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    coded_frame = VideoReformatter().reformat(
        frame,
        format="nv12",
        dst_colorspace=Colorspace.ITU709 if matrix == "709" else Colorspace.ITU601,
        dst_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
        interpolation=Interpolation.BICUBIC,
    )
    coded_frame.colorspace = MATRICES[matrix]
    coded_frame.color_range = ColorRange.JPEG if full else ColorRange.MPEG
    return coded_frame


def by_swscale(frame: av.VideoFrame, size: Size) -> np.ndarray:
    """(h, w, 3) int, by the same triangle filter, without the short cuts that cost a level."""
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25)
    )
    tags = "full" if frame.color_range == ColorRange.JPEG else "limited"
    scale = graph.add(
        "scale",
        f"{size.width}:{size.height}:flags=bilinear+accurate_rnd+full_chroma_int+full_chroma_inp"
        f":in_range={tags}:in_color_matrix={'bt709' if frame.colorspace == 1 else 'bt601'}"
        ":in_h_chr_pos=0:in_v_chr_pos=128",
    )
    made = graph.add("format", "rgb24")
    sink = graph.add("buffersink")
    graph.link_nodes(source, scale, made, sink).configure()
    graph.push(frame)
    return sink.pull().to_ndarray().astype(int)


@pytest.mark.parametrize("size", [Size(320, 200), Size(160, 100), Size(213, 133), Size(97, 61)])
@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", ["601", "709"])
def test_photographs_agree_with_swscale(photos, matrix: str, full: bool, size: Size) -> None:
    """Mean error at most half a level, which is what rounding twice costs there: filters, siting,
    matrix and range are the same.  No channel drifts by more than a tenth of a level."""
    for rgb in photos:
        frame = as_nv12(rgb, matrix, full)
        planes = torch.from_numpy(frame.to_ndarray())
        colours = Colours.tagged(MATRICES[matrix], full=full, bits=8, lines=200)
        ours = to_rgb(planes, colours, size).numpy().astype(int)
        theirs = by_swscale(frame, size)
        error = np.abs(ours - theirs)
        drift = np.abs((ours - theirs).mean((0, 1)))
        assert error.mean() < 0.5, error.mean()
        assert drift.max() < 0.1, drift


@pytest.mark.parametrize(("matrix", "full"), [("601", False), ("709", True)])
def test_another_matrix_or_range_would_be_noticed(photos, matrix: str, full: bool) -> None:
    """That the bounds above can fail."""
    frame = as_nv12(photos[0], matrix, full)
    planes = torch.from_numpy(frame.to_ndarray())
    theirs = by_swscale(frame, Size(320, 200))
    for wrong in (
        Colours.tagged(MATRICES[matrix], full=not full, bits=8, lines=200),
        Colours.tagged(1 if matrix == "601" else 5, full=full, bits=8, lines=200),
    ):
        difference = to_rgb(planes, wrong, Size(320, 200)).numpy().astype(int) - theirs
        assert np.abs(difference.mean((0, 1))).max() > 1.0


def test_ten_bits_give_the_picture_of_eight(photos) -> None:
    planes = torch.from_numpy(as_nv12(photos[0], "709", full=False).to_ndarray())
    wide = torch.from_numpy(planes.numpy().astype(np.uint16) << 8)
    eight, ten = (
        to_rgb(p, Colours.tagged(1, full=False, bits=bits, lines=200), Size(160, 100))
        for p, bits in ((planes, 8), (wide, 10))
    )
    assert torch.equal(eight, ten)


# ---- geometry --------------------------------------------------------------------------------


def test_chroma_lies_level_with_the_left_column() -> None:
    """A red ramp whose chroma is sampled at the even columns comes back in place at every column; a
    decoder that took chroma for centred would be off by half a column, half a step of the ramp."""
    width, height = 32, 8
    planes = np.full((height * 3 // 2, width), 128, np.uint8)
    columns = np.arange(width)
    planes[height:, 1::2] = 96 + 2 * columns[0::2]  # Cr = 96 + 2 × column
    pixels = to_rgb(
        torch.from_numpy(planes), Colours.tagged(5, full=True, bits=8, lines=8), Size(width, height)
    )
    expected = 128 + 2 * (1 - 0.299) * (96 + 2 * columns - 128)
    inner = slice(0, -2)  # the last column has no right neighbour
    assert np.abs(pixels[4, :, 0].numpy() - expected)[inner].max() <= 0.51


def test_shrinking_does_not_alias() -> None:
    """Columns one pixel wide turn grey; picking every third of them would leave stripes."""
    planes = np.full((48, 96), 128, np.uint8)
    planes[:32, 0::2], planes[:32, 1::2] = 235, 16
    colours = Colours.tagged(5, full=False, bits=8, lines=32)
    pixels = to_rgb(torch.from_numpy(planes), colours, Size(32, 12))
    assert (pixels[:, 2:-2].float() - 127.5).abs().max() < 16  # a ninth of the stripes is left


@pytest.mark.parametrize("rotation", [-90, 90, 180, 270, 0])
def test_it_is_turned_as_numpy_turns(photos, rotation: int) -> None:
    planes = torch.from_numpy(as_nv12(photos[0], "709", full=False).to_ndarray())
    colours = Colours.tagged(1, full=False, bits=8, lines=200)
    upright = to_rgb(planes, colours, Size(32, 20)).numpy()
    turned = to_rgb(planes, colours, Size(32, 20), rotation)
    assert turned.is_contiguous()
    assert np.array_equal(turned.numpy(), np.rot90(upright, rotation // 90))
