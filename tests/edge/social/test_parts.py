"""The parts below the accounts: marks, pictures, keys of records, the wire."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from murai_show.edge.social.bluesky import record_key
from murai_show.edge.social.mark import marks, text_of
from murai_show.edge.social.picture import fitted
from murai_show.edge.social.wire import LARGEST, Wire
from murai_show.errors import MuraiError
from tests.edge.social.desk import KEYS, an_item, write_keys
from tests.edge.social.server import Answer, Fault, Handler, Server
from tests.plans import REPOSITORY


@pytest.mark.parametrize(
    ("mark", "text", "there"),
    [
        ("No. 1", "Night: No. 1, wave", True),
        ("No. 1", "Night: No. 12, wave", False),
        ("No. 1", "Night: Uno. 1", False),
        ("No. 1 · 20:01", "No. 1 ·\n20:01", True),
        ("é 1", "e\u0301 1", True),
        ("(1)", "a (1) b", True),
        ("", "anything", False),
        (" ", "any thing", False),
    ],
)
def test_marks(mark: str, text: str, there: bool) -> None:
    assert marks(mark, text) is there


def test_what_a_reader_sees_of_html() -> None:
    markup = '<p>Night &amp; day</p><p>no. 1<br />by <a href="x">#<span>wave</span></a></p>'
    assert text_of(markup).split("\n") == ["Night & day", "no. 1", "by #wave", ""]


def noise(path: Path, size: tuple[int, int] = (300, 200)) -> Path:
    width, height = size
    pixels = np.random.default_rng(1).integers(0, 255, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_a_picture_that_fits_is_left_as_it_is(tmp_path: Path) -> None:
    for name, kind in (("a.png", "image/png"), ("a.jpg", "image/jpeg")):
        path = noise(tmp_path / name)
        found = fitted(path, 1_000_000)
        assert (found.data, found.type) == (path.read_bytes(), kind)
        assert (found.width, found.height) == (300, 200)


@pytest.mark.parametrize("most", [60_000, 20_000, 5_000])
def test_a_picture_that_is_too_large_becomes_a_jpeg_that_fits(tmp_path: Path, most: int) -> None:
    path = noise(tmp_path / "a.png")
    assert path.stat().st_size > 150_000
    found = fitted(path, most)
    assert len(found.data) <= most
    assert found.type == "image/jpeg"
    (tmp_path / "b.jpg").write_bytes(found.data)
    with Image.open(tmp_path / "b.jpg") as small:
        small.load()
        assert small.size == (found.width, found.height)
    assert found.width / found.height == pytest.approx(1.5, rel=0.03)


def test_a_picture_with_transparency_or_of_another_kind(tmp_path: Path) -> None:
    Image.new("RGBA", (80, 60), (255, 0, 0, 128)).save(tmp_path / "a.webp")
    assert fitted(tmp_path / "a.webp", 100_000).type == "image/jpeg"


def test_what_is_no_picture_or_cannot_be_small_enough(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    with pytest.raises(MuraiError, match=r"a\.png cannot be read: it is no picture"):
        fitted(tmp_path / "a.png", 1000)
    with pytest.raises(MuraiError, match="cannot be made as small as 100 bytes"):
        fitted(noise(tmp_path / "b.png"), 100)


def test_record_keys_are_tids_that_stay_and_differ(tmp_path: Path) -> None:
    """13 signs of base32-sortable, the first of them for 2 bits less (atproto's TID)."""
    items = [an_item(tmp_path, number) for number in range(1, 1000)]
    keys = {record_key(item) for item in items}
    assert len(keys) == len(items)  # all of one second
    for key in keys:
        assert len(key) == 13
        assert key[0] in "234567abcdefghij"
        assert set(key) <= set("234567abcdefghijklmnopqrstuvwxyz")
    assert record_key(items[0]) == record_key(an_item(tmp_path, 1, text="another", alt="b"))
    later = record_key(an_item(tmp_path, 1, created=1_795_000_002.0))
    assert max(keys) < later  # they sort by time


def test_an_answer_without_end_is_not_read_to_it(server: Server) -> None:
    server.networks.faults = [Fault("/", Answer(200, b"x" * (LARGEST + 1000)))]
    wire = Wire()
    wire.begin()
    found = wire.exchange("GET", server.url + "/big?token=canary", {}, None)
    assert (found.status, found.fault) == (200, "its answer is too long")
    assert len(found.body) == LARGEST
    assert "canary" not in repr(found)


def test_the_time_of_a_call_is_for_all_of_its_requests(server: Server) -> None:
    wire = Wire(budget=0.3)
    wire.begin()
    assert wire.exchange("GET", server.url + "/", {}, None).status == 401
    time.sleep(0.35)
    late = wire.exchange("GET", server.url + "/", {}, None)
    assert (late.status, late.sent, late.fault) == (None, False, "no time was left for it")
    wire.begin()
    assert wire.exchange("GET", server.url + "/", {}, None).status == 401


def test_a_slow_upload_may_take_longer_than_connecting(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_late(handler: Handler) -> None:
        server.closing.wait(0.6)
        handler.rfile.read(int(handler.headers["content-length"]))
        handler.give(Answer(200, {"id": "1"}))

    monkeypatch.setattr("murai_show.edge.social.wire.REACH", 0.2)
    server.networks.faults = [Fault("/", read_late, unread=True)]
    wire = Wire()
    wire.begin()
    found = wire.exchange("POST", server.url + "/", {}, b"x" * 30_000_000)
    assert (found.status, found.fault) == (200, "")


def test_a_fault_that_nobody_thought_of_is_kept_as_one_after_sending(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record that was lost would pass for a request that was never sent."""

    def fail(*_: object, **__: object) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr("urllib3.response.HTTPResponse.read", fail)
    wire = Wire()
    wire.begin()
    found = wire.ask(lambda: wire.exchange("POST", server.url + "/posts", {}, b"{}"), "/posts")
    assert (found.sent, found.fault) == (True, "the connection broke")


def test_each_request_has_a_connection_of_its_own(server: Server) -> None:
    """One that was kept open may be dead, and then nobody knows what became of a request."""
    wire = Wire()
    wire.begin()
    wire.exchange("GET", server.url + "/", {"Connection": "keep-alive"}, None)
    assert server.networks.requests[0].headers["connection"] == "close"


def test_opening_an_account_waits_for_no_client(tmp_path: Path) -> None:
    """They take up to seconds to load; and a show without accounts loads nothing of it at all."""
    for kind in KEYS:
        write_keys(tmp_path, kind)
    code = (
        "import sys; from murai_show.edge.social.accounts import open_account\n"
        "assert not {'requests', 'urllib3', 'PIL'} & set(sys.modules)\n"
        "from murai_show.show.planned_post import PlannedAccount\n"
        f"environ = {{'CREDENTIALS_DIRECTORY': {str(tmp_path)!r}}}\n"
        f"for kind in {list(KEYS)}:\n"
        "    open_account(PlannedAccount(kind, kind, '', '', 'https://a.test'), environ)\n"
        "assert not {'tweepy', 'mastodon', 'atproto', 'httpx', 'torch'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY)


def test_a_crash_of_a_client_is_not_a_post(server: Server) -> None:
    wire = Wire()
    wire.begin()

    def crash() -> None:
        raise RuntimeError("Bearer canary")

    found = wire.ask(crash, "/2/tweets")
    assert (found.sent, found.status) == (False, None)
    assert found.fault == "the client failed with RuntimeError"
