"""The outcome table, each row over real HTTP: what is answered, and what really became of the post.

The one promise behind it all: what was posted is never called refused, so that it is never sent
again blindly.
"""

from __future__ import annotations

import email.utils
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from murai_show import redact
from murai_show.edge.social.port import Absent, Dead, Posted, Refused, Stopped, Unknown
from tests.edge.social.desk import FIND, POST, UPLOAD, Desk, an_account, an_item
from tests.edge.social.server import (
    KEYLESS,
    Answer,
    Fault,
    Server,
    cut,
    cut_answer,
    silence,
    trickle,
)

HTML = b"<html><body>Something went wrong</body></html>"
RIGHTS = {"title": "Forbidden", "detail": "You are not permitted to perform this action."}
CREDITS = {"title": "CreditsDepleted", "detail": "Your account has no credits."}

# What the server does; what is answered then; words of the reason.
SENDING: dict[str, tuple[Any, type, str]] = {
    "401": (Answer(401, {"title": "Unauthorized"}), Stopped, "401"),
    "402": (Answer(402, CREDITS), Stopped, "no credits.; the account has no credit left"),
    "403": (Answer(403, RIGHTS), Stopped, "not permitted"),
    "403 in HTML": (Answer(403, HTML), Stopped, "403"),
    "404": (Answer(404, {"title": "Not Found"}), Stopped, "404"),
    "413": (Answer(413, {"detail": "too large"}), Dead, "too large"),
    "422": (Answer(422, {"error": "Validation failed"}), Dead, "Validation failed"),
    "429": (Answer(429, {"title": "Too Many Requests"}), Refused, "no more for now"),
    "302": (Answer(302, b"", {"Location": "https://elsewhere.test/"}), Refused, "302"),
    "408": (Answer(408, b""), Unknown, "408"),
    "500": (Answer(500, b""), Unknown, "500"),
    "502 in HTML": (Answer(502, HTML), Unknown, "502"),
    "503": (Answer(503, {"title": "Service Unavailable"}), Unknown, "Service Unavailable"),
    "200 without errors": (Answer(200, {"errors": None}), Unknown, "200"),
    "200 with a list": (Answer(200, []), Unknown, "200"),
    "200 in HTML": (Answer(200, HTML), Unknown, "200"),
    "200 and nothing": (Answer(200, b""), Unknown, "200"),
    "200 and no text": (Answer(200, b"\xff\xfe\x00"), Unknown, "200"),
    "an id that is none": (Answer(201, {"data": {"id": {}}, "id": None, "uri": 7}), Unknown, "201"),
    "errors that are null": (Answer(403, {"errors": None}), Stopped, "403"),
    "errors that are words": (Answer(403, {"errors": "no"}), Stopped, "403"),
    "a list of errors": (Answer(403, [1, 2]), Stopped, "403"),
    "silence": (silence, Unknown, "fell silent after the request was sent"),
    "a cut": (cut, Unknown, "broke after the request was sent"),
    "half an answer": (cut_answer, Unknown, "201"),
}


def uploaded(desk: Desk, number: int = 1) -> str:
    media = desk.account.upload(desk.item(number))
    assert isinstance(media, str), media
    return media


def test_a_portrait_is_posted_with_its_picture_and_what_it_shows(desk: Desk) -> None:
    item = desk.item()
    answer = desk.account.send(item, uploaded(desk))
    assert answer == Posted(desk.posts[0]["id"])
    assert [post["text"] for post in desk.posts] == [item.text]
    (media,) = desk.server.networks.media.values()
    assert media["data"] == item.picture.read_bytes()
    assert desk.account.find(item) == answer
    assert desk.account.find(desk.item(2)) == Absent()
    desk.account.close()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("row", SENDING)
