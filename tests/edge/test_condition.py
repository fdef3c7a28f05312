"""Disks, clock, memory and show file, as a scrape tells them."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from murai_show.edge import condition, kernel_clock
from murai_show.edge.condition import Condition
from murai_show.loop.mailbox import Mailbox, Status
from murai_show.show.plan import Plan, PlannedOutput
from murai_show.show.schema import RecordingOutput
from murai_show.show.timeline import Look
from tests.plans import a_plan

GB = 10**9


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    show = tmp_path / "test.yaml"
    show.write_text("murai: 1\n")
    films = [("film", "5GB"), ("spare", None)]
    outputs = tuple(
        PlannedOutput(
            name,
            RecordingOutput(kind="recording", free=free),
            None,
            tmp_path / name / "{date}.mp4",
        )
        for name, free in films
    )
    for name, _ in films:
        (tmp_path / name).mkdir()
    found = hashlib.sha256(show.read_bytes()).hexdigest()[:12]
    return a_plan(source=show, config_hash=found, outputs=outputs)


def told(plan: Plan, mailbox: Mailbox | None = None, *, looked: bool = True) -> dict[str, float]:
    machine = Condition(
        lambda: plan, mailbox or Mailbox(), plan.source.parent / "state", lambda: 107.5, lambda: 5e8
    )
    if looked:
        machine.look()
    registry = CollectorRegistry()
    registry.register(machine)
    lines = generate_latest(registry).decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_the_folder_that_is_closest_to_its_floor_is_told(plan, monkeypatch) -> None:
    rooms = {"film": 6 * GB, "spare": 3 * GB}
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: Usage(0, 0, rooms.get(Path(path).name, 40 * GB))
    )
    found = told(plan)
    assert found['murai_disk_free_bytes{of="recordings"}'] == 6 * GB  # one above its floor
    assert found['murai_disk_floor_bytes{of="recordings"}'] == 5 * GB
    assert found['murai_disk_free_bytes{of="state"}'] == 40 * GB
    assert found['murai_disk_floor_bytes{of="state"}'] == GB


def test_a_disk_that_went_away_has_no_number(plan, monkeypatch) -> None:
    def gone(path: Path) -> Usage:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(shutil, "disk_usage", gone)
    assert not [name for name in told(plan) if name.startswith("murai_disk")]


def test_a_show_file_that_is_not_what_runs(plan) -> None:
    assert told(plan)["murai_file_differs"] == 0
    plan.source.write_text("murai: 1\nshow: another\n")
    assert told(plan)["murai_file_differs"] == 1
    plan.source.unlink()
    assert "murai_file_differs" not in told(plan)


def test_clocks(plan, monkeypatch) -> None:
    mailbox = Mailbox()
    assert "murai_status_age_seconds" not in told(plan, mailbox)
    mailbox.publish(Status(100.0, Look((("a", 1.0),)), {}, 0, {}))
    for kept in (True, False):
        monkeypatch.setattr(condition, "synchronised", lambda kept=kept: kept)
        found = told(plan, mailbox, looked=False)
        assert found["murai_clock_synchronised"] == kept
    assert found["murai_wall_seconds"] == 5e8
    assert found["murai_status_age_seconds"] == 7.5


def test_the_process_tells_its_start_and_its_memory(plan) -> None:
    found = told(plan)
    assert found["process_start_time_seconds"] > 1.7e9
    assert found["process_resident_memory_bytes"] > 1e6


@pytest.mark.parametrize(
    ("state", "kept"), [(0, True), (1, True), (4, True), (5, False), (-1, None)]
)
def test_what_the_kernel_says_of_its_clock(state: int, kept: bool | None, monkeypatch) -> None:
    """adjtimex(2): 0 to 4 are leap seconds that come and go, 5 is TIME_ERROR, -1 a refusal."""
    monkeypatch.setattr(kernel_clock, "_adjtimex", lambda: lambda _: state)
    assert kernel_clock.synchronised() is kept


def test_a_kernel_without_it_says_nothing(plan, monkeypatch) -> None:
    monkeypatch.setattr(kernel_clock, "_adjtimex", lambda: None)
    assert "murai_clock_synchronised" not in told(plan)


def test_the_real_kernel_answers() -> None:
    assert kernel_clock.synchronised() in (True, False, None)


def test_the_mailbox_remembers_ten_seconds() -> None:
    mailbox = Mailbox()
    assert (mailbox.newest(), mailbox.oldest()) == (None, None)
    for number in range(100):
        mailbox.publish(Status(number / 4, Look(()), {}, number, {}))
    newest, oldest = mailbox.newest(), mailbox.oldest()
    assert newest is not None
    assert oldest is not None
    assert newest.at - oldest.at == pytest.approx(9.75)
