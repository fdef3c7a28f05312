"""One request at a time, each on a connection of its own, with a deadline, and what became of it.

The networks' own clients build the requests and know the protocols; what they raise when something
goes wrong does not tell whether a post may have arrived.  The wire does: it stands below all of
them and keeps a record.
"""

from __future__ import annotations

import io
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import certifi
import requests
import urllib3
from requests.adapters import BaseAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from murai_show.redact import redacted

BUDGET = 45.0  # seconds for all requests of one call; an account's call ends within a minute
SILENCE = 20.0  # seconds without a byte
REACH = 6.0  # seconds to connect to one address
LARGEST = 1 << 22  # bytes of an answer
# Their DEBUG lines hold tokens and signatures.
TALKATIVE = ("atproto", "httpcore", "httpx", "mastodon", "oauthlib", "requests_oauthlib", "tweepy")


@dataclass(frozen=True)
class Exchange:
    """What became of one request.

    `status` is None when no answer was read; `fault` says in a few words what went wrong, also
    after a status came.  `sent` is whether any of the request may have reached the server; `when`
    is POSIX seconds.  Bodies and headers may hold tokens and are not shown.
    """

    url: str
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    sent: bool = False
    fault: str = ""
    when: float = 0.0

    @property
    def whole(self) -> bool:
        """Whether an answer was read to its end."""
        return self.status is not None and not self.fault


class FaultyError(requests.ConnectionError):
    """Tells a client that its request came to nothing; the record says what became of it."""