def test_a_row_of_the_table_on_x(x: Desk, row: str, after: bool) -> None:
    does, kind, words = SENDING[row]
    posted_anyway = after and kind is Unknown
    media = uploaded(x)
    x.misbehave(Fault(POST["x"], does, after=posted_anyway))
    answer = x.account.send(x.item(), media)
    assert isinstance(answer, kind), answer
    assert words in answer.why
    assert len(x.posts) == posted_anyway
    # Whoever looks for it afterwards knows.
    x.misbehave()
    assert x.account.find(x.item()) == (Posted("9000") if posted_anyway else Absent())


@pytest.mark.parametrize("kind", ["mastodon", "bluesky"])
@pytest.mark.parametrize(
    "row",
    [
        "402",
        "403",
        "404",
        "429",
        "503",
        "200 with a list",
        "302",
        "200 in HTML",
        "422",
        "silence",
        "a cut",
        "half an answer",
    ],
)
def test_the_table_is_the_same_elsewhere(
    kind: str, row: str, tmp_path: Path, server: Server
) -> None:
    desk = Desk(kind, server, an_account(kind, tmp_path, server), tmp_path)
    does, wanted, words = SENDING[row]
    media = uploaded(desk)
    desk.misbehave(Fault(POST[kind], does, after=wanted is Unknown))
    answer = desk.account.send(desk.item(), media)
    assert isinstance(answer, wanted), answer
    assert words in answer.why
    assert len(desk.posts) == (wanted is Unknown)
    desk.misbehave()
    found = desk.account.find(desk.item())
    assert isinstance(found, Posted if wanted is Unknown else Absent)


@pytest.mark.parametrize("row", SENDING)
def test_an_upload_can_always_be_tried_again(desk: Desk, row: str) -> None:
    """But for those that a person must see to, and pictures that nobody wants."""
    does, kind, _ = SENDING[row]
    desk.misbehave(Fault(UPLOAD[desk.kind], does))
    answer = desk.account.upload(desk.item())
    wanted = Refused if kind is Unknown or (desk.kind, row) == ("bluesky", "401") else kind
    assert isinstance(answer, wanted), answer
    desk.misbehave()
    assert isinstance(desk.account.upload(desk.item()), str)


@pytest.mark.parametrize(
    "row", ["500", "200 in HTML", "200 without errors", "429", "silence", "a cut"]
)
def test_what_cannot_be_found_now_is_not_absent(desk: Desk, row: str) -> None:
    """Absent is said only where an account has been looked through."""
    assert isinstance(desk.account.send(desk.item(), uploaded(desk)), Posted)
    desk.misbehave(Fault(FIND[desk.kind], SENDING[row][0]))
    assert isinstance(desk.account.find(desk.item()), Refused)
    desk.misbehave()
    assert isinstance(desk.account.find(desk.item()), Posted)


def test_a_server_that_trickles_is_left_in_time(desk: Desk) -> None:
    media = uploaded(desk)
    desk.misbehave(Fault(POST[desk.kind], trickle))
    desk.account._wire._budget = 0.5  # type: ignore[attr-defined]
    begun = time.monotonic()
    answer = desk.account.send(desk.item(), media)
    assert 0.5 <= time.monotonic() - begun < 4
    assert isinstance(answer, Unknown)
    assert "too long" in answer.why


def test_a_cut_in_the_middle_of_an_upload(desk: Desk) -> None:
    desk.misbehave(Fault(UPLOAD[desk.kind], cut, unread=True, times=1))
    assert isinstance(desk.account.upload(desk.item()), Refused)
    assert isinstance(desk.account.upload(desk.item()), str)


def test_a_cut_before_the_whole_post_was_read_is_unknown(desk: Desk) -> None:
    """Nobody here knows how much the other side had read."""
    media = uploaded(desk)
    desk.misbehave(Fault(POST[desk.kind], cut, unread=True))
    assert isinstance(desk.account.send(desk.item(), media), Unknown)


def test_nobody_at_the_door(desk: Desk, tmp_path: Path) -> None:
    media = uploaded(desk)
    desk.server.close()
    for answer in (desk.account.upload(desk.item()), desk.account.send(desk.item(), media)):
        assert isinstance(answer, Refused)
        assert "cannot be reached" in answer.why
    assert isinstance(desk.account.find(desk.item()), Refused)


