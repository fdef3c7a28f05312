"""A show that runs, read by a real Prometheus that was started with what `monitor` wrote."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from murai_show.app import make_plan, run_show
from murai_show.cli import app
from murai_show.edge import condition
from murai_show.style.identity import IdentityStylizer
from tests.banks import write_small_bank
from tests.monitor.kit import promtool
from tests.ports import free_port

PATIENT = 30.0  # seconds; nothing waits that long unless it is broken
TINY = """\
murai: 1
show: tiny
title: A tiny show
metrics: 127.0.0.1:{port}
cameras:
  bars: {{ kind: pattern, size: 64x36, fps: 30, hold: 1s }}
bank: {{ name: small, engine: identity }}
playlists:
  both: {{ styles: [a, b], each: 30s, fade: 1s }}
play: {{ playlist: both, paint: 64x36 }}
outputs:
  wall: {{ kind: memory, fps: 30 }}
expect: {{ painted: 5, frozen_after: 1s }}
"""
# What this show has no reason to tell: it posts nothing, has no ladder, no stream and no drops,
# survives no error and has not checked itself yet.
WITHOUT = re.compile("murai_(outbox|posts|booth|account|selfcheck|degraded|output|errors|drops)")
pytestmark = pytest.mark.skipif(
    not shutil.which("prometheus"), reason="no prometheus (Debian: prometheus)"
)


def until(true: Callable[[], Any], what: str) -> Any:
    """What `true` gives once it is something; it is asked again and again."""
    end = time.monotonic() + PATIENT
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {PATIENT:g} s")


class Tower:
    """A Prometheus on loopback."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=2):
                return True
        except (urllib.error.URLError, ConnectionError):
            return False

    def ask(self, expr: str) -> list[dict[str, Any]]:
        query = urllib.parse.urlencode({"query": expr})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{query}", timeout=5) as answer:
            found = json.load(answer)
        assert found["status"] == "success"
        return found["data"]["result"]

    def alerts(self) -> set[str]:
        """Names of the alerts that are pending or fire."""
        return {found["metric"]["alertname"] for found in self.ask("ALERTS")}


