"""Aligning: the logic without a window, and a real window under a virtual screen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from murai_show.output.align_window import Sidecar, meant
from murai_show.output.aligner import Bench, begin, marked, press
from murai_show.show.align import AlignedOutput
from murai_show.show.mesh import even_grid, fold
from tests.output.planning import a_canvas, corners
from tests.output.surfaces import plan_of, three
from tests.output.test_display import on_a_screen

PIN = corners((0.1, 0.1), (0.9, 0.05), (0.85, 0.95), (0.15, 0.9))


def bench(**changed) -> Bench:
    return begin({"left": a_canvas(400, 200, **changed), "right": a_canvas(640, 360)})


def after(found: Bench, *keys: str, step: float = 1.0) -> Bench:
    for key in keys:
        found = press(found, key, step)
    return found


def test_arrows_move_a_corner_by_pixels_and_tenths() -> None:
    found = after(bench(corners=PIN), "right", "right", "down")
    assert found.target.pixel(0) == pytest.approx((42, 21))
    found = after(found, "left", step=0.1)
    assert found.target.pixel(0) == pytest.approx((41.9, 21))
    assert found.target.canvas.corners.top_right == PIN.top_right
    assert found.words == "left, corner 1: 41.9, 21.0"


def test_tab_goes_round_and_page_to_the_next_output() -> None:
    found = bench()
    assert [after(found, *["next"] * n).point for n in (1, 3, 4)] == [1, 3, 0]
    assert after(found, "previous").point == 3
    other = after(found, "next", "next output")
    assert (other.target.name, other.point) == ("right", 0)
    assert after(other, "next output").target.name == "left"


@given(st.lists(st.sampled_from(["left", "right", "up", "down"]), max_size=8), st.floats(0.1, 20))
def test_a_mesh_point_moves_where_it_is_seen_to_move(keys, step) -> None:
    """Through the pin's perspective too: by so many pixels of the projector."""
    found = after(bench(corners=PIN), "mesh", *["next"] * 11)
    assert found.target.points[11] == "mesh, row 2, column 3"
    x, y = found.target.pixel(11)
    for key in keys:
        moved = press(found, key, step)
        if moved is found:
            continue  # it would have folded
        dx = {"left": -step, "right": step}.get(key, 0.0)
        dy = {"up": -step, "down": step}.get(key, 0.0)
        x, y = x + dx, y + dy
        found = moved
        assert found.target.pixel(11) == pytest.approx((x, y), abs=1e-6)
        assert found.target.mesh is not None
        assert fold(found.target.mesh) is None


KEYS = ["left", "right", "up", "down", "next", "previous", "next output", "mesh", "reset", "undo"]


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from([0.1, 10.0, 300.0])), max_size=25))
def test_no_keys_lead_to_what_the_language_refuses(pressed) -> None:
    found = bench(corners=PIN)
    for key, step in pressed:
        found = press(found, key, step)
    for target in found.targets:
        AlignedOutput.model_validate(
            {"corners": target.canvas.corners.model_dump(), "mesh": target.mesh}
        )
    assert found.words
    assert len(found.target.points) > found.point


def test_undo_takes_back_every_step_and_no_more() -> None:
    begun = bench(corners=PIN)
    moved = after(begun, "right", "next", "up", "mesh", *["next"] * 5, "down", "reset")
    back = after(moved, *["undo"] * 10)
    assert back.targets == begun.targets
    assert not back.changed
    assert after(back, "undo") == back


def test_corners_do_not_cross_and_points_stay_in_reach() -> None:
    found = after(bench(), "right", step=390.0)
    assert found.target.pixel(0)[0] == pytest.approx(390)
    assert after(found, "right", step=20.0) is found
    assert after(bench(), "left", step=500.0).target.pixel(0) == (0, 0)


def test_a_mesh_of_this_session_goes_and_the_show_s_gets_even(tmp_path) -> None:
    found = after(bench(), "mesh")
    assert found.target.mesh == even_grid(4, 5)
    assert after(found, "mesh").target.mesh is None
    canvases = {o.name: o.canvas for o in plan_of(tmp_path, three(askew=True)).outputs if o.canvas}
    askew = after(begin(canvases), "next output")
    assert after(askew, "mesh").target.mesh == even_grid(3, 3)
    assert after(askew, "mesh", *["next"] * 4, "reset").target.value(4) == (0.02, 0.05)


