"""What draws: OpenGL, the way from CUDA to it, and the displays."""

from __future__ import annotations

from collections.abc import Iterator

from murai_show.doctor.verdict import Case, Verdict
from murai_show.errors import OutputError
from murai_show.gpu import find_gpu
from murai_show.show.planned import Monitor, PlannedOutput
from murai_show.show.schema import DisplayOutput, VirtualCameraOutput

_SOFTWARE = ("llvmpipe", "softpipe", "swrast")  # how Mesa calls what draws on the processor


def opengl(case: Case) -> Iterator[Verdict]:
    from murai_show.output.stage import egl_context

    if case.plan is not None and not any(output.canvas for output in case.plan.outputs):
        yield Verdict("OpenGL", "skip", "no output of the show draws")
        return
    try:
        context = egl_context()
    except OutputError as error:
        yield Verdict("OpenGL", "bad", str(error).partition("; ")[0], str(error).partition("; ")[2])
        return
    renderer, version = context.info["GL_RENDERER"], context.version_code
    context.release()
    found = f"{renderer}, OpenGL {version // 100}.{version // 10 % 10}"
    if any(word in renderer.lower() for word in _SOFTWARE):
        mend = (
            "the processor draws, some 6 ms for a picture of 720p; with a GPU: install its driver, "
            "and put the show's user into the groups video and render"
        )
        yield Verdict("OpenGL", "warn", found, mend)
    else:
        yield Verdict("OpenGL", "ok", found)


def interop(_case: Case) -> Iterator[Verdict]:
    if find_gpu() is None:
        yield Verdict("CUDA to OpenGL", "skip", "no NVIDIA GPU: pictures come from the processor")
        return
    from murai_show.output.interop import cuda_device_index, load_runtime

    try:
        load_runtime()
    except OutputError as error:
        words = str(error).rpartition(": ")
        yield Verdict("CUDA to OpenGL", "warn", words[0], words[2])
        return
    if cuda_device_index(0) is None:
        found = "OpenGL does not draw on the GPU that paints; pictures go through host memory"
        mend = "install NVIDIA's libEGL (apt-get install libnvidia-egl-gbm1 libegl-nvidia0)"
        yield Verdict("CUDA to OpenGL", "warn", found, mend)
    else:
        yield Verdict("CUDA to OpenGL", "ok", "the GPU that paints also draws: nothing is copied")


def displays(case: Case) -> Iterator[Verdict]:
    """On the main thread of a process of its own, as GLFW asks."""
    from murai_show.output import list_monitors

    there = list_monitors()
    wanted = (
        [o for o in case.plan.outputs if isinstance(o.spec, DisplayOutput)] if case.plan else []
    )
    if there:
        names = ", ".join(f"{m.name} {m.size}" for m in there)
        yield Verdict("displays", "ok", names)
    elif not wanted:
        yield Verdict("displays", "skip", "no display server, or no monitor")
    for output in wanted:
        yield fits(output, there)


def fits(output: PlannedOutput, there: tuple[Monitor, ...]) -> Verdict:
    """Whether a display of the show has its monitor, and the canvas its pixels."""
    assert isinstance(output.spec, DisplayOutput)
    name, wanted = f"display {output.name}", output.spec.monitor
    if not there:
        mend = "start X or a kiosk's compositor, set DISPLAY or WAYLAND_DISPLAY, plug the projector"
        return Verdict(name, "bad", "there is no monitor here", mend)
    monitor = next((m for m in there if wanted in (None, m.name)), None)
    if monitor is None:
        mend = f"plug it in, or write monitor: {there[0].name}"
        return Verdict(name, "bad", f"no monitor is called {wanted}", mend)
    size = output.canvas.size if output.canvas else monitor.size
    if size != monitor.size and not output.spec.window:
        mend = f"set the monitor to {size}, or write size: {monitor.size}"
        return Verdict(name, "warn", f"drawn at {size}, shown at {monitor.size}: blurred", mend)
    return Verdict(name, "ok", f"{monitor.name} at {monitor.size}")


def virtual_cameras(case: Case) -> Iterator[Verdict]:
    from murai_show.output.v4l2 import trouble_with

    for output in case.plan.outputs if case.plan else ():
        if isinstance(output.spec, VirtualCameraOutput):
            device = output.spec.device
            found, _, mend = trouble_with(device).partition("; ")
            state = "bad" if found else "ok"
            yield Verdict(f"output {output.name}", state, f"{device} {found or 'is ready'}", mend)
