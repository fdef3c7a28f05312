"""What the canvas draws, read back pixel by pixel."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from murai_show.frame import Frame
from murai_show.output.canvas import draws_on_cpu
from murai_show.output.homography import homography, project
from tests.output.planning import (
    BLUE,
    GREEN,
    RED,
    WHITE,
    a_canvas,
    a_frame,
    corners,
    flat,
    noise,
    quarters,
)

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "canvas_pin.png"
PIN = [(0.1, 0.15), (0.9, 0.05), (0.8, 0.95), (0.25, 0.8)]


def four(pixels: np.ndarray) -> list[tuple[int, ...]]:
    """The colours in the middle of the four quarters, clockwise from top left."""
    height, width = pixels.shape[:2]
    x, y = (width // 4, width - width // 4), (height // 4, height - height // 4)
    return [tuple(map(int, pixels[y[j], x[i]])) for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))]


def linear(values: np.ndarray) -> np.ndarray:
    """sRGB, 0..255 → linear light, 0..1 (IEC 61966-2-1)."""
    v = np.asarray(values, np.float64) / 255
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def srgb(light: np.ndarray) -> np.ndarray:
    """The way back, unrounded."""
    low = light <= 0.0031308
    return 255 * np.where(low, light * 12.92, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("cubic", [False, True])
def test_nothing_asked_is_nothing_changed(make_canvas, cubic) -> None:
    canvas = make_canvas(a_canvas(321, 179), cubic)
    picture = noise(1, 321, 179)
    canvas.draw(picture, 1.0)
    assert np.array_equal(canvas.read(), picture.pixels)


def test_what_is_read_is_rgb_and_read_only(make_canvas) -> None:
    canvas = make_canvas(a_canvas(32, 18))
    canvas.draw(flat((10, 20, 30)), 1.0)
    assert canvas.read().shape == (18, 32, 3)
    assert canvas.read().dtype == np.uint8
    assert canvas.read()[5, 5].tolist() == [10, 20, 30]
    with pytest.raises(ValueError, match="read-only"):
        canvas.read()[0, 0] = 0


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, [RED, GREEN, WHITE, BLUE]),
        ({"mirror": "horizontal"}, [GREEN, RED, BLUE, WHITE]),
        ({"mirror": "vertical"}, [BLUE, WHITE, GREEN, RED]),
        ({"mirror": "both"}, [WHITE, BLUE, RED, GREEN]),
        ({"rotate": 90}, [BLUE, RED, GREEN, WHITE]),
        ({"rotate": 180}, [WHITE, BLUE, RED, GREEN]),
        ({"rotate": 270}, [GREEN, WHITE, BLUE, RED]),
        ({"rotate": 90, "mirror": "horizontal"}, [RED, BLUE, WHITE, GREEN]),
    ],
)
@pytest.mark.parametrize("fit", ["cover", "contain", "stretch"])
def test_turned_and_mirrored_as_seen(make_canvas, changed, expected, fit) -> None:
    canvas = make_canvas(a_canvas(120, 120, fit=fit, **changed))
    canvas.draw(quarters(64, 64), 1.0)
    assert four(canvas.read()) == expected


def test_contain_shows_all_between_black_bars(make_canvas) -> None:
    canvas = make_canvas(a_canvas(200, 100, fit="contain"))
    canvas.draw(quarters(64, 64), 1.0)
    pixels = canvas.read()
    assert not pixels[:, :50].any()
    assert not pixels[:, 150:].any()
    assert four(pixels[:, 50:150]) == [RED, GREEN, WHITE, BLUE]
    assert pixels[:, 50:150].any(axis=2).all()


def test_contain_measures_a_turned_picture_by_its_turned_sides(make_canvas) -> None:
    canvas = make_canvas(a_canvas(200, 100, fit="contain", rotate=90))
    canvas.draw(flat(WHITE, 64, 32), 1.0)  # 32 x 64 when turned: 50 x 100 on the canvas
    lit = canvas.read().any(axis=2)
    assert lit[:, 75:125].all()
    assert not lit[:, :75].any()
    assert not lit[:, 125:].any()


def test_cover_fills_and_cuts_evenly(make_canvas) -> None:
    canvas = make_canvas(a_canvas(200, 100, fit="cover"))
    rows = np.repeat(np.arange(200, dtype=np.uint8)[:, None], 200, 1)  # each row its own grey
    canvas.draw(a_frame(rows[..., None].repeat(3, 2)), 1.0)
    shown = canvas.read()[:, 100, 0]
    assert shown.tolist() == list(range(50, 150))


def test_stretch_fills_and_keeps_all(make_canvas) -> None:
    canvas = make_canvas(a_canvas(200, 100, fit="stretch"))
    canvas.draw(quarters(64, 64), 1.0)
    assert four(canvas.read()) == [RED, GREEN, WHITE, BLUE]
    assert canvas.read()[0, 0].tolist() == list(RED)
    assert canvas.read()[-1, -1].tolist() == list(WHITE)


@pytest.mark.parametrize("cubic", [False, True])
def test_a_corner_pin_puts_markers_where_it_is_told(make_canvas, cubic) -> None:
    """Against plain projective geometry, to a pixel: the promise to whoever aligns a projector."""
    canvas = make_canvas(a_canvas(640, 360, corners=corners(*PIN)), cubic)
    pixels = np.zeros((180, 320, 3), np.uint8)
    markers = {(10, 10): RED, (302, 10): GREEN, (302, 162): BLUE, (150, 80): WHITE}
    for (x, y), colour in markers.items():
        pixels[y : y + 8, x : x + 8] = colour
    canvas.draw(a_frame(pixels), 1.0)
    shown = canvas.read().astype(int)
    for (x, y), colour in markers.items():
        others = [c for c in (0, 1, 2) if not colour[c]]
        weight = shown[..., np.argmax(colour)] - shown[..., others].max(2, initial=0)
        if colour == WHITE:
            weight = shown.min(2)
        weight = weight.clip(0)
        across, down = np.meshgrid(np.arange(640) + 0.5, np.arange(360) + 0.5)
        found = np.array([(across * weight).sum(), (down * weight).sum()]) / weight.sum()
        asked = project(homography(PIN), np.array([[(x + 4) / 320, (y + 4) / 180]]))[0]
        assert np.abs(found - asked * (640, 360)).max() < 1.0, colour


def test_outside_the_pin_is_black_and_inside_is_not(make_canvas) -> None:
    canvas = make_canvas(a_canvas(320, 180, corners=corners(*PIN)))
    canvas.draw(flat(WHITE), 1.0)
    across, down = np.meshgrid(np.arange(320) + 0.5, np.arange(180) + 0.5)
    depth = np.full(across.shape, np.inf)  # distance to the nearest edge, in pixels
    for i in range(4):
        (ax, ay), (bx, by) = (np.multiply(PIN[(i + k) % 4], (320, 180)) for k in (0, 1))
        side = (bx - ax) * (down - ay) - (by - ay) * (across - ax)
        depth = np.minimum(depth, side / np.hypot(bx - ax, by - ay))
    shown = canvas.read()[..., 1]
    assert not shown[depth < -0.51].any()
    assert (shown[depth > 0.51] == 255).all()
    rim = shown[np.abs(depth) < 0.4]
    assert len(np.unique(rim)) > 50, "the edge is not smooth"
    # On the rim a pixel's light is the part of it that lies inside.
    assert np.abs(linear(rim) - (depth[np.abs(depth) < 0.4] + 0.5)).max() < 0.04


def test_no_ghost_beyond_the_horizon_of_a_steep_pin(make_canvas) -> None:
    steep = corners((0.45, 0.5), (0.55, 0.5), (1.6, 1.0), (-0.6, 1.0))
    canvas = make_canvas(a_canvas(320, 180, corners=steep))
    canvas.draw(flat(WHITE), 1.0)
    assert not canvas.read()[:88].any()
    assert canvas.read()[100:, 150:170].all()


def test_no_light_is_black_and_uploads_nothing(make_canvas) -> None:
    canvas = make_canvas(a_canvas(64, 36, brightness=4.0, gamma=2.0))
    canvas.draw(flat(WHITE), 1.0)
    canvas.draw(noise(1), 0.0)
    assert not canvas.read().any()
    assert not canvas.draw(noise(2), 0.0), "black is black, whatever the picture"


@pytest.mark.parametrize(
    ("changed", "light", "factor"),
    [
        ({}, 0.5, 0.5),
        ({}, 0.999, 0.999),
        ({"brightness": 0.5}, 1.0, 0.5),
        ({"brightness": 0.5}, 0.1, 0.05),
        ({"brightness": 2.0}, 1.0, 2.0),
    ],
)
def test_light_is_a_factor_in_linear_light(make_canvas, changed, light, factor) -> None:
    """On all 256 greys: each pixel to the dither's one step, each grey's mean to a tenth."""
    canvas = make_canvas(a_canvas(256, 128, **changed))
    greys = np.arange(256, dtype=np.uint8)[None, :, None].repeat(128, 0).repeat(3, 2)
    canvas.draw(a_frame(greys), light)
    wanted = srgb(np.minimum(1.0, factor * linear(np.arange(256))))
    shown = canvas.read()[..., 0].astype(float)
    assert np.abs(shown - wanted).max() <= 1.0
    # The dither's pattern is fine, but a column of 128 pixels still sees a little of it.
    assert np.abs(shown.mean(0) - wanted).max() < 0.15
    assert not shown[:, 0].any(), "black stays black"


def test_dimming_leaves_no_bands(make_canvas) -> None:
    """Between two steps both appear: without the dither a smooth dark sky shows its contours."""
    canvas = make_canvas(a_canvas(256, 128))
    canvas.draw(flat((120, 120, 120)), 0.031)
    assert len(np.unique(canvas.read())) == 2


def test_gamma_lifts_the_mid_tones_alone(make_canvas) -> None:
    canvas = make_canvas(a_canvas(256, 16, gamma=2.0))
    greys = np.arange(256, dtype=np.uint8)[None, :, None].repeat(16, 0).repeat(3, 2)
    canvas.draw(a_frame(greys), 1.0)
    wanted = 255 * np.sqrt(np.arange(256) / 255)
    assert np.abs(canvas.read()[..., 0] - wanted).max() <= 1.0


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (333, 77), (2000, 30), (1281, 721)])
def test_any_size_of_picture(make_canvas, size) -> None:
    canvas = make_canvas(a_canvas(160, 90))
    canvas.draw(flat((200, 100, 50), *size), 1.0)
    assert (canvas.read() == (200, 100, 50)).all()


def test_pictures_may_change_their_size_in_the_middle(make_canvas) -> None:
    canvas = make_canvas(a_canvas(128, 128))
    for number, size in enumerate([64, 32, 640, 64, 16]):
        canvas.draw(quarters(size, size), 1.0)
        assert four(canvas.read()) == [RED, GREEN, WHITE, BLUE], size
        assert canvas.draws == number + 1


def test_a_larger_picture_is_averaged_not_picked(make_canvas) -> None:
    """A checkerboard of single texels is grey from afar, wherever the camera moves it."""
    canvas = make_canvas(a_canvas(100, 100))
    checks = (np.indices((500, 500)).sum(0) % 2 * 255).astype(np.uint8)
    for moved in (0, 1):
        canvas.draw(a_frame(np.roll(checks, moved, 1)[..., None].repeat(3, 2)), 1.0)
        assert np.abs(canvas.read().astype(int) - 127.5).max() < 10


def test_magnified_cubic_is_sharper_than_bilinear(make_canvas) -> None:
    """And neither leaves steps: the largest jump between neighbours is far below the edge's 255."""
    edge = np.zeros((16, 16, 3), np.uint8)
    edge[:, 8:] = 255
    steepest = {}
    for cubic in (False, True):
        canvas = make_canvas(a_canvas(128, 128), cubic)
        canvas.draw(a_frame(edge), 1.0)
        steepest[cubic] = np.diff(canvas.read()[64, :, 0].astype(int)).max()
    assert 20 < steepest[False] < steepest[True] < 64


