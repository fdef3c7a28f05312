"""The geometry of a corner pin."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from murai_show.output.homography import homography, place, project
from tests.output.planning import a_canvas, corners

UNIT_SQUARE = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float64)
pull = st.floats(-0.24, 0.24)
share = st.floats(0, 1)


@st.composite
def quads(draw: st.DrawFn) -> list[tuple[float, float]]:
    """The unit square with its corners pulled about: less than a quarter keeps it convex."""
    return [(x + draw(pull), y + draw(pull)) for x, y in UNIT_SQUARE]


STEEP = [(0.48, 0.1), (0.52, 0.1), (1.9, 1.9), (-0.9, 1.9)]


@given(quads())
@example(STEEP)
def test_corners_land_where_they_are_pinned(points) -> None:
    landed = project(homography(points), UNIT_SQUARE)
    assert np.abs(landed - points).max() < 1e-9


@given(quads(), st.tuples(share, share), st.tuples(share, share), share)
@example(STEEP, (0.0, 0.0), (1.0, 1.0), 0.5)
def test_straight_lines_stay_straight(points, a, b, part) -> None:
    line = np.array([a, b, np.add(a, np.multiply(part, np.subtract(b, a)))])
    p, q, r = project(homography(points), line)
    area = (q - p)[0] * (r - p)[1] - (q - p)[1] * (r - p)[0]
    assert abs(area) < 1e-8


@given(quads(), st.sampled_from([0, 90, 180, 270]), st.sampled_from(["none", "both"]))
def test_the_canvas_finds_its_way_back_to_the_picture(points, rotate, mirror) -> None:
    spec = a_canvas(1280, 720, corners=corners(*points), rotate=rotate, mirror=mirror)
    placement = place(spec, 640, 360)
    on_canvas = project(homography(points), UNIT_SQUARE) * spec.size
    found = project(placement.to_picture, on_canvas)
    quarters = rotate // 90 + (2 if mirror == "both" else 0)  # both mirrors are half a turn
    assert np.abs(found - np.roll(UNIT_SQUARE, quarters, axis=0)).max() < 1e-6


@given(quads(), st.tuples(share, share))
@example(STEEP, (0.5, 0.001))
def test_distances_to_the_edges_are_positive_inside_alone(points, inside) -> None:
    spec = a_canvas(1280, 720, corners=corners(*points))
    edges = place(spec, 640, 360).edges
    pixel = project(homography(points), np.array([inside]))[0] * spec.size
    assert (edges @ (*pixel, 1.0)).min() > -1e-6
    middle = project(homography(points), np.array([(0.5, 0.5)]))[0] * spec.size
    for corner in np.array(points) * spec.size:
        beyond = corner + 0.5 * (corner - middle)
        assert (edges @ (*beyond, 1.0)).min() < 0


def test_an_edge_is_measured_in_pixels() -> None:
    spec = a_canvas(200, 100, corners=corners((0.1, 0.2), (0.9, 0.2), (0.9, 0.8), (0.1, 0.8)))
    distances = place(spec, 64, 36).edges @ (30.0, 27.0, 1.0)
    assert sorted(distances) == pytest.approx([7, 10, 53, 150])


@pytest.mark.parametrize(("width", "shrink"), [(320, 1.0), (640, 2.0), (80, 0.25)])
def test_shrink_tells_how_many_texels_a_pixel_skips(width, shrink) -> None:
    assert place(a_canvas(320, 320), width, 64).shrink == pytest.approx(shrink)


def test_three_points_in_a_line_are_no_quad() -> None:
    with pytest.raises(np.linalg.LinAlgError):
        homography([(0, 0), (0.5, 0), (1, 0), (1, 0)])