def test_no_such_name(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    media = uploaded(desk)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    answer = desk.account.send(desk.item(), media)
    assert isinstance(answer, Refused)
    assert "name cannot be resolved" in answer.why


def test_a_server_that_speaks_no_tls_gets_no_post(desk: Desk, tmp_path: Path) -> None:
    """It fails in the handshake: nothing of the post has left."""
    media = uploaded(desk)
    known = len(desk.server.networks.requests)
    secure = desk.server.url.replace("http://", "https://")
    account = an_account(desk.kind, tmp_path, desk.server)
    account._wire._reroute = dict.fromkeys(account._wire._reroute, secure)  # type: ignore[attr-defined]
    answer = account.send(desk.item(), media)
    assert isinstance(answer, Refused)
    assert "TLS" in answer.why
    assert len(desk.server.networks.requests) == known


# ---- limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-rate-limit-reset": "+300"}, 300),
        ({"ratelimit-reset": "+300"}, 300),
        ({"Retry-After": "120"}, 120),
        ({"X-RateLimit-Reset": "iso+300"}, 300),
        (
            {
                "x-rate-limit-reset": "+60",
                "x-user-limit-24hour-remaining": "0",
                "x-user-limit-24hour-reset": "+7200",
            },
            7200,
        ),
        (
            {
                "x-rate-limit-reset": "+60",
                "x-user-limit-24hour-remaining": "9",
                "x-user-limit-24hour-reset": "+7200",
            },
            60,
        ),
        ({"x-rate-limit-reset": "soon"}, None),
        ({"x-rate-limit-reset": ""}, None),
        ({"x-rate-limit-reset": "-300"}, None),
        ({"x-rate-limit-reset": "9" * 40}, None),
        ({"x-rate-limit-reset": "²"}, None),
        ({"X-RateLimit-Reset": "2026-99-99T00:00:00Z"}, None),
        ({"Retry-After": "a while"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_when_a_limit_begins_anew(
    desk: Desk, headers: dict[str, str], seconds: float | None
) -> None:
    now = time.time()

    def written(value: str) -> str:
        if value.startswith("iso+"):
            return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + float(value[4:])))
        return str(int(now + float(value))) if value[:1] in ("+", "-") and value[1:] else value

    told = {name: written(value).encode().decode("latin-1") for name, value in headers.items()}
    media = uploaded(desk)
    desk.misbehave(Fault(POST[desk.kind], Answer(429, {}, told)))
    answer = desk.account.send(desk.item(), media)
    assert isinstance(answer, Refused)
    if seconds is None:
        assert answer.at is None
    else:
        assert answer.at == pytest.approx(now + seconds, abs=3)


def test_a_wrong_clock_waits_as_long_as_a_right_one(x: Desk, tmp_path: Path) -> None:
    """The server's own date says how far off ours is."""
    server_now = time.time() + 86_400 * 3
    told = {
        "Date": email.utils.formatdate(server_now, usegmt=True),
        "x-rate-limit-reset": str(int(server_now + 300)),
    }
    media = uploaded(x)
    x.misbehave(Fault(POST["x"], Answer(429, {}, told)))
    answer = x.account.send(x.item(), media)
    assert isinstance(answer, Refused)
    assert answer.at == pytest.approx(time.time() + 300, abs=4)


# ---- what each network has of its own ------------------------------------------------------------


def test_x_a_duplicate_is_looked_for_and_found(x: Desk) -> None:
    """The first answer was lost; X refuses the second, which is how we know."""
    media = uploaded(x)
    x.misbehave(Fault(POST["x"], cut, after=True, times=1))
    assert isinstance(x.account.send(x.item(), media), Unknown)
    assert x.account.send(x.item(), media) == Posted("9000")
    assert len(x.posts) == 1


def test_x_a_duplicate_that_cannot_be_found_is_unknown(x: Desk) -> None:
    media = uploaded(x)
    assert isinstance(x.account.send(x.item(), media), Posted)
    x.misbehave(Fault(FIND["x"], Answer(200, {"meta": {"result_count": 0}})))
    answer = x.account.send(x.item(), media)
    assert isinstance(answer, Unknown)
    assert "has this post already, but the timeline does not show it" in answer.why
    x.misbehave(Fault(FIND["x"], Answer(503)))
    answer = x.account.send(x.item(), media)
    assert isinstance(answer, Unknown)
    assert "503" in answer.why


def test_x_what_is_sent(x: Desk) -> None:
    x.account.send(x.item(), uploaded(x))
    (post,) = x.posts
    assert post["made_with_ai"] is True
    assert x.server.networks.media[post["media"]["media_ids"][0]]["alt"] == x.item().alt
    assert not [r for r in x.server.networks.requests if "://" in str(r.headers.get("location"))]


def test_x_a_picture_without_a_text_is_better_than_none(x: Desk) -> None:
    x.misbehave(Fault("/2/media/metadata", Answer(400, {"detail": "no"})))
    assert isinstance(x.account.upload(x.item()), str)
    x.misbehave(Fault("/2/media/metadata", Answer(503)))
    assert isinstance(x.account.upload(x.item()), Refused)


def test_x_a_picture_that_has_expired_there_is_uploaded_again(x: Desk) -> None:
    x.misbehave(Fault(POST["x"], Answer(400, {"detail": "Your media IDs are invalid."})))
    assert isinstance(x.account.send(x.item(), "1"), Refused)


def test_x_looks_no_further_than_it_must(x: Desk) -> None:
    """Each post that is read costs."""
    x.account.find(x.item())
    (request,) = x.server.networks.requests
    assert request.query["start_time"] == ["2026-11-18T10:06:40Z"]  # an hour before it was created


def test_x_looks_through_several_pages_and_not_for_ever(x: Desk) -> None:
    page = {"data": [{"id": "1", "text": "another"}], "meta": {"next_token": "more"}}
    x.misbehave(Fault(FIND["x"], Answer(200, page)))
    assert x.account.find(x.item()) == Absent()
    assert len(x.server.networks.requests) == 3
    assert x.server.networks.requests[-1].query["pagination_token"] == ["more"]


def test_mastodon_a_second_sending_is_answered_with_the_first(mastodon: Desk) -> None:
    media = uploaded(mastodon)
    mastodon.misbehave(Fault(POST["mastodon"], silence, after=True, times=1))
    assert isinstance(mastodon.account.send(mastodon.item(), media), Unknown)
    assert mastodon.account.send(mastodon.item(), media) == Posted("9000")
    assert isinstance(mastodon.account.send(mastodon.item(2), media), Posted)
    assert len(mastodon.posts) == 2


def test_mastodon_waits_for_a_picture_that_is_being_worked_on(mastodon: Desk) -> None:
    waited: list[float] = []
    mastodon.account._sleep = waited.append  # type: ignore[attr-defined]
    mastodon.server.networks.slow_media = 3
    assert isinstance(mastodon.account.upload(mastodon.item()), str)
    assert waited == [1.0, 1.0, 1.0]
    mastodon.server.networks.slow_media = 1000
    assert isinstance(mastodon.account.upload(mastodon.item()), Refused)


def test_mastodon_looks_through_several_pages(mastodon: Desk) -> None:
    networks = mastodon.server.networks
    mastodon.account.send(mastodon.item(), uploaded(mastodon))
    networks.posts += [{"id": str(9100 + i), "text": "another"} for i in range(90)]
    assert mastodon.account.find(mastodon.item()) == Posted("9000")
    assert mastodon.account.find(mastodon.item(2)) == Absent()


def test_bluesky_a_second_sending_finds_the_first(bluesky: Desk) -> None:
    media = uploaded(bluesky)
    bluesky.misbehave(Fault(POST["bluesky"], cut, after=True, times=1))
    assert isinstance(bluesky.account.send(bluesky.item(), media), Unknown)
    answer = bluesky.account.send(bluesky.item(), media)
    assert answer == Posted(bluesky.posts[0]["id"])
    assert len(bluesky.posts) == 1


def test_bluesky_a_session_that_is_over_is_begun_anew(bluesky: Desk) -> None:
    media = uploaded(bluesky)
    bluesky.server.networks.sessions += 1
    assert isinstance(bluesky.account.send(bluesky.item(), media), Refused)
    assert isinstance(bluesky.account.send(bluesky.item(), media), Posted)


def test_bluesky_a_session_is_renewed_before_it_is_over(bluesky: Desk) -> None:
    bluesky.server.networks.expires_in = 60
    media = uploaded(bluesky)
    assert isinstance(bluesky.account.send(bluesky.item(), media), Posted)
    paths = [request.path for request in bluesky.server.networks.requests]
    assert sum("refreshSession" in path for path in paths) >= 1
    assert sum("createSession" in path for path in paths) == 1


@pytest.mark.parametrize("does", [Answer(503), Answer(400, {"error": "ExpiredToken"}), cut])
def test_bluesky_a_post_that_waited_for_a_session_was_not_sent(bluesky: Desk, does: Any) -> None:
    bluesky.server.networks.expires_in = 60
    media = uploaded(bluesky)
    bluesky.misbehave(Fault("refreshSession", does, times=1))
    assert isinstance(bluesky.account.send(bluesky.item(), media), Refused)
    bluesky.server.networks.expires_in = 7200
    assert isinstance(bluesky.account.send(bluesky.item(), media), Posted)


def test_bluesky_only_the_tokens_of_now_are_looked_for_in_words(bluesky: Desk) -> None:
    bluesky.server.networks.expires_in = 60
    uploaded(bluesky)
    first = bluesky.account._tokens[0].reveal()  # type: ignore[attr-defined]
    known = len(redact._forms_of)
    for _ in range(3):
        uploaded(bluesky)
    now = bluesky.account._tokens[0].reveal()  # type: ignore[attr-defined]
    assert now != first
    assert len(redact._forms_of) <= known + 4  # three renewals would have added two dozen
    assert redact.redacted(f"Bearer {now}") == "Bearer ***"


def test_bluesky_the_picture_has_its_size_and_text(bluesky: Desk) -> None:
    bluesky.account.send(bluesky.item(), uploaded(bluesky))
    record = bluesky.posts[0]["record"]
    (image,) = record["embed"]["images"]
    assert image["alt"] == bluesky.item().alt
    assert image["aspectRatio"]["width"] == 48
    assert image["aspectRatio"]["height"] == 32
    assert record["createdAt"] == "2026-11-18T11:06:40.250Z"
    assert record["$type"] == "app.bsky.feed.post"


@pytest.mark.parametrize("media", ["", "{}", "[]", '{"blob": 1, "size": 2}', "null"])
def test_bluesky_a_blob_that_is_none(bluesky: Desk, media: str) -> None:
    assert isinstance(bluesky.account.send(bluesky.item(), media), Dead)
    assert not bluesky.posts


@pytest.mark.parametrize("kind", ["x", "mastodon", "bluesky"])
def test_a_wrong_credential_stops_the_account(kind: str, tmp_path: Path, server: Server) -> None:
    account = an_account(kind, tmp_path, server, keys=KEYLESS[kind])
    answers = [account.upload(an_item(tmp_path)), account.find(an_item(tmp_path))]
    assert [type(answer) for answer in answers] == [Stopped, Stopped]
    assert "401" in answers[0].why  # type: ignore[union-attr]


def test_a_picture_that_is_gone(desk: Desk) -> None:
    for picture in (desk.folder / "gone.png", desk.folder / "credentials" / desk.kind):
        answer = desk.account.upload(desk.item(picture=picture))
        assert isinstance(answer, Dead)
        assert picture.name in answer.why
    assert not desk.server.networks.media
