"""One context, shared canvases, and what happens where there is no OpenGL."""

import os
import subprocess
import sys

import moderngl
import pytest

from murai_show.errors import OutputError
from murai_show.output import Stage, open_output
from murai_show.show.timeline import LIT
from tests.output.planning import STARTED, a_canvas, an_output, flat, noise
from tests.plans import REPOSITORY

WITHOUT_DISPLAY = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run `code` in a fresh interpreter that has no display server."""
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(
        command,
        check=False,
        cwd=REPOSITORY,
        env=WITHOUT_DISPLAY,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_equal_canvases_are_drawn_once(make_stage, tmp_path) -> None:
    shared, other = a_canvas(64, 36), a_canvas(64, 36, rotate=180)
    planned = [
        an_output("offscreen", shared),
        an_output("recording", a_canvas(64, 36), tmp_path / "a.mp4"),
        an_output("offscreen", other),
    ]
    stage = make_stage(*planned)
    outputs = [open_output(p, stage, "", STARTED) for p in planned]
    for number in range(5):
        picture = noise(number)
        for again in range(3):
            for output in outputs:
                output.show(picture, LIT, number + again / 30)
    for output in outputs:
        output.close()
    assert stage.canvas(shared).draws == 5
    assert stage.canvas(other).draws == 5
    assert stage.canvas(shared) is stage.canvas(a_canvas(64, 36))


def test_what_is_read_is_what_was_drawn(make_stage) -> None:
    spec = a_canvas(32, 18)
    stage = make_stage(an_output("offscreen", spec))
    stage.draw(spec, flat((1, 2, 3)), 1.0)
    assert stage.read_rgba(spec)[3, 4].tolist() == [1, 2, 3, 255]
    assert stage.read_rgba(spec) is stage.read_rgba(spec)


def test_two_stages_do_not_mix(make_stage) -> None:
    spec = a_canvas(32, 18)
    one, two = (make_stage(an_output("offscreen", spec)) for _ in range(2))
    one.draw(spec, flat((9, 9, 9)), 1.0)
    two.draw(spec, flat((5, 5, 5)), 1.0)
    assert one.read_rgba(spec)[0, 0, 0] == 9
    assert two.read_rgba(spec)[0, 0, 0] == 5


def test_closing_twice_is_closing_once(make_stage) -> None:
    stage = make_stage(an_output("offscreen", a_canvas(32, 18)))
    stage.close()
    stage.close()


def test_memory_alone_loads_no_opengl() -> None:
    done = python(
        "import sys; from tests.output.planning import *\n"
        "from murai_show.output import Stage, open_output\n"
        "planned = an_output('memory'); stage = Stage((planned,))\n"
        "open_output(planned, stage, '', STARTED).show(flat((1, 2, 3)), LIT, 0.0); stage.close()\n"
        "print({'moderngl', 'glcontext', 'glfw', 'av', 'torch'} & set(sys.modules))"
    )
    assert done.stdout.strip() == "set()", done.stderr


def test_without_the_libraries_it_says_which_packages_to_install(monkeypatch) -> None:
    def missing(**_: object) -> None:
        raise Exception("libEGL.so.1: cannot open shared object file")  # noqa: TRY002  as it does

    monkeypatch.setattr(moderngl, "create_context", missing)
    with pytest.raises(OutputError, match=r"libEGL\.so\.1.*apt-get install .*libegl1 libgl1"):
        Stage((an_output("offscreen", a_canvas()),))


def test_without_a_display_server_the_list_is_empty_and_nothing_is_said() -> None:
    done = python("from murai_show.output import list_monitors; print(list_monitors())")
    assert (done.stdout.strip(), done.stderr) == ("()", "")


def test_without_a_display_server_a_display_says_how_to_rehearse() -> None:
    done = python(
        "from tests.output.planning import *; from murai_show.output import Stage\n"
        "from murai_show.errors import OutputError\n"
        "try: Stage((an_output('display', a_canvas()),))\n"
        "except OutputError as error: print(error)"
    )
    assert "output my-display: there is no display here" in done.stdout, done.stderr
    assert "--rehearse" in done.stdout
    assert done.stderr == ""
