"""`murai-show run`, but parts of it hang as long as a file of their name is in the working folder:
`build` the making of the engine, `paint` the painter's call, `film` the camera's thread.

The watchdog takes a painter for stuck after a second.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from murai_show import app, camera, on_air
from murai_show.camera.source import Source
from murai_show.cli import main
from murai_show.edge.vigil import Vigil
from murai_show.style.identity import IdentityStylizer


def hang(name: str) -> None:
    while Path(name).exists():
        time.sleep(0.02)


def after(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    def hanging(*args: Any, **named: Any) -> Any:
        Path(f"{name}ing").touch()  # it has come there
        hang(name)
        return call(*args, **named)

    return hanging


def stalling(open_source: Callable[..., Source]) -> Callable[..., Source]:
    def stalled(spec: Any) -> Source:
        source = open_source(spec)

        def pictures(wire: Any) -> Iterator[Any]:
            for picture in source.pictures(wire):
                hang("film")
                yield picture

        return replace(source, pictures=pictures)

    return stalled


@contextmanager
def supervised(stop: Any) -> Iterator[Vigil]:
    with closing(Vigil(os.environ, stop, stuck_after=1.0)) as vigil:
        yield vigil


on_air.open_stylizer = after("build", on_air.open_stylizer)
IdentityStylizer.__call__ = after("paint", IdentityStylizer.__call__)
camera.pattern_source = stalling(camera.pattern_source)
app.supervised = supervised
sys.argv = ["murai-show", "run", *sys.argv[1:]]
main()
