"""What OpenGL draws for a projector, against the same worked out in NumPy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from murai_show.output import blend
from murai_show.output.homography import canvas_to_pin, pin_to_surface, project
from tests.output.planning import BLUE, GREEN, RED, WHITE, a_canvas, a_frame, flat, noise, quarters
from tests.output.surfaces import specs, three
from tests.output.test_canvas import four
from tests.output.wall import on_canvas


def where(spec) -> tuple[np.ndarray, np.ndarray]:
    """Each pixel's place on the surface, and whether the middle of it is in the pin."""
    width, height = spec.size
    across, down = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    pin = project(canvas_to_pin(spec), np.stack([across, down], -1).reshape(-1, 2))
    points = project(pin_to_surface(spec), pin) * spec.projection.surface.size
    inside = ((pin > 0) & (pin < 1)).all(-1)
    return points.reshape(height, width, 2), inside.reshape(height, width)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"blend_curve": "linear", "blend_gamma": 1.8},
        {"black_level": 0.1},
        {"black_level": "{red: 0.1, blue: 0.05}", "gains": "{red: 0.8, blue: 1.4}"},
        {"brightness": 0.6, "gamma": 1.4},
        {"brightness": 1.5, "black_level": 0.05},
    ],
)
def test_opengl_draws_what_numpy_says(make_canvas, tmp_path, settings) -> None:
    for spec in specs(tmp_path, three(**settings)):
        canvas = make_canvas(spec, cubic=False)
        picture = noise(3, 720, 120)
        canvas.draw(picture, 0.9)
        points, inside = where(spec)
        x, y = (
            (points - 0.5).round().astype(int)[..., 0],
            (points - 0.5).round().astype(int)[..., 1],
        )
        light = blend.light_map(spec.projection, points, np.ones(inside.shape))
        given = (picture.pixels[y, x] / 255.0) ** (1 / spec.gamma)
        wanted = 255 * blend.signal(spec.projection, light, given, 0.9 * spec.brightness)
        assert inside.all()
        assert np.abs(canvas.read() - wanted).max() <= 1.0


def test_pinned_corners_shade_the_same_points_of_the_wall(make_canvas, tmp_path) -> None:
    for spec in specs(tmp_path, three(askew=True)):
        if spec.projection.mesh:
            continue
        canvas = make_canvas(spec, cubic=False)
        canvas.draw(flat((200, 200, 200)), 1.0)
        points, inside = where(spec)
        light = blend.light_map(spec.projection, points, inside.astype(float))
        wanted = 255 * blend.signal(spec.projection, light, np.full((*inside.shape, 3), 200 / 255))
        deep = np.asarray(Image.fromarray(inside).resize(inside.shape[::-1]))
        for axis in (0, 1):
            for step in (-2, 2):
                deep = deep & np.roll(inside, step, axis)
        assert deep.mean() > 0.5
        assert np.abs(canvas.read() - wanted)[deep].max() <= 1.5


