"""Shows with surfaces, planned for tests, and projectors drawn for a wall."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from murai_show.frame import Frame
from murai_show.output.canvas import Canvas
from murai_show.show.plan import Plan, plan_show
from murai_show.show.planned import CanvasSpec
from tests.output.wall import Projected
from tests.show.machine import GOOD, machine, write

HEAD = GOOD.partition("outputs:")[0]
THREE = """\
surfaces:
  facade: { size: 720x120, columns: 3, overlap: 60 }
defaults:
  outputs: { surface: facade }
outputs:
  left: { kind: offscreen, tile: 1 }
  centre: { kind: offscreen, tile: 2 }
  right: { kind: offscreen, tile: 3 }
"""
# Each projector stands askew in its own way, and has pixels to spare.
ASKEW = {
    "left": """\
    size: 400x200
    corners: { top_left: [0.05, 0.1], top_right: [0.97, 0.03], bottom_right: [0.9, 0.95] }
""",
    "centre": """\
    size: 400x200
    mesh:
      - [[0.02, 0.05], [0.5, 0.0], [0.98, 0.05]]
      - [[0.05, 0.5], [0.52, 0.48], [0.97, 0.5]]
      - [[0.02, 0.95], [0.5, 1.0], [0.99, 0.97]]
""",
    "right": """\
    size: 400x200
    corners: { top_left: [0.05, 0.1], top_right: [0.97, 0.03] }
    mesh: [[[0.0, 0.05], [1, 0.05]], [[0.02, 0.95], [0.98, 0.97]]]
""",
}


def plan_of(folder: Path, body: str, **changes: Any) -> Plan:
    """The plan of a show whose surfaces and outputs are `body`."""
    return plan_show(write(folder, HEAD + body), machine(**changes), {})


def specs(folder: Path, body: str) -> list[CanvasSpec]:
    """The canvases of its outputs."""
    return [o.canvas for o in plan_of(folder, body).outputs if o.canvas is not None]


def three(askew: bool = False, **settings: Any) -> str:
    """Three projectors that share a wall, all with the same settings."""
    more = "".join(f", {key}: {value}" for key, value in settings.items())
    text = THREE.replace("surface: facade }", f"surface: facade{more} }}")
    for name, own in ASKEW.items() if askew else ():
        tile = list(ASKEW).index(name) + 1
        flow = f"  {name}: {{ kind: offscreen, tile: {tile} }}\n"
        assert flow in text
        text = text.replace(flow, f"  {name}:\n    kind: offscreen\n    tile: {tile}\n{own}")
    return text


def thrown(
    make_canvas: Callable[..., Canvas], canvases: list[CanvasSpec], picture: Frame
) -> list[Projected]:
    """What each projector is sent for `picture`."""
    sent: list[Projected] = []
    for spec in canvases:
        canvas = make_canvas(spec, cubic=False)
        canvas.draw(picture, 1.0)
        sent.append(Projected(spec, np.array(canvas.read())))
    return sent
