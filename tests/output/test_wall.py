"""Three overlapping projectors, summed up on the wall that they share: the light is even."""

from __future__ import annotations

import numpy as np
import pytest

from tests.output.planning import a_frame, flat, noise
from tests.output.surfaces import plan_of, specs, three, thrown
from tests.output.wall import unevenness, wall

EVEN = 0.02  # of the light there is
LEVEL = 0.06  # the signal whose light is one projector's black
BLACK = LEVEL**2.2
GREYS = (255, 128, 40, 0)


def of(grey: int, black: float) -> float:
    """The light that a wall of even `grey` should have, the picture's and the blacks'."""
    return (grey / 255) ** 2.2 * (1 - black) + 2 * black


@pytest.mark.parametrize("grey", GREYS)
@pytest.mark.parametrize("curve", ["cosine", "s-curve", "linear"])
def test_straight_projectors_light_the_wall_evenly(make_canvas, tmp_path, curve, grey) -> None:
    canvases = specs(tmp_path, three(blend_curve=curve, black_level=LEVEL))
    light = wall(thrown(make_canvas, canvases, flat((grey,) * 3)), black=BLACK)
    assert unevenness(light) < EVEN
    assert light.mean() == pytest.approx(of(grey, BLACK), rel=EVEN)


@pytest.mark.parametrize("grey", GREYS[:3])
def test_bent_and_pinned_projectors_do_too(make_canvas, tmp_path, grey) -> None:
    canvases = specs(tmp_path, three(askew=True))
    light = wall(thrown(make_canvas, canvases, flat((grey,) * 3)))
    assert unevenness(light, rim=3) < EVEN
    assert light[3:-3, 3:-3].mean() == pytest.approx(of(grey, 0.0), rel=EVEN)


def test_black_is_lifted_alike_by_bent_projectors(make_canvas, tmp_path) -> None:
    """But for the one pixel in which a neighbour begins: light cannot turn more sharply."""
    canvases = specs(tmp_path, three(askew=True, black_level=LEVEL))
    light = wall(thrown(make_canvas, canvases, flat((0, 0, 0))), black=BLACK)
    columns = light[3:-3].mean(axis=(0, 2))
    begins = [x for s in canvases for x in (s.projection.region.x, s.projection.region.right)]
    inner = [x for x in range(3, 717) if min(abs(x + 0.5 - b) for b in begins) > 2]
    assert np.ptp(columns[inner]) / columns.mean() < EVEN


def test_the_wall_can_tell_a_blend_from_none(make_canvas, tmp_path) -> None:
    """Else the tests above would prove nothing: with hard edges the overlaps are twice as bright,
    and a projector of another gamma than was said leaves bands."""
    hard = specs(tmp_path, three(soft_edge="off"))
    white = flat((255, 255, 255))
    assert unevenness(wall(thrown(make_canvas, hard, white))) > 0.8
    blended = thrown(make_canvas, specs(tmp_path, three()), white)
    assert unevenness(wall(blended, gamma=1.8)) > 0.1
    assert unevenness(wall(blended, gamma=2.2)) < EVEN
    glowing = thrown(make_canvas, specs(tmp_path, three()), flat((0, 0, 0)))
    assert unevenness(wall(glowing, black=BLACK)) > 0.5


def test_another_gamma_is_as_even_once_it_is_said(make_canvas, tmp_path) -> None:
    canvases = specs(tmp_path, three(blend_gamma=1.8))
    sent = thrown(make_canvas, canvases, flat((128, 128, 128)))
    assert unevenness(wall(sent, gamma=1.8)) < EVEN


def test_a_picture_lies_on_the_wall_as_if_it_were_one_projector_s(make_canvas, tmp_path) -> None:
    """A picture of the surface's own pixels comes back from three projectors, to a rounding."""
    canvases = specs(tmp_path, three())
    picture = noise(7, 720, 120)
    light = wall(thrown(make_canvas, canvases, picture))
    wanted = (picture.pixels / 255.0) ** 2.2
    signal = 255 * light ** (1 / 2.2)
    assert np.abs(light - wanted).mean() < 0.002
    assert np.abs(signal - picture.pixels)[:, :180].max() <= 1.0, "where one is alone"
    assert np.abs(signal - picture.pixels).max() < 3.0


def test_bent_projectors_put_the_picture_in_its_place(make_canvas, tmp_path) -> None:
    """Waves across and down the whole wall: were a mesh or a region off by a pixel, their slopes
    would show it."""
    canvases = specs(tmp_path, three(askew=True))
    x, y = np.meshgrid(np.arange(720), np.arange(120))
    for along, axis in ((x, 1), (y, 0)):
        waves = a_frame((128 + 100 * np.sin(along * (2 * np.pi / 40)))[..., None].repeat(3, 2))
        light = wall(thrown(make_canvas, canvases, waves))
        off = 255 * light ** (1 / 2.2) - waves.pixels
        slope = np.abs(np.gradient(waves.pixels.astype(float), axis=axis))
        assert np.abs(off)[4:-4, 4:-4].mean() / slope.mean() < 0.3, "pixels"


def test_four_projectors_in_a_square_meet_in_the_middle(make_canvas, tmp_path) -> None:
    body = """\
surfaces:
  front: { size: 300x260, columns: 2, rows: 2, overlap: [60, 40] }
defaults:
  outputs: { surface: front, black_level: 0.08 }
outputs:
"""
    body += "".join(f"  p{n}: {{ kind: offscreen, tile: {n} }}\n" for n in (1, 2, 3, 4))
    canvases = specs(tmp_path, body)
    black = 0.08**2.2
    for grey in (200, 0):
        light = wall(thrown(make_canvas, canvases, flat((grey,) * 3)), black=black)
        assert unevenness(light) < EVEN
        assert light.mean() == pytest.approx(
            (grey / 255) ** 2.2 * (1 - 3 * black) + 4 * black, rel=EVEN
        )


def test_an_odd_pair_of_regions_is_even_too(make_canvas, tmp_path) -> None:
    """One projector over the whole wall, a brighter patch by a second inside it, a third across
    its corner: no tiles, and every point still adds up to one."""
    body = """\
surfaces:
  front: { size: 320x200 }
defaults:
  outputs: { surface: front }
outputs:
  all: { kind: offscreen }
  inside: { kind: offscreen, region: [100, 60, 120, 80] }
  corner: { kind: offscreen, region: [180, 100, 140, 100] }
"""
    light = wall(thrown(make_canvas, specs(tmp_path, body), flat((180, 180, 180))))
    assert unevenness(light) < EVEN
    assert np.abs(light - of(180, 0.0)).max() < 0.05, "and no single pixel shines"


def test_a_film_of_the_wall_is_of_the_wall_and_not_of_a_projector(tmp_path) -> None:
    body = three() + "  film: { kind: recording }\n"
    *projectors, film = plan_of(tmp_path, body).outputs
    assert film.canvas is not None
    assert film.canvas.size == (720, 120)
    assert film.canvas.projection is not None
    assert not film.canvas.projection.lit
    for projector in projectors:
        assert projector.canvas is not None
        assert projector.canvas.projection is not None
        assert len(projector.canvas.projection.neighbours) == (
            2 if projector.name == "centre" else 1
        )
