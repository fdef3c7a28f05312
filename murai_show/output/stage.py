"""The stage: the one OpenGL context of a show, and its canvases."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from murai_show.errors import OutputError
from murai_show.frame import Frame
from murai_show.output.monitors import find_monitor, glfw_trouble
from murai_show.show.caption import Caption
from murai_show.show.planned import CanvasSpec, PlannedOutput
from murai_show.show.schema import DisplayOutput

if TYPE_CHECKING:
    import moderngl
    from av.video.frame import VideoFrame

    from murai_show.output.canvas import Canvas, Pixels, Programs
    from murai_show.output.surfaces import Surfaces
    from murai_show.show.words import Size

GL_VERSION = 330
NO_OPENGL = (
    "OpenGL cannot be had ({}); on Debian and Ubuntu: apt-get install --no-install-recommends "
    "libegl1 libgl1"
)


class Stage:
    """Owns the OpenGL context and one canvas for each distinct CanvasSpec of `planned`.

    Without a display the context is EGL's and needs no display server.  With one it belongs to a
    hidden GLFW window, `share`, whose textures all windows see.  Where no output has a canvas
    (`memory`), no library of OpenGL is loaded.  Made, used and closed on the main thread.

    `cuda` is CUDA's number of the GPU that paints, if one does: EGL's context is then made on the
    same one, so that pictures need not leave it.  A window's is where its display is.

    Raises OutputError when there is no OpenGL, or a display is planned and there is none.
    """

    def __init__(self, planned: tuple[PlannedOutput, ...], cuda: int | None = None) -> None:
        self.share: Any = None
        self._ctx: moderngl.Context | None = None
        self._canvases: dict[CanvasSpec, Canvas] = {}
        self._programs: Programs = {}
        self._surfaces: dict[Size, Surfaces] = {}
        self._paced = ""
        specs = dict.fromkeys(p.canvas for p in planned if p.canvas is not None)
        if not specs:
            return
        from murai_show.output.canvas import Canvas
        from murai_show.output.upload import Uploads

        displays = [p for p in planned if isinstance(p.spec, DisplayOutput)]
        if displays:
            find_monitor(None, displays[0].name)
            self.share = hidden_window()
        self._ctx = ctx = window_context(self.share) if displays else egl_context(cuda)
        with ctx:
            self._uploads = Uploads(ctx)
            self._canvases = {
                spec: Canvas(ctx, spec, uploads=self._uploads, programs=self._programs)
                for spec in specs
            }

    def suits(self, planned: tuple[PlannedOutput, ...]) -> bool:
        """Whether outputs that came later can be opened here: canvases want OpenGL, and windows
        want that of windows."""
        if not any(p.canvas for p in planned):
            return True
        windows = any(isinstance(p.spec, DisplayOutput) for p in planned)
        return self._ctx is not None and (self.share is not None or not windows)

    def lay(self, spec: CanvasSpec, *, anew: bool = False) -> bool:
        """Have a canvas of `spec`, or a new one in its place; True when it was made.

        See `suits`.  Raises OutputError.
        """
        if spec in self._canvases and not anew:
            return False
        assert self._ctx is not None
        from murai_show.output.canvas import Canvas

        with self._ctx:
            canvas = Canvas(self._ctx, spec, uploads=self._uploads, programs=self._programs)
            if spec in self._canvases:
                self._canvases[spec].close()
        self._canvases[spec] = canvas
        return True

    def keep(self, specs: Collection[CanvasSpec]) -> None:
        """Free the canvases of all other specs."""
        for spec in [spec for spec in self._canvases if spec not in specs]:
            assert self._ctx is not None
            with self._ctx:
                self._canvases.pop(spec).close()

    def canvas(self, spec: CanvasSpec) -> Canvas:
        """The canvas of `spec`, for its texture and its count; the stage draws it."""
        return self._canvases[spec]

    def draw(
        self, spec: CanvasSpec, picture: Frame, light: float, captions: tuple[Caption, ...] = ()
    ) -> int:
        """Draw `picture`, and `captions` over it, unless they are there already; the number of this
        drawing."""
        assert self._ctx is not None
        canvas = self._canvases[spec]
        with self._ctx:
            if canvas.draw(picture, light, captions) and self.share is not None:
                self._ctx.finish()  # a window's context may only read what is complete
        return canvas.draws

    def read_rgba(self, spec: CanvasSpec) -> Pixels:
        """What was last drawn, (H, W, 4), uint8, RGBA, top row first; read once for all outputs."""
        assert self._ctx is not None
        with self._ctx:
            return self._canvases[spec].read_rgba()

    def surface(self, spec: CanvasSpec) -> VideoFrame:
        """A copy of what was last drawn, NV12 in the memory of the GPU that draws, for its encoder;
        it has neither time nor tags.

        Raises OutputError where CUDA does not reach this OpenGL.
        """
        assert self._ctx is not None
        from murai_show.output.surfaces import Surfaces

        with self._ctx:
            if spec.size not in self._surfaces:
                interop = self._uploads.interop()
                self._surfaces[spec.size] = Surfaces(self._ctx, spec.size, interop)
            return self._surfaces[spec.size].take(self._canvases[spec].texture)

    def render(self, spec: CanvasSpec, picture: Frame) -> Pixels:
        """`picture` on a canvas that is made for it and let go, as `read_rgba` gives it: for what a
        person changes by hand."""
        from murai_show.output.canvas import Canvas

        assert self._ctx is not None
        with self._ctx:
            canvas = Canvas(self._ctx, spec)
            try:
                canvas.draw(picture, 1.0)
                return canvas.read_rgba()
            finally:
                canvas.close()

    def finish(self) -> None:
        """Wait until everything is drawn: for whoever measures."""
        if self._ctx is not None:
            with self._ctx:
                self._ctx.finish()

    def take_pacing(self, name: str) -> bool:
        """True for one window alone, also when that is opened anew under its name: it waits for its
        monitor, and the others must not wait too."""
        self._paced = self._paced or name
        return self._paced == name

    def leave_pacing(self, name: str) -> None:
        """That window is closed: the next that presents a picture waits in its place."""
        if self._paced == name:
            self._paced = ""

    def close(self) -> None:
        """Free the canvases and the context.  Safe to call twice."""
        if self._ctx is None:
            return
        from murai_show.output.canvas import free

        with self._ctx:
            for surfaces in self._surfaces.values():
                surfaces.close()
            for canvas in self._canvases.values():
                canvas.close()
            free(self._programs)
        self._ctx.release()
        self._ctx = None
        if self.share is not None:
            import glfw

            glfw.destroy_window(self.share)


def egl_context(cuda: int | None = None) -> moderngl.Context:
    """OpenGL without a display server, on the GPU that is CUDA's number `cuda` if EGL has it."""
    try:
        import moderngl

        how: dict[str, Any] = {"backend": "egl"}  # moderngl's own stub has their types wrong
        if (device := egl_device(cuda)) is not None:
            how["device_index"] = device
        return moderngl.create_context(require=GL_VERSION, standalone=True, **how)
    except Exception as error:  # its loader raises bare Exceptions, of no class of their own
        raise OutputError(NO_OPENGL.format(str(error).strip() or "no reason given")) from error


