"""Displays: real windows on a virtual X server, looked at from outside."""

import os
import shutil
import subprocess
import sys
import textwrap

import pytest

from murai_show.output.display import letterbox, window_size
from murai_show.show.words import Size
from tests.plans import REPOSITORY


def on_a_screen(code: str) -> str:
    """Run `code` in a fresh interpreter under Xvfb, 1280x720; what it prints."""
    if shutil.which("xvfb-run") is None or shutil.which("xauth") is None:
        if os.environ.get("MURAI_REQUIRE_GL") == "1":
            pytest.fail("xvfb-run and xauth are not installed")
        pytest.skip("xvfb-run and xauth are not installed")
    screen = ["xvfb-run", "--auto-servernum", "--server-args", "-screen 0 1280x720x24"]
    program = "from tests.output.screen import *\n" + textwrap.dedent(code)
    done = subprocess.run(
        [*screen, sys.executable, "-c", program],
        check=False,
        cwd=REPOSITORY,
        env={k: v for k, v in os.environ.items() if k != "WAYLAND_DISPLAY"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_full_screen_fills_the_monitor_the_right_way_up(egl) -> None:
    said = on_a_screen("""
        print(list_monitors()[0])
        (wall,) = displays(an_output("display", a_canvas(640, 360)))
        corners = {(9, 9): RED, (1270, 9): GREEN, (9, 710): BLUE, (1270, 710): WHITE}
        print(sees([wall], quarters(), corners), wall.over)
        print(glfw.get_input_mode(wall.window, glfw.CURSOR) == glfw.CURSOR_HIDDEN)
        wall.close(), wall.close()
    """)
    assert said.split("\n")[:3] == [
        "Monitor(name='screen', size=Size(width=1280, height=720))",
        "True False",
        "True",
    ]


def test_windows_share_one_stage_and_letterbox_the_canvas(egl) -> None:
    """Two windows, two canvases, two contexts; the second is resized to another aspect."""
    said = on_a_screen("""
        plain, turned = a_canvas(400, 300), a_canvas(400, 300, rotate=180)
        windows = displays(
            an_output("display", plain, window=True), an_output("display", turned, window=True)
        )
        glfw.set_window_pos(windows[1].window, 500, 0)
        glfw.set_window_size(windows[1].window, 400, 600)
        left = {(9, 9): RED, (390, 9): GREEN, (9, 290): BLUE, (390, 290): WHITE}
        right = {(509, 160): WHITE, (890, 160): BLUE, (509, 440): GREEN, (890, 440): RED}
        bars = {(700, 140): BLACK, (700, 460): BLACK}
        print(sees(windows, quarters(), left | right | bars))
        print(sees(windows, flat(GREEN), {(9, 9): GREEN, (700, 300): GREEN} | bars))
        print(glfw.get_window_title(windows[0].window))
    """)
    assert said.split("\n")[:3] == ["True", "True", "A show"]


def test_the_same_picture_is_drawn_once_and_presented_twice_a_second(egl) -> None:
    said = on_a_screen("""
        (window,) = displays(an_output("display", a_canvas(320, 180), window=True))
        picture = quarters()
        sees([window], picture, {(9, 9): RED})
        swaps, swap = [], glfw.swap_buffers
        glfw.swap_buffers = lambda w: (swaps.append(w), swap(w))
        begin = window._shown_at
        for number in range(60):
            window.show(picture, LIT, begin + number / 30)
        print(2 <= len(swaps) <= 4, window._stage.canvas(window._canvas).draws)
        swaps.clear()
        glfw.set_window_size(window.window, 500, 300)
        until(lambda: window.show(picture, LIT, begin) or swaps)
    """)
    assert said.strip() == "True 1"


@pytest.mark.parametrize(
    "how",
    [
        "glfw.set_window_should_close(window.window, True)",
        "window._on_key(None, glfw.KEY_ESCAPE, 0, glfw.PRESS, 0)",
        "window._on_key(None, glfw.KEY_Q, 0, glfw.PRESS, 0)",
        "window.close()",
    ],
)
def test_a_person_ends_the_show(egl, how) -> None:
    said = on_a_screen(f"""
        (window,) = displays(an_output("display", a_canvas(320, 180), window=True))
        window.show(quarters(), LIT, 0.0)
        window._on_key(None, glfw.KEY_A, 0, glfw.PRESS, 0)
        print(window.over)
        {how}
        print(window.over)
    """)
    assert said.split() == ["False", "True"]


def test_a_window_that_lost_its_monitor_goes_back_to_it(egl) -> None:
    said = on_a_screen("""
        (wall,) = displays(an_output("display", a_canvas(640, 360), monitor="screen"))
        sees([wall], quarters(), {(1270, 710): WHITE})
        glfw.set_window_monitor(wall.window, None, 0, 0, 200, 100, 0)  # as GLFW does by itself
        print(sees([wall], quarters(), {(9, 9): RED, (1270, 710): WHITE}))
    """)
    assert said.strip() == "True"


def test_an_unknown_monitor_names_those_that_exist(egl) -> None:
    said = on_a_screen("""
        print(refused(an_output("display", a_canvas(), monitor="HDMI-1")))
    """)
    assert said.strip() == (
        "output my-display: there is no display named HDMI-1; there are: screen (1280x720); "
        "or run with --rehearse to draw it off screen instead"
    )


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ((400, 300), (0, 0, 400, 300)),
        ((800, 300), (200, 0, 400, 300)),
        ((200, 300), (0, 75, 200, 150)),
    ],
)
def test_letterbox(window, expected) -> None:
    assert letterbox(Size(400, 300), Size(*window)) == expected


