"""Shots drawn: where each camera lies, to the pixel, and that nothing else does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from murai_show.camera.composition import contained, draw, fitted, inset_box, tile_boxes
from murai_show.show.shot import Filmed, Inset, Shot, Tiles, Walk
from murai_show.show.words import Size

SIZE = Size(64, 36)
A, B = Filmed("a"), Filmed("b")


def plain(colour: tuple[int, int, int], size: Size = SIZE) -> np.ndarray:
    return np.full((size.height, size.width, 3), colour, np.uint8)


FRAMES = {"a": plain((200, 0, 0)), "b": plain((0, 0, 200))}
sizes = st.builds(Size, st.integers(16, 300), st.integers(16, 200))


def test_a_frame_that_fits_passes_without_a_copy() -> None:
    assert draw(A, FRAMES, SIZE) is FRAMES["a"]


@given(sizes, sizes)
@settings(max_examples=60)
def test_cover_fills_and_contain_shows_all(frame: Size, room: Size) -> None:
    white = plain((255, 255, 255), frame)
    assert (fitted(white, room) == 255).all()
    shown = fitted(white, room, "contain")
    inner = contained(frame, room)
    assert shown.shape == (room.height, room.width, 3)
    assert (shown == 255).all(axis=2).sum() == inner.width * inner.height
    assert inner.width == room.width or inner.height == room.height


def test_cover_cuts_evenly() -> None:
    """The middle stays in the middle."""
    wide = np.zeros((36, 128, 3), np.uint8)
    wide[:, 32:96] = 255
    assert (fitted(wide, SIZE) == 255).all()


@given(st.integers(1, 16), st.integers(1, 16), st.floats(0, 0.2), sizes)
def test_tiles_leave_nothing_free_but_the_gaps(
    count: int, columns: int, gap: float, size: Size
) -> None:
    boxes = tile_boxes(count, columns, gap, size)
    assert len(boxes) == count
    taken = np.zeros((size.height, size.width), int)
    for box in boxes:
        assert box.width >= 1
        assert box.height >= 1
        assert box.left + box.width <= size.width
        assert box.top + box.height <= size.height
        box.cut(taken)[:] += 1
    assert taken.max() == 1, "tiles overlap"
    if gap == 0:
        assert taken.min() == 1, "a pixel is nobody's"
    corners = taken[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert corners.all()


def test_side_by_side_is_side_by_side() -> None:
    drawn = draw(Tiles((A, B), 2, 0.0, "cover"), FRAMES, SIZE)
    assert (drawn[:, :32] == (200, 0, 0)).all()
    assert (drawn[:, 32:] == (0, 0, 200)).all()
    assert drawn.flags.c_contiguous


def test_a_last_row_that_is_not_full_is_wide() -> None:
    drawn = draw(Tiles((A, A, B), 2, 0.0, "cover"), FRAMES, SIZE)
    assert (drawn[18:] == (0, 0, 200)).all()


@pytest.mark.parametrize("at", ["top_left", "top_right", "bottom_left", "bottom_right"])
def test_an_inset_stands_in_its_corner_with_its_border(at: str) -> None:
    size = Size(200, 100)
    shot = Inset(A, B, at, 0.3, 0.05, 0.02)
    box, border = inset_box(shot, SIZE, size)
    assert border == 2
    assert box.size == contained(SIZE, Size(60, 30))
    drawn = draw(shot, FRAMES, size)
    blue, white = (drawn == (0, 0, 200)).all(2), (drawn == 255).all(2)
    assert blue.sum() == box.width * box.height
    assert white.sum() == (box.width + 4) * (box.height + 4) - blue.sum()
    rows, columns = np.nonzero(blue | white)
    left = columns.min() if at.endswith("left") else size.width - 1 - columns.max()
    top = rows.min() if at.startswith("top") else size.height - 1 - rows.max()
    assert (left, top) == (5, 5)


@given(
    st.sampled_from(["top_left", "bottom_right"]),
    st.floats(0.05, 0.9), st.floats(0, 0.4), st.floats(0, 0.05), sizes, sizes,
)  # fmt: skip
@settings(max_examples=60)
def test_an_inset_never_leaves_the_picture(
    at: str, share: float, margin: float, border: float, inner: Size, size: Size
) -> None:
    shot = Inset(A, B, at, share, margin, border)
    box, _ = inset_box(shot, inner, size)
    assert 0 <= box.left <= box.left + box.width <= size.width
    assert 0 <= box.top <= box.top + box.height <= size.height
    frames = {"a": plain((1, 2, 3)), "b": plain((9, 9, 9), inner)}
    assert draw(shot, frames, size).shape == (size.height, size.width, 3)


def test_a_frame_is_never_written_on() -> None:
    before = {name: pixels.copy() for name, pixels in FRAMES.items()}
    shots: list[Shot] = [
        Inset(A, B, "top_left", 0.5, 0.0, 0.05),
        Inset(Walk(((A, 0.5), (B, 0.5))), A, "top_left", 0.5, 0.0, 0.0),
        Tiles((A, B), 1, 0.1, "contain"),
    ]
    for shot in shots:
        drawn = draw(shot, FRAMES, SIZE)
        assert drawn is not FRAMES["a"]
        drawn[:] = 7
    for name, pixels in FRAMES.items():
        assert np.array_equal(pixels, before[name])


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=4))
def test_a_walk_is_the_weighted_mean(weights: list[float]) -> None:
    """Within a step for each part that is blended in bytes."""
    greys = [10, 90, 170, 250]
    frames = {str(g): plain((g, g, g)) for g in greys}
    total = sum(weights)
    parts = tuple((Filmed(str(g)), w / total) for g, w in zip(greys, weights, strict=False))
    mean = sum(g * w / total for g, w in zip(greys, weights, strict=False))
    assert np.abs(draw(Walk(parts), frames, SIZE).astype(float) - mean).max() <= len(weights)