def test_only_what_was_moved_is_kept_and_what_was_kept_stays(tmp_path) -> None:
    (tmp_path / "wall.yaml").write_text("")
    held = {"centre": AlignedOutput(corners=PIN), "right": AlignedOutput(mesh=even_grid(2, 2))}
    sidecar = Sidecar(tmp_path / "wall.align.yaml", "wall", held)
    canvases = {o.name: o.canvas for o in plan_of(tmp_path, three()).outputs if o.canvas}
    found = after(begin(canvases), "right", "next output", "next output", "down", step=5.0)
    sidecar.write(found)
    planned = {o.name: o.canvas for o in plan_of(tmp_path, three()).outputs if o.canvas}
    assert planned["left"].corners.top_left == pytest.approx((5 / 280, 0), abs=1e-6)
    assert planned["centre"].corners == PIN
    assert planned["right"].corners.top_left == pytest.approx((0, 5 / 120), abs=1e-6)
    assert planned["right"].projection
    assert planned["right"].projection.mesh == even_grid(2, 2)


def test_the_selected_point_is_marked_where_the_card_will_be_bent() -> None:
    card = Image.new("RGB", (320, 180))
    found = after(bench(), "mesh", *["next"] * 11)
    spot = found.target.spot(found.point)
    assert spot == (0.5, pytest.approx(1 / 3))
    shown = np.asarray(marked(card, spot, "two\nlines"))
    yellow = (shown == (255, 220, 0)).all(-1)
    assert yellow[58:62, 150:170].any()
    assert yellow[50:70, 158:162].any()
    assert not yellow[:30].any()
    assert not np.asarray(card).any(), "the card itself stays"


def test_keys_mean_what_the_help_says() -> None:
    import glfw

    assert meant(glfw.KEY_LEFT, 0) == ("left", 1.0)
    assert meant(glfw.KEY_UP, glfw.MOD_SHIFT) == ("up", 10.0)
    assert meant(glfw.KEY_DOWN, glfw.MOD_ALT) == ("down", 0.1)
    assert meant(glfw.KEY_TAB, glfw.MOD_SHIFT)[0] == "previous"
    assert meant(glfw.KEY_ESCAPE, 0)[0] == "end"
    assert meant(glfw.KEY_F5, 0)[0] == ""


def test_in_a_window_a_corner_moves_and_is_saved(egl, tmp_path) -> None:
    said = on_a_screen(f"""
        import threading
        from pathlib import Path
        from murai_show.output.align_window import Aligner, Sidecar
        from tests.output.screen import grab
        path = Path({str(tmp_path)!r}) / "wall.align.yaml"
        planned = an_output("display", a_canvas(1280, 720))
        aligner = Aligner((planned,), "A show", Sidecar(path, "wall"))
        def frame():
            aligner.show()
            return grab()
        until(lambda: frame()[100, 0].max() > 200)  # the card's white rim
        for _ in range(6):
            aligner._on_key(None, glfw.KEY_RIGHT, 0, glfw.REPEAT, glfw.MOD_SHIFT)
        until(lambda: frame()[20, 20].max() == 0)
        print(grab()[360, 5].max() == 0, path.exists())
        aligner._on_key(None, glfw.KEY_ESCAPE, 0, glfw.PRESS, 0)
        aligner.run(threading.Event())
        aligner.close(), aligner.close()
        print(path.read_text().splitlines()[-4:])
    """)
    moved, text = said.splitlines()
    assert moved == "True False"
    assert "top_left: [0.046875, 0]" in text


def test_a_disk_that_is_full_is_said_on_the_card(egl, tmp_path) -> None:
    said = on_a_screen(f"""
        import threading
        from pathlib import Path
        from murai_show.output.align_window import Aligner, Sidecar
        planned = an_output("display", a_canvas(320, 180), window=True)
        path = Path({str(tmp_path)!r}) / "gone" / "wall.align.yaml"
        aligner = Aligner((planned,), "A show", Sidecar(path, "wall"))
        aligner.key("right", 10.0)
        aligner.show()
        import logging
        logging.disable(logging.CRITICAL)
        aligner.key("save", 1.0)
        print(aligner._said, aligner.bench.changed)
        stop = threading.Event()
        stop.set()
        aligner.run(stop)
        aligner.close()
    """)
    assert "cannot be saved" in said
    assert "No such file or directory True" in said
