"""The arithmetic of light, without OpenGL."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from murai_show.output.blend import CURVES, covers, lifts, shares
from murai_show.output.mask import sample
from murai_show.show.projection import ProjectionSpec
from murai_show.show.words import Size
from tests.output.surfaces import specs

WALL = 200
spans = st.tuples(st.integers(0, WALL - 16), st.integers(16, WALL))
regions = st.tuples(spans, spans).map(
    lambda s: (s[0][0], s[1][0], min(s[0][1], WALL - s[0][0]), min(s[1][1], WALL - s[1][0]))
)


def projections(body: str) -> list[ProjectionSpec]:
    with TemporaryDirectory() as folder:
        return [s.projection for s in specs(Path(folder), body) if s.projection is not None]


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
def test_curves_meet(curve) -> None:
    t = np.linspace(0, 1, 1001)
    assert np.abs(curve(t) + curve(1 - t) - 1).max() < 1e-12
    assert (np.diff(curve(t)) >= 0).all()
    assert curve(t)[0] == 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(regions, min_size=2, max_size=6),
    st.sampled_from(sorted(CURVES)),
    st.sampled_from([0.0, 0.1]),
)
def test_any_projectors_on_any_wall_add_up_to_one(placed, curve, level) -> None:
    """At every point that anybody lights: the shares to 1, and black to the same everywhere."""
    body = f"surfaces:\n  front: {{ size: {WALL}x{WALL} }}\noutputs:\n"
    for number, (x, y, width, height) in enumerate(placed):
        body += f"  p{number}: {{ kind: offscreen, surface: front, blend_curve: {curve}, "
        body += f"black_level: {level}, region: [{x}, {y}, {width}, {height}] }}\n"
    middles = np.arange(WALL) + 0.5
    points = np.stack(np.meshgrid(middles, middles), axis=-1)
    total, black = np.zeros((WALL, WALL)), np.zeros((WALL, WALL))
    found = projections(body)
    for spec in found:
        there = covers(spec.region, points)
        share = np.where(there, shares(spec, points), 0.0)
        assert share.min() >= 0
        total += share
        black += share * lifts(spec, points)[..., 0] + there * level**2.2
    lit = total > 0
    assert np.array_equal(lit, np.any([covers(s.region, points) for s in found], axis=0))
    assert np.abs(total[lit] - 1).max() < 1e-9
    assert np.ptp(black[lit]) < 1e-9


def test_light_never_jumps_within_an_overlap() -> None:
    """The steepest the cosine gets on 60 pixels, and no more: not in a corner of four either."""
    body = "surfaces:\n  front: { size: 200x200, columns: 2, rows: 2, overlap: 60 }\noutputs:\n"
    body += "".join(
        f"  p{n}: {{ kind: offscreen, surface: front, tile: {n} }}\n" for n in range(1, 5)
    )
    middles = np.arange(200) + 0.5
    points = np.stack(np.meshgrid(middles, middles), axis=-1)
    for spec in projections(body):
        share = np.where(covers(spec.region, points), shares(spec, points), 0.0)
        for axis in (0, 1):
            assert np.abs(np.diff(share, axis=axis)).max() < 1.02 * np.pi / 2 / 60


def test_a_mask_is_sampled_between_its_pixels() -> None:
    mask = np.array([[0.0, 1.0], [0.0, 1.0]], np.float32)
    x = np.array([0.0, 25.0, 50.0, 75.0, 100.0])
    points = np.stack([x, np.full(5, 50.0)], axis=-1)
    assert sample(mask, points, Size(100, 100)).tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]
