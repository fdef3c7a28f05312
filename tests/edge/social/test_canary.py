"""Known secrets through every success, every failure and a crash; then everything is searched."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
import urllib3

from murai_show.edge.social import wire
from murai_show.edge.social.port import Posted, Stopped, Unknown
from tests.edge.social.canary import JWT, KEEPERS, SECRETS, everything_logged, forms, leaks
from tests.edge.social.desk import FIND, KEYS, POST, UPLOAD, Desk, an_account
from tests.edge.social.server import Answer, Fault, Handler
from tests.edge.social.test_outcomes import SENDING


def echo(handler: Handler) -> None:
    """A server that repeats what it was sent, as helpful ones do."""
    head = handler.headers.get("Authorization", "")
    words = f"no such thing: {' '.join(reversed(head.split(', ')))}"
    handler.give(Answer(403, {"detail": words, "error": words, "message": words}, {"X-Echo": head}))


class CrashError(BaseException):
    """What no one catches."""


def through_everything(desk: Desk) -> list[object]:
    """All that an account ever answers."""
    account = desk.account
    media = account.upload(desk.item())
    assert isinstance(media, str)
    answers: list[object] = [media, account.send(desk.item(), media), account.find(desk.item())]
    for does in (*(row[0] for row in SENDING.values()), echo):
        desk.misbehave(*(Fault(path[desk.kind], does) for path in (UPLOAD, POST, FIND)))
        answers += [account.upload(desk.item()), account.send(desk.item(), media)]
        answers.append(account.find(desk.item()))
    desk.misbehave()
    return answers


def crash(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> str:
    """The traceback of a crash in the middle of sending, with all that led to it."""

    def fail(*_: object, **what: Any) -> None:
        raise CrashError("the process was told to end") from ValueError(f"not {sorted(what)}")

    with monkeypatch.context() as patch:
        patch.setattr(urllib3.PoolManager, "request", fail)
        with pytest.raises(CrashError) as caught:
            desk.account.send(desk.item(), '{"blob": {}}' if desk.kind != "bluesky" else _blob())
    return "".join(traceback.format_exception(caught.value))


def _blob() -> str:
    link = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
    return (
        f'{{"blob": {{"$type": "blob", "mimeType": "image/png", "size": 1, "ref": {{"$link": '
        f'"{link}"}}}}, "size": {{"width": 1, "height": 1}}}}'
    )


def test_no_secret_is_left_anywhere(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with everything_logged() as logged:
        answers = through_everything(desk)
        fallen = crash(desk, monkeypatch)
    kept = tmp_path / "kept"
    kept.mkdir()
    places = {
        "log": logged.getvalue(),
        "answers": repr(answers),
        "traceback": fallen,
        "metrics": prometheus_client.generate_latest().decode(),
        "account": repr(desk.account) + repr(vars(desk.account)) + repr(vars(desk.account._wire)),  # type: ignore[attr-defined]
        **{f"keeper {i}": "\n".join(keep(kept, answers)) for i, keep in enumerate(KEEPERS)},
    }
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.parent.name != "credentials":
            places[str(path)] = path.read_bytes().decode("latin-1")
    assert {name: leaks(text) for name, text in places.items() if leaks(text)} == {}
    assert "CrashError" in fallen
    assert "ValueError" in fallen
    assert any(isinstance(answer, Posted) for answer in answers)
    assert any(isinstance(answer, Unknown) for answer in answers)
    echoed = [a.why for a in answers if isinstance(a, Stopped) and "no such thing" in a.why]
    assert echoed
    assert all("***" in why for why in echoed)


def test_the_secrets_did_go_over_the_wire(desk: Desk) -> None:
    """Otherwise there would have been nothing to find."""
    media = desk.account.upload(desk.item())
    assert isinstance(media, str)
    desk.account.send(desk.item(), media)
    sent = "".join(f"{r.headers}{r.body!r}" for r in desk.server.networks.requests)
    found = [s for s in KEYS[desk.kind].values() if s in SECRETS and forms(s) & _parts(sent)]
    assert found
    if desk.kind == "bluesky":
        assert JWT[0] in sent


def _parts(text: str) -> set[str]:
    return {form for secret in SECRETS for form in forms(secret) if form in text}


def test_the_watch_barks(x: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the hush, what the clients log would show."""
    monkeypatch.setattr(wire, "hush", lambda: None)
    account = an_account("x", tmp_path, x.server)
    import oauthlib.oauth1  # noqa: F401 - its loggers must be there to be set

    with everything_logged() as logged:
        assert isinstance(account.upload(x.item()), str)
    assert leaks(logged.getvalue())
    assert leaks("Basic Q1NjYW5hcnkrc2VjcmV0LzAxMjM0NTY3ODlhYmNkZWY=")
