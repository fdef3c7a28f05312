"""`display`: the canvas on a projector, or in a window on the desk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import glfw
import moderngl

from murai_show.errors import OutputError
from murai_show.frame import Frame
from murai_show.output import shaders
from murai_show.output.monitors import find_monitor, glfw_trouble
from murai_show.output.stage import Stage, ask_for_opengl, window_context
from murai_show.show.planned import CanvasSpec, PlannedOutput
from murai_show.show.schema import DisplayOutput
from murai_show.show.timeline import Look
from murai_show.show.words import Size

STILL_EVERY = 0.5  # seconds: heals what a window system loses while windows change
_LARGEST_WINDOW = 0.8  # of the monitor, so that the desk stays in reach


class Display:
    """Full screen on a monitor, or a resizable window.  Esc, q or closing it ends the show.

    The first display waits for its monitor's refresh in `show`; others never wait.  A full-screen
    monitor that is unplugged raises OutputError until it is back.  `pressed` is told the names of
    all other keys, on the thread that shows.
    """

    def __init__(
        self,
        planned: PlannedOutput,
        stage: Stage,
        title: str,
        pressed: Callable[[str], None] = lambda _key: None,
    ) -> None:
        assert isinstance(planned.spec, DisplayOutput)
        assert planned.canvas is not None
        self.name = planned.name
        self.fps = planned.spec.fps
        self.presented = 0
        self._spec = planned.spec
        self._canvas = planned.canvas
        self._stage = stage
        self._asked_to_end = False
        self._pressed = pressed
        self._paces: bool | None = None
        self._shown: tuple[int, tuple[int, int]] | None = None
        self._shown_at = float("-inf")
        self._closed = False
        self.window: Any = self._open(title or planned.name)
        try:
            self._gl = window_context(self.window)
        except OutputError:
            glfw.destroy_window(self.window)
            raise
        self._prepare()

    @property
    def drops(self) -> Mapping[str, int]:
        return {}

    @property
    def over(self) -> bool:
        return self._closed or self._asked_to_end or bool(glfw.window_should_close(self.window))

    def show(self, picture: Frame, look: Look, now: float) -> None:
        """Present `picture`; the same picture in the same light again costs next to nothing."""
        glfw.poll_events()
        if not self._spec.window:
            self._keep_monitor()
        drawing = self._stage.draw(self._canvas, picture, look.light, look.captions)
        state = (drawing, glfw.get_framebuffer_size(self.window))
        if state != self._shown or now - self._shown_at >= STILL_EVERY:
            self._present(Size(*state[1]))
            self._shown, self._shown_at = state, now
        self.presented += 1

    def move(self, canvas: CanvasSpec) -> None:
        """Present another canvas of the same size, which the stage has; the window stays."""
        self._canvas = canvas
        self._shown = None
        with self._gl:
            self._see()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._stage.leave_pacing(self.name)
        self._gl.release()
        glfw.destroy_window(self.window)

    def _open(self, title: str) -> Any:
        monitor, facts = find_monitor(self._spec.monitor, self.name)
        ask_for_opengl()
        if self._spec.window:
            size, screen = window_size(self._canvas.size, facts.size), None
        else:
            size, screen = facts.size, monitor
            glfw.window_hint(glfw.AUTO_ICONIFY, False)  # or a click elsewhere blanks the wall
        window = glfw.create_window(*size, title, screen, self._stage.share)
        if not window:
            raise OutputError(f"output {self.name}: no window on {facts.name}: {glfw_trouble()}")
        if screen:
            glfw.set_input_mode(window, glfw.CURSOR, glfw.CURSOR_HIDDEN)
        glfw.set_key_callback(window, self._on_key)
        glfw.set_window_refresh_callback(window, self._on_damage)
        return window

    def _prepare(self) -> None:
        """Everything that presenting needs, in the window's own context."""
        with self._gl:
            self._pace()
            self._see()
            program = self._gl.program(shaders.WINDOW_VERTEX, shaders.WINDOW_FRAGMENT)
            self._array = self._gl.vertex_array(program, [])

    def _pace(self) -> None:
        """Wait for the monitor's refresh if nobody else does: the window that did may be closed."""
        paces = self._stage.take_pacing(self.name)
        if paces != self._paces:
            glfw.swap_interval(1 if paces else 0)
        self._paces = paces

    def _see(self) -> None:
        """The stage's texture of the canvas, as this window's context sees it."""
        texture = self._stage.canvas(self._canvas).texture
        self._texture = self._gl.external_texture(texture.glo, self._canvas.size, 4, 0, "f1")
        self._texture.filter = (self._gl.LINEAR, self._gl.LINEAR)
        self._texture.repeat_x = self._texture.repeat_y = False

    def _present(self, size: Size) -> None:
        if 0 in size:
            return  # minimised
        with self._gl:
            screen = self._gl.screen
            screen.use()
            screen.viewport = (0, 0, size.width, size.height)
            screen.clear(0.0, 0.0, 0.0, 1.0)
            screen.viewport = letterbox(self._canvas.size, size)
            self._pace()
            self._texture.use(0)
            self._array.render(moderngl.TRIANGLES, vertices=3)
            glfw.swap_buffers(self.window)

    def _keep_monitor(self) -> None:
        """GLFW turns a window loose when its monitor goes; put it back when that returns."""
        if glfw.get_window_monitor(self.window):
            return
        monitor, facts = find_monitor(self._spec.monitor, self.name)
        glfw.set_window_monitor(self.window, monitor, 0, 0, *facts.size, glfw.DONT_CARE)
        self._shown = None

    def _on_key(self, _window: Any, key: int, scan: int, action: int, _mods: int) -> None:
        if action != glfw.PRESS:
            return
        name = key_name(key, scan)
        if key == glfw.KEY_ESCAPE or name == "q":
            self._asked_to_end = True
        elif name:
            self._pressed(name)

    def _on_damage(self, _window: Any) -> None:
        self._shown = None


def window_size(canvas: Size, monitor: Size) -> Size:
    """The canvas's own size, or smaller in its aspect where the desk has less room."""
    scale = min(1.0, *(_LARGEST_WINDOW * m / c for m, c in zip(monitor, canvas, strict=True)))
    return Size(*(max(1, round(scale * side)) for side in canvas))


def letterbox(canvas: Size, window: Size) -> tuple[int, int, int, int]:
    """The largest rectangle of the canvas's aspect in the window's middle: x, y, width, height."""
    scale = min(window.width / canvas.width, window.height / canvas.height)
    width, height = round(canvas.width * scale), round(canvas.height * scale)
    return ((window.width - width) // 2, (window.height - height) // 2, width, height)


_KEYS: Mapping[int, str] = {
    glfw.KEY_SPACE: "space",
    glfw.KEY_ENTER: "enter",
    glfw.KEY_KP_ENTER: "enter",
    glfw.KEY_BACKSPACE: "backspace",
    glfw.KEY_DELETE: "delete",
    **{glfw.KEY_F1 + n: f"f{n + 1}" for n in range(12)},
    **{glfw.KEY_0 + n: str(n) for n in range(10)},
    **{glfw.KEY_KP_0 + n: str(n) for n in range(10)},
}


def key_name(key: int, scan: int) -> str:
    """A key's name in the show language; a letter is the one that is printed on the key, whatever
    the keyboard's layout.  Empty for keys that have none."""
    if key in _KEYS:
        return _KEYS[key]
    if not glfw.KEY_A <= key <= glfw.KEY_Z:
        return ""
    return (glfw.get_key_name(key, scan) or chr(key)).lower()
