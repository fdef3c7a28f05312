"""The post office of a running show, on threads of its own."""

from __future__ import annotations

import logging
import re
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from murai_show.app import run_show
from murai_show.edge.social.outbox import Outbox
from murai_show.edge.social.pictures import Folder
from murai_show.edge.social.port import Posted, Stopped, Unknown
from murai_show.edge.social.post_office import PostOffice
from murai_show.errors import MuraiError, OutboxError
from murai_show.posting import open_posting, outbox_home
from murai_show.show.planned_post import PlannedAccount
from murai_show.show.words import Address
from tests.edge.social.stand_ins import Scripted, a_portrait, an_account
from tests.plans import a_plan

PATIENT = 20.0  # seconds; nothing takes that long unless it is broken


class Evening:
    """A post office whose plan can be changed; times are this machine's."""

    def __init__(self, root: Path) -> None:
        self.root, self.plan = root, a_plan()
        self.opened: dict[str, Any] = {}
        self.offices: list[PostOffice] = []

    def open(self, *accounts: PlannedAccount) -> PostOffice:
        self.plan = replace(self.plan, post=accounts)
        environ = {"STATE_DIRECTORY": str(self.root / "state")}
        self.offices.append(open_posting(lambda: self.plan, environ, self._open))
        return self.offices[-1]

    def _open(self, planned: PlannedAccount) -> Any:
        found = self.opened.setdefault(planned.name, Scripted(name=planned.name))
        if isinstance(found, Exception):
            raise found
        return found

    def portrait(self, number: int = 1) -> Any:
        return replace(a_portrait(self.root, number), taken=time.time())

    def states(self) -> dict[tuple[str, int], str]:
        outbox = Outbox(Folder(self.root / "state/outbox"))
        try:
            return {(e.account, e.number): e.state for e in outbox.entries()}
        finally:
            outbox.close()


@pytest.fixture
def evening(tmp_path: Path) -> Iterator[Evening]:
    found = Evening(tmp_path)
    yield found
    for office in found.offices:
        office.close()


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENT
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def metrics(office: PostOffice) -> dict[tuple[str, ...], float]:
    registry = CollectorRegistry()
    registry.register(office)
    text = generate_latest(registry).decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_slow_network_delays_no_other(evening: Evening) -> None:
    free = threading.Event()

    class Slow(Scripted):
        def upload(self, item):
            assert free.wait(PATIENT)
            return "media"

    evening.opened["slow"] = Slow(name="slow")
    office = evening.open(an_account("slow"), an_account("quick"))
    try:
        for number in (1, 2):
            office.put(evening.portrait(number))
        until(lambda: metrics(office)["murai_posts_total", "quick", "posted"] == 2)
        assert evening.opened["slow"].sent == []
    finally:
        free.set()
    until(lambda: metrics(office)["murai_posts_total", "slow", "posted"] == 2)


def test_what_is_being_sent_at_the_end_is_unknown(evening: Evening) -> None:
    free, sending = threading.Event(), threading.Event()

    class Silent(Scripted):
        def send(self, item, media):
            sending.set()
            free.wait(PATIENT)
            return Posted("too late")

    evening.opened["one"] = Silent()
    office = evening.open(an_account())
    office.put(evening.portrait())
    assert sending.wait(PATIENT)
    begun = time.monotonic()
    office.close(timeout=0.2)
    assert time.monotonic() - begun < 2.0
    assert evening.states() == {("one", 1): "unknown"}
    free.set()
    with pytest.raises(OutboxError, match="the show has ended"):
        office.put(evening.portrait(2))


def test_a_newer_plan_has_other_accounts(evening: Evening, monkeypatch) -> None:
    monkeypatch.setattr("murai_show.edge.social.post_office.TEND_EVERY", 0.02)
    office = evening.open(an_account("one"))
    evening.plan = replace(evening.plan, post=(an_account("two"),))
    office.put(evening.portrait())
    until(lambda: metrics(office).get(("murai_posts_total", "two", "posted")) == 1)
    assert evening.states() == {("two", 1): "posted"}