def test_a_window_leaves_room_on_the_desk() -> None:
    assert window_size(Size(640, 360), Size(1920, 1080)) == Size(640, 360)
    assert window_size(Size(1920, 1080), Size(1280, 720)) == Size(1024, 576)


def test_keys_are_told_by_their_names(egl) -> None:
    said = on_a_screen("""
        from murai_show.output import open_output
        from tests.output.planning import STARTED
        told = []
        planned = an_output("display", a_canvas(320, 180), window=True)
        window = open_output(planned, Stage((planned,)), "A show", STARTED, told.append)
        pressed = (glfw.KEY_F, glfw.KEY_7, glfw.KEY_KP_7, glfw.KEY_F12, glfw.KEY_SPACE,
            glfw.KEY_KP_ENTER, glfw.KEY_BACKSPACE, glfw.KEY_DELETE, glfw.KEY_LEFT_SHIFT)
        for key in pressed:
            window._on_key(window.window, key, 0, glfw.PRESS, 0)
            window._on_key(window.window, key, 0, glfw.REPEAT, 0)
            window._on_key(window.window, key, 0, glfw.RELEASE, 0)
        print(*told, window.over)
    """)
    assert said.split() == [
        *("f", "7", "7", "f12", "space", "enter", "backspace", "delete", "False")
    ]


def test_one_window_waits_for_its_monitor_and_another_when_that_is_closed(egl) -> None:
    """Two that wait would halve each other's rate; none that waits would tear."""
    said = on_a_screen("""
        asked = []
        set_interval = glfw.swap_interval
        glfw.swap_interval = lambda interval: (asked.append(interval), set_interval(interval))
        one, two = [an_output("display", a_canvas(64, 36, rotate=r), window=True) for r in (0, 180)]
        object.__setattr__(two, "name", "other")
        first, second = displays(one, two)
        for window in (first, second):
            window.show(quarters(), LIT, 1.0)
        print(asked, first._paces, second._paces)
        first.close()
        for number in (2.0, 3.0):
            second.show(quarters(), LIT, number)
        print(asked, second._paces)
    """)
    assert said.splitlines() == ["[1, 0] True False", "[1, 0, 1] True"]
