"""The control: cues over HTTP.

GET  /cues           what is on and why, and what could be called, as JSON
POST /cue/NAME       run a cue
POST /trigger/NAME   what a cue waits for has come
POST /release        give the picture back: from a panic, else from cues
POST /panic          dark
/booth…              the booth's own (`booth.answers`), with the token also to GET

A POST carries the token (`Authorization: Bearer …`).  The control writes to the board and
to the booth, and to nothing else; whatever happens here, the loop does not notice.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from murai_show.board import Board
from murai_show.edge.token import Token, find_token
from murai_show.errors import MuraiError, UsageError
from murai_show.show.words import Address

log = logging.getLogger(__name__)

LARGEST = 4096  # bytes of a body, which nobody reads
MOST = 8  # requests at a time
PATIENCE = 5.0  # seconds that a client may be silent
WHOLE = 10.0  # seconds that a request may take, however it dribbles in
_TARGET = re.compile(
    r"/(?P<verb>cue|trigger|release|panic)(?:/(?P<name>[a-z0-9][a-z0-9_-]{0,62}))?"
)


Beside = Callable[[str, str], "tuple[HTTPStatus, Any] | None"]  # method and path → answer
OWN = "/booth"  # what is answered beside cues


def _nothing(_method: str, _path: str) -> None:
    return None


class Refusals(Collector):
    """How many calls were refused since the show began, by reason: many without the token are
    somebody who tries."""

    REASONS: Mapping[HTTPStatus, str] = {
        HTTPStatus.UNAUTHORIZED: "token",
        HTTPStatus.MISDIRECTED_REQUEST: "host",
        HTTPStatus.NOT_FOUND: "unknown",
        HTTPStatus.BAD_REQUEST: "body",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "body",
    }

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = Counter(dict.fromkeys(self.REASONS.values(), 0))

    def add(self, status: HTTPStatus) -> None:
        """Count a call that was answered with `status`."""
        with self._lock:
            self._counts[self.REASONS[status]] += 1

    def collect(self) -> Iterator[Metric]:
        refused = CounterMetricFamily(
            "murai_control_refused", "Calls that the control refused.", labels=("reason",)
        )
        with self._lock:
            counts = dict(self._counts)
        for reason, count in counts.items():
            refused.add_metric((reason,), count)
        yield refused


class ControlServer:
    """Serves `board` at `address` from a thread of its own, and below `OWN` what is `beside`.

    Raises MuraiError when the address cannot be had.
    """

    def __init__(
        self,
        address: Address,
        board: Board,
        token: Token,
        beside: Beside = _nothing,
        refusals: Refusals | None = None,
    ) -> None:
        kind = _Server6 if ":" in address.host else _Server
        try:
            self._server = kind((address.host, address.port), _Handler)
        except OSError as error:
            raise MuraiError(f"control: cannot listen on {address}: {error.strerror}") from None
        self._server.serves(board, token, address.host, beside, refusals or Refusals())
        self.address = Address(address.host, self._server.server_port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="control", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=1.0)


class Control:
    """The control of a running show, wherever its newest version wants it.  Where it cannot be had
    one line says why, and the show goes on without.  `refusals` are those of all its versions."""

    def __init__(self, board: Board, environ: Mapping[str, str], beside: Beside = _nothing) -> None:
        self._board, self._environ, self._beside = board, environ, beside
        self.refusals = Refusals()
        self._wanted: Address | None = None
        self._server: ControlServer | None = None

    def move(self, address: Address | None) -> None:
        """Serve at `address` from now on, nowhere when it is None."""
        if address == self._wanted and (self._server is not None or address is None):
            return
        self.close()
        self._wanted = address
        if address is None:
            return
        try:
            token = find_token(self._environ)
        except MuraiError as error:
            log.warning("control: it stays closed: %s", error)
            return
        try:
            self._server = ControlServer(address, self._board, token, self._beside, self.refusals)
        except MuraiError as error:
            log.warning("%s; the show goes on without", error)
            return
        log.info("control on http://%s/cues", self._server.address)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    board: Board
    token: Token
    host: str
    beside: Beside
    refusals: Refusals

    def serves(
        self, board: Board, token: Token, host: str, beside: Beside, refusals: Refusals
    ) -> None:
        self.board, self.token, self.host, self.beside = board, token, host, beside
        self.refusals = refusals
        self._free = threading.BoundedSemaphore(MOST)

    def server_bind(self) -> None:
        """As the base does, without its reverse DNS look-up: a kiosk offline would wait for it."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """A client that goes away in the middle is no news."""
        log.debug("control: a request broke off", exc_info=True)


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version, sys_version = "murai-show", ""
    timeout = PATIENCE

    def setup(self) -> None:
        super().setup()
        self._end = threading.Timer(WHOLE, _hang_up, (self.connection,))
        self._end.daemon = True
        self._end.start()

    def finish(self) -> None:
        self._end.cancel()
        super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's own name
        log.debug(format, *args)

    def do_GET(self) -> None:
        if not self._is_at_home():
            return
        if self.path.startswith(OWN):
            if self._has_the_token():
                self._answer_beside("GET")
        elif self.path.partition("?")[0] == "/cues":
            self._answer(HTTPStatus.OK, self.server.board.status())
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "try GET /cues")

    def do_POST(self) -> None:
        if not (self._is_at_home() and self._body_is_small() and self._has_the_token()):
            return
        if self.path.startswith(OWN):
            self._answer_beside("POST")
            return
        board, by = self.server.board, "http"
        target = _TARGET.fullmatch(self.path)
        verb, name = (target["verb"], target["name"]) if target else ("", None)
        named: Mapping[str, Callable[[str, str], str]] = {
            "cue": board.call,
            "trigger": board.trigger,
        }
        bare: Mapping[str, Callable[[str], str]] = {"release": board.release, "panic": board.panic}
        try:
            if verb in named and name:
                self._answer(HTTPStatus.OK, {"done": named[verb](name, by)})
            elif verb in bare and not name:
                self._answer(HTTPStatus.OK, {"done": bare[verb](by)})
            else:
                hint = "try POST /cue/NAME, /trigger/NAME, /release or /panic"
                self._refuse(HTTPStatus.NOT_FOUND, hint)
        except UsageError as error:
            self._refuse(HTTPStatus.NOT_FOUND, str(error))

    def _answer_beside(self, method: str) -> None:
        found = self.server.beside(method, self.path)
        if found is None:
            self._refuse(HTTPStatus.NOT_FOUND, "the show has no booth")
        else:
            self._answer(*found)

    def _is_at_home(self) -> bool:
        """Whether the request asked for this machine by an address or a name of its own.

        A page from elsewhere can point its own name at this machine, and its scripts would then
        count as ours in a browser; what such a request cannot change is the name it asks for.
        """
        if _is_own(self.headers.get("Host", ""), self.server.host):
            return True
        self._refuse(HTTPStatus.MISDIRECTED_REQUEST, "ask for this machine by its address")
        return False

    def _body_is_small(self) -> bool:
        """Bodies mean nothing here; a small one is read, so that the answer arrives."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not re.fullmatch("[0-9]{1,9}", length):
            self._refuse(HTTPStatus.BAD_REQUEST, "a call has no body")
            return False
        if int(length) > LARGEST:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "a call has no body")
            return False
        self.rfile.read(int(length))
        return True

    def _has_the_token(self) -> bool:
        scheme, _, found = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.server.token.fits(found.strip()):
            return True
        sentence = "a call carries the token of the control: Authorization: Bearer …"
        self._refuse(HTTPStatus.UNAUTHORIZED, sentence, ("WWW-Authenticate", "Bearer"))
        return False

    def _refuse(self, status: HTTPStatus, sentence: str, *headers: tuple[str, str]) -> None:
        self.server.refusals.add(status)
        self._answer(status, {"error": sentence}, *headers)

    def _answer(self, status: HTTPStatus, found: Any, *headers: tuple[str, str]) -> None:
        body = json.dumps(found, ensure_ascii=False).encode() + b"\n"
        self.send_response(status)
        for key, value in (
            ("Content-Type", "application/json; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            *headers,
        ):
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)


def _is_own(host: str, listening: str) -> bool:
    """Whether a Host header names this machine: by any address, or by a name that it has."""
    found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?", host)
    if found is None:
        return False
    name = found[1].strip("[]").lower().rstrip(".")
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name in {"localhost", listening.lower(), socket.gethostname().lower()}
    return True


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has gone by itself
