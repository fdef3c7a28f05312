"""The displays of this machine, as GLFW sees them.  On the main thread only, as GLFW asks."""

from __future__ import annotations

import atexit
from collections.abc import Sequence
from typing import Any

from murai_show.errors import OutputError
from murai_show.show.planned import Monitor
from murai_show.show.words import Size

REHEARSE = "run with --rehearse to draw it off screen instead"


def start_glfw() -> str:
    """Start GLFW, once per process; what is in its way, or nothing."""
    import glfw

    glfw.ERROR_REPORTING = False  # it would warn on stderr; `get_error` tells the same
    glfw.get_error()
    if glfw.init():
        atexit.unregister(glfw.terminate)
        atexit.register(glfw.terminate)
        return ""
    return glfw_trouble()


def glfw_trouble() -> str:
    """What GLFW says about its last failure."""
    import glfw

    _, text = glfw.get_error()
    words = text.decode(errors="replace") if isinstance(text, bytes) else str(text or "")
    return words.strip() or "GLFW does not say why"


def list_monitors() -> tuple[Monitor, ...]:
    """The monitors, the primary one first; () where there is no display server."""
    return tuple(facts for _, facts in _found()) if not start_glfw() else ()


def find_monitor(wanted: str | None, output: str) -> tuple[Any, Monitor]:
    """GLFW's handle of the monitor named `wanted`, or of the first.

    Raises OutputError that names the monitors that exist.
    """
    trouble = start_glfw()
    if trouble:
        raise OutputError(
            f"output {output}: there is no display here ({trouble}); start a desktop or X, "
            f"or {REHEARSE}"
        )
    found = _found()
    for handle, facts in found:
        if wanted in (None, facts.name):
            return handle, facts
    asked = f"no display named {wanted}" if wanted else "no display"
    raise OutputError(f"output {output}: there is {asked}; {_listed(found)}; or {REHEARSE}")


def _found() -> list[tuple[Any, Monitor]]:
    import glfw

    monitors: list[tuple[Any, Monitor]] = []
    for handle in glfw.get_monitors():
        mode = glfw.get_video_mode(handle)
        name = glfw.get_monitor_name(handle)
        if mode and name:
            text = name.decode(errors="replace") if isinstance(name, bytes) else name
            monitors.append((handle, Monitor(text, Size(*mode.size))))
    return monitors


def _listed(found: Sequence[tuple[Any, Monitor]]) -> str:
    if not found:
        return "none is connected"
    return "there are: " + ", ".join(f"{facts.name} ({facts.size})" for _, facts in found)
