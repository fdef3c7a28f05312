"""Shows planned for their monitoring, and the tools of Prometheus."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from murai_show.app import make_plan
from murai_show.monitor import Watched, monitoring
from murai_show.monitor.documents import alerts_of
from murai_show.monitor.targets import watch
from murai_show.show.plan import Plan
from tests.plans import REPOSITORY

EVERYTHING = REPOSITORY / "tests/monitor/everything.yaml"
SHOWS = ("demo", "kiosk", "up375", str(EVERYTHING))
needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool"), reason="no promtool (Debian: prometheus)"
)


def planned(show: str) -> Plan:
    return make_plan(show, {}, REPOSITORY, displays=False, rehearse=True)


def watched(show: str, every: float = 15.0) -> Watched:
    return watch([planned(show)], [], every)[0]


def alert_names(each: Watched) -> set[str]:
    return {alert.name for alert in alerts_of(each)}


def written(shows: list[Watched], folder: Path) -> Path:
    for name, text in monitoring(shows).items():
        (folder / name).write_text(text)
    return folder


def promtool(*arguments: str | Path) -> str:
    """What it says; it must be content."""
    ran = subprocess.run(
        ["promtool", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
