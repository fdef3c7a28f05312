"""The control over real sockets: who may call what, and that nobody can hold it up."""

from __future__ import annotations

import http.client
import json
import logging
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from murai_show.board import Board
from murai_show.edge import control
from murai_show.edge.control import Control, ControlServer, Refusals
from murai_show.edge.token import Token, find_token
from murai_show.errors import MuraiError
from murai_show.show.words import Address
from tests.test_board import PLAN, TEN

SECRET = "0123456789abcdef-a-token"
BEARER = {"Authorization": f"Bearer {SECRET}"}
HERE = Address("127.0.0.1", 0)


@pytest.fixture
def board() -> Board:
    return Board(PLAN, lambda: TEN)


@pytest.fixture
def server(board: Board):
    server = ControlServer(HERE, board, Token(SECRET))
    yield server
    server.close()


def ask(
    server: ControlServer,
    method: str,
    path: str,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server.address.port, timeout=5)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_who_has_the_token_calls(server, board) -> None:
    assert ask(server, "POST", "/cue/long", BEARER) == (200, {"done": "cue long is called"})
    assert [call.cue for call in board.calls.cues] == ["long"]
    assert ask(server, "POST", "/panic", BEARER) == (200, {"done": "panic: the wall goes dark"})
    assert board.calls.panicking
    assert ask(server, "POST", "/release", BEARER) == (200, {"done": "the panic is over"})
    assert ask(server, "POST", "/cue/act", BEARER)[0] == 200
    assert ask(server, "POST", "/trigger/go", BEARER) == (200, {"done": "trigger go"})
    code, found = ask(server, "GET", "/cues")
    assert code == 200
    assert found["on"]["cue"] == "act"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {SECRET}"},
        {"Authorization": SECRET},
        {"Authorization": f"Bearer {SECRET}x"},
        {"Authorization": "Bearer \xe9\xe9"},
    ],
)
def test_who_has_not_is_refused_whatever_is_asked(server, board, headers) -> None:
    for path in ("/cue/long", "/cue/none", "/panic", "/nowhere"):
        code, found = ask(server, "POST", path, headers)
        assert code == 401
        assert "token" in found["error"]
    assert not board.calls.cues
    assert not board.calls.panicking


def test_refused_calls_are_counted_by_reason(board) -> None:
    refusals = Refusals()
    server = ControlServer(HERE, board, Token(SECRET), refusals=refusals)
    try:
        ask(server, "POST", "/panic")
        ask(server, "POST", "/panic", {"Authorization": "Bearer wrong"})
        ask(server, "POST", "/nowhere", BEARER)
        ask(server, "GET", "/cues", {"Host": "elsewhere.example"})
        ask(server, "POST", "/panic", {**BEARER, "Content-Length": "none"})
        ask(server, "POST", "/cue/long", BEARER)
    finally:
        server.close()
    (family,) = refusals.collect()
    counted = {one.labels["reason"]: one.value for one in family.samples}
    assert counted == {"token": 2, "host": 1, "unknown": 1, "body": 1}


@pytest.mark.parametrize(
    ("method", "path", "sentence"),
    [
        ("POST", "/cue/lnog", "no cue 'lnog'; did you mean long?"),
        ("POST", "/trigger/stop", "no trigger 'stop'; there is go"),
        ("POST", "/cue", "try POST /cue/NAME, /trigger/NAME, /release or /panic"),
        ("POST", "/panic/now", "try POST /cue/NAME, /trigger/NAME, /release or /panic"),
        ("POST", "/cue/../panic", "try POST /cue/NAME, /trigger/NAME, /release or /panic"),
        ("GET", "/", "try GET /cues"),
        ("GET", "/panic", "try GET /cues"),
    ],
)
def test_what_is_not_there(server, method, path, sentence) -> None:
    assert ask(server, method, path, BEARER) == (404, {"error": sentence})


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:9476", "", "127.0.0.1.evil.example"]
)
def test_a_page_that_points_its_own_name_here_gets_nothing(server, board, host) -> None:
    """DNS rebinding."""
    for method, path in (("GET", "/cues"), ("POST", "/panic")):
        code, found = ask(server, method, path, {**BEARER, "Host": host})
        assert code == 421
        assert set(found) == {"error"}
    assert not board.calls.panicking


@pytest.mark.parametrize("host", ["localhost:9476", "127.0.0.1", "[::1]:9476", "10.1.2.3:80"])
def test_names_and_addresses_of_this_machine_are_answered(server, host) -> None:
    assert ask(server, "GET", "/cues", {"Host": host})[0] == 200


