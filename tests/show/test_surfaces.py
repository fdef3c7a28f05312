"""Surfaces: who shows which part, and what their light is planned to be."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from murai_show.show.mesh import even_grid, fold, refine
from murai_show.show.plan import Monitor, plan_show
from murai_show.show.plan_surfaces import tile_region
from murai_show.show.projection import ProjectionSpec
from murai_show.show.report import plan_to_json, plan_to_text
from murai_show.show.surface import Region, Surface
from murai_show.show.words import Size
from tests.output.surfaces import plan_of, three
from tests.show.machine import SHOWS, shipped_machine


def projections(folder: Path, body: str, **changes: Any) -> dict[str, ProjectionSpec]:
    found = {o.name: o.canvas for o in plan_of(folder, body, **changes).outputs}
    return {n: c.projection for n, c in found.items() if c is not None and c.projection is not None}


def test_three_tiles_meet_and_fade_over_their_overlap(tmp_path) -> None:
    found = projections(tmp_path, three())
    assert [p.region for p in found.values()] == [
        (0, 0, 280, 120),
        (220, 0, 280, 120),
        (440, 0, 280, 120),
    ]
    assert [p.beam.ramps for p in found.values() if p.beam] == [
        (0, 60, 0, 0),
        (60, 60, 0, 0),
        (60, 0, 0, 0),
    ]
    assert [len(p.neighbours) for p in found.values()] == [1, 2, 1]


@given(
    st.integers(1, 6),
    st.integers(1, 6),
    st.integers(0, 20),
    st.integers(300, 999),
    st.integers(300, 999),
)
def test_tiles_cover_their_surface_and_overlap_as_told(
    columns, rows, overlap, width, height
) -> None:
    surface = Surface(size=f"{width}x{height}", columns=columns, rows=rows, overlap=overlap)
    tiles = [tile_region(surface, number + 1) for number in range(columns * rows)]
    assert tiles[0][:2] == (0, 0)
    assert (tiles[-1].right, tiles[-1].bottom) == (width, height)
    assert len({(t.width, t.height) for t in tiles}) == 1
    for row in range(rows):
        line = tiles[row * columns : (row + 1) * columns]
        for left, right in pairwise(line):
            assert overlap <= left.right - right.x <= overlap + 2


def test_soft_edges_in_pixels_win_over_the_overlap(tmp_path) -> None:
    body = three().replace("tile: 1 }", "tile: 1, soft_edge: {right: 40, left: 10} }")
    left = projections(tmp_path, body)["left"]
    assert left.beam
    assert left.beam.ramps == (0, 40, 0, 0)
    assert left.fades == (10, 0, 0, 0), "where no neighbour is, it fades to black"


def test_off_leaves_blending_to_the_projectors(tmp_path) -> None:
    found = projections(tmp_path, three(soft_edge="off", black_level=0.1))
    assert not any(p.lit for p in found.values())


def test_black_is_lifted_to_where_most_projectors_overlap(tmp_path) -> None:
    found = projections(tmp_path, three(black_level=0.1, blend_gamma=2.0))
    for spec in found.values():
        assert spec.darkest == pytest.approx((0.02, 0.02, 0.02))
        assert spec.room == pytest.approx((0.99, 0.99, 0.99))


def test_the_canvas_is_as_large_as_its_region_or_its_monitor(tmp_path) -> None:
    body = three(rotate=90).replace("right: { kind: offscreen", "right: { kind: display")
    monitors = (Monitor("HDMI-1", Size(1080, 1920)),)
    sizes = [o.canvas.size for o in plan_of(tmp_path, body, monitors=monitors).outputs if o.canvas]
    assert sizes == [(120, 280), (120, 280), (1080, 1920)]


def test_what_nobody_lights_and_nobody_shows_is_noted(tmp_path) -> None:
    body = """\
surfaces:
  facade: { size: 1000x500 }
  door: { size: 200x300 }
