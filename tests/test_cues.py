"""A show on air whose cues are called over HTTP and from a terminal, and reloaded meanwhile."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from murai_show.cli import main
from tests.plans import REPOSITORY
from tests.ports import free_port
from tests.reloading import Running, Studio
from tests.test_cli import murai, work

__all__ = ["murai", "work"]

SECRET = "0123456789abcdef-a-token"
SHOW = """\
murai: 1
show: plaza
cameras:
  bars: {kind: pattern, size: 160x90, fps: 10}
bank: {name: small, engine: identity}
playlists:
  all: {styles: [a], each: 1h}
play: {playlist: all, paint: 160x90}
outputs:
  wall: {kind: memory, fps: 100, keep: 8}
cues:
  dim: {fade: 0s, end: stay, steps: [{blackout: 0s}]}
  act: {fade: 0s, steps: [{wait: go, timeout: 1h}, {style: b}, {hold: 1h}]}
metrics: 127.0.0.1:0
control: 127.0.0.1:CONTROL
"""


@pytest.fixture
def studio(tmp_path: Path, monkeypatch) -> Studio:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("MURAI_CONTROL_TOKEN", SECRET)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    return Studio(tmp_path, monkeypatch)


def calls(running: Running, *words: str) -> tuple[int, str, str]:
    """`murai-show cue plaza …` in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "murai_show", "cue", "plaza", *words],
        check=False,
        cwd=running.file.parent,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def post(running: Running, path: str) -> None:
    """The same, as a button on the wall would."""
    url = address(running, "control").replace("/cues", path)
    headers = {"Authorization": f"Bearer {SECRET}"}
    request = urllib.request.Request(url, method="POST", headers=headers)
    assert urllib.request.urlopen(request, timeout=5).status == 200


def wait_for_light(running: Running, light: float) -> None:
    """Until a picture of that light was presented."""
    wall = running.wall
    with wall.seen:
        seen = len(wall.shown)
        assert wall.seen.wait_for(lambda: any(s[2] == light for s in wall.shown[seen:]), 30)


def address(running: Running, what: str) -> str:
    line = next(line for line in running.ears.lines if line.startswith(f"{what} on http"))
    return re.search(r"http://\S+", line)[0]


def test_a_terminal_calls_the_cues_of_a_running_show(studio: Studio) -> None:
    with studio.running(SHOW.replace("CONTROL", str(free_port()))) as running:
        assert calls(running, "dim") == (0, "cue dim is called", "")
        wait_for_light(running, 0.0)
        assert "cue dim is called (http)" in running.ears.lines
        assert calls(running, "--release") == (0, "cues are released", "")
        wait_for_light(running, 1.0)
        post(running, "/cue/act")
        assert calls(running, "--trigger", "go") == (0, "trigger go", "")
        found = json.load(urllib.request.urlopen(address(running, "control"), timeout=5))
        assert (found["on"]["cue"], found["on"]["step"]) == ("act", 3)
        assert found["mix"] == {"b": 1.0}
        _, out, _ = calls(running, "--list")
        assert out.splitlines()[0] == ("plaza shows b 100%: line 13, cue act, step 3: hold")
        assert calls(running, "dmi") == (2, "", "no cue 'dmi'; did you mean dim?")
        post(running, "/panic")
        wait_for_light(running, 0.0)
        metrics = urllib.request.urlopen(address(running, "metrics"), timeout=5).read().decode()
    samples = {
        (s.name, s.labels.get("cue", s.labels.get("reason", ""))): s.value
        for family in text_string_to_metric_families(metrics)
        for s in family.samples
    }
    assert samples["murai_cues_total", "dim"] == 1
    assert samples["murai_cues_total", "act"] == 1
    assert samples["murai_panic", ""] == 1
    assert samples["murai_control_refused_total", "unknown"] == 1  # the cue "dmi"
    assert samples["murai_control_refused_total", "token"] == 0
    assert SECRET not in "\n".join(running.ears.lines)


def test_a_newer_version_keeps_what_was_called(studio: Studio) -> None:
    show = SHOW.replace("CONTROL", str(free_port()))
    with studio.running(show) as running:
        post(running, "/cue/dim")
        wait_for_light(running, 0.0)
        running.take(show.replace("styles: [a]", "styles: [b]"))
        wait_for_light(running, 0.0)
        moved = show.replace("  dim:", "  dum:").replace(re.search(r"control:.*", show)[0], "")
        assert "control" in running.take(moved)
        wait_for_light(running, 1.0)
        assert "cue dim is gone from the show; what it showed is left" in running.ears.lines
        code, _, said = calls(running, "dum")
        assert (code, said) == (2, "plaza.yaml has no control; write control: 127.0.0.1:9476")


def test_without_a_token_the_show_runs_and_the_control_does_not(
    studio: Studio, monkeypatch
) -> None:
    monkeypatch.delenv("MURAI_CONTROL_TOKEN")
    port = free_port()
    with studio.running(SHOW.replace("CONTROL", str(port))) as running:
        said = [line for line in running.ears.lines if line.startswith("control")]
        assert len(said) == 1
        assert said[0].startswith("control: it stays closed: there is no token")
        code, _, said = calls(running, "dim")
        assert code == 1
        assert said.startswith("there is no token; make one")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "write one of: a cue, --trigger NAME, --release, --panic or --list"),
        (["dim", "--panic"], "write one of: a cue, --trigger NAME, --release, --panic or --list"),
        (
            ["../panic"],
            "'../panic' is not a name; use small letters, digits, - and _, such as panic",
        ),
    ],
)
def test_one_thing_at_a_time(work, murai, words: list[str], sentence: str) -> None:
    code, _, err = murai("cue", "demo", *words)
    assert (code, err.strip()) == (2, sentence)


def test_nobody_answers(studio: Studio, monkeypatch, capsys) -> None:
    port = free_port()
    (studio.folder / "plaza.yaml").write_text(SHOW.replace("CONTROL", str(port)))
    monkeypatch.chdir(studio.folder)
    monkeypatch.setattr(sys, "argv", ["murai-show", "cue", "plaza", "dim"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert capsys.readouterr().err.strip() == (
        f"control: 127.0.0.1:{port} does not answer: Connection refused; does the show run?"
    )