def test_the_booth_may_name_accounts(evening: Evening) -> None:
    office = evening.open(an_account("one"), an_account("two"))
    office.put(evening.portrait(), ["two"])
    office.put(evening.portrait(2), [])
    assert {account for account, _ in evening.states()} == {"two"}


def test_a_show_that_posts_nothing_makes_no_file(evening: Evening) -> None:
    office = evening.open()
    office.put(evening.portrait())
    assert metrics(office) == {}
    office.close()
    assert not (evening.root / "state").exists()


def test_practice_posts_nothing_and_shows_what_it_would(evening: Evening) -> None:
    evening.opened["one"] = AssertionError("a network was opened")
    office = evening.open(an_account(practice=True))
    portrait = evening.portrait()
    office.put(portrait)
    until(lambda: metrics(office)["murai_posts_total", "one", "posted"] == 1)
    folder = evening.root / "state/outbox/practice"
    words, picture = sorted(folder.iterdir(), key=lambda file: file.suffix, reverse=True)
    assert words.read_text().startswith("A test, wave 0001-")
    assert picture.read_bytes() == portrait.picture.read_bytes()


def test_the_metrics_that_alerts_are_made_of(evening: Evening) -> None:
    evening.opened |= {
        "cut": Scripted(Unknown("cut")),
        "shut": Scripted(Stopped("401")),
        "none": MuraiError("no credentials"),
    }
    names = ("well", "cut", "shut", "none")
    office = evening.open(*map(an_account, names))
    office.put(evening.portrait())
    until(
        lambda: all(
            metrics(office).get(key)
            for key in (
                ("murai_posts_total", "well", "posted"),
                ("murai_posts_total", "cut", "unknown"),
                ("murai_account_stopped", "shut"),
                ("murai_account_stopped", "none"),
            )
        )
    )
    found = metrics(office)
    states = {"well": "posted", "cut": "unknown", "shut": "queued", "none": "queued"}
    for name, state in states.items():
        assert found["murai_outbox_items", name, state] == 1
        assert found["murai_outbox_items", name, "dead"] == 0
        assert (found["murai_outbox_oldest_seconds", name] > 0) == (name != "well")
    assert found["murai_posts_total", "shut", "stopped"] == 1
    assert found["murai_account_stopped", "well"] == 0
    assert found["murai_outbox_bytes",] > 20


def test_where_an_outbox_is() -> None:
    home = {"HOME": "/home/a"}
    assert outbox_home("up", home) == Path("/home/a/.local/state/murai-show/up/outbox")
    state = home | {"XDG_STATE_HOME": "/s"}
    assert outbox_home("up", state) == Path("/s/murai-show/up/outbox")
    service = state | {"STATE_DIRECTORY": "/var/lib/murai-show/up:/other"}
    assert outbox_home("up", service) == Path("/var/lib/murai-show/up/outbox")


def test_a_show_on_air_tells_of_its_outbox(tmp_path: Path, monkeypatch, caplog) -> None:
    """The whole composition: a show runs, has an account, and is scraped."""
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    plan = a_plan(post=(an_account(practice=True),), metrics=Address("127.0.0.1", 0))
    stop = threading.Event()
    show = threading.Thread(target=run_show, args=(plan, None, stop))
    show.start()
    try:
        until(lambda: "metrics on http" in caplog.text)
        url = re.search(r"http://\S+", caplog.text)
        assert url

        def scraped() -> str:
            with urllib.request.urlopen(url[0], timeout=5) as answer:
                return answer.read().decode()

        until(lambda: 'murai_outbox_items{account="one",state="queued"} 0.0' in scraped())
    finally:
        stop.set()
        show.join(PATIENT)
    assert not show.is_alive()