outputs:
  left: { kind: offscreen, surface: facade, region: [0, 0, 400, 500] }
  right: { kind: offscreen, surface: facade, region: [500, 0, 500, 500] }
"""
    assert plan_of(tmp_path, body).notes == (
        "surface facade: 10.0% of it is lit by no projector, first 100 x 500 pixels at [400, 0]",
        "surface door: no output shows it",
    )


def test_a_rehearsal_plans_the_same_light(tmp_path) -> None:
    body = three().replace("kind: offscreen", "kind: display")
    path = tmp_path / "wall.yaml"
    plan_of(tmp_path, three())
    path.write_text(path.read_text().replace("kind: offscreen", "kind: display"))
    plan = plan_show(path, shipped_machine(monitors=()), {}, rehearse=True)
    assert [o.canvas.projection for o in plan.outputs if o.canvas] == list(
        projections(tmp_path, three()).values()
    )
    assert body


def test_a_plan_says_what_projection_adds(tmp_path) -> None:
    body = three(black_level=0.1, gains="{red: 0.9}")
    plan = plan_of(tmp_path, body + "  film: { kind: recording }\n")
    centre = plan_to_json(plan)["outputs"][1]["canvas"]
    json.dumps(centre)
    assert centre["surface"] == "facade 720x120"
    assert centre["region"] == [220, 0, 280, 120]
    assert centre["soft_edge"] == ["left 60", "right 60"]
    assert centre["black_level"] == ["0.1", "0.1", "0.1"]
    text = plan_to_text(plan)
    assert "soft_edge   left 60, right 60" in text
    assert "region      220, 0, 280, 120" in text


def test_shows_without_surfaces_plan_as_they_did() -> None:
    for show in SHOWS:
        plan = plan_show(show, shipped_machine(), {}, rehearse=True)
        assert all(
            o.canvas is None or o.canvas.projection is None or "surfaces:" in show.read_text()
            for o in plan.outputs
        )


# --- meshes ---------------------------------------------------------------------------------------


@given(st.integers(2, 6), st.integers(2, 6), st.integers(1, 5), st.integers(1, 5))
def test_an_even_grid_stays_even(rows, columns, across, down) -> None:
    fine = refine(even_grid(rows, columns), across, down)
    wanted = even_grid((rows - 1) * down + 1, (columns - 1) * across + 1)
    for line, even in zip(fine, wanted, strict=True):
        assert line == [pytest.approx(point, abs=1e-12) for point in even]


pulled = st.floats(-0.08, 0.08)


@given(st.lists(st.tuples(pulled, pulled), min_size=12, max_size=12))
def test_a_mesh_goes_through_its_points_without_a_kink(pulls) -> None:
    grid = [
        [(x + dx, y + dy) for (x, y), (dx, dy) in zip(row, pulls[4 * j :], strict=False)]
        for j, row in enumerate(even_grid(3, 4))
    ]
    steps = 40
    fine = refine(grid, steps, steps)
    for j, row in enumerate(grid):
        for i, point in enumerate(row):
            assert fine[j * steps][i * steps] == pytest.approx(point)
    line = fine[steps]
    for i in (steps, 2 * steps):  # the slope before a point is the slope behind it
        before = [b - a for a, b in zip(line[i - 1], line[i], strict=True)]
        behind = [b - a for a, b in zip(line[i], line[i + 1], strict=True)]
        assert before == pytest.approx(behind, abs=2e-3)


def test_a_fold_is_found_where_it_is() -> None:
    grid = [list(row) for row in even_grid(3, 4)]
    assert fold(grid) is None
    grid[2][2], grid[2][3] = grid[2][3], grid[2][2]
    assert fold(grid) == (2, 3)


def test_a_region_reads_as_it_is_written() -> None:
    assert str(Region(1680, 0, 1920, 1080)) == "[1680, 0, 1920, 1080]"
