"""From the outbox to a network: over real HTTP for what a network does, with a stand-in for what a
client must not do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from murai_show.edge.social.delivery import Delivery
from murai_show.edge.social.entry import Entry
from murai_show.edge.social.outbox import Outbox
from murai_show.edge.social.port import Posted, Refused, Stopped, Unknown
from murai_show.errors import MuraiError
from tests.edge.social.network import HttpAccount, Network
from tests.edge.social.stand_ins import (
    NOW,
    VENUE,
    Scripted,
    a_portrait,
    an_account,
    an_outbox,
)


class Clock:
    def __init__(self) -> None:
        self.now = NOW + 100

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    found = an_outbox(tmp_path)
    yield found
    found.close()


def deliver(
    outbox: Outbox, tmp_path: Path, account: Any, clock: Clock, number: int = 1, **changed: Any
) -> Delivery:
    """A delivery with one portrait to post."""
    planned = an_account(**changed)
    outbox.put(a_portrait(tmp_path, number), [planned], VENUE, clock.now)
    return Delivery(planned, outbox, lambda _planned: account, clock)


def until_idle(delivery: Delivery, clock: Clock, seconds: float = 86_400.0) -> None:
    """Rounds, with a clock that jumps to whatever comes next."""
    end = clock.now + seconds
    while (wait := delivery.round()) + clock.now <= end:
        clock.now += wait


MET: list[tuple[str, str, str, int, dict[str, int]]] = [
    # where, the network's mood for the first request there, the state at once, posts, counted
    ("media", "busy", "queued", 0, {"refused": 1, "posted": 1}),
    ("media", "limit", "queued", 0, {"refused": 1, "posted": 1}),
    ("media", "cut", "queued", 0, {"refused": 1, "posted": 1}),
    ("media", "bad", "dead", 0, {"dead": 1}),
    ("media", "forbidden", "queued", 0, {"stopped": 1}),
    ("posts", "well", "posted", 1, {"posted": 1}),
    ("posts", "slow", "posted", 1, {"posted": 1}),
    ("posts", "limit", "queued", 0, {"refused": 1, "posted": 1}),
    ("posts", "broke", "queued", 0, {"stopped": 1}),
    ("posts", "forbidden", "queued", 0, {"stopped": 1}),
    ("posts", "bad", "dead", 0, {"dead": 1}),
    ("posts", "cut", "unknown", 1, {"unknown": 1, "posted": 1}),
    ("posts", "crash", "unknown", 1, {"unknown": 1, "posted": 1}),
    ("posts", "busy", "unknown", 0, {"unknown": 1}),
]


@pytest.mark.parametrize(("where", "mood", "state", "posts", "counted"), MET)
def test_whatever_a_network_does_nothing_is_posted_twice(
    where: str,
    mood: str,
    state: str,
    posts: int,
    counted: dict[str, int],
    tmp_path: Path,
    outbox: Outbox,
    clock: Clock,
) -> None:
    moods = iter([mood])
    network = Network(lambda what: next(moods, "well") if what == where else "well")
    try:
        delivery = deliver(outbox, tmp_path, HttpAccount("one", network.port), clock)
        delivery.round()
        assert outbox.entry(1).state == state
        assert len(network.posts) == posts
        until_idle(delivery, clock)
        assert len(network.posts) == ("posted" in counted)
        assert {what: n for (_, what), n in outbox.counted.items()} == counted
    finally:
        network.close()


def test_nobody_there_is_a_refusal(outbox: Outbox, tmp_path: Path, clock: Clock) -> None:
    network = Network()
    network.close()
    delivery = deliver(outbox, tmp_path, HttpAccount("one", network.port), clock)
    delivery.round()
    assert outbox.entry(1).why == "no answer: ConnectionRefusedError"


def test_silence_after_sending_is_looked_for(outbox: Outbox, tmp_path: Path, clock: Clock) -> None:
    """The request was read, and no answer comes in time."""
    network = Network(lambda what: "slow" if what == "posts" else "well")
    account = HttpAccount("one", network.port, timeout=0.02)
    try:
        delivery = deliver(outbox, tmp_path, account, clock)
        delivery.round()
        assert outbox.entry(1).state == "unknown"
        assert delivery.round() == pytest.approx(15.0)
        clock.now += 15.0
        delivery.round()
        assert (outbox.entry(1).state, len(network.posts)) == ("posted", 1)
    finally:
        network.close()


def test_what_is_never_found_is_left_to_a_person(
    outbox: Outbox, tmp_path: Path, clock: Clock, caplog
) -> None:
    network = Network(lambda what: "busy" if what == "posts" else "well")
    try:
        delivery = deliver(outbox, tmp_path, HttpAccount("one", network.port), clock)
        until_idle(delivery, clock, 30 * 86_400.0)
        assert network.asked == {"media": 1, "posts": 1, "find": 5}
        assert outbox.entry(1).state == "unknown"
        assert "portrait 1 may be posted or not: looked for 5 times in 81 minutes" in caplog.text
        network.mood = lambda _what: "well"
        outbox.retry(1, clock.now, sure=True)
        until_idle(delivery, clock)
        assert (outbox.entry(1).state, len(network.posts)) == ("posted", 1)
    finally:
        network.close()


@pytest.mark.parametrize(
    ("answers", "state", "sent"),
    [
        ([[ValueError("secret token")]], "queued", 0),
        ([[Unknown("no answer to an upload")]], "queued", 0),
        ([TypeError("secret token")], "unknown", 1),
        ([None], "unknown", 1),
        ([Unknown("cut"), KeyError("secret token")], "unknown", 1),
    ],
)
def test_a_client_that_raises_harms_nothing(
    answers: list[Any], state: str, sent: int, outbox: Outbox, tmp_path: Path, clock: Clock, caplog
) -> None:
    account = Scripted(*answers)
    delivery = deliver(outbox, tmp_path, account, clock)
    for _ in answers:
        delivery.round()
        clock.now += 15.0
    assert (outbox.entry(1).state, len(account.sent)) == (state, sent)
    assert "secret" not in outbox.entry(1).why + caplog.text


def test_a_stop_holds_all_back_until_a_person_lifts_it(
    outbox: Outbox, tmp_path: Path, clock: Clock
) -> None:
    account = Scripted(Stopped("402: no credit"))
    delivery = deliver(outbox, tmp_path, account, clock)
    outbox.put(a_portrait(tmp_path, 2), [an_account()], VENUE, clock.now)
    until_idle(delivery, clock)
    assert len(account.sent) == 1
    outbox.resume("one")
    until_idle(delivery, clock)
    assert [e.state for e in outbox.entries()] == ["posted", "posted"]


def test_limit_and_budget_space_the_posts(outbox: Outbox, tmp_path: Path, clock: Clock) -> None:
    account = Scripted(cost=0.015)
    changed = {"limit": (2, 3600.0), "budget": 0.05}
    delivery = deliver(outbox, tmp_path, account, clock, **changed)
    for number in range(2, 6):
        deliver(outbox, tmp_path, account, clock, number)
    begun, at = clock.now, []
    while len(at) < 5:
        clock.now += delivery.round()
        at += [clock.now - begun] * (len(account.sent) - len(at))
    assert at == pytest.approx([0, 0, 3600, 86_400, 86_400])


def test_an_answer_is_not_lost_when_it_cannot_be_written(
    outbox: Outbox, tmp_path: Path, clock: Clock
) -> None:
    """Another process holds the file just when the network has answered."""
    outbox.database.read("PRAGMA busy_timeout = 1")
    other = sqlite3.connect(outbox.folder.path / "outbox.db", isolation_level=None)

    class Held(Scripted):
        def send(self, item, media):
            other.execute("BEGIN IMMEDIATE")
            return super().send(item, media)

    account = Held(Posted("r7"))
    delivery = deliver(outbox, tmp_path, account, clock)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        delivery.round()
    assert outbox.entry(1).state == "sending"
    other.execute("ROLLBACK")
    delivery.round()
    assert (outbox.entry(1).state, outbox.entry(1).remote) == ("posted", "r7")
    assert len(account.sent) == 1
    other.close()


def test_nothing_is_sent_before_it_is_written_down(
    outbox: Outbox, tmp_path: Path, clock: Clock
) -> None:
    outbox.database.read("PRAGMA busy_timeout = 1")
    other = sqlite3.connect(outbox.folder.path / "outbox.db", isolation_level=None)

    class Held(Scripted):
        def upload(self, item):
            other.execute("BEGIN IMMEDIATE")
            return super().upload(item)

    account = Held()
    delivery = deliver(outbox, tmp_path, account, clock)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        delivery.round()
    assert account.sent == []
    other.execute("ROLLBACK")
    other.close()
    account.upload = lambda item: "media"
    until_idle(delivery, clock)
    assert (outbox.entry(1).state, len(account.sent)) == ("posted", 1)


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda delivery, outbox, clock: delivery.stop(),
        lambda delivery, outbox, clock: outbox.put_down(clock.now),
        lambda delivery, outbox, clock: setattr(clock, "now", NOW + 1e6),
    ],
    ids=["the show ends", "the end came first", "it expired"],
)
def test_what_ends_during_the_upload_is_not_sent(
    meanwhile: Callable[..., None], outbox: Outbox, tmp_path: Path, clock: Clock
) -> None:
    class Slow(Scripted):
        def upload(self, item):
            meanwhile(delivery, outbox, clock)
            return super().upload(item)

    account, planned = Slow(), an_account()
    outbox.put(a_portrait(tmp_path, 1, NOW + 1000), [planned], VENUE, NOW)
    delivery = Delivery(planned, outbox, lambda _planned: account, clock)
    delivery.round()
    assert (outbox.entry(1).state, account.sent) == ("queued", [])


def test_a_picture_that_vanished_is_said_so(outbox: Outbox, tmp_path: Path, clock: Clock) -> None:
    delivery = deliver(outbox, tmp_path, Scripted(), clock)
    for path in outbox.folder.pictures.iterdir():
        path.unlink()
    delivery.round()
    assert (outbox.entry(1).state, outbox.entry(1).why) == ("dead", "its picture is gone")


def test_an_account_that_cannot_be_opened_is_tried_again(
    outbox: Outbox, tmp_path: Path, clock: Clock, caplog
) -> None:
    tries: list[float] = []

    def open_account(_planned: object) -> Any:
        tries.append(clock.now)
        if len(tries) < 3:
            raise MuraiError("no credentials for one")
        return Scripted()

    outbox.put(a_portrait(tmp_path), [an_account()], VENUE, NOW)
    delivery = Delivery(an_account(), outbox, open_account, clock)
    for _ in range(100):
        delivery.round()
        clock.now += 5.0
    assert tries == pytest.approx([NOW + 100, NOW + 160, NOW + 220])
    assert caplog.text.count("no credentials") == 1
    assert (outbox.entry(1).state, delivery.trouble) == ("posted", "")


def test_a_budget_below_one_post_is_said_once(
    outbox: Outbox, tmp_path: Path, clock: Clock, caplog
) -> None:
    delivery = deliver(outbox, tmp_path, Scripted(cost=0.2), clock, budget=0.1)
    delivery.round()
    assert outbox.entry(1).state == "queued"
    assert "a post costs 0.2 USD, more than the budget of 0.1; nothing is posted" in caplog.text


def test_a_refused_time_is_kept(outbox: Outbox, tmp_path: Path, clock: Clock) -> None:
    delivery = deliver(outbox, tmp_path, Scripted(Refused("429", NOW + 1000)), clock)
    delivery.round()
    assert delivery.round() == pytest.approx(900.0)
    assert isinstance(outbox.entry(1), Entry)
