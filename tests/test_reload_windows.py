"""A show with real windows on a virtual X server, whose file is edited; looked at from outside."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.banks import write_small_bank
from tests.output.test_display import on_a_screen

SHOW = """\
murai: 1
show: plaza
cameras:
  red: {kind: still, photos: red.png, size: 64x36, noise: 0, fps: 10}
bank: {name: small, engine: identity}
playlists:
  all: {styles: [a], each: 1h}
play: {playlist: all, paint: 64x36}
outputs:
  tap: {kind: memory}
metrics: "off"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_small_bank(tmp_path / "models/small.safetensors")
    Image.new("RGB", (64, 36), (255, 0, 0)).save(tmp_path / "red.png")
    (tmp_path / "plaza.yaml").write_text(SHOW)
    return tmp_path


def test_a_projector_is_added_pinned_and_put_into_a_window(folder: Path) -> None:
    """The first window of a show that had none; then its corners, with the window left open; then
    another window in its place; then none again."""
    said = on_a_screen(f"""
        import os, threading
        from functools import partial
        from pathlib import Path
        from murai_show.app import Live, make_plan, run_show
        from murai_show.output.display import Display
        from tests.output.screen import grab
        from tests.reloading import Ears
        import logging

        folder = Path({str(folder)!r})
        file = folder / "plaza.yaml"
        text = file.read_text()
        wall = "  wall: {{kind: display, size: 320x180}}\\nmetrics"
        pinned = wall.replace("320x180", "320x180, corners: {{top_left: [0.4, 0.4]}}")
        opened = []
        prepare = Display._prepare
        Display._prepare = lambda own: (opened.append(own), prepare(own))
        ears, stop = Ears(), threading.Event()
        logging.getLogger("murai_show").addHandler(ears)
        logging.getLogger("murai_show").setLevel(logging.INFO)

        def at(x, y):
            red, green, blue = grab()[y, x]
            return bool(red > 200 and green < 50 and blue < 50)

        def edit(word, *points):
            file.write_text(text.replace("metrics", word))
            print(ears.wait_for(" is on: ", "not taken").split(": ", 2)[-1], end="; ")
            for x, y, red in points:
                until(lambda: at(x, y) == red)
            print(len(opened), "opened")

        def editor():
            try:
                ears.wait_for("painted by")
                edit(wall, (5, 5, True), (640, 360, True))
                edit(pinned, (5, 5, False), (1000, 600, True))
                edit(pinned.replace("size", "window: true, size"), (5, 5, False))
                edit("metrics", (640, 360, False))
            finally:
                stop.set()

        planner = partial(make_plan, "plaza", os.environ, folder, displays=True)
        threading.Thread(target=editor).start()
        report = run_show(planner(), None, stop, live=Live(file, planner, every=0.05))
        print(report.status.errors)
    """)
    assert said.splitlines() == [
        "output wall (opened); 1 opened",
        "output wall (moved); 1 opened",
        "output wall (opened); 2 opened",
        "output wall (closed); 2 opened",
        "{}",
    ]