class Show:
    """The show, in a thread; its painter waits while `paints` is not set."""

    def __init__(self, folder: Path, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.paints, self._stop = threading.Event(), threading.Event()
        self.paints.set()
        plan = make_plan("tiny", os.environ, folder, displays=False)
        self._thread = threading.Thread(target=run_show, args=(plan, None, self._stop))
        self._thread.start()

    def get(self, path: str, accept: str = "*/*") -> tuple[str, str]:
        request = urllib.request.Request(self.base + path, headers={"Accept": accept})
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.headers["Content-Type"], answer.read().decode()

    def stop(self) -> None:
        self.paints.set()
        self._stop.set()
        self._thread.join(PATIENT)
        assert not self._thread.is_alive()


@contextmanager
def prometheus(folder: Path, port: int) -> Iterator[Tower]:
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
    tower = Tower(port)
    try:
        until(tower.is_ready, "prometheus is ready")
        yield tower
    finally:
        process.terminate()
        process.wait(PATIENT)


@pytest.fixture
def show(tmp_path, monkeypatch) -> Iterator[Show]:
    """With a clock that is kept and a disk that is large, whatever machine this is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(condition, "synchronised", lambda: True)
    monkeypatch.setattr(condition, "LEAST_FREE", 1)
    write_small_bank(tmp_path / "models/small.safetensors")
    port = free_port()
    (tmp_path / "tiny.yaml").write_text(TINY.format(port=port))
    paint = IdentityStylizer.__call__
    show = None

    def gated(self: IdentityStylizer, *frame_and_look: Any) -> Any:
        assert show is None or show.paints.wait(PATIENT)
        return paint(self, *frame_and_look)

    monkeypatch.setattr(IdentityStylizer, "__call__", gated)
    show = Show(tmp_path, port)
    yield show
    show.stop()


def exprs(folder: Path) -> list[str]:
    """All that the dashboard asks, as Grafana would send it."""
    board = json.loads((folder / "murai-dashboard.json").read_text())
    panels = [p for panel in board["panels"] for p in (panel, *panel.get("panels", ()))]
    found = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    found += [note["expr"] for note in board["annotations"]["list"]]
    return [e.replace("$__rate_interval", "4s").replace("$instance", ".+") for e in found]


def test_a_night_on_air(show: Show, tmp_path: Path) -> None:
    app(["monitor", "tiny", "--out", "watch", "--every", "1s"], standalone_mode=False)
    watch = tmp_path / "watch"
    promtool("check", "config", watch / "prometheus.yml")
    until(lambda: "murai_expected_lit" in _metrics(show), "the loop tells how it is")
    with prometheus(watch, free_port()) as tower:
        _is_well(tower)
        _lint(show)
        _answers_the_dashboard(tower, exprs(watch))
        show.paints.clear()  # the painter hangs; outputs go on with the last picture
        until(lambda: "MuraiFrozen" in tower.alerts(), "a picture that does not move is noticed")
        show.paints.set()
        until(lambda: "MuraiFrozen" not in tower.alerts(), "a picture that moves again is noticed")
        show.stop()
        until(lambda: "MuraiDown" in tower.alerts(), "a show that is gone is noticed")


def _metrics(show: Show) -> str:
    try:
        return show.get("/metrics")[1]
    except (urllib.error.URLError, ConnectionError):
        return ""


def _is_well(tower: Tower) -> None:
    """The show's own series come back from a query, and nothing is amiss."""
    painted = 'rate(murai_frames_total{show="tiny",stage="painted"}[4s])'
    (found,) = until(lambda: tower.ask(f"{painted} > 5"), "painting is seen")
    assert found["metric"]["job"] == "murai-show"
    until(lambda: not tower.alerts(), "no alert is left")
    (up,) = tower.ask("up")
    assert up["metric"]["show"] == "tiny"
    assert up["value"][1] == "1"


def _lint(show: Show) -> None:
    """By Prometheus' own rules of names, units and help."""
    until(lambda: "murai_disk_free_bytes{" in _metrics(show), "the disks were looked at")
    text = _metrics(show)
    ran = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    for series in ("murai_file_differs 0.0", "murai_clock_synchronised 1.0", "process_start_time"):
        assert series in text


def _answers_the_dashboard(tower: Tower, asked: list[str]) -> None:
    assert len(asked) > 30
    for expr in asked:
        if WITHOUT.search(expr) or expr.startswith("ALERTS"):
            tower.ask(expr)  # it is understood; this show has no such series
        else:
            until(lambda expr=expr: tower.ask(expr), expr)


def test_what_plays_and_why(show: Show) -> None:
    kind, text = until(lambda: _told(show), "the show is on and has a rate")
    assert kind.startswith("application/json")
    found = json.loads(text)
    assert (found["show"], found["live"], found["ready"]) == ("tiny", True, True)
    assert "playlist both, entry " in found["plays"]["why"]
    assert found["plays"]["next"]["plays"] in ("a", "b")
    assert found["cameras"]["bars"]["state"] == "live"
    assert found["outputs"]["wall"]["fps"] == 30
    kind, page = show.get("/statusz", "text/html,application/xhtml+xml,*/*;q=0.8")
    assert kind.startswith("text/plain")
    assert page.startswith("tiny: A tiny show\n")
    assert re.search(r"^output wall +[0-9.]+ of 30 a second$", page, re.MULTILINE)
    assert "/statusz" in show.get("/")[1]


def _told(show: Show) -> tuple[str, str] | None:
    try:
        kind, text = show.get("/statusz")
    except (urllib.error.URLError, ConnectionError):
        return None
    found = json.loads(text)
    return (kind, text) if found["outputs"]["wall"]["per_second"] else None
