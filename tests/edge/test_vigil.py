"""What a supervisor is told: only pictures that were presented count as life."""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from murai_show.edge.notify import Notifier, watchdog_seconds
from murai_show.edge.vigil import LONGEST_START, Vigil, sentence, silence
from murai_show.loop.mailbox import Degraded, Mailbox, Status
from murai_show.ports import CameraHealth
from murai_show.redact import remember
from murai_show.show.timeline import Look

LIT = Look((("wave", 0.7), ("starry", 0.3)))


def a_status(at: float, **changed: Any) -> Status:
    """One that was painted and presented until `at`, at 25 a second."""
    told = Status(at, LIT, {}, int(25 * at), {"wall": int(25 * at)}, turned=at)
    return replace(told, **changed)


@pytest.fixture
def line(tmp_path: Path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "line"))
        bound.setblocking(False)
        yield bound


def heard(line: socket.socket) -> list[str]:
    found: list[str] = []
    try:
        while True:
            found.append(line.recv(65536).decode())
    except BlockingIOError:
        return found


def a_vigil(line: socket.socket, monkeypatch: pytest.MonkeyPatch) -> Vigil:
    """One without its thread: the test looks."""
    monkeypatch.setattr(threading.Thread, "start", lambda self: None)
    environ = {"NOTIFY_SOCKET": line.getsockname(), "WATCHDOG_USEC": "10000000"}
    vigil = Vigil(environ, threading.Event())
    (first,) = heard(line)
    assert first.startswith("EXTEND_TIMEOUT_USEC="), "said at once, however quick the start is"
    vigil._begun, vigil._extended = 0.0, float("-inf")
    return vigil


def test_a_show_from_its_start_to_its_silence(line, monkeypatch) -> None:
    vigil, box = a_vigil(line, monkeypatch), Mailbox()
    for now in (0.0, 1.0, 5.0):
        vigil.look(now)
    assert [m.splitlines()[0] for m in heard(line)] == ["EXTEND_TIMEOUT_USEC=30000000"] * 2
    vigil.look(LONGEST_START + 1)
    assert heard(line) == [], "an engine that is never finished is not waited for for ever"

    vigil.attend(box)
    vigil.look(5.5)
    box.publish(a_status(6.0, presented={}))
    vigil.look(6.0)
    assert heard(line) == [], "built, but nothing was presented"
    box.publish(a_status(7.0))
    vigil.look(7.0)
    assert heard(line) == ["READY=1\nWATCHDOG=1\nSTATUS=wave 70% + starry 30%"]

    box.publish(a_status(11.9))
    vigil.look(11.9)
    assert heard(line) == [], "at most every half of the watchdog's time"
    box.publish(a_status(12.0))
    vigil.look(12.0)
    assert heard(line) == ["WATCHDOG=1\nSTATUS=wave 70% + starry 30%; 25.0 painted a second"]
    for now in (17.0, 22.0, 99.0):
        vigil.look(now)  # the loop stands still: its last status lies there for ever
    assert heard(line) == []


@pytest.mark.parametrize(
    ("changed", "alive"),
    [
        ({}, True),
        ({"painted": 250}, True),  # held: there was nothing new to paint, and it came round
        ({"look": Look((("wave", 1.0),), light=0.0)}, True),  # dark by plan is presented as well
        ({"turned": 15.0}, True),  # a slow one
        ({"turned": -1.0}, False),  # stuck in a call, or failing ever since
        ({"turned": None}, False),
        ({"presented": {"wall": 250}}, False),  # what was presented when it was last told
        ({"presented": {"wall": 250, "film": 3}}, True),  # one is lost, another shows
        ({"presented": {}}, False),
    ],
)
def test_what_counts_as_life(changed: dict[str, Any], alive: bool) -> None:
    before, now = a_status(10.0), a_status(20.0, **changed)
    assert (silence(now, before, stuck_after=20.0) == "") is alive


def test_the_words_of_trouble() -> None:
    health = CameraHealth("slate", 9.0, 10, 1, trouble="no route to host")
    before = a_status(10.0, errors={"painter": 2})
    now = a_status(
        20.0,
        cameras={"hall": health, "door": replace(health, state="live")},
        errors={"painter": 2, "output left": 5},
        connected={"live": False},
        degraded=Degraded(1, ("whole", "paint 0.75")),
    )
    assert sentence(now, before) == (
        "wave 70% + starry 30%; 25.0 painted a second; degraded: paint 0.75; camera hall slate; "
        "output left lost; output live not connected"
    )


def test_no_secret_is_told(line, monkeypatch) -> None:
    remember("very-secret-name")
    vigil, box = a_vigil(line, monkeypatch), Mailbox()
    box.publish(a_status(1.0, connected={"very-secret-name": False}))
    vigil.attend(box)
    vigil.look(1.0)
    assert "output *** not connected" in heard(line)[0]


def test_abstract_sockets_and_none() -> None:
    assert not Notifier({})
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(f"\0murai-{os.getpid()}")
        assert Notifier({"NOTIFY_SOCKET": f"@murai-{os.getpid()}"}).say("READY=1", "STATUS=å")
        assert bound.recv(100).decode() == "READY=1\nSTATUS=å"


def test_a_supervisor_that_is_gone_costs_nothing(tmp_path: Path, caplog) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    assert not notifier.say("READY=1")
    assert not notifier.say("READY=1")
    assert len(caplog.records) == 1


def test_whose_watchdog_it_is() -> None:
    assert watchdog_seconds({"WATCHDOG_USEC": "10000000"}) == 10.0
    assert watchdog_seconds({"WATCHDOG_USEC": "5", "WATCHDOG_PID": str(os.getpid())}) == 5e-6
    assert watchdog_seconds({"WATCHDOG_USEC": "5", "WATCHDOG_PID": "1"}) is None
    assert watchdog_seconds({"WATCHDOG_USEC": "soon"}) is None
    assert watchdog_seconds({}) is None