def test_no_pixel_of_the_rim_shines_where_a_neighbour_took_over(make_canvas, tmp_path) -> None:
    """The corners of a bent or pinned region reach half a pixel beyond the wall."""
    for spec in specs(tmp_path, three(askew=True)):
        canvas = make_canvas(spec, cubic=False)
        canvas.draw(flat((255, 255, 255)), 1.0)
        left, right, _, _ = spec.projection.beam.ramps
        for u in [0.0] * bool(left) + [1.0] * bool(right):
            for v in (0.0, 1.0):
                x, y = on_canvas(spec, np.array(u), np.array(v)).astype(int)
                around = canvas.read()[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
                assert around.size
                assert around.max() < 40


def test_nothing_asked_is_nothing_changed(make_canvas, tmp_path) -> None:
    """Where one projector is alone, its signal is the picture's, bit by bit."""
    spec = specs(tmp_path, three())[0]
    canvas = make_canvas(spec, cubic=False)
    picture = noise(5, 720, 120)
    canvas.draw(picture, 1.0)
    alone = spec.projection.region.width - 60
    assert np.array_equal(canvas.read()[:, :alone], picture.pixels[:, :alone])


ONE = "outputs:\n  one: {{ kind: offscreen, size: {size}, {more} }}\n"


def one(tmp_path: Path, more: str, size: str = "160x90"):
    (spec,) = specs(tmp_path, ONE.format(size=size, more=more))
    return spec


def test_gains_are_factors_in_the_projector_s_light(make_canvas, tmp_path) -> None:
    canvas = make_canvas(one(tmp_path, "gains: {red: 0.5, green: 0.25}, fit: stretch"))
    canvas.draw(flat((200, 200, 200)), 1.0)
    wanted = 200 * np.array([0.5, 0.25, 1.0]) ** (1 / 2.2)
    assert np.abs(canvas.read().mean((0, 1)) - wanted).max() < 0.2


def test_a_soft_edge_without_a_neighbour_fades_to_black(make_canvas, tmp_path) -> None:
    spec = one(tmp_path, "soft_edge: {left: 40, bottom: 20}, blend_curve: linear")
    canvas = make_canvas(spec)
    canvas.draw(flat((255, 255, 255)), 1.0)
    light = (canvas.read()[..., 0] / 255.0) ** 2.2
    ramp = (np.arange(40) + 0.5) / 40
    assert np.abs(light[:70, :40].mean(0) - ramp).max() < 0.02
    assert (light[:70, 40:] == 1.0).all()
    assert light[-1, 80] < 0.05


def test_a_mask_keeps_light_off(make_canvas, tmp_path) -> None:
    """White is lit, black dark, grey between; and transparent is dark."""
    mask = np.zeros((90, 160, 4), np.uint8)
    mask[..., 3] = 255
    mask[:, 40:80, :3] = 255
    mask[:, 80:120, :3] = 128
    mask[:, 120:, :] = (255, 255, 255, 0)
    Image.fromarray(mask).save(tmp_path / "trees.png")
    canvas = make_canvas(one(tmp_path, "mask: trees.png"))
    canvas.draw(flat((255, 255, 255)), 1.0)
    light = (canvas.read()[45, :, 0] / 255.0) ** 2.2
    assert not light[:39].any()
    assert (light[41:79] == 1.0).all()
    assert np.abs(light[81:119] - 128 / 255).max() < 0.01
    assert not light[121:].any()


def test_an_svg_is_a_mask(make_canvas, tmp_path) -> None:
    pytest.importorskip("resvg_py", reason="the library for SVG masks is not installed")
    (tmp_path / "door.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 9">'
        '<rect width="16" height="9" fill="white"/><rect x="4" y="3" width="4" height="6"/></svg>'
    )
    canvas = make_canvas(one(tmp_path, "mask: door.svg"))
    canvas.draw(flat((255, 255, 255)), 1.0)
    lit = canvas.read()[..., 0]
    assert lit[20, 60] == 255
    assert lit[60, 60] == 0
    assert lit[60, 100] == 255


def test_a_mask_of_the_wall_masks_each_projector_s_part(make_canvas, tmp_path) -> None:
    mask = np.full((12, 72), 255, np.uint8)
    mask[:, 30:42] = 0  # the middle of the wall, 300 to 420
    Image.fromarray(mask).save(tmp_path / "door.png")
    body = three().replace("columns: 3", "columns: 3, mask: door.png")
    for spec in specs(tmp_path, body):
        canvas = make_canvas(spec, cubic=False)
        canvas.draw(flat((255, 255, 255)), 1.0)
        lit = canvas.read()[60, :, 0] > 0
        x = spec.projection.region.x + np.arange(spec.size.width)
        assert not lit[(x > 312) & (x < 408)].any()
        assert lit[(x < 288) | (x > 432)].all()


def test_an_even_mesh_changes_nothing(make_canvas, tmp_path) -> None:
    pin = "corners: {top_left: [0.1, 0.15], top_right: [0.9, 0.05], bottom_right: [0.8, 0.95]}"
    even = "mesh: [[[0, 0], [0.5, 0], [1, 0]], [[0, 1], [0.5, 1], [1, 1]]]"
    flat_one, bent_one = one(tmp_path, pin), one(tmp_path, f"{pin}, {even}")
    assert flat_one.projection is None
    assert bent_one.projection is not None
    picture = a_frame(np.linspace(0, 255, 160 * 3).reshape(1, 160, 3).repeat(90, 0))
    shown = []
    for spec in (flat_one, bent_one):
        canvas = make_canvas(spec, cubic=False)
        canvas.draw(picture, 1.0)
        shown.append(canvas.read().astype(int))
    # The last pixel of an edge is dimmed by 2.2 here and by 2.2 there, but not at the same step.
    assert np.abs(shown[0] - shown[1]).mean() < 0.3
    assert (np.abs(shown[0] - shown[1]) > 2).mean() < 0.02


def test_a_mesh_moves_what_is_between_its_points_smoothly(make_canvas, tmp_path) -> None:
    """The middle of the picture goes where the middle point is put; the rim stays."""
    spec = one(
        tmp_path,
        "fit: stretch, mesh: [[[0, 0], [0.5, 0], [1, 0]], [[0, 0.5], [0.6, 0.4], [1, 0.5]], "
        "[[0, 1], [0.5, 1], [1, 1]]]",
        size="320x180",
    )
    pixels = np.zeros((180, 320, 3), np.uint8)
    pixels[86:94, 156:164] = 255
    canvas = make_canvas(spec, cubic=False)
    canvas.draw(a_frame(pixels), 1.0)
    shown = canvas.read()[..., 0].astype(float)
    across, down = np.meshgrid(np.arange(320) + 0.5, np.arange(180) + 0.5)
    found = np.array([(across * shown).sum(), (down * shown).sum()]) / shown.sum()
    assert np.abs(found - (0.6 * 320, 0.4 * 180)).max() < 1.5
    canvas.draw(flat((255, 255, 255)), 1.0)
    assert canvas.read().min() >= 250, "the rim has no hole"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ("rotate: 180", [WHITE, BLUE, RED, GREEN]),
        ("rotate: 90", [BLUE, RED, GREEN, WHITE]),
        ("mirror: horizontal", [GREEN, RED, BLUE, WHITE]),
    ],
)
def test_a_projector_that_hangs_upside_down(make_canvas, tmp_path, changed, expected) -> None:
    """Its region is turned as a whole; with light and without one the same."""
    body = "surfaces: {{ front: {{ size: 120x120 }} }}\noutputs:\n  one: {{ kind: offscreen, "
    body += "surface: front, {changed}{more} }}\n"
    for more in ("", ", gains: { red: 0.999 }"):
        (spec,) = specs(tmp_path, body.format(changed=changed, more=more))
        canvas = make_canvas(spec)
        canvas.draw(quarters(64, 64), 1.0)
        assert np.abs(np.array(four(canvas.read())) - np.array(expected)).max() <= 1


