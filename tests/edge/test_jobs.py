"""Periodic jobs, at times that the test sets: the library's clock is replaced, nobody sleeps."""

from __future__ import annotations

import datetime as real
import threading
import time
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
import schedule
from prometheus_client import CollectorRegistry, generate_latest

from murai_show.edge import jobs as jobs_module
from murai_show.edge.jobs import Jobs


class Clock:
    """What `datetime.now()` says to the library and to the jobs."""

    def __init__(self, text: str) -> None:
        self.at = real.datetime.fromisoformat(text).timestamp()

    def set(self, text: str) -> None:
        self.at = real.datetime.fromisoformat(text).timestamp()


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock("2026-03-01T00:00:00+00:00")

    class Frozen(real.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls.fromtimestamp(clock.at, tz)

    module = SimpleNamespace(datetime=Frozen, timedelta=real.timedelta, time=real.time)
    monkeypatch.setattr(schedule, "datetime", module)
    monkeypatch.setattr(jobs_module, "datetime", Frozen)
    return clock


def test_a_job_runs_at_once_and_every_so_often(clock) -> None:
    jobs, ran = Jobs(), []
    jobs.every(300, "housekeeping", lambda: ran.append(clock.at))
    begun = clock.at
    for minute in range(16):
        clock.at = begun + 60 * minute
        jobs.run_pending()
    assert [at - begun for at in ran] == [0, 300, 600, 900]


def test_a_missed_turn_is_one_turn(clock) -> None:
    jobs, ran = Jobs(), []
    jobs.every(300, "housekeeping", lambda: ran.append(clock.at))
    jobs.run_pending()
    clock.at += 30 * 86400
    jobs.run_pending()
    jobs.run_pending()
    assert len(ran) == 2


@pytest.mark.parametrize("zone", ["America/Montreal", "Europe/Paris", "Australia/Lord_Howe", "UTC"])
def test_noon_is_the_wall_s_noon_all_year(clock, zone) -> None:
    """Through both changes of clocks, on a machine in any zone."""
    jobs, ran = Jobs(), []
    jobs.daily("12:00", zone, "selfcheck", lambda: ran.append(clock.at))
    begun = clock.at
    for quarter in range(4 * 24 * 365):
        clock.at = begun + 900 * quarter
        jobs.run_pending()
    local = [real.datetime.fromtimestamp(at, ZoneInfo(zone)) for at in ran]
    assert {at.strftime("%H:%M") for at in local} == {"12:00"}
    days = [at.date() for at in local]
    assert len(days) == len(set(days)) == 365


def test_a_job_that_fails_is_counted_and_the_others_go_on(clock, caplog) -> None:
    jobs, ran = Jobs(), []

    def broken() -> None:
        raise RuntimeError("no such luck")

    jobs.every(60, "broken", broken)
    jobs.every(60, "well", lambda: ran.append(1))
    for _ in range(3):
        jobs.run_pending()
        clock.at += 60
    assert len(ran) == 3
    assert caplog.text.count("job broken failed") == 3
    registry = CollectorRegistry()
    registry.register(jobs)
    said = generate_latest(registry).decode()
    assert 'murai_jobs_total{job="well"} 3.0' in said
    assert 'murai_job_failures_total{job="broken"} 3.0' in said


def test_a_name_given_again_replaces_the_job(clock) -> None:
    jobs, ran = Jobs(), []
    jobs.daily("12:00", "UTC", "selfcheck", lambda: ran.append("noon"))
    jobs.daily("11:00", "UTC", "selfcheck", lambda: ran.append("eleven"))
    clock.set("2026-03-01T12:30:00+00:00")
    jobs.run_pending()
    assert ran == ["eleven"]
    jobs.forget("selfcheck")
    clock.set("2026-03-02T12:30:00+00:00")
    jobs.run_pending()
    assert ran == ["eleven"]


def test_what_runs_once_runs_once(clock) -> None:
    jobs, ran = Jobs(), []
    jobs.once("bank", lambda: ran.append(1))
    for _ in range(3):
        jobs.run_pending()
        clock.at += 3600
    assert ran == [1]


def test_what_a_job_returns_means_nothing(clock) -> None:
    """The library would take `CancelJob` for a wish to end."""
    jobs, ran = Jobs(), []
    jobs.every(60, "last", lambda: ran.append(1) or schedule.CancelJob)
    for _ in range(3):
        jobs.run_pending()
        clock.at += 60
    assert len(ran) == 3


def test_its_thread_runs_jobs_and_ends_at_once() -> None:
    jobs, ran = Jobs(), threading.Event()
    jobs.every(3600, "first", ran.set)
    jobs.start()
    assert ran.wait(20)
    begun = time.monotonic()
    jobs.close()
    assert time.monotonic() - begun < 1.0
    assert not jobs._thread.is_alive()


def test_a_job_that_hangs_does_not_hold_the_end() -> None:
    jobs, entered, free = Jobs(), threading.Event(), threading.Event()
    jobs.every(3600, "hangs", lambda: (entered.set(), free.wait(20)))
    jobs.start()
    assert entered.wait(20)
    jobs.every(60, "other", lambda: None)  # whoever adds one does not wait either
    jobs.close(timeout=0.1)
    free.set()
