"""Test cards: drawn for each output, through its own warp."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from murai_show.errors import OutputError, UsageError
from murai_show.output.cards import hang, show_cards, write_cards
from murai_show.output.testcard import card_canvas, card_frame, card_of
from tests.output.planning import a_canvas, an_output
from tests.output.surfaces import HEAD, plan_of, three
from tests.output.test_display import on_a_screen
from tests.plans import REPOSITORY


def read(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def test_a_card_is_written_for_each_projector(egl, tmp_path) -> None:
    plan = plan_of(tmp_path, three() + "  film: { kind: recording }\n")
    written = write_cards(hang(plan.outputs), tmp_path / "cards")
    assert list(written) == ["left", "centre", "right"]
    for path in written.values():
        card = read(path)
        assert card.shape == (120, 280, 3)
        for rim in (card[0], card[-1], card[:, 0], card[:, -1]):
            assert (rim.max(-1) > 200).all(), "all four sides are lit, or the edge is cut"


def test_neighbours_draw_the_same_lines_in_their_own_colours(egl, tmp_path) -> None:
    """On the wall they fall together: that is how projectors are aligned."""
    body = three().replace("720x120", "2160x360").replace("overlap: 60", "overlap: 180")
    outputs = plan_of(tmp_path, body).outputs
    cards = [card_frame(card_of(o, n)).pixels.astype(int) for n, o in enumerate(outputs, 1)]
    starts = [o.canvas.projection.region.x for o in outputs if o.canvas and o.canvas.projection]
    lines = []
    for card, start in zip(cards, starts, strict=True):
        row = card[240:244].max(-1).mean(0)  # between two lines across
        steep = {
            x + start for x in range(12, len(row) - 12) if row[x] > row[x - 4 : x + 5].mean() + 9
        }
        lines.append({x for x in steep if starts[1] + 20 < x < starts[0] + card.shape[1] - 20})
    on_grid = [x for x in range(0, 2160, 50) if starts[1] + 20 < x < starts[0] + 840 - 20]
    for found in lines[:2]:
        assert all(any(abs(x - seen) <= 1 for seen in found) for x in on_grid)
    first, second = (card_of(o, n).accent for n, o in enumerate(outputs[:2], 1))
    assert np.abs(np.subtract(first, second)).max() > 100


def test_a_card_goes_through_corners_and_mesh_but_is_not_blended(make_canvas, tmp_path) -> None:
    plan = plan_of(tmp_path, three(askew=True, black_level=0.1, brightness=0.2, gains="{red: 0}"))
    for number, output in enumerate(plan.outputs, 1):
        assert output.canvas
        card = card_frame(card_of(output, number), identify=True)
        canvas = make_canvas(card_canvas(output.canvas))
        canvas.draw(card, 1.0)
        shown = canvas.read()
        assert not shown[0, 0].any(), "the corner is pinned or bent inwards"
        accent = np.array(card_of(output, number).accent) // 3
        assert np.abs(shown[100, [90, 310]] - accent).max() <= 3, "not dimmed in the overlap either"


def test_a_turned_projector_s_card_stands_upright_on_the_wall(make_canvas, tmp_path) -> None:
    output = plan_of(tmp_path, three(rotate=90)).outputs[0]
    assert output.canvas
    card = card_frame(card_of(output, 1))
    assert (card.width, card.height) == (280, 120)
    canvas = make_canvas(card_canvas(output.canvas))
    canvas.draw(card, 1.0)
    assert np.abs(np.rot90(canvas.read()).astype(int) - card.pixels).mean() < 1


def test_every_output_has_a_number_and_keeps_it(tmp_path) -> None:
    plan = plan_of(tmp_path, three())
    (right,) = hang(plan.outputs, ("right",), identify=True)
    every = hang(plan.outputs, identify=True)
    assert np.array_equal(right.card.pixels, every[2].card.pixels)
    assert not np.array_equal(every[0].card.pixels, every[2].card.pixels)


def test_who_is_not_there_is_said(tmp_path) -> None:
    plan = plan_of(tmp_path, three())
    with pytest.raises(UsageError, match="no display or offscreen output 'lft'; did you mean left"):
        hang(plan.outputs, ("lft",))
    with pytest.raises(UsageError, match="no display and no offscreen output"):
        hang((an_output("memory"),))
    with pytest.raises(UsageError, match="write the cards with --png"):
        show_cards(hang(plan.outputs), "a show", threading.Event())


def test_a_folder_that_cannot_be_is_said(egl, tmp_path) -> None:
    (tmp_path / "cards").write_text("a file")
    with pytest.raises(OutputError, match=r"left\.png cannot be written"):
        write_cards(hang(plan_of(tmp_path, three()).outputs), tmp_path / "cards")


@pytest.mark.parametrize("size", [(64, 48), (160, 1000), (1000, 160), (16, 16)])
def test_any_size_of_card(size) -> None:
    output = an_output("offscreen", a_canvas(*size))
    for identify in (False, True):
        assert card_frame(card_of(output, 1), identify=identify).pixels.shape == (*size[::-1], 3)


def test_the_verb_writes_cards_where_there_is_no_display(egl, tmp_path) -> None:
    body = three().replace("kind: offscreen", "kind: display")
    (tmp_path / "plaza.yaml").write_text(HEAD + body)
    command = [sys.executable, "-m", "murai_show", "testcard", str(tmp_path / "plaza.yaml")]
    environ = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run(
        [*command, "--png", str(tmp_path / "cards"), "--output", "centre"],
        check=False, cwd=REPOSITORY, env=environ, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(tmp_path / "cards" / "centre.png")]
    assert read(tmp_path / "cards" / "centre.png").any()


def test_a_display_shows_its_card_until_it_is_closed(egl) -> None:
    said = on_a_screen("""
        import threading
        from murai_show.output.cards import hang, show_cards
        from tests.output.screen import grab
        planned = an_output("display", a_canvas(640, 360))
        hung = hang((planned,), identify=True)
        colours, stop = [], threading.Event()
        wait = stop.wait
        def look(seconds):
            colours[:] = [tuple(grab()[200, 100])]
            return max(colours[0]) > 40 or wait(seconds)
        stop.wait = look
        show_cards(hung, "A show", stop)
        wanted = hung[0].card.pixels[100, 50]
        print(max(abs(int(a) - int(b)) for a, b in zip(colours[0], wanted)) < 4)
    """)
    assert said.strip() == "True"
