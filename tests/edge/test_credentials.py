"""Secrets by name, from real files; and that none of them shows itself anywhere."""

from __future__ import annotations

import base64
import copy
import json
import os
import pickle
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from murai_show.edge.credentials import Secret, find_keys
from murai_show.edge.social import accounts
from murai_show.edge.social.accounts import KINDS, open_account, trouble_with
from murai_show.edge.social.x import KEYS
from murai_show.errors import CredentialError
from murai_show.redact import redacted
from murai_show.show import posting
from murai_show.show.planned_post import PlannedAccount

VALUES = {key: f"{key}/0123+canary" for key in KEYS}
LINES = "\n".join(f"{key} = {value}" for key, value in VALUES.items())


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    (tmp_path / ".config" / "murai-show").mkdir(parents=True)
    return {"HOME": str(tmp_path)}


def put(home: dict[str, str], text: str | bytes, mode: int = 0o600, name: str = "x") -> Path:
    path = Path(home["HOME"]) / ".config" / "murai-show" / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def reveal(keys: dict[str, Secret]) -> dict[str, str]:
    return {name: secret.reveal() for name, secret in keys.items()}


@pytest.mark.parametrize(
    "text",
    [
        LINES,
        json.dumps(VALUES | {"note": 7}),
        f"# from the portal\n\n{LINES}\nextra = 1\n",
        LINES.replace("= ", "= '").replace("\n", "'\n") + "'",
        LINES.replace(" = ", "=").replace("\n", "\r\n"),
    ],
)
def test_lines_or_json(home: dict[str, str], text: str) -> None:
    put(home, text)
    assert reveal(find_keys("x", KEYS, home)) == VALUES


def test_systemd_comes_before_the_users_own(home: dict[str, str], tmp_path: Path) -> None:
    put(home, LINES.replace("canary", "another"))
    (tmp_path / "x").write_text(LINES)  # systemd's folder has modes of its own
    environ = home | {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert reveal(find_keys("x", KEYS, environ)) == VALUES
    assert reveal(find_keys("x", KEYS, home)) != VALUES
    elsewhere = {"XDG_CONFIG_HOME": str(Path(home["HOME"]) / ".config")}
    assert find_keys("x", KEYS, elsewhere)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has no consumer_key and no consumer_secret and no access_token and no access_token_"),
        (LINES.replace("access_token_secret", "acess_token_secret"), "has no access_token_secret"),
        (LINES + "\nnot-a-pair-but-a-canary", "line 5 of the credential in "),
        ('{"consumer_key": ', "begins like JSON and is not a JSON object"),
        (LINES.replace("access_token = ", "access_token = a b "), "the access_token in "),
        (LINES.replace("consumer_key = consumer_key/0123+", "consumer_key = "), "the consumer_key"),
        (json.dumps(VALUES | {"consumer_key": "line\nX-Header: canary"}), "the consumer_key in "),
        (json.dumps(VALUES | {"consumer_key": 12345678}), "has no consumer_key"),
        ('{"a": ' + "[" * 16_000, "JSON"),
        (b"\xff\xfe canary", "it is not plain text"),
    ],
)
def test_what_is_no_good_is_said_without_a_secret(
    home: dict[str, str], text: str | bytes, sentence: str
) -> None:
    put(home, text)
    with pytest.raises(CredentialError) as error:
        find_keys("x", KEYS, home)
    assert sentence in str(error.value)
    assert "canary" not in "".join(traceback.format_exception(error.value))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_a_file_that_others_can_read_is_refused(home: dict[str, str], mode: int) -> None:
    path = put(home, LINES, mode)
    with pytest.raises(CredentialError, match=f"is not its owner's alone; chmod 600 {path}"):
        find_keys("x", KEYS, home)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_refused(home: dict[str, str]) -> None:
    os.chown(put(home, LINES), 12345, 12345)
    with pytest.raises(CredentialError, match="is not its owner's alone"):
        find_keys("x", KEYS, home)


def test_a_pipe_is_no_file_and_keeps_nobody_waiting(home: dict[str, str]) -> None:
    os.mkfifo(Path(home["HOME"]) / ".config" / "murai-show" / "x")
    with pytest.raises(CredentialError, match="there is no credential x; write the lines"):
        find_keys("x", KEYS, home)


def test_a_secret_shows_itself_nowhere(home: dict[str, str]) -> None:
    @dataclass(frozen=True)
    class Holder:
        secret: Secret

    put(home, LINES)
    secret = find_keys("x", KEYS, home)["access_token"]
    holder = Holder(secret)
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>40}",
        repr(holder),
        f"{secret}",
    ]
    assert not any("canary" in text for text in shown)
    refused: list[Any] = [
        lambda: pickle.dumps(secret),
        lambda: copy.copy(secret),
        lambda: copy.deepcopy(holder),
        lambda: asdict(holder),
    ]
    for way in refused:
        with pytest.raises(TypeError, match="neither pickled nor copied"):
            way()
    with pytest.raises(TypeError):
        json.dumps({"secret": secret})
    with pytest.raises(TypeError):
        vars(secret)


def test_the_locals_of_a_traceback_do_not_show_it() -> None:
    def fail(secret: Secret) -> None:
        raise ValueError("it broke")

    try:
        fail(Secret("canary-0123"))
    except ValueError as error:
        told = "".join(
            traceback.TracebackException.from_exception(error, capture_locals=True).format()
        )
    assert "secret = Secret(***)" in told
    assert "canary" not in told.replace('Secret("canary-0123")', "")


def test_no_text_shows_it_in_any_form_from_then_on(home: dict[str, str]) -> None:
    put(home, LINES)
    find_keys("x", KEYS, home)
    for value in VALUES.values():
        plain = base64.b64encode(value.encode()).decode()
        for form in (value, quote(value, safe=""), plain, plain.rstrip("=")):
            assert redacted(f"Authorization: {form}, done") in (
                "Authorization: ***, done",
                f"Authorization: ***{'=' * plain.count('=')}, done",
            )


def test_each_kind_of_the_show_is_a_kind_that_opens(tmp_path: Path) -> None:
    assert set(KINDS) == set(posting.POST_KINDS)
    everything = VALUES | {"handle": "plaza.test", "app_password": "0123-4567-canary"}
    for kind in KINDS:
        (tmp_path / kind).write_text(json.dumps(everything))
        environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
        planned = PlannedAccount(kind, kind, "", "", "https://server.test")  # type: ignore[arg-type]
        account = open_account(planned, environ)
        assert account.name == kind
        assert "canary" not in repr(vars(account))
        assert trouble_with(kind, kind, environ) == ""
        assert trouble_with("plaza", kind, environ) == ""  # that of its network serves
        (tmp_path / kind).unlink()
        assert "there is no credential plaza" in trouble_with("plaza", kind, environ)


def test_the_account_s_own_credential_comes_first(tmp_path: Path) -> None:
    for name in ("mastodon", "plaza"):
        (tmp_path / name).write_text(f"access_token = {name}-token-0123456789\n")
    keys = accounts._keys("plaza", "mastodon", {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert keys["access_token"].reveal() == "plaza-token-0123456789"


def test_a_client_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert trouble_with("x", "x", {}) == (
        'tweepy, which posts to x, is not installed; pip install "murai-show[social]"'
    )
