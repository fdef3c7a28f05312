"""The network that portraits go to fails, behind a show on air: the picture must not notice, and
every portrait must arrive once."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from PIL import Image

from murai_show import edges
from murai_show.edge.social import accounts, outcome
from murai_show.edge.social.outbox import Outbox
from murai_show.edge.social.pictures import Folder
from murai_show.edge.social.port import Portrait
from murai_show.edge.social.post_office import PostOffice
from murai_show.edge.social.wire import Wire
from tests.drills.stage import SHOW, Night, Outcome, Stage, drill
from tests.edge.social.desk import WORLD, write_keys
from tests.edge.social.server import Answer, Fault, Handler, Server

POSTING = SHOW + "post: {x: {kind: x, limit: 600/h, budget: 90 USD/day}}\n"
OUTBOX = "state/murai-show/drill/outbox"
TWEETS, UPLOAD = "/2/tweets", "/2/media/upload"


class Street:
    """A stage with a post office, and a network that behaves like X."""

    def __init__(self, stage: Stage, patch: pytest.MonkeyPatch) -> None:
        self.stage, self.server = stage, Server()
        self.way = dict.fromkeys(WORLD, self.server.url)
        self.office: PostOffice | None = None
        for name, value in write_keys(stage.folder / "credentials", "x").items():
            patch.setenv(name, value)
        opened, posting = accounts.open_account, edges.open_posting
        patch.setattr(accounts, "open_account", lambda *to: opened(*to, Wire(self.way)))
        patch.setattr(outcome, "FIRST_REST", 0.2)
        patch.setattr(outcome, "LOOKS", (0.2,) * 5)

        def open_posting(*given: Any) -> PostOffice:
            self.office = posting(*given)
            return self.office

        patch.setattr(edges, "open_posting", open_posting)

    @contextmanager
    def on_air(self, text: str | None = POSTING) -> Iterator[Night]:
        with self.stage.on_air(text) as night:
            yield night

    def put(self, number: int) -> None:
        picture = self.stage.folder / f"portrait-{number}.png"
        Image.linear_gradient("L").resize((48, 32)).convert("RGB").save(picture)
        assert self.office is not None
        self.office.put(Portrait(picture, "a", "nobody", number, time.time()))

    def states(self) -> list[str]:
        with self.outbox() as outbox:
            return [entry.state for entry in outbox.entries()]

    @contextmanager
    def outbox(self) -> Iterator[Outbox]:
        outbox = Outbox(Folder(self.stage.folder / OUTBOX))
        try:
            yield outbox
        finally:
            outbox.close()

    @property
    def posts(self) -> int:
        return len(self.server.networks.posts)

    def asked(self, path: str) -> int:
        return sum(path in request.path for request in self.server.networks.requests)

    def misbehave(self, path: str, does: Answer | Callable[[Handler], None], **when: Any) -> None:
        self.server.networks.faults = [Fault(path, does, **when)]

    def behave(self) -> None:
        self.server.networks.faults = []


@pytest.fixture
def street(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Street]:
    pytest.importorskip("tweepy")
    street = Street(stage, monkeypatch)
    yield street
    street.server.close()


def until_posted(street: Street, night: Night, count: int) -> float:
    """Seconds until `count` portraits are posted, each once, and nothing waits."""
    since = time.monotonic()
    night.wait(lambda: street.posts >= count, f"posted {street.posts} of {count}")
    took = time.monotonic() - since
    night.wait(lambda: set(street.states()) == {"posted"}, f"left: {street.states()}")
    assert street.posts == count
    return took


def closed_port() -> int:
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        return own.getsockname()[1]


@drill("API down", "nobody listens where the network was, then it is back")
def test_a_network_that_is_down(street: Street) -> Outcome:
    with street.on_air() as night:
        here, nowhere = street.server.url, f"http://127.0.0.1:{closed_port()}"
        street.way.update(dict.fromkeys(WORLD, nowhere))
        since = time.monotonic()
        street.put(1)
        street.put(2)
        night.wait(lambda: any("refused" in line for line in _tries(street)), "never tried")
        night.steady(time.monotonic())
        lost = night.lost(since)
        assert street.posts == 0
        street.way.update(dict.fromkeys(WORLD, here))
        took = until_posted(street, night, 2)
    return Outcome("portraits wait in the outbox and go, each once, when it is back", took, lost)


def _tries(street: Street) -> list[str]:
    with street.outbox() as outbox:
        return [f"refused: {entry.why}" for entry in outbox.entries() if entry.why]


@drill("API answers 429", "the network takes no more until its reset, two seconds away")
def test_a_limit(street: Street) -> Outcome:
    with street.on_air() as night:
        reset = int(time.time()) + 2
        street.misbehave(UPLOAD, Answer(429, {}, {"x-rate-limit-reset": str(reset)}), times=1)
        since = time.monotonic()
        street.put(1)
        street.put(2)
        night.wait(lambda: street.asked(UPLOAD) == 1, "never tried")
        night.steady(time.monotonic())
        took = until_posted(street, night, 2)
        uploads = street.asked(UPLOAD)
        lost = night.lost(since)
        assert uploads == 3, "it knocked while it had been asked to wait"
        assert time.time() >= reset
    return Outcome("the account rests until the reset and asks nothing before", took, lost)


@drill("API answers 402", "the account is out of credit, until somebody pays and resumes it")
def test_no_credit(street: Street) -> Outcome:
    with street.on_air() as night:
        street.misbehave(TWEETS, Answer(402, {"title": "CreditsDepleted"}))
        since = time.monotonic()
        street.put(1)
        street.put(2)
        night.wait(lambda: _stopped(street), "not stopped")
        asked = street.asked(TWEETS)
        night.steady(time.monotonic())
        lost = night.lost(since)
        assert street.asked(TWEETS) == asked == 1, "it went on asking"
        street.behave()
        with street.outbox() as outbox:
            assert outbox.resume() == ["x"]
        took = until_posted(street, night, 2)
    return Outcome("the account stops, `murai_account_stopped`; `resume` sends all", took, lost)


def _stopped(street: Street) -> bool:
    with street.outbox() as outbox:
        return any(account.stopped for account in outbox.accounts())


@drill("SIGTERM during a post", "the show is asked to end while the network holds its answer")
def test_the_end_comes_during_a_post(street: Street) -> Outcome:
    asked, answer = threading.Event(), threading.Event()

    def hold(handler: Handler) -> None:
        asked.set()
        answer.wait(20)
        handler.close_connection = True  # it was posted, and nobody is told

    with street.on_air() as night:
        street.misbehave(TWEETS, hold, after=True, times=1)
        street.put(1)
        night.wait(asked.is_set, "never posted")
    answer.set()
    assert street.posts == 1
    assert street.states() == ["unknown"]
    street.behave()
    with street.on_air(None) as night:
        took = until_posted(street, night, 1)
    return Outcome("unknown; the next start looks for it, finds it and posts nothing", took, 0)
