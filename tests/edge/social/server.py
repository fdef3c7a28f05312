"""A server that behaves like X, Mastodon and Bluesky, and can be told to behave badly.

It keeps what was posted, so that a test can ask what became of a post whatever the answer was.
"""

from __future__ import annotations

import base64
import email.parser
import email.policy
import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from oauthlib.oauth1.rfc5849 import signature

X_KEYS = {
    "consumer_key": "CKcanary+key/0123456789",
    "consumer_secret": "CScanary+secret/0123456789abcdef",
    "access_token": "4242-ATcanary+token/0123456789abcdef",
    "access_token_secret": "ATScanary+secret/0123456789abcdef",
}
MASTODON_KEYS = {"access_token": "MTcanary-token_0123456789/abcdef+g"}
BLUESKY_KEYS = {"handle": "plaza.test", "app_password": "canary-pass-word+0123/xyz"}
KEYLESS = {  # well formed, and nobody's
    "x": {key: f"4242-wrong-{key}" for key in X_KEYS},
    "mastodon": {"access_token": "wrong-token-0123456789"},
    "bluesky": {"handle": "plaza.test", "app_password": "wrong-pass-word"},
}
DID = "did:plc:plaza23456abcdefghijklmn"


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def part(self, name: str) -> bytes:
        """A part of a multipart body."""
        head = f"content-type: {self.headers['content-type']}\r\n\r\n".encode()
        parsed = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + self.body)
        for part in parsed.iter_parts():
            if part.get_param("name", header="content-disposition") == name:
                return part.get_payload(decode=True)
        raise KeyError(name)


