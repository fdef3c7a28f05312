"""A network of our own over real HTTP: it remembers every post, and misbehaves when told to."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from murai_show.edge.social.port import (
    Absent,
    Answer,
    Dead,
    Item,
    Posted,
    Refused,
    Stopped,
    Unknown,
)


class Network:
    """`moods` says how each request is met: `well`, `busy` (503, nothing done), `cut` (done, and
    the connection cut without a word), `crash` (done, and 503), `slow` (done, late), `limit` (429),
    `broke` (402), `forbidden` (403), `bad` (400)."""

    def __init__(self, mood: Callable[[str], str] = lambda _what: "well") -> None:
        self.mood = mood
        self.media: dict[str, str] = {}  # id to digest of the picture
        self.posts: list[dict[str, Any]] = []
        self.asked: Counter[str] = Counter()
        self.lock = threading.Lock()
        network = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                what = urlsplit(self.path).path.strip("/")
                self._meet(what, lambda: getattr(network, f"take_{what}")(body))

            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                account, mark = query["account"][0], query["mark"][0]
                self._meet("find", lambda: network.find(account, mark))

            def _meet(self, what: str, do: Callable[[], tuple[int, Any]]) -> None:
                with network.lock:
                    network.asked[what] += 1
                    mood = network.mood(what)
                refusals = {"busy": 503, "limit": 429, "broke": 402, "forbidden": 403, "bad": 400}
                if mood in refusals:
                    self._answer(refusals[mood], {})
                    return
                with network.lock:
                    status, found = do()
                if mood == "cut":
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                if mood == "slow":
                    time.sleep(0.05)
                self._answer(503 if mood == "crash" else status, found)

            def _answer(self, status: int, found: Any) -> None:
                body = json.dumps(found).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that was killed is the point of the exercise."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def take_media(self, body: bytes) -> tuple[int, Any]:
        self.media[f"m{len(self.media)}"] = hashlib.sha256(body).hexdigest()
        return 201, {"id": f"m{len(self.media) - 1}"}

    def take_posts(self, body: bytes) -> tuple[int, Any]:
        post = json.loads(body)
        self.posts.append(post | {"digest": self.media[post["media"]]})
        return 201, {"id": f"p{len(self.posts) - 1}"}

    def find(self, account: str, mark: str) -> tuple[int, Any]:
        for number, post in enumerate(self.posts):
            if post["account"] == account and mark in post["text"]:
                return 200, {"id": f"p{number}"}
        return 404, {}

    def times(self) -> Counter[tuple[str, str]]:
        """How often each mark was posted to each account."""
        with self.lock:
            return Counter((post["account"], post["mark"]) for post in self.posts)


class HttpAccount:
    """The client of that network, which answers as the port wants it."""

    def __init__(self, name: str, port: int, timeout: float = 5.0, cost: float = 0.0) -> None:
        self.name, self.cost = name, cost
        self._port, self._timeout = port, timeout

    def upload(self, item: Item) -> str | Refused | Stopped | Dead:
        try:
            status, found = self._ask("POST", "/media", item.picture.read_bytes())
        except (OSError, http.client.HTTPException) as error:
            return Refused(f"no answer: {type(error).__name__}")
        return found["id"] if status == 201 else _refusal(status)

    def send(self, item: Item, media: str) -> Answer:
        post = {
            "account": item.account,
            "mark": item.mark,
            "text": item.text,
            "alt": item.alt,
            "media": media,
        }
        try:
            status, found = self._ask("POST", "/posts", json.dumps(post).encode())
        except ConnectionRefusedError:
            return Refused("nobody is there")
        except (OSError, http.client.HTTPException) as error:
            return Unknown(f"no answer: {type(error).__name__}")
        if status >= 500:
            return Unknown(f"status {status}")
        return Posted(found["id"]) if status == 201 else _refusal(status)

    def find(self, item: Item) -> Posted | Absent | Refused | Stopped:
        try:
            status, found = self._ask(
                "GET", f"/posts?account={quote(item.account)}&mark={quote(item.mark)}"
            )
        except (OSError, http.client.HTTPException) as error:
            return Refused(f"no answer: {type(error).__name__}")
        if status == 404:
            return Absent()
        if status == 200:
            return Posted(found["id"])
        refusal = _refusal(status)
        assert not isinstance(refusal, Dead)
        return refusal

    def close(self) -> None:
        pass

    def _ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._timeout)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"{}")
        finally:
            connection.close()


def _refusal(status: int) -> Refused | Stopped | Dead:
    if status in (401, 402, 403):
        return Stopped(f"status {status}")
    return Dead(f"status {status}") if status == 400 else Refused(f"status {status}")
