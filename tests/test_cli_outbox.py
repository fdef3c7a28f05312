"""The verb `outbox`, as a person types it while the show runs."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from murai_show.edge.social.allowance import Allowance
from murai_show.edge.social.entry import Entry
from murai_show.edge.social.outbox import Outbox
from murai_show.edge.social.outcome import Event
from murai_show.edge.social.pictures import Folder
from murai_show.edge.social.port import Dead, Posted, Stopped, Unknown
from murai_show.edge.social.wording import Venue
from tests.edge.social.stand_ins import a_portrait, an_account
from tests.plans import REPOSITORY
from tests.test_cli import murai, work

__all__ = ["murai", "work"]

EVENTS: tuple[Event | None, ...] = (Posted("r1"), Dead("too big"), Unknown("cut"), None)


@pytest.fixture
def running(work: Path, monkeypatch) -> Iterator[Outbox]:
    """Four portraits, one in each state; the show that posts has the outbox open."""
    monkeypatch.setenv("STATE_DIRECTORY", str(work / "state"))
    outbox, now = Outbox(Folder(work / "state/outbox")), time.time()
    for number, event in enumerate(EVENTS, 1):
        portrait = replace(a_portrait(work, number), taken=now + number)
        outbox.put(portrait, [an_account()], Venue("Small", "UTC"), now)
        if event is not None:
            entry = outbox.claim("one", Allowance(), now)
            assert isinstance(entry, Entry)
            sending = outbox.begin_sending(entry, 0.0, now)
            assert sending
            outbox.settle(sending, event, now)
    outbox.folder.own()
    yield outbox
    outbox.close()


def test_a_list_for_people_and_for_programs(murai, running: Outbox) -> None:
    code, out, _ = murai("outbox", "small")
    assert code == 0
    for word in ("posted", "unknown", "dead", "queued", "r1", "cut", "too big"):
        assert word in out
    code, out, _ = murai("outbox", "small", "list", "--json")
    found = json.loads(out)
    assert [item["state"] for item in found["items"]] == ["posted", "dead", "unknown", "queued"]
    assert found["accounts"][0]["stopped"] == ""


def test_one_item_with_its_words(murai, running: Outbox) -> None:
    _, out, _ = murai("outbox", "small", "show", "4")
    assert f"text     {running.entry(4).text}" in out
    assert "expires  never" in out
    _, out, _ = murai("outbox", "small", "show", "1")
    assert "picture  no longer here" in out


def test_retry_wants_to_be_sure_of_what_may_be_posted(murai, running: Outbox) -> None:
    code, _, err = murai("outbox", "small", "retry", "3")
    assert code == 2
    assert "may be posted already: cut" in err
    assert "retry 3 --sure" in err
    assert running.entry(3).state == "unknown"
    assert murai("outbox", "small", "retry", "3", "--sure")[0] == 0
    assert murai("outbox", "small", "retry", "2")[1] == "item 2 is queued again; it was dead\n"
    assert [entry.state for entry in running.entries()] == ["posted", "queued", "queued", "queued"]


def test_drop_forgets(murai, running: Outbox) -> None:
    assert murai("outbox", "small", "drop", "2")[1] == "item 2 is gone; it was dead\n"
    assert [entry.id for entry in running.entries()] == [1, 3, 4]


def test_resume_lifts_a_stop(murai, running: Outbox) -> None:
    now = time.time()
    entry = running.claim("one", Allowance(), now + 20)
    assert isinstance(entry, Entry)
    running.settle(entry, Stopped("402: no credit"), now)
    _, out, _ = murai("outbox", "small")
    assert "402: no credit" in " ".join(out.split())
    assert "resume one" in " ".join(out.split())
    assert "but one is stopped" in murai("outbox", "small", "retry", "2")[1]
    assert murai("outbox", "small", "resume", "two")[2] == "outbox: two is not stopped\n"
    assert murai("outbox", "small", "resume")[1] == "one: goes on\n"
    assert murai("outbox", "small", "resume")[0] == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("show",), "show takes the number of an item"),
        (("drop", "one"), "drop takes the number of an item"),
        (("retry", "99"), "there is no item 99"),
        (("list", "4"), "list takes no '4'"),
        (("drop", "4", "--sure"), "--sure goes with retry"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(murai, running: Outbox, words, says: str) -> None:
    code, _, err = murai("outbox", "small", *words)
    assert code == 2
    assert says in err
    assert len(running.entries()) == 4


def test_where_nothing_was_ever_put_no_file_is_made(murai, work: Path, monkeypatch) -> None:
    state = work / "state"
    assert "nothing was ever put" in murai("outbox", "small", "list", "--state", str(state))[1]
    assert murai("outbox", "small", "drop", "1", "--state", str(state))[0] == 2
    assert not state.exists()


def test_it_loads_neither_torch_nor_opengl(work: Path, running: Outbox) -> None:
    code = (
        "import sys; from murai_show.cli import app\n"
        "app(['outbox', 'small', 'list'], standalone_mode=False)\n"
        "print(*sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=work,
        env={"PYTHONPATH": str(REPOSITORY), "STATE_DIRECTORY": str(work / "state")},
    )
    assert not set(ran.stdout.split()) & {"torch", "moderngl", "glfw", "av", "numpy", "PIL"}
