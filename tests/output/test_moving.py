"""Canvases that come later, and outputs that move to them."""

from __future__ import annotations

import pytest

from murai_show.errors import OutputError
from murai_show.output import Stage, open_output
from murai_show.show.timeline import LIT
from tests.output.planning import STARTED, a_canvas, an_output, flat, noise

SMALL, TURNED = a_canvas(64, 36), a_canvas(64, 36, rotate=180)


def test_a_canvas_that_comes_later_is_drawn_as_one_of_the_start(make_stage) -> None:
    late = make_stage(an_output("offscreen", SMALL))
    first = make_stage(an_output("offscreen", TURNED))
    assert late.lay(TURNED)
    assert not late.lay(TURNED)
    for stage in (late, first):
        stage.draw(TURNED, noise(1), 1.0)
    assert (late.read_rgba(TURNED) == first.read_rgba(TURNED)).all()


def test_a_canvas_made_anew_takes_the_place_of_the_old(make_stage) -> None:
    stage = make_stage(an_output("offscreen", SMALL))
    before = stage.canvas(SMALL)
    assert stage.lay(SMALL, anew=True)
    assert stage.canvas(SMALL) is not before
    stage.draw(SMALL, flat((1, 2, 3)), 1.0)
    assert stage.read_rgba(SMALL)[3, 4].tolist() == [1, 2, 3, 255]


def test_what_is_not_kept_is_freed_and_the_others_draw_on(make_stage) -> None:
    """They share compiled shaders, which outlive whoever compiled them."""
    stage = make_stage(an_output("offscreen", SMALL))
    stage.draw(SMALL, flat((9, 9, 9)), 1.0)
    stage.lay(TURNED)
    stage.keep({TURNED})
    with pytest.raises(KeyError):
        stage.canvas(SMALL)
    stage.draw(TURNED, flat((1, 2, 3)), 0.5)
    stage.draw(TURNED, flat((1, 2, 3)), 1.0)
    assert stage.read_rgba(TURNED)[3, 4].tolist() == [1, 2, 3, 255]


def test_a_gamma_of_its_own_has_a_shader_of_its_own(make_stage) -> None:
    lifted = a_canvas(64, 36, gamma=2.0)
    alone = make_stage(an_output("offscreen", lifted))
    stage = make_stage(an_output("offscreen", SMALL))
    stage.draw(SMALL, noise(1), 0.5)
    stage.lay(lifted)
    for each in (alone, stage):
        each.draw(lifted, noise(1), 0.5)
    assert (alone.read_rgba(lifted) == stage.read_rgba(lifted)).all()


def test_what_a_stage_can_take_in(make_stage) -> None:
    memory, canvas = an_output("memory"), an_output("offscreen", SMALL)
    window = an_output("display", SMALL)
    bare, drawn = make_stage(memory), make_stage(canvas)
    assert bare.suits((memory,))
    assert not bare.suits((canvas,))
    assert drawn.suits((memory, canvas))
    assert not drawn.suits((canvas, window))
    drawn.close()
    assert not drawn.suits((canvas,))


def test_one_window_paces_also_when_it_is_opened_anew() -> None:
    stage = Stage(())
    asked = [stage.take_pacing(name) for name in ("left", "right", "left")]
    assert asked == [True, False, True]


@pytest.mark.parametrize("kind", ["offscreen", "snapshot"])
def test_an_output_shows_the_canvas_that_it_moved_to(make_stage, tmp_path, kind: str) -> None:
    planned = an_output(kind, SMALL, tmp_path / "a.png")
    stage = make_stage(planned)
    output = open_output(planned, stage, "", STARTED)
    stage.lay(TURNED)
    output.move(TURNED)  # pyright: ignore - all with a canvas can
    stage.keep({TURNED})
    output.show(noise(1), LIT, 1.0)
    output.close()
    assert stage.canvas(TURNED).draws == 1


def test_a_mask_that_cannot_be_read_leaves_the_canvas_that_was_there(make_stage, tmp_path) -> None:
    from murai_show.show.projection import ProjectionSpec, SurfaceSpec
    from murai_show.show.surface import Region

    surface = SurfaceSpec("", SMALL.size, "cover", "none", 0)
    region = Region(0, 0, *SMALL.size)
    torn = ProjectionSpec(surface, region, mask=tmp_path / "gone.png")
    stage = make_stage(an_output("offscreen", SMALL))
    with pytest.raises(OutputError):
        stage.lay(a_canvas(64, 36, projection=torn))
    stage.draw(SMALL, flat((1, 2, 3)), 1.0)
    assert stage.read_rgba(SMALL)[3, 4].tolist() == [1, 2, 3, 255]
