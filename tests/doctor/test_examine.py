"""Checks run side by side, each for a bounded time; one that hangs or crashes is a verdict."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import pytest
from rich.console import Console

from murai_show import redact
from murai_show.doctor.checks import checks_for
from murai_show.doctor.examine import examine
from murai_show.doctor.table import doctor_json, doctor_table
from murai_show.doctor.verdict import Case, Check, Found, Verdict
from tests.doctor import patients
from tests.plans import REPOSITORY, a_plan

CASE = Case(None, Path("/"))


@pytest.fixture(autouse=True)
def importable(monkeypatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))


def check(look, seconds: float = 5.0, apart: bool = False) -> Check:
    return Check("Trial", look.__name__, look, seconds, apart)


def states(found: list[Found]) -> list[tuple[str, str]]:
    return [(one.verdict.name, one.verdict.state) for one in found]


def test_one_that_hangs_or_crashes_costs_the_others_nothing() -> None:
    began = time.monotonic()
    found = examine(
        [
            check(patients.sleeping, 0.3),
            check(patients.hanging, 0.5, apart=True),
            check(patients.crashing, apart=True),
            check(patients.leaving, apart=True),
            check(patients.well),
            check(patients.well, apart=True),
        ],
        CASE,
    )
    assert time.monotonic() - began < 20, "it hangs for 60 s"
    assert states(found) == [
        ("sleeping", "bad"),
        ("hanging", "bad"),
        ("crashing", "bad"),
        ("leaving", "bad"),
        ("well", "ok"),
        ("well", "ok"),
    ]
    words = [one.verdict.found for one in found]
    assert words[0] == "no answer within 0.3 s"
    assert words[1] == "no answer within 0.5 s"
    assert words[2] == "the library that was asked crashed with SIGSEGV"
    assert words[3] == "the library that was asked ended with status 3"
    assert all(one.verdict.mend for one in found[:4])


def test_what_a_library_prints_is_no_verdict(capfd) -> None:
    found = examine([check(patients.noisy, apart=True)], CASE)
    assert states(found) == [("noisy", "ok")]
    assert capfd.readouterr() == ("", "")


def test_a_fault_of_a_check_is_a_verdict_without_its_secret() -> None:
    redact.remember(patients.SECRET)
    found = examine([check(patients.raising), check(patients.refusing)], CASE)
    assert states(found) == [("raising", "warn"), ("refusing", "bad")]
    assert found[0].verdict.found == "the check itself failed: ZeroDivisionError: ***"
    assert found[1].verdict.found == "one clear sentence"


def test_every_check_has_a_name_of_its_own_and_a_bound() -> None:
    checks = checks_for(Case(a_plan(), Path("/")))
    names = [check.name for check in checks]
    assert len(set(names)) == len(names)
    assert all(0 < check.seconds <= 30 for check in checks)


def test_the_table_says_the_mend_and_counts() -> None:
    found = [
        Found("Cameras", Verdict("camera a", "ok", "1280x720 at 30 a second")),
        Found("Cameras", Verdict("camera b", "bad", "not there", "plug it in")),
        Found("Machine", Verdict("clock", "warn", "nothing keeps it right", "ntp")),
        Found("Machine", Verdict("heat", "skip", "no thermometer")),
    ]
    stream = io.StringIO()
    Console(file=stream, width=80).print(doctor_table(found, "plaza on box"))
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    assert lines == [
        "plaza on box",
        "",
        "Cameras",
        "  ✓  camera a  1280x720 at 30 a second",
        "  ✗  camera b  not there",
        "               → plug it in",
        "",
        "Machine",
        "  !  clock     nothing keeps it right",
        "               → ntp",
        "  ·  heat      no thermometer",
        "",
        "1 well, 1 to look at, 1 to mend",
    ]
    told = doctor_json(found, "plaza")
    assert json.loads(json.dumps(told))["verdicts"][1] == {
        "group": "Cameras",
        "name": "camera b",
        "state": "bad",
        "found": "not there",
        "mend": "plug it in",
    }
    assert told["good"] is False
    assert doctor_json(found[:1], "plaza")["good"] is True
