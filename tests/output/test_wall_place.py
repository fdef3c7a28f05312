"""Where captions lie: geometry alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from murai_show.output.wall_place import (
    Box,
    Standing,
    align_of,
    canvas_scale,
    corners_on_pin,
    pin_to_box,
    pin_to_wall,
    stand,
    wall_size,
)
from murai_show.show.caption import OverlaySpec
from murai_show.show.overlay import PLACES
from murai_show.show.projection import ProjectionSpec, SurfaceSpec
from murai_show.show.surface import Region
from murai_show.show.words import Size
from tests.output.planning import a_canvas, corners


def a_spec(at: str | tuple[float, float] = "bottom_left", shaded: bool = True) -> OverlaySpec:
    return OverlaySpec("t", False, at, 0.1, 0.05, (1.0, 1.0, 1.0), "bold", shaded)


WALL = Size(1000, 400)


def on(surface: str, region: Region, size: Size = WALL, **changed):
    wall = SurfaceSpec(surface, size, "cover", "none", 0)
    return a_canvas(200, 100, projection=ProjectionSpec(wall, region), **changed)


def mapped(matrix: np.ndarray, x: float, y: float) -> list[float]:
    return (matrix @ (x, y, 1.0))[:2].tolist()


def test_a_canvas_of_its_own_is_its_wall_turned_upright() -> None:
    assert wall_size(a_canvas(320, 180)) == (320, 180)
    turned = a_canvas(180, 320, rotate=90, mirror="horizontal")
    assert wall_size(turned) == (320, 180)
    assert mapped(pin_to_wall(turned), 1, 0) == pytest.approx([0, 0])  # its top is on the right
    assert mapped(pin_to_wall(turned), 1, 1) == pytest.approx([320, 0])


def test_a_part_of_a_surface_is_in_the_surface_s_pixels() -> None:
    spec = on("facade", Region(400, 100, 300, 200))
    assert wall_size(spec) == (1000, 400)
    assert mapped(pin_to_wall(spec), 0, 0) == pytest.approx([400, 100])
    assert mapped(pin_to_wall(spec), 1, 1) == pytest.approx([700, 300])
    from_behind = replace(spec, mirror="horizontal")
    assert mapped(pin_to_wall(from_behind), 0, 0) == pytest.approx([700, 100])


def test_a_bent_canvas_of_its_own_is_not_mirrored_either() -> None:
    spec = on("", Region(0, 0, 200, 100), Size(200, 100), mirror="horizontal")
    assert mapped(pin_to_wall(spec), 0, 0) == pytest.approx([0, 0])


def test_letters_are_as_fine_as_the_canvas_is_there() -> None:
    assert canvas_scale(a_canvas(320, 180)) == 1.0
    half = corners((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))
    assert canvas_scale(a_canvas(320, 180, corners=half)) == pytest.approx(0.5)
    assert canvas_scale(on("facade", Region(0, 0, 100, 50))) == pytest.approx(2.0)


@pytest.mark.parametrize("at", PLACES)
def test_every_place_keeps_its_margin(at: str) -> None:
    (box,) = stand(WALL, [Standing(a_spec(at), 101, 41, 1.0)])
    assert box.x in (20, round((1000 - 101) / 2), 1000 - 20 - 101)
    assert box.y in (20, round((400 - 41) / 2), 400 - 20 - 41)


def test_a_point_is_the_middle_of_its_caption() -> None:
    (box,) = stand(WALL, [Standing(a_spec((0.25, 0.5)), 100, 40, 1.0)])
    assert (box.x + 50, box.y + 20) == (250, 200)


def test_below_they_stand_upwards_and_above_downwards() -> None:
    for at, sign in (("bottom", -1), ("top_left", 1), ("centre", 1)):
        first, second = stand(
            Size(1000, 400), [Standing(a_spec(at), 100, 40, opacity) for opacity in (0.5, 1.0)]
        )
        assert second.y - first.y == sign * 20
    elsewhere, _ = stand(WALL, [Standing(a_spec(at), 100, 40, 1.0) for at in ("top", "bottom")])
    assert elsewhere.y == 20


def test_there_and_back() -> None:
    spec = on("facade", Region(400, 100, 300, 200), rotate=90)
    box, to_wall = Box(450, 120, 60, 30), pin_to_wall(spec)
    found = [mapped(pin_to_box(box, to_wall), *corner) for corner in corners_on_pin(box, to_wall)]
    assert np.array(found) == pytest.approx(np.array([[0, 0], [1, 0], [0, 1], [1, 1]]), abs=1e-9)


def test_lines_keep_to_the_edge_that_they_are_at() -> None:
    found = {at: align_of(a_spec(at)) for at in ("left", "top_right", "bottom")}
    assert found == {"left": "left", "top_right": "right", "bottom": "center"}
    assert align_of(a_spec((0.0, 0.0))) == "center"
