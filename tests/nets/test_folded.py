"""The painter as engines compute it, against the painter."""

import pytest
import torch

from murai_show.nets.conditional import neutral_style, style_length
from murai_show.nets.folded import Folded, interleaved, shuffled
from murai_show.nets.painter import Painter


@pytest.mark.parametrize(("height", "width"), [(8, 8), (40, 64), (92, 36)])
def test_it_paints_the_same_picture_to_the_last_pixel(height: int, width: int) -> None:
    """Within the rounding of fp32 over a dozen layers, borders included, for any weights and any
    style; the sub-pixels of an untrained head are equal, so its kernels are drawn anew."""
    torch.manual_seed(3)
    painter = Painter(half=8, quarter=12, blocks=2).eval().requires_grad_(False)
    torch.nn.init.normal_(painter.head.weight, std=0.3)
    assert painter.head.bias is not None
    torch.nn.init.normal_(painter.head.bias)
    style = neutral_style(painter)[None] + 0.3 * torch.randn(2, style_length(painter))
    frame = torch.randint(0, 256, (2, height, width, 3), dtype=torch.uint8)
    expected = painter(frame.permute(0, 3, 1, 2) / 255.0, style).permute(0, 2, 3, 1)
    folded = Folded(painter)
    assert torch.allclose(interleaved(folded.subpixels(frame, style)), expected, atol=2e-5)
    painted = folded(frame, style)
    assert painted.shape == frame.shape
    assert painted.dtype == torch.uint8
    assert (painted - expected * 255.0).abs().max() < 0.51


def test_shuffled_puts_each_sub_pixel_in_its_place() -> None:
    subpixels = torch.arange(8).reshape(1, 8, 1, 1)  # two channels of four sub-pixels
    picture = shuffled(subpixels)
    assert picture[0, 0].tolist() == [[0, 2], [4, 6]]
    assert picture[0, 1].tolist() == [[1, 3], [5, 7]]


def test_interleaved_puts_pixels_beside_each_other_and_rows_below() -> None:
    subpixels = torch.arange(12).reshape(1, 12, 1, 1)
    picture = interleaved(subpixels)
    assert picture[0, 0].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert picture[0, 1].tolist() == [[6, 7, 8], [9, 10, 11]]