def test_the_same_picture_is_drawn_and_read_once(make_canvas) -> None:
    canvas = make_canvas(a_canvas(64, 36))
    picture = noise(1)
    assert canvas.draw(picture, 1.0)
    first = canvas.read_rgba()
    assert not canvas.draw(picture, 1.0)
    assert canvas.read_rgba() is first
    assert canvas.draw(picture, 0.5)
    assert canvas.read_rgba() is not first
    assert canvas.draw(noise(1), 0.5), "equal is not the same: comparing pixels would cost more"
    assert canvas.draws == 3


def test_pixels_must_be_bytes(make_canvas) -> None:
    canvas = make_canvas(a_canvas(64, 36))
    with pytest.raises(TypeError, match="uint8, not float32"):
        canvas.draw(Frame(np.zeros((4, 4, 3), np.float32), 0, 0, 1, "test"), 1.0)


def golden_scene(make_canvas) -> np.ndarray:
    """Everything at once: a pin, bars, a turn, a mirror, the mid-tones and dimmed light."""
    y, x = np.mgrid[0:90, 0:120].astype(float)
    rings = 127 + 127 * np.sin(np.hypot(x - 60, y - 45) / 4)
    picture = np.dstack([rings, 2 * x, 255 - 2.5 * y]).clip(0, 255)
    spec = a_canvas(
        192, 108, fit="contain", corners=corners(*PIN), rotate=90, mirror="vertical", gamma=1.3
    )
    canvas = make_canvas(spec, cubic=False)
    canvas.draw(a_frame(picture), 0.7)
    return np.ascontiguousarray(canvas.read())


def test_golden(make_canvas, egl) -> None:
    if not draws_on_cpu(egl):
        pytest.skip("golden images hold for one deterministic renderer, Mesa's llvmpipe")
    shown = golden_scene(make_canvas).astype(int)
    golden = np.asarray(Image.open(GOLDEN).convert("RGB")).astype(int)
    # llvmpipe compiles for the CPU that it finds: fused multiplies and the width of its vectors
    # move a value by a rounding, and the dither turns that into one step, seldom two.
    assert np.abs(shown - golden).max() <= 4
    assert np.abs(shown - golden).mean() < 0.2
