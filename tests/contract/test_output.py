"""Every kind of output that the schema allows passes these."""

import os
import shutil
import subprocess
import sys
from typing import get_args

import pytest

from murai_show.errors import OutputError
from murai_show.output import KINDS, Stage, open_output, virtual_camera
from murai_show.show import schema
from murai_show.show.timeline import LIT
from tests.output.planning import STARTED, a_canvas, an_output, lit, noise
from tests.plans import REPOSITORY

FILES = {"recording": "a.mp4", "snapshot": "a.png"}
KEYS = {
    "stream": {"url": "udp://127.0.0.1:9", "bitrate": "1M"},  # nobody needs to listen
    "virtual_camera": {"device": "/dev/video9871"},
}


def planned_output(kind: str, folder):
    canvas = None if kind == "memory" else a_canvas(96, 64)
    file = folder / FILES[kind] if kind in FILES else None
    return an_output(kind, canvas, file, fps=24, **KEYS.get(kind, {}))


@pytest.fixture(params=KINDS)
def output(request, tmp_path, monkeypatch):
    planned = planned_output(request.param, tmp_path)
    if request.param == "virtual_camera":  # no kernel module here: what it does with pictures
        monkeypatch.setattr(virtual_camera, "set_format", lambda *_: None)
        object.__setattr__(planned.spec, "device", os.devnull)
    if request.param == "display" and not os.environ.get("DISPLAY"):
        pytest.skip("no display server; test_display_under_a_virtual_one runs these there")
    try:
        stage = Stage((planned,))
    except OutputError as error:
        if os.environ.get("MURAI_REQUIRE_GL") == "1":
            raise
        pytest.skip(str(error))
    opened = open_output(planned, stage, "A show", STARTED)
    yield opened
    opened.close()
    stage.close()


def test_it_has_its_name_and_rate(output) -> None:
    assert output.name.startswith("my-")
    assert output.fps == 24


def test_it_shows_pictures_in_any_size_and_light(output) -> None:
    for number, (size, light) in enumerate([((64, 36), 1.0), ((1, 1), 0.5), ((300, 500), 0.0)]):
        output.show(noise(number, *size), lit(light), 10.0 + number)
    assert output.drops == {}


def test_it_shows_the_same_picture_again_and_again(output) -> None:
    picture = noise(1)
    for number in range(10):
        output.show(picture, LIT, number / 24)
    assert output.drops == {}


def test_it_is_not_over_by_itself(output) -> None:
    output.show(noise(1), LIT, 0.0)
    assert output.over is False


def test_it_closes_at_any_time_and_twice(output) -> None:
    output.close()
    output.close()


def test_every_kind_of_the_schema_can_be_opened() -> None:
    models = get_args(get_args(schema.Output)[0])
    assert {get_args(m.model_fields["kind"].annotation)[0] for m in models} == set(KINDS)


@pytest.mark.skipif(bool(os.environ.get("DISPLAY")), reason="ran above, on the real display")
def test_display_under_a_virtual_one() -> None:
    if shutil.which("xvfb-run") is None or shutil.which("xauth") is None:
        if os.environ.get("MURAI_REQUIRE_GL") == "1":
            pytest.fail("xvfb-run and xauth are not installed")
        pytest.skip("xvfb-run and xauth are not installed")
    command = ["xvfb-run", "--auto-servernum", "--server-args", "-screen 0 1280x720x24"]
    command += [sys.executable, "-m", "pytest", "-rA", "-k", "display", __file__]
    done = subprocess.run(
        command, check=False, cwd=REPOSITORY, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.count("PASSED") == 5, done.stdout + done.stderr