class Wire:
    """Carries requests, and keeps what became of each that belongs to one question.

    `reroute` maps the beginnings of URLs to others: tests have servers of their own.  `now` is the
    wall clock.  For one thread.
    """

    def __init__(
        self,
        reroute: Mapping[str, str] = MappingProxyType({}),
        *,
        budget: float = BUDGET,
        silence: float = SILENCE,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._reroute, self._budget, self._silence, self._now = reroute, budget, silence, now
        self._ends: float | None = None
        self.told: list[Exchange] = []

    def begin(self) -> None:
        """A new call of an account: its time runs from its first request, so that a client may
        take its own to be loaded."""
        self._ends = None
        self.told.clear()

    def ask(self, call: Callable[[], object], url: str) -> Exchange:
        """Let a client make `call`; what became of its request, the one to `url`, which it may
        have prepared by others.

        Clients raise what they like at answers that they do not expect (TypeError, AttributeError,
        ValueError), so all is caught here, in this one place: the record tells more.
        """
        self.told.clear()
        try:
            call()
        except Exception as error:  # noqa: BLE001 - see above
            problem = f"the client failed with {type(error).__name__}"
        else:
            problem = "the client asked nothing"
        found = [exchange for exchange in self.told if url in exchange.url]
        if found:
            return found[-1]
        # It came to another request first, or to none: this one was not sent.
        other = self.told[-1] if self.told else None
        why = (other.fault or f"{other.status} from {other.url}") if other else problem
        return Exchange(url, fault=redacted(why), when=self._now())

    def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Exchange:
        """Send one request and read the answer.  Nothing is raised for what the network does."""
        found = self._exchange(method, url, headers, body)
        self.told.append(found)
        return found

    def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Exchange:
        bare = url.partition("?")[0]
        if self._ends is None:
            self._ends = time.monotonic() + self._budget
        left = self._ends - time.monotonic()
        if left <= 0.0:
            return Exchange(bare, fault="no time was left for it", when=self._now())
        status, answered, content, fault = None, {}, b"", ""
        sent = {name.lower(): value for name, value in headers.items()}
        sent |= {"connection": "close", "accept-encoding": "identity"}
        silence = min(self._silence, left)
        with _lifeline(left, silence) as line, _manager(line) as manager:
            try:
                answer = manager.request(
                    method,
                    self._routed(url),
                    body=body,
                    headers=sent,
                    retries=False,
                    redirect=False,
                    preload_content=False,
                    timeout=urllib3.Timeout(connect=min(REACH, left), read=silence),
                )
                status, answered = answer.status, {k.lower(): v for k, v in answer.headers.items()}
                content = answer.read(LARGEST + 1)
                fault = "its answer is too long" if len(content) > LARGEST else ""
            except Exception as error:  # noqa: BLE001 - whatever it is, the record must not be lost
                fault = _in_words(error)
        if line.cut:  # a head that was cut off in the middle passes for a whole one
            fault = "it took too long"
        return Exchange(bare, status, answered, content[:LARGEST], line.held, fault, self._now())

    def _routed(self, url: str) -> str:
        for begin, other in self._reroute.items():
            if url.startswith(begin):
                return other + url.removeprefix(begin)
        return url


class _Line:
    """The socket of one request.  What cuts it off does so in the middle of whatever it waits for:
    a server that sends a byte now and then would otherwise keep it for ever."""

    def __init__(self, silence: float) -> None:
        self.cut = False
        self._silence = silence
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    @property
    def held(self) -> bool:
        """Whether the connection, with its TLS, ever stood."""
        return self._socket is not None

    def hold(self, found: socket.socket) -> None:
        # Until now it had the time that connecting may take, which is too short to upload in.
        found.settimeout(self._silence)
        with self._lock:
            self._socket = found
            if self.cut:
                _hang_up(found)

    def end(self) -> None:
        with self._lock:
            self.cut = True
            if self._socket is not None:
                _hang_up(self._socket)


def _hang_up(found: socket.socket) -> None:
    with suppress(OSError):  # it is closed already
        # The socket's own, below TLS, which would wait for the other side.
        socket.socket.shutdown(found, socket.SHUT_RDWR)


@contextmanager
def _lifeline(seconds: float, silence: float) -> Iterator[_Line]:
    line = _Line(silence)
    timer = threading.Timer(seconds, line.end)
    timer.daemon = True
    timer.start()
    try:
        yield line
    finally:
        timer.cancel()


def _manager(line: _Line) -> urllib3.PoolManager:
    """Connections that tell `line` when they stand.  A new one for each request: one that was left
    open may be dead, and whether the request had arrived then, nobody could say."""

    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            line.hold(self.sock)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            line.hold(self.sock)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain  # pyright: ignore[reportAssignmentType]

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure  # pyright: ignore[reportAssignmentType]

    manager = urllib3.PoolManager(ca_certs=certifi.where())
    manager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
    return manager


def _in_words(error: Exception) -> str:
    """A fault of the network, for a person; without an address that may hold more than a host."""
    match error:
        case urllib3.exceptions.NameResolutionError():
            return "its name cannot be resolved"
        case urllib3.exceptions.ConnectTimeoutError() | urllib3.exceptions.NewConnectionError():
            return "it cannot be reached"
        case urllib3.exceptions.SSLError():
            return "its certificate or TLS is not to be trusted"
        case urllib3.exceptions.ReadTimeoutError() | TimeoutError():
            return "it fell silent"
        case urllib3.exceptions.IncompleteRead():
            return "its answer was cut off"
        case _:
            return "the connection broke"


class WireAdapter(BaseAdapter):
    """Lets a session of `requests` go over a wire."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        body: Any = request.body
        found = self._wire.exchange(
            request.method or "GET",
            request.url or "",
            {name: _text(value) for name, value in request.headers.items()},
            body.encode() if isinstance(body, str) else body,
        )
        if found.status is None or found.fault or 300 <= found.status < 400:
            raise FaultyError(found.fault or "it sends us elsewhere", request=request)
        response = requests.Response()
        response.status_code, response.request, response.url = found.status, request, found.url
        response.headers.update(found.headers)
        response.raw = io.BytesIO(found.body)
        return response

    def close(self) -> None:
        """Nothing stays open."""


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def session_over(wire: Wire) -> requests.Session:
    """A session that speaks https over `wire` and nothing else, and reads no .netrc."""
    session = requests.Session()
    session.trust_env = False
    session.adapters.clear()
    session.mount("https://", WireAdapter(wire))
    return session


def hush() -> None:
    """Keep the clients' own debugging out of every log, however much that logs."""
    known = list(logging.root.manager.loggerDict)
    names = {*TALKATIVE, *(n for n in known if n.partition(".")[0] in TALKATIVE)}
    for name in names:
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))