def test_a_body_is_bounded(server, board) -> None:
    assert ask(server, "POST", "/cue/long", BEARER, b"x" * control.LARGEST)[0] == 200
    huge = {**BEARER, "Content-Length": "999999999"}
    assert ask(server, "POST", "/panic", huge)[0] == 413
    chunked = {**BEARER, "Transfer-Encoding": "chunked"}
    assert ask(server, "POST", "/panic", chunked)[0] == 400
    assert ask(server, "POST", "/panic", {**BEARER, "Content-Length": "-1"})[0] == 400
    assert not board.calls.panicking


def test_clients_that_say_nothing_hold_nobody_up(server, monkeypatch) -> None:
    """Eight of them fill the control and a ninth is turned away; then they are hung up on, however
    they dribble, and there is room again."""
    monkeypatch.setattr(control, "WHOLE", 2.0)
    here = ("127.0.0.1", server.address.port)
    silent = [socket.create_connection(here) for _ in range(control.MOST)]
    try:
        for one in silent:
            one.sendall(b"POST /panic HTTP/1.1\r\n")
        with socket.create_connection(here, timeout=5) as ninth:
            assert ninth.recv(1) == b""
        for one in silent:
            one.setblocking(False)
            with pytest.raises(BlockingIOError):
                one.recv(1)
        for one in silent:
            one.settimeout(10)
            assert one.recv(1) == b""
    finally:
        for one in silent:
            one.close()
    assert server._server._free.acquire(timeout=5)
    server._server._free.release()
    assert ask(server, "GET", "/cues")[0] == 200


def test_no_secret_in_log_or_answer(server, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    _, found = ask(server, "POST", "/cue/long", BEARER)
    ask(server, "POST", "/cue/long", {"Authorization": f"Bearer {SECRET}x"})
    assert SECRET not in caplog.text + json.dumps(found) + repr(Token(SECRET))


# ---- where the token comes from ------------------------------------------------------------------


def write_token(folder: Path, mode: int = 0o600, text: str = SECRET) -> Path:
    path = folder / "murai-show" / "control_token"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")
    path.chmod(mode)
    return path


def test_the_credential_of_the_service_wins_then_the_file_then_the_environment(tmp_path) -> None:
    environ = {
        "CREDENTIALS_DIRECTORY": str(tmp_path / "credentials"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "MURAI_CONTROL_TOKEN": "from-the-environment",
    }
    assert find_token(environ).fits("from-the-environment")
    write_token(tmp_path / "config", text="from-the-users-own-file")
    assert find_token(environ).fits("from-the-users-own-file")
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials/control_token").write_text("from-the-credential")
    assert find_token(environ).fits("from-the-credential")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_file_that_others_can_read_is_refused(tmp_path, mode) -> None:
    path = write_token(tmp_path, mode)
    with pytest.raises(MuraiError, match=f"chmod 600 {path}"):
        find_token({"XDG_CONFIG_HOME": str(tmp_path)})


@pytest.mark.parametrize("text", ["", "short", "two words of it here", "énough-but-not-plain"])
def test_a_poor_token_is_refused_without_repeating_it(tmp_path, text) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "MURAI_CONTROL_TOKEN": text}
    with pytest.raises(MuraiError) as caught:
        find_token(environ)
    assert not text or text not in str(caught.value)


def test_without_a_token_the_control_stays_closed_and_says_so_in_one_line(
    board, tmp_path, caplog
) -> None:
    running = Control(board, {"XDG_CONFIG_HOME": str(tmp_path)})
    running.move(Address("127.0.0.1", 9476))
    (said,) = caplog.messages
    assert said.startswith("control: it stays closed: there is no token; make one: ")
    assert "\n" not in said
    running.close()


def test_the_control_moves_and_goes_on_without_what_it_cannot_have(board, caplog) -> None:
    caplog.set_level(logging.INFO)
    running = Control(board, {"MURAI_CONTROL_TOKEN": SECRET, "XDG_CONFIG_HOME": os.devnull})
    running.move(HERE)
    first = running._server
    assert ask(first, "GET", "/cues")[0] == 200
    running.move(HERE)
    assert running._server is first
    with socket.create_server(("127.0.0.1", 0)) as taken:
        running.move(Address("127.0.0.1", taken.getsockname()[1]))
        assert "cannot listen" in caplog.messages[-1]
    with pytest.raises(ConnectionError):
        ask(first, "GET", "/cues")
    running.move(None)
    running.close()