def test_a_turned_tile_blends_at_the_side_that_meets_its_neighbour(make_canvas, tmp_path) -> None:
    left, *_ = specs(tmp_path, three(rotate=90))
    assert left.size == (120, 280)
    canvas = make_canvas(left)
    canvas.draw(flat((255, 255, 255)), 1.0)
    rows = canvas.read()[..., 0].mean(1)
    assert rows[:200].min() == 255
    assert rows[-1] < 40
    assert np.all(np.diff(rows[225:]) <= 0)


def test_bars_beside_a_picture_are_lifted_like_the_rest(make_canvas, tmp_path) -> None:
    body = three(black_level=0.1).replace("columns: 3", "columns: 3, fit: contain")
    left, *_ = specs(tmp_path, body)
    canvas = make_canvas(left)
    canvas.draw(flat((255, 255, 255), 64, 64), 1.0)
    shown = canvas.read()[:, :200].mean((0, 2))
    assert np.abs(shown - 25.5).max() < 0.5, "the picture lies in the middle of the wall"


def test_black_stays_lifted_in_the_dark(make_canvas, tmp_path) -> None:
    """Otherwise the overlaps would begin to glow when the show fades out."""
    left, *_ = specs(tmp_path, three(black_level=0.1))
    canvas = make_canvas(left)
    assert canvas.draw(flat((255, 255, 255)), 0.0)
    assert abs(canvas.read()[:, :200].mean() - 25.5) < 0.5
    assert not canvas.draw(flat((9, 9, 9)), 0.0)
    plain, *_ = specs(tmp_path, three())
    canvas = make_canvas(plain)
    canvas.draw(flat((255, 255, 255)), 0.0)
    assert not canvas.read().any()


def test_pictures_may_change_their_size(make_canvas, tmp_path) -> None:
    canvas = make_canvas(specs(tmp_path, three())[1])
    for size in (64, 2000, 64):
        canvas.draw(flat((200, 100, 50), size, 32), 1.0)
        assert canvas.read()[60, 140].tolist() == [200, 100, 50]


def test_a_canvas_without_projection_is_planned_and_drawn_as_ever(tmp_path) -> None:
    """Settings that change nothing cost nothing: equal canvases stay one, on today's path."""
    spec = one(tmp_path, "blend_curve: linear, blend_gamma: 2.4, black_level: 0.1, soft_edge: off")
    assert spec.projection is None
    assert spec == replace(a_canvas(160, 90), fit="cover")