@dataclass
class Answer:
    status: int
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)

    def data(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Fault:
    """What happens to requests whose path holds `path`: `does` with the connection, or the answer
    that it is.  With `after` the request is carried out first, and the fault hides its answer."""

    path: str
    does: Answer | Callable[[Handler], None]
    after: bool = False
    times: int = 1_000_000
    unread: bool = False  # it happens before the body was read


class Networks:
    """All three in one.  `faults` are asked in their order."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.posts: list[dict[str, Any]] = []
        self.media: dict[str, dict[str, Any]] = {}
        self.sessions = 0
        self.expires_in = 7200.0
        self.slow_media = 0
        self.keys_seen: dict[str, dict[str, Any]] = {}

    # ---- X ---------------------------------------------------------------------------------------

    def x(self, request: Request) -> Answer:
        if not signed(request):
            return Answer(401, {"title": "Unauthorized", "status": 401, "detail": "Unauthorized"})
        match request.method, request.path:
            case "POST", "/2/media/upload":
                assert request.part("media_category") == b"tweet_image"
                media = str(1000 + len(self.media))
                self.media[media] = {"data": request.part("media"), "alt": ""}
                return Answer(200, {"data": {"id": media, "media_key": f"3_{media}"}})
            case "POST", "/2/media/metadata":
                asked = request.json()
                self.media[asked["id"]]["alt"] = asked["metadata"]["alt_text"]["text"]
                return Answer(200, {"data": {"id": asked["id"]}})
            case "POST", "/2/tweets":
                return self._tweet(request.json())
            case "GET", "/2/users/4242/tweets":
                found = [
                    {"id": p["id"], "text": p["text"].replace("&", "&amp;")} for p in self.posts
                ]
                body = {"data": found[::-1]} if found else {}
                return Answer(200, body | {"meta": {"result_count": len(found)}})
        return Answer(404, {"title": "Not Found"})

    def _tweet(self, asked: dict[str, Any]) -> Answer:
        if any(post["text"] == asked["text"] for post in self.posts):
            words = "You are not allowed to create a Tweet with duplicate content."
            return Answer(403, {"detail": words, "type": "about:blank", "title": "Forbidden"})
        assert set(asked["media"]["media_ids"]) <= set(self.media)
        self.posts.append({"id": str(9000 + len(self.posts)), **asked})
        return Answer(201, {"data": {"id": self.posts[-1]["id"], "text": asked["text"]}})

    # ---- Mastodon --------------------------------------------------------------------------------

    def mastodon(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {MASTODON_KEYS['access_token']}":
            return Answer(401, {"error": "The access token is invalid"})
        match request.method, request.path:
            case "POST", "/api/v2/media":
                media = str(1000 + len(self.media))
                alt = request.part("description").decode()
                self.media[media] = {"data": request.part("file"), "alt": alt}
                return Answer(202 if self.slow_media else 200, {"id": media, "type": "image"})
            case "GET", path if path.startswith("/api/v1/media/"):
                self.slow_media -= 1
                media = path.rpartition("/")[2]
                return Answer(206 if self.slow_media > 0 else 200, {"id": media, "type": "image"})
            case "POST", "/api/v1/statuses":
                asked = parse_qs(request.body.decode())
                key = request.headers["idempotency-key"]
                if key not in self.keys_seen:
                    assert set(asked["media_ids[]"]) <= set(self.media)
                    post = {"id": str(9000 + len(self.posts)), "text": asked["status"][0]}
                    self.posts.append(post)
                    self.keys_seen[key] = post
                return Answer(200, {"id": self.keys_seen[key]["id"]})
            case "GET", "/api/v1/accounts/verify_credentials":
                return Answer(200, {"id": "77", "username": "plaza"})
            case "GET", "/api/v1/accounts/77/statuses":
                until = int(request.query.get("max_id", ["99999"])[0])
                found = [
                    {"id": p["id"], "content": f"<p>{p['text'].replace(chr(10), '<br />')}</p>"}
                    for p in self.posts[::-1]
                    if int(p["id"]) < until
                ]
                return Answer(200, found[: int(request.query["limit"][0])])
        return Answer(404, {"error": "Record not found"})

    # ---- Bluesky ---------------------------------------------------------------------------------

    def bluesky(self, request: Request) -> Answer:
        method = request.path.removeprefix("/xrpc/")
        if method == "com.atproto.server.createSession":
            asked = request.json()
            wanted = (BLUESKY_KEYS["handle"], BLUESKY_KEYS["app_password"])
            if (asked["identifier"], asked["password"]) != wanted:
                words = "Invalid identifier or password"
                return Answer(401, {"error": "AuthenticationRequired", "message": words})
            return self._session()
        bearer = request.headers.get("authorization", "")
        if method == "com.atproto.server.refreshSession":
            if "refresh" not in payload(bearer):
                return Answer(400, {"error": "ExpiredToken", "message": "Token has expired"})
            return self._session()
        if payload(bearer).get("n") != self.sessions:
            return Answer(400, {"error": "ExpiredToken", "message": "Token has expired"})
        if method == "com.atproto.repo.uploadBlob":
            cid = "bafkrei" + base64.b32encode(hashlib.sha256(request.body).digest()).decode()
            cid = cid.lower().rstrip("=")
            self.media[cid] = {"data": request.body, "type": request.headers["content-type"]}
            blob = {"$type": "blob", "ref": {"$link": cid}, "size": len(request.body)}
            return Answer(200, {"blob": blob | {"mimeType": request.headers["content-type"]}})
        if method == "com.atproto.repo.createRecord":
            asked = request.json()
            uri = f"at://{asked['repo']}/{asked['collection']}/{asked['rkey']}"
            if any(post["id"] == uri for post in self.posts):
                words = "There is already a value at that key"
                return Answer(400, {"error": "InvalidRequest", "message": words})
            image = asked["record"]["embed"]["images"][0]
            assert image["image"]["ref"]["$link"] in self.media
            self.posts.append(
                {"id": uri, "text": asked["record"]["text"], "record": asked["record"]}
            )
            return Answer(200, {"uri": uri, "cid": "bafyreicanary"})
        if method == "com.atproto.repo.getRecord":
            of = [request.query[key][0] for key in ("repo", "collection", "rkey")]
            uri = f"at://{'/'.join(of)}"
            for post in self.posts:
                if post["id"] == uri:
                    return Answer(200, {"uri": uri, "cid": "bafyrei", "value": post["record"]})
            words = f"Could not locate record: {uri}"
            return Answer(400, {"error": "RecordNotFound", "message": words})
        return Answer(501, {"error": "MethodNotImplemented"})

    def _session(self) -> Answer:
        self.sessions += 1
        return Answer(
            200,
            {
                "did": DID,
                "handle": BLUESKY_KEYS["handle"],
                "accessJwt": jwt(n=self.sessions, exp=int(time.time() + self.expires_in)),
                "refreshJwt": jwt(n=self.sessions, refresh=True, exp=int(time.time() + 9e6)),
            },
        )


def jwt(**claims: Any) -> str:
    parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": DID, "jti": "JWTcanary0123456789"} | claims)
    plain = [base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts]
    return ".".join([*plain, "JWTcanarysignature"])


def payload(bearer: str) -> dict[str, Any]:
    try:
        part = bearer.removeprefix("Bearer ").split(".")[1]
        return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError):
        return {}


def signed(request: Request) -> bool:
    """Whether OAuth 1.0a's signature (RFC 5849, 3.4) is that of our four keys."""
    header = request.headers.get("authorization", "")
    query = "&".join(
        f"{k}={signature.utils.escape(v)}" for k, vs in request.query.items() for v in vs
    )
    parameters = signature.collect_parameters(
        uri_query=query, headers={"Authorization": header}, exclude_oauth_signature=False
    )
    found = dict(parameters)
    if found.get("oauth_token") != X_KEYS["access_token"]:
        return False
    rest = [(k, v) for k, v in parameters if k != "oauth_signature"]
    normal = signature.normalize_parameters(rest)
    secrets = [
        signature.utils.escape(X_KEYS[k]) for k in ("consumer_secret", "access_token_secret")
    ]
    for host in ("https://api.x.com", "https://api.twitter.com"):
        uri = signature.base_string_uri(host + request.path)
        base = signature.signature_base_string(request.method, uri, normal)
        digest = hmac.new("&".join(secrets).encode(), base.encode(), hashlib.sha1).digest()
        if base64.b64encode(digest).decode() == found.get("oauth_signature"):
            return True
    return False


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: Any) -> None:
        pass

    def _any(self) -> None:
        url = urlsplit(self.path)
        networks = self.server.networks
        fault = next((f for f in networks.faults if f.path in url.path and f.times > 0), None)
        if fault:
            fault.times -= 1
        if fault and fault.unread and not isinstance(fault.does, Answer):
            return fault.does(self)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {k.lower(): v for k, v in self.headers.items()}
        request = Request(self.command, url.path, parse_qs(url.query), headers, body)
        networks.requests.append(request)
        answer = self._carry_out(request) if fault is None or fault.after else Answer(500)
        if fault is None:
            return self.give(answer)
        return self.give(fault.does) if isinstance(fault.does, Answer) else fault.does(self)

    def _carry_out(self, request: Request) -> Answer:
        networks = self.server.networks
        if request.path.startswith("/2/"):
            return networks.x(request)
        if request.path.startswith("/xrpc/"):
            return networks.bluesky(request)
        return networks.mastodon(request)

    def give(self, answer: Answer) -> None:
        data = answer.data()
        self.send_response(answer.status)
        kind = "text/html" if data.startswith(b"<") else "application/json"
        for name, value in {"Content-Type": kind, **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = _any  # noqa: N815 - the standard library's names


def silence(handler: Handler) -> None:
    """Says nothing until the other side hangs up."""
    handler.close_connection = True
    handler.connection.settimeout(10)
    handler.connection.recv(1)


def cut(handler: Handler) -> None:
    handler.close_connection = True


def trickle(handler: Handler) -> None:
    """A sign of life now and then, for ever."""
    handler.close_connection = True
    handler.wfile.write(b"HTTP/1.1 201 Created\r\nX-Slow: ")
    try:
        while not handler.server.closing.wait(0.03):
            handler.wfile.write(b"a")
    except OSError:
        pass


def cut_answer(handler: Handler) -> None:
    """A good status, and half of what was promised."""
    handler.close_connection = True
    handler.wfile.write(b'HTTP/1.1 201 Created\r\nContent-Length: 900\r\n\r\n{"data": {"id": "9')


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.networks, self.tls = Networks(), tls
        self.closing = threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.server_address[1]}"

    def finish_request(self, request: Any, client_address: Any) -> None:
        """On the thread of the connection, which may take its time for the handshake."""
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(10)
        with self.tls.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, *_: Any) -> None:
        """A client that hangs up is what these tests are about."""

    def close(self) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()
        self._thread.join()