def egl_device(cuda: int | None) -> int | None:
    """EGL's number of the device that is CUDA's number `cuda`; None leaves the choice to EGL."""
    if cuda is None:
        return None
    from murai_show.output.interop import cuda_device_index

    return cuda_device_index(cuda)


def window_context(window: Any) -> moderngl.Context:
    """The OpenGL of a GLFW window; entering it makes it current."""
    try:
        import moderngl

        glfw_gl: dict[str, Any] = {"context": WindowGl(window)}
        with glfw_gl["context"]:
            return moderngl.create_context(require=GL_VERSION, **glfw_gl)
    except Exception as error:  # as above
        raise OutputError(NO_OPENGL.format(str(error).strip() or "no reason given")) from error


class WindowGl:
    """What moderngl asks of a context: GLFW finds the functions, on X11 and Wayland alike."""

    def __init__(self, window: Any) -> None:
        self._window = window

    def load_opengl_function(self, name: str) -> int:
        import ctypes

        import glfw

        return ctypes.cast(glfw.get_proc_address(name), ctypes.c_void_p).value or 0

    def __enter__(self) -> None:
        import glfw

        glfw.make_context_current(self._window)

    def __exit__(self, *_: object) -> None:
        """Stays current: whoever draws next enters their own."""

    def release(self) -> None:
        """The window owns the context."""


def ask_for_opengl() -> None:
    """Set the hints for windows that the canvas's shaders can draw in."""
    import glfw

    glfw.default_window_hints()
    glfw.window_hint(glfw.CONTEXT_VERSION_MAJOR, GL_VERSION // 100)
    glfw.window_hint(glfw.CONTEXT_VERSION_MINOR, GL_VERSION // 10 % 10)
    glfw.window_hint(glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE)


def hidden_window() -> Any:
    """A window that is never seen: it holds the context that all others share."""
    import glfw

    ask_for_opengl()
    glfw.window_hint(glfw.VISIBLE, False)
    window = glfw.create_window(16, 16, "murai-show", None, None)
    if not window:
        raise OutputError(NO_OPENGL.format(glfw_trouble()))
    return window
